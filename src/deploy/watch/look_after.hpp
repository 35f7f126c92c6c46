// Looks at everything at once, each check at its own pace, until there is a verdict.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <vector>

#include "bgdeploy/core/clock.hpp"
#include "judge.hpp"

namespace bgdeploy::deploy {

struct Looker {
  WatchCheck check;
  core::Duration longest{};  // of one look
  // Ends with the wait, whose stop is not a verdict.
  std::function<Sight(const core::Wait&)> look;
};

// Each runs on a thread of its own. `seen` may be called from several of them at once. Nothing when `stop`
// came first. A looker with `only_bad` waits for what it looks for, and looks once.
std::optional<WatchVerdict> look_after(const spec::Watch& settings, const std::vector<Looker>& lookers,
                                       core::Clock& clock, std::stop_token stop,
                                       const std::function<void(const WatchCheck&, const Sight&)>& seen);

}  // namespace bgdeploy::deploy
