// The hooks of on_failure: outside of the plan, when the outcome is known.
#pragma once

#include <stop_token>

#include "bgdeploy/deploy/execute/execute.hpp"
#include "bgdeploy/deploy/run.hpp"

namespace bgdeploy::deploy {

// Needs the lock: they may touch what a run of somebody else works on. What becomes of them is told and
// changes nothing. `launch`: what was to be deployed, as far as that is known.
void run_failure_hooks(const Context& context, plan::Request::Kind kind, World& world, const plan::Plan& plan,
                       const plan::Launch& launch, const Outcome& outcome, std::stop_token lost);

}  // namespace bgdeploy::deploy
