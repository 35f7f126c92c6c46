#include "watch/preflight.hpp"

#include "parallel.hpp"

namespace bgdeploy::deploy {

using core::Result;
using core::Wait;

const plan::Watch* watch_of(const plan::Plan& plan) {
  for (const plan::Step& step : plan.steps)
    if (const auto* watch = std::get_if<plan::Watch>(&step)) return watch;
  return nullptr;
}

Result<void> log_is_readable(const World& world, std::size_t proxy, const spec::WatchResponses& responses,
                             const Wait& wait) {
  LogPlace place;
  BGDEPLOY_TRY(world.read_log(proxy, responses.log, place, wait));
  return {};
}

Result<void> watched_logs_are_readable(const plan::Plan& plan, const World& world, const Wait& wait) {
  const plan::Watch* watch = watch_of(plan);
  if (watch == nullptr || !watch->settings.responses) return {};
  std::vector<Result<void>> results(world.proxies.size());
  for_each_parallel(results.size(), static_cast<int>(results.size()), [&](std::size_t i) {
    results[i] = log_is_readable(world, i, *watch->settings.responses, wait);
  });
  for (Result<void>& result : results) BGDEPLOY_TRY(std::move(result));
  return {};
}

}  // namespace bgdeploy::deploy
