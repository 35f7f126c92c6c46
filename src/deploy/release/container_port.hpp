// Which port an app listens on where docker.container_port does not say: the only one that its image exposes.
#pragma once

#include <optional>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/deploy/execute/execute.hpp"
#include "bgdeploy/deploy/world.hpp"
#include "bgdeploy/plan/state.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::deploy {

// Kind usage: the image exposes no port, or several.
core::Result<int> only_port(const plan::Release& release, const std::vector<int>& exposed);

// Fills in what the first host says that has the image. Nothing is done where the spec has a port, where
// files of the user describe what runs, and where no host has the image: then false.
core::Result<bool> settle_container_port(const World& world, plan::Launch& launch, const core::Wait& wait);

// Gets the image onto all app hosts, before anything else is planned.
core::Result<void> fetch_image(const spec::Spec& spec, const plan::Release& release, World& world,
                               const Stops& stops);

}  // namespace bgdeploy::deploy
