// `bgdeploy run`: one command in a container of its own, with everything of a release; and what is left of
// such containers where their owner died.
#pragma once

#include <string>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/deploy/connect/fleet.hpp"
#include "bgdeploy/deploy/run.hpp"
#include "bgdeploy/engine/console.hpp"
#include "bgdeploy/runtime/runtime.hpp"

namespace bgdeploy::deploy {

struct OneOffGoal {
  std::string tag;  // empty: of the live release
  std::vector<std::string> argv;
};

// The command's exit code, on the first app host that can be used. It takes no lock of the service, but one
// of its own: as long as that is held, nobody takes its container for a leftover. A release that was deployed
// before runs as it ran then, any other with today's configuration. Kinds beside those of run_once: nothing
// (nothing is live and no tag is given).
core::Result<int> run_one_off(const Context& context, const OneOffGoal& goal, engine::Console* console,
                              const runtime::Inspection::Output& output);

// Removes the one-off containers on all app hosts whose owners are gone, and says so. `locked`: we hold the
// service's lock, so that no other deploy is one of the owners.
void remove_leftover_one_offs(const Context& context, const Fleet& fleet, const World& world, bool locked,
                              const core::Wait& wait);

}  // namespace bgdeploy::deploy
