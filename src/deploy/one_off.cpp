#include "bgdeploy/deploy/one_off.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <ranges>

#include "bgdeploy/core/shell_words.hpp"
#include "bgdeploy/deploy/deadlines.hpp"
#include "bgdeploy/deploy/observe/observe.hpp"
#include "bgdeploy/deploy/release/history.hpp"
#include "bgdeploy/deploy/release/rollback_target.hpp"
#include "bgdeploy/deploy/release/secrets.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/runtime/launches.hpp"
#include "connect/usable_fleet.hpp"
#include "either_stop.hpp"
#include "parallel.hpp"
#include "prepare.hpp"
#include "release/container_port.hpp"
#include "release/elsewhere.hpp"
#include "release/reinstate.hpp"

namespace bgdeploy::deploy {

using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

// So many people do not run something at the same time; a folder in which no lock can be held ends the
// search.
constexpr int k_most_at_once = 100;

using Locked = std::function<bool()>;

// Removes what is left on one host. `deploying`: whether a deploy holds the service's lock, asked after the
// containers were listed. `own`: a lock that was just taken, so that its last holder is gone.
Result<std::vector<std::string>> sweep(host::Host& host, runtime::OneOff& containers, const Locked& deploying,
                                       const std::string& own, const Wait& wait) {
  return containers.remove_leftovers(
      [&](const std::string& lock) {
        if (lock.empty()) return !deploying();
        if (lock == own) return true;
        if (!lock.starts_with('/')) return false;
        const auto status = lock_status(host, LockPath(lock), wait);
        return status && !status->holder;  // another user's may not be ours to read
      },
      wait);
}

void tell(const Context& context, const std::string& host, const Result<std::vector<std::string>>& removed) {
  if (!removed)
    context.sink.emit(report::Warning{fmt::format("{}: leftovers of an interrupted run were not removed: {}",
                                                  host, removed.error().message)});
  else if (!removed->empty())
    context.sink.emit(report::Info{
        fmt::format("{}: removed what an interrupted run left: {}", host, fmt::join(*removed, ", "))});
}

// The lock that shows others that this run lives.
Result<std::unique_ptr<Lease>> take_own_lock(const Context& context, const Fleet& fleet, const Wait& wait) {
  const LockOwner owner{context.who, "run", context.clock.wall()};
  for (int number = 1; number <= k_most_at_once; ++number) {
    const auto path = fleet.one_off_lock(0, number);
    BGDEPLOY_ASSIGN(const auto status, lock_status(fleet.app(0), path, wait));
    if (status.holder) continue;
    auto lease = acquire(fleet.app(0), path, owner, wait);
    // Somebody may have been faster.
    if (lease || lease.error().kind != ErrorKind::locked) return lease;
  }
  return core::fail(ErrorKind::locked,
                    fmt::format("{} runs are under way on {}", k_most_at_once, fleet.app(0).name()));
}

struct Chosen {
  std::size_t slot = 0;
  plan::Launch launch;
};

class Choice {
public:
  Choice(const Context& context, const Fleet& fleet, const World& world, const Wait& wait)
      : m_context(context), m_spec(fleet.spec()), m_fleet(fleet), m_world(world), m_wait(wait) {}

  Result<Chosen> of(const std::string& tag) {
    BGDEPLOY_ASSIGN(const plan::State state, observe(m_spec, m_world, std::nullopt, m_wait));
    const auto live = plan::live_slot(m_spec, state);
    BGDEPLOY_ASSIGN(auto history,
                    read_history(m_fleet.history_host(), m_spec.history, m_spec.service, m_wait));
    m_history = of_environment(std::move(history), m_spec);
    if (may_be_elsewhere(m_spec, state, m_history)) add_from_elsewhere(m_fleet, m_history, m_wait);
    if (tag.empty()) {
      BGDEPLOY_TRY(live);
      const auto* occupant = *live ? plan::occupant(state, **live) : nullptr;
      // An include may name a slot in which nothing runs yet.
      if (occupant == nullptr)
        return core::fail(ErrorKind::nothing, "nothing is live yet, so say of which release", {},
                          "bgdeploy run --tag TAG -- CMD…");
      BGDEPLOY_ASSIGN(auto launch, as_it_ran(occupant->release));
      return Chosen{**live, std::move(launch)};
    }
    Chosen chosen;
    BGDEPLOY_ASSIGN(chosen.launch, of_tag(tag));
    if (!live || !*live) return chosen;
    // Beside the live slot, as a deploy would put it; the live release where it is.
    const auto* occupant = plan::occupant(state, **live);
    const bool serves = occupant != nullptr && !occupant->release.digest.empty() &&
                        occupant->release.digest == chosen.launch.release.digest;
    chosen.slot = serves ? **live : 1 - **live;
    return chosen;
  }

private:
  Result<plan::Launch> as_it_ran(const plan::Release& release) {
    BGDEPLOY_ASSIGN(auto recorded, recorded_target(m_spec, m_history, release));
    BGDEPLOY_ASSIGN(auto way, reinstate(m_context, {}, std::move(recorded), std::nullopt, m_wait));
    if (way.without_secrets) return std::unexpected(std::move(*way.without_secrets));
    BGDEPLOY_TRY(runtime::complete(m_spec, way.request.launch));
    return std::move(way.request.launch);
  }

  // What the registry has under the tag now; what was deployed under it where that cannot be told.
  Result<plan::Launch> of_tag(const std::string& tag) {
    auto newest = std::ranges::find(m_history | std::views::reverse, tag,
                                    [](const HistoryEntry& entry) { return entry.to.tag; });
    // No registry knows what came from an archive.
    if (newest != (m_history | std::views::reverse).end() && newest->to.sent()) return as_it_ran(newest->to);
    const auto now = digest_of(tag);
    newest = std::ranges::find_if(m_history | std::views::reverse, [&](const HistoryEntry& entry) {
      return entry.to.tag == tag && (!now || entry.to.digest == now->digest);
    });
    if (newest != (m_history | std::views::reverse).end()) return as_it_ran(newest->to);
    if (!now) return std::unexpected(now.error());
    return runtime::launch_by_spec(m_spec, *now);
  }

  Result<plan::Release> digest_of(const std::string& tag) {
    plan::Release release{.id = {}, .tag = tag, .image = m_spec.image, .digest = {}};
    if (m_spec.build)
      return core::fail(ErrorKind::not_found, fmt::format("{} was never built on these hosts", tag), {},
                        "bgdeploy deploy --tag " + core::shell_quote(tag));
    const App& app = m_world.apps.front();
    if (release.image.empty()) {
      BGDEPLOY_ASSIGN(const auto launch, runtime::launch_by_spec(m_spec, release));
      BGDEPLOY_ASSIGN(release.image, app.runtime->repository(launch, m_wait));
    }
    auto digest = app.images->resolve(release.image, tag, m_wait);
    if (!digest) return std::unexpected(of_the_registry(std::move(digest.error())));
    release.digest = std::move(*digest);
    return release;
  }

  const Context& m_context;
  const spec::Spec& m_spec;
  const Fleet& m_fleet;
  const World& m_world;
  const Wait& m_wait;
  std::vector<HistoryEntry> m_history;
};

Result<void> get_image(const spec::Spec& spec, plan::Launch& launch, World& world, const Wait& wait) {
  BGDEPLOY_ASSIGN(const bool present, world.apps.front().images->present(launch.release, wait));
  if (!present && launch.release.local()) {
    const auto what = plan::describe(launch.release);
    const auto& host = world.apps.front().name;
    return core::fail(ErrorKind::not_found,
                      launch.release.built()
                          ? fmt::format("{} was built on the hosts, and {} has its image no more", what, host)
                          : fmt::format("{} was sent to the hosts, and {} has its image no more", what, host),
                      {}, "deploy it again");
  }
  if (!present) {
    auto fetched = fetch_image(spec, launch.release, world, {wait.stop, {}});
    if (!fetched) return std::unexpected(of_the_registry(std::move(fetched.error())));
  }
  // Only what the configuration substitutes needs it.
  (void)settle_container_port(world, launch, wait);
  return {};
}

}  // namespace

void remove_leftover_one_offs(const Context& context, const Fleet& fleet, const World& world, bool locked,
                              const Wait& wait) {
  const Locked by_others = [&] {
    if (locked) return false;
    const auto status = fleet.lock_status(wait);
    return !status || status->holder;
  };
  std::vector<Result<std::vector<std::string>>> removed(world.apps.size());
  for_each_parallel(removed.size(), context.spec.parallel, [&](std::size_t i) {
    removed[i] = guarded([&] { return sweep(fleet.app(i), *world.apps[i].runtime, by_others, {}, wait); });
  });
  for (std::size_t i = 0; i < removed.size(); ++i) tell(context, world.apps[i].name, removed[i]);
}

Result<int> run_one_off(const Context& context, const OneOffGoal& goal, engine::Console* console,
                        const runtime::Inspection::Output& output) {
  const Wait wait = deadlines::within(context.clock, deadlines::k_prepare, context.stop);
  BGDEPLOY_ASSIGN(const auto secrets, read_secrets(context.spec, context.variables, wait));
  hide_secrets(context.spec, secrets, context.sink);
  std::vector<HostFailure> failed;
  BGDEPLOY_ASSIGN(Fleet fleet, open_usable_fleet(context, wait, failed, secrets));
  for (const HostFailure& failure : failed) context.sink.emit(report::Warning{failure.error.message});
  World world = fleet.world(context.clock, context.sink);
  BGDEPLOY_ASSIGN(auto chosen, Choice(context, fleet, world, wait).of(goal.tag));
  world.apps.resize(1);
  BGDEPLOY_TRY(get_image(fleet.spec(), chosen.launch, world, wait));

  const Wait rest = deadlines::within(context.clock, deadlines::k_command, context.stop);
  BGDEPLOY_ASSIGN(const auto lease, take_own_lock(context, fleet, rest));
  const Locked deploying = [&] {
    const auto status = fleet.lock_status(rest);
    return !status || status->holder;
  };
  tell(context, world.apps.front().name,
       sweep(fleet.app(0), *world.apps.front().runtime, deploying, lease->path(), rest));

  // Without the lease others may take the container away.
  const EitherStop ended(context.stop, lease->lost());
  auto exit_code = world.apps.front().runtime->run_once(
      {.slot = chosen.slot,
       .launch = std::move(chosen.launch),
       .argv = goal.argv,
       .purpose = "run",
       .lock = lease->path(),
       .console = console},
      output, deadlines::within(context.clock, deadlines::k_following, ended.token()));
  const bool lost = lease->lost().stop_requested() && !context.stop.stop_requested();
  const Wait end = Wait::for_at_most(deadlines::k_record);
  if (lost || (!exit_code && exit_code.error().kind == ErrorKind::lost)) {
    // What could not be removed over the connection that broke.
    (void)lease->release(end);
    world.revive(world, end);
    tell(context, world.apps.front().name,
         sweep(fleet.app(0), *world.apps.front().runtime, deploying, {}, end));
  } else {
    (void)lease->release(end);
  }
  if (lost)
    return core::fail(ErrorKind::lost,
                      fmt::format("{}: the connection broke or was silent too long, so the command was ended",
                                  world.apps.front().name));
  return exit_code;
}

}  // namespace bgdeploy::deploy
