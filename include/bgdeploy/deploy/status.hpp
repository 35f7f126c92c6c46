// What runs and serves now, and what was deployed before. Changes nothing.
#pragma once

#include <functional>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/deploy/connect/fleet.hpp"
#include "bgdeploy/deploy/lock/lease.hpp"
#include "bgdeploy/deploy/observe/serving.hpp"
#include "bgdeploy/deploy/release/history.hpp"
#include "bgdeploy/deploy/run.hpp"
#include "bgdeploy/deploy/way_back.hpp"
#include "bgdeploy/plan/state.hpp"

namespace bgdeploy::deploy {

// Of the hosts that can be used; `failed` are the others.
struct Survey {
  plan::State state;
  std::string history_unknown{};            // why what waits and the way back cannot be told
  std::vector<std::string> ways_to_held{};  // how to reach what waits
  std::optional<WayBack> way_back{};        // nothing: there is none, or it cannot be told
  Serving serving;
  std::optional<core::SystemTime> since{};  // when what serves was switched to; unset where the history does not say
  LockStatus lock;
  std::vector<HostFailure> failed;
};
core::Result<Survey> survey(const Context& context);
// 5 where proxies disagree, or nobody is served of a service that was deployed; else by the hosts that
// failed.
int exit_code(const spec::Spec& spec, const Survey& survey);
// Again and again, with `pause` in between, until `context.stop`. Connections are kept; they are made anew
// while a host cannot be used.
void survey_again_and_again(const Context& context, core::Duration pause,
                            const std::function<void(const core::Result<Survey>&)>& seen);

core::Result<std::vector<HistoryEntry>> past_deploys(const Context& context);

}  // namespace bgdeploy::deploy
