// `build: {on: here}`: the image comes from the docker of this machine.
#pragma once

#include <functional>
#include <string>

#include "bgdeploy/archive/image.hpp"
#include "bgdeploy/context/files.hpp"
#include "bgdeploy/plan/launch.hpp"

namespace bgdeploy::runtime {

// What the docker of this machine builds for by itself: "linux/amd64". Kind not_found: no docker answers.
core::Result<std::string> platform_here(const core::Wait& wait);

// Builds it, unless it is there, and reads it back. Kinds as Images::build; not_found: no docker here.
core::Result<archive::Image> build_here(const plan::Release& release, const context::Files& files,
                                        const std::string& service,
                                        const std::function<void(const std::string&)>& output,
                                        const core::Wait& wait);

}  // namespace bgdeploy::runtime
