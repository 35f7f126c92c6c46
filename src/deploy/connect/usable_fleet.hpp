// The hosts of a spec that can be used now: for commands that only look.
#pragma once

#include <vector>

#include "bgdeploy/deploy/connect/fleet.hpp"
#include "bgdeploy/deploy/run.hpp"

namespace bgdeploy::deploy {

// Connected, with docker opened. A command that only looks needs no secret of the app: the values may not
// even be there; one that starts something gives them. It shows the rest where some hosts cannot be used:
// `failed` names those. An error where no app host or no proxy is left.
core::Result<Fleet> open_usable_fleet(const Context& context, const core::Wait& wait,
                                      std::vector<HostFailure>& failed,
                                      const runtime::SecretValues& secrets = {});

}  // namespace bgdeploy::deploy
