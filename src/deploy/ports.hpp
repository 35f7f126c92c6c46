// Whether the ports that new containers publish are free.
#pragma once

#include "bgdeploy/deploy/run.hpp"
#include "bgdeploy/deploy/world.hpp"
#include "bgdeploy/plan/plan.hpp"

namespace bgdeploy::deploy {

// Kind conflict, with the process that listens on the slot's port already, where there is one outside of
// docker. What runs in the slot itself is no stranger to it.
core::Result<void> port_is_unused(const spec::Spec& spec, const World& world, const plan::State& state,
                                  std::size_t host, std::size_t slot, const core::Wait& wait);

// Of every slot in which the plan starts a container.
core::Result<void> ports_are_unused(const spec::Spec& spec, const World& world, const plan::State& state,
                                    const plan::Plan& plan, const core::Wait& wait);

}  // namespace bgdeploy::deploy
