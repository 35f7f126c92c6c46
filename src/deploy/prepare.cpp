#include "prepare.hpp"

#include <thread>

#include <fmt/format.h>

#include "bgdeploy/deploy/choose.hpp"
#include "bgdeploy/deploy/history.hpp"
#include "bgdeploy/deploy/observe.hpp"
#include "bgdeploy/deploy/secrets.hpp"
#include "parallel.hpp"

namespace bgdeploy::deploy {

using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

Result<plan::Release> wanted_release(const Context& context, const Goal& goal, const World& world,
                                     const Wait& wait) {
  plan::Release release{new_release_id(context.clock.wall()), goal.tag, context.spec.image, goal.digest};
  if (release.digest.empty()) {
    auto digest = world.apps.front().images->resolve(release.image, goal.tag, wait);
    if (!digest) {
      core::Error error = std::move(digest.error());
      // The registry's answer: the host itself is fine.
      if (error.kind == ErrorKind::unreachable || error.kind == ErrorKind::denied)
        error.kind = ErrorKind::refused;
      return std::unexpected(std::move(error));
    }
    release.digest = std::move(*digest);
  }
  return release;
}

Result<void> check_proxies(const Context& context, const World& world, const Wait& wait) {
  std::vector<Result<void>> results(world.proxies.size());
  for_each_parallel(results.size(), context.spec.parallel,
                    [&](std::size_t i) { results[i] = world.proxies[i].proxy->check(wait); });
  for (std::size_t i = 0; i < results.size(); ++i)
    if (!results[i]) return results[i];
  return {};
}

Result<plan::Request> rollback_request(const Context& context, const Goal& goal, const Fleet& fleet,
                                       const plan::State& state, const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto live, plan::live_slot(context.spec, state));
  if (!live)
    return core::fail(ErrorKind::nothing, "nothing was deployed yet, so there is nothing to roll back to");
  BGDEPLOY_ASSIGN(const auto history,
                  read_history(fleet.history_host(), context.spec.history, context.spec.service, wait));
  BGDEPLOY_ASSIGN(RollbackTarget target, choose_rollback(context.spec, state, *live, history, goal.to));
  if (!target.note.empty()) context.sink.emit({.name = "info", .message = target.note});
  return plan::Request{plan::Request::Kind::rollback, std::move(target.launch)};
}

}  // namespace

std::string lock_path(const spec::Spec& spec) {
  return (std::filesystem::path(spec.nginx.include).parent_path() / fmt::format(".{}.bgdeploy", spec.service))
      .string();
}

Result<Prepared> prepare(const Context& context, const Goal& goal, Fleet& fleet, bool settle_first,
                         const std::function<Result<void>()>& lock, const Wait& wait) {
  const bool deploying = goal.kind == plan::Request::Kind::deploy;
  Result<void> locked;
  Result<void> opened;
  Result<plan::Release> release;
  {
    std::jthread beside([&] { locked = lock(); });
    opened = [&]() -> Result<void> {
      BGDEPLOY_ASSIGN(const auto secrets, read_secrets(context.spec, context.variables, wait));
      hide_secrets(context.spec, secrets, context.sink);
      return fleet.open_docker(context.spec, secrets, wait);
    }();
    if (opened && deploying)
      release = wanted_release(context, goal, fleet.world(context.spec, context.clock, context.sink), wait);
  }
  BGDEPLOY_TRY(std::move(locked));
  BGDEPLOY_TRY(std::move(opened));
  BGDEPLOY_TRY(release);

  World world = fleet.world(context.spec, context.clock, context.sink);
  std::optional<plan::Launch> launch;
  if (deploying) launch = plan::Launch{*release, context.spec.docker};
  Prepared prepared;
  BGDEPLOY_ASSIGN(prepared.state, observe(context.spec, world, launch, wait));
  if (settle_first) {
    BGDEPLOY_ASSIGN(prepared.state, settle(context.spec, world, std::move(prepared.state), launch, wait));
  }
  plan::Request request{goal.kind, launch.value_or(plan::Launch{}), goal.force};
  if (!deploying) {
    BGDEPLOY_ASSIGN(request, rollback_request(context, goal, fleet, prepared.state, wait));
  }
  BGDEPLOY_ASSIGN(prepared.plan, plan::make_plan(context.spec, prepared.state, request));
  if (!prepared.plan.steps.empty()) BGDEPLOY_TRY(check_proxies(context, world, wait));
  prepared.launch = std::move(request.launch);
  return prepared;
}

}  // namespace bgdeploy::deploy
