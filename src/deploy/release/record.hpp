// What a run leaves in the history.
#pragma once

#include "bgdeploy/deploy/connect/fleet.hpp"
#include "bgdeploy/deploy/execute/execute.hpp"
#include "bgdeploy/deploy/run.hpp"
#include "prepare.hpp"

namespace bgdeploy::deploy {

// Written while the run goes on, since it may not come to an end.
core::Result<void> record_hook(const Context& context, const Fleet& fleet, const Prepared& prepared,
                               const plan::RunHook& hook, core::Duration took);
// A run that only tidied up, or rewrote the include, is recorded too. Nobody comes back from it: `from` and
// `to` are one release. Warns where it cannot be written.
core::Result<void> record(const Context& context, const Goal& goal, const Fleet& fleet,
                          const Prepared& prepared, const Outcome& outcome, core::SystemTime began,
                          core::Duration took, HistoryWriter& writer);

}  // namespace bgdeploy::deploy
