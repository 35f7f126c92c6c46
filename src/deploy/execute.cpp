#include "bgdeploy/deploy/execute.hpp"

#include <algorithm>
#include <mutex>

#include <fmt/format.h>

#include "bgdeploy/deploy/observe.hpp"
#include "parallel.hpp"
#include "step_runner.hpp"

namespace bgdeploy::deploy {

using core::Error;
using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

constexpr core::Duration k_verify_time = std::chrono::seconds(30);

bool on_host(const plan::Step& step) {
  return std::visit(
      [](const auto& value) {
        return requires {
          value.host;
        };
      },
      step);
}

std::size_t host_of(const plan::Step& step) {
  return std::visit(
      [](const auto& value) -> std::size_t {
        if constexpr (requires { value.host; })
          return value.host;
        else
          return 0;
      },
      step);
}

// Steps of different hosts run side by side, those of one host in order.
Result<void> run_beside(StepRunner& runner, const spec::Spec& spec, std::span<const plan::Step> steps) {
  std::vector<std::vector<const plan::Step*>> lanes(spec.app_hosts.size());
  for (const plan::Step& step : steps) lanes.at(host_of(step)).push_back(&step);
  std::vector<Result<void>> results(lanes.size());
  std::atomic<bool> failed = false;
  for_each_parallel(lanes.size(), spec.parallel, [&](std::size_t lane) {
    for (const plan::Step* step : lanes[lane]) {
      if (failed) return;
      results[lane] = runner.run(*step);
      if (!results[lane]) failed = true;
      if (failed) return;
    }
  });
  for (Result<void>& result : results) BGDEPLOY_TRY(std::move(result));
  return {};
}

Result<void> run_all(StepRunner& runner, const spec::Spec& spec, const std::vector<plan::Step>& steps) {
  for (auto step = steps.begin(); step != steps.end();) {
    if (!on_host(*step)) {
      BGDEPLOY_TRY(runner.run(*step++));
      continue;
    }
    const auto end = std::find_if_not(step, steps.end(), on_host);
    BGDEPLOY_TRY(run_beside(runner, spec, {step, end}));
    step = end;
  }
  return {};
}

// After a failure: do all proxies send to the old release, and does it answer? Only then is it exit 1.
Result<void> verify_old_serves(const spec::Spec& spec, const plan::State& before, const World& world,
                               std::stop_token lost) {
  const Wait wait = Wait::for_at_most(k_verify_time, std::move(lost));
  auto now = observe(spec, world, std::nullopt, wait);
  if (!now)
    return core::fail(
        ErrorKind::inconsistent,
        fmt::format("it could not be checked what serves now: {}",
                    wait.stop.stop_requested() ? "the connection was lost" : now.error().message));
  auto live = plan::live_slot(spec, *now);
  if (!live) return std::unexpected(live.error());
  if (const auto was = plan::live_slot(spec, before); !was || *live != *was)
    return core::fail(ErrorKind::inconsistent, "the proxies do not send to the release that served before");
  for (std::size_t i = 0; *live && i < now->app_hosts.size(); ++i) {
    const plan::AppHost& host = now->app_hosts[i];
    if (host.live_answers.value_or(false) || before.app_hosts.at(i).live_answers == std::nullopt) continue;
    return core::fail(
        ErrorKind::inconsistent,
        fmt::format("{}: the live slot {} does not answer ({}), and the new release did not come up",
                    host.host, spec.slots[**live].name, host.live_answer),
        {fmt::format("look at it with: bgdeploy logs --slot {}", spec.slots[**live].name),
         "then deploy a release that works"});
  }
  return {};
}

Outcome failed_before_commit(const spec::Spec& spec, const plan::State& state, StepRunner& runner,
                             const World& world, const Stops& stops, Error error) {
  if (stops.lost.stop_requested())
    return {Verdict::inconsistent, 5, false,
            Error{ErrorKind::inconsistent,
                  "the lock was lost in the middle of the deploy, so nothing more was touched",
                  {"another deploy may be running: look with `bgdeploy status`", "then run this again"}}};
  std::vector<std::string> leftovers = runner.undo_all();
  if (auto verified = verify_old_serves(spec, state, world, stops.lost); !verified) {
    Error worse = std::move(verified.error());
    worse.details.insert(worse.details.begin(), "it began with: " + error.message);
    worse.details.insert(worse.details.end(), leftovers.begin(), leftovers.end());
    return {Verdict::inconsistent, 5, false, std::move(worse)};
  }
  error.details.insert(error.details.end(), leftovers.begin(), leftovers.end());
  if (error.kind == ErrorKind::inconsistent) return {Verdict::inconsistent, 5, false, std::move(error)};
  if (stops.user.stop_requested()) return {Verdict::interrupted, 130, false, std::move(error)};
  return {Verdict::failed, 1, false, std::move(error)};
}

}  // namespace

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::succeeded:
      return "succeeded";
    case Verdict::unchanged:
      return "unchanged";
    case Verdict::failed:
      return "failed";
    case Verdict::rolled_back:
      return "rolled_back";
    case Verdict::interrupted:
      return "interrupted";
    case Verdict::inconsistent:
      return "inconsistent";
  }
  return "failed";
}

Outcome execute(const spec::Spec& spec, const plan::State& state, const plan::Plan& plan, World& world,
                const Stops& stops) {
  if (plan.steps.empty()) return {Verdict::unchanged, 0, plan.live == plan.target, std::nullopt};
  StepRunner runner(spec, plan, world, stops);
  Result<void> result = run_all(runner, spec, plan.steps);
  const bool serves = runner.committed() || !plan.switches();
  if (result) return {Verdict::succeeded, 0, true, std::nullopt};
  if (!serves) return failed_before_commit(spec, state, runner, world, stops, std::move(result.error()));
  const Verdict verdict = stops.user.stop_requested() ? Verdict::interrupted : Verdict::failed;
  return {verdict, result.error().kind == ErrorKind::inconsistent ? 5 : 6, true, std::move(result.error())};
}

}  // namespace bgdeploy::deploy
