// What is done, and said, after the last step of a plan.
#pragma once

#include "bgdeploy/deploy/execute/execute.hpp"
#include "execute/traffic_steps.hpp"
#include "hooks/hook_runner.hpp"
#include "watch/watch_step.hpp"

namespace bgdeploy::deploy {

struct Run {
  StepContext& context;
  StepRunner& containers;
  TrafficSteps& traffic;
  UndoLog& undo;
  HookRunner& hooks;
  WatchStep& watch;
  // What failed had looked at the new release while it served: it is taken back, and did not fail to come up.
  bool judged_bad = false;
};

// After a step that failed: leads back, where that can be done, and looks at what serves.
Outcome after_failure(Run& run, core::Error error);
// After all steps of a plan. A rehearsal is undone.
Outcome after_success(Run& run);
// Where there was nothing to do: what is live already may be out of its clients' reach.
Outcome unchanged(const StepContext& context);

}  // namespace bgdeploy::deploy
