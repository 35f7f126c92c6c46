// What a watch needs, before anything is started.
#pragma once

#include "bgdeploy/deploy/world.hpp"
#include "bgdeploy/plan/plan.hpp"

namespace bgdeploy::deploy {

// Kind refused, with what keeps the log from being read.
core::Result<void> log_is_readable(const World& world, std::size_t proxy,
                                   const spec::WatchResponses& responses, const core::Wait& wait);
// On all proxies, where the plan has a watch that reads them.
core::Result<void> watched_logs_are_readable(const plan::Plan& plan, const World& world,
                                             const core::Wait& wait);
// The step `watch` of a plan, or null.
const plan::Watch* watch_of(const plan::Plan& plan);

}  // namespace bgdeploy::deploy
