// What docker says when it cannot start a container, for people. Pure.
#pragma once

#include <string>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::runtime {

// The same error without the names of docker's inner parts, and with what to do about it where that is known.
// `container` was to start on `host`.
core::Error with_advice(core::Error error, const spec::Spec& spec, const std::string& container,
                        const std::string& host);

}  // namespace bgdeploy::runtime
