#include "prepare.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/deploy/deadlines.hpp"
#include "bgdeploy/deploy/observe/observe.hpp"
#include "bgdeploy/deploy/prune.hpp"
#include "bgdeploy/deploy/release/held.hpp"
#include "bgdeploy/deploy/release/history.hpp"
#include "bgdeploy/deploy/release/plan_file.hpp"
#include "bgdeploy/deploy/release/rollback_target.hpp"
#include "bgdeploy/deploy/release/secrets.hpp"
#include "bgdeploy/plan/held.hpp"
#include "bgdeploy/plan/owners.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"
#include "bgdeploy/runtime/launches.hpp"
#include "bgdeploy/spec/sources.hpp"
#include "disk.hpp"
#include "hooks/ran.hpp"
#include "parallel.hpp"
#include "ports.hpp"
#include "preconditions.hpp"
#include "release/container_port.hpp"
#include "release/elsewhere.hpp"
#include "release/reinstate.hpp"
#include "watch/preflight.hpp"

namespace bgdeploy::deploy {

using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

// A plan needs the port that the container listens on, and only the image knows it. A preview fetches no
// image.
Result<void> find_container_port(const Context& context, bool may_fetch, Fleet& fleet, World& world,
                                 plan::State& state, plan::Launch& launch, const Wait& wait,
                                 std::vector<std::string>& notes) {
  const auto* docker = std::get_if<spec::Docker>(&launch.with);
  if (docker == nullptr || spec::is_worker(context.spec)) return {};
  BGDEPLOY_ASSIGN(bool known, settle_container_port(world, launch, wait));
  if (!known && may_fetch) {
    auto fetched = fetch_image(context.spec, launch.release, world, {wait.stop, {}});
    if (!fetched) return std::unexpected(of_the_registry(std::move(fetched.error())));
    for (plan::AppHost& host : state.app_hosts) host.image_present = true;
    BGDEPLOY_ASSIGN(known,
                    settle_container_port(world, launch,
                                          deadlines::within(context.clock, deadlines::k_prepare, wait.stop)));
  }
  if (!known) {
    notes.push_back(
        fmt::format("docker.container_port is not set and no host has {} yet: a deploy takes the "
                    "only port that the image exposes, or ends before anything is started",
                    plan::describe(launch.release)));
    return {};
  }
  const auto live = plan::live_slot(context.spec, state);
  if (!live || context.spec.docker.container_port) return {};
  const int port = core::leading_number<int>(*docker->container_port).value_or(0);
  for (std::size_t slot = 0; slot < context.spec.slots.size(); ++slot)
    if (port != 0 && slot != *live) fleet.places().container_ports[slot] = port;
  return {};
}

// The image of a release that is built or sent may be on a host already, and some layers of it.
Result<void> look_for_image(const World& world, const plan::Release& release, plan::State& state,
                            const Wait& wait) {
  for (std::size_t i = 0; release.local() && i < world.apps.size(); ++i) {
    plan::AppHost& host = state.app_hosts.at(i);
    BGDEPLOY_ASSIGN(host.image_present, world.apps[i].images->present(release, wait));
    if (host.image_present || !world.archive) continue;
    BGDEPLOY_ASSIGN(const auto send, world.apps[i].images->lacking(*world.archive, wait));
    host.image_lacks = send.bytes;
  }
  return {};
}

Result<Reinstated> to_go_back(const Context& context, const Goal& goal,
                              const std::vector<HistoryEntry>& history, const plan::State& state,
                              const std::optional<core::Error>& without_secrets, const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto live, plan::live_slot(context.spec, state));
  if (!live)
    return core::fail(ErrorKind::nothing, "nothing was deployed yet, so there is nothing to roll back to");
  BGDEPLOY_ASSIGN(
      RollbackTarget target,
      find_rollback_target(context.spec, plan::without_held(context.spec, state), *live, history, goal.to));
  if (!target.note.empty()) context.sink.emit(report::Info{target.note});
  return reinstate(context, goal, std::move(target), without_secrets, wait);
}

Ran runs_with(const spec::Spec& spec, const Prepared& prepared) {
  Ran after = would_run(spec, prepared.launch, prepared.sources);
  after.release = prepared.plan.to;
  return after;
}

void compare(const spec::Spec& spec, const std::vector<HistoryEntry>& history, Prepared& prepared) {
  const plan::Plan& plan = prepared.plan;
  if (!plan.live || plan.from == plan::Release{}) return;
  const auto entry = std::find_if(history.rbegin(), history.rend(), [&](const HistoryEntry& one) {
    return !one.to.id.empty() && one.to.id == plan.from.id && !one.ran_with.empty();
  });
  prepared.compared = entry != history.rend();
  Ran before{.release = plan.from};
  if (prepared.compared) before = ran(*entry);
  before.release = plan.from;
  prepared.changes = difference(spec, before, runs_with(spec, prepared));
  const plan::Container* live = plan::occupant(prepared.state, *plan.live);
  if (live == nullptr || !live->differences) return;
  auto more = unrecorded(*live->differences, prepared.changes);
  prepared.changes.insert(prepared.changes.end(), more.begin(), more.end());
}

// Without them it would be made anew with none.
void only_start(plan::Plan& plan) {
  for (plan::Step& step : plan.steps)
    if (auto* start = std::get_if<plan::Start>(&step)) start->anew.reset();
}

Result<Reinstated> as_it_waits(const Context& context, const Goal& goal,
                               const std::vector<HistoryEntry>& history, const plan::State& state,
                               const std::optional<core::Error>& without_secrets, const Wait& wait) {
  const auto release = to_promote(context.spec, state, history);
  if (!release) return std::unexpected(nothing_waits(context.spec, state, history));
  BGDEPLOY_ASSIGN(RollbackTarget target, recorded_target(context.spec, history, *release));
  BGDEPLOY_ASSIGN(Reinstated way, reinstate(context, goal, std::move(target), without_secrets, wait));
  way.request.kind = plan::Request::Kind::deploy;
  way.request.promote = true;
  return way;
}

// Needs no release, and nothing that a new container would need.
Result<void> prepare_abort(const Context& context, Fleet& fleet, Prepared& prepared) {
  const auto at = plan::published_at(context.spec, prepared.state, {});
  for (std::size_t host = 0; host < at.size(); ++host) fleet.places().at(host).published = at[host];
  BGDEPLOY_ASSIGN(prepared.plan,
                  plan::make_plan(context.spec, prepared.state, {.launch = {}, .abort = true}));
  return {};
}

// A deploy that fails promises that the old release serves, so look whether it does.
core::Error checked(const spec::Spec& spec, const plan::State& state, const World& world, core::Error error) {
  if (exit_code(error.kind) != 1) return error;
  const auto live = plan::live_slot(spec, state);
  if (!live) {
    core::Error worse = live.error();
    worse.details.insert(worse.details.begin(), "it began with: " + error.message);
    return worse;
  }
  for (std::size_t i = 0; *live && i < state.app_hosts.size(); ++i) {
    const plan::AppHost& host = state.app_hosts[i];
    if (host.slots[**live].answers != false || world.listens(i, **live)) continue;
    error.kind = ErrorKind::inconsistent;
    error.details.push_back(fmt::format("{}: the live slot {} is not healthy: {}", host.host,
                                        spec.slots[**live].name, host.slots[**live].answer));
    error.next = fmt::format("bgdeploy logs --slot {}", spec.slots[**live].name);
  }
  return error;
}

}  // namespace

Result<void> place(const Context& context, Fleet& fleet, const World& world, const plan::Request& request,
                   plan::State& state, const Wait& wait) {
  const auto live = plan::live_slot(context.spec, state).value_or(std::nullopt);
  std::vector<Result<void>> results(world.apps.size());
  for_each_parallel(results.size(), context.spec.parallel, [&](std::size_t host) {
    results[host] = [&]() -> Result<void> {
      for (std::size_t slot = 0; slot < context.spec.slots.size(); ++slot) {
        // An include may name a slot in which nothing runs yet.
        const bool serves = slot == live && plan::occupant(state.app_hosts[host].slots[slot]) != nullptr;
        if (serves || plan::takes_up(state, host, slot, request)) continue;
        BGDEPLOY_ASSIGN(state.app_hosts[host].slots[slot].will_publish,
                        world.apps[host].runtime->publishes_on(slot, request.launch, wait));
      }
      return {};
    }();
  });
  for (Result<void>& result : results) BGDEPLOY_TRY(std::move(result));
  const auto at = plan::published_at(context.spec, state, request);
  plan::Places& places = fleet.places();
  for (std::size_t host = 0; host < at.size(); ++host) places.at(host).published = at[host];
  // The proxies may not reach the address at which the live slot is published: this deploy may mend that.
  if (live && !plan::routings_to(context.spec, places, *live, ""))
    for (plan::Places::Host& host : places.hosts) host.published[*live].reset();
  state.places = places;
  return check_reach(context.spec, world, live, wait);
}

namespace {

report::PastRuns last_runs(const std::vector<HistoryEntry>& history) {
  constexpr std::size_t k_most = 10;
  auto runs = past_runs(history);
  if (runs.size() > k_most) runs.erase(runs.begin(), runs.end() - k_most);
  return {std::move(runs)};
}

}  // namespace

Result<void> prepare(const Context& context, const Goal& goal, Fleet& fleet, Gathered gathered,
                     bool recover_first, const Wait& wait, Prepared& prepared) {
  const bool deploying = goal.fresh();
  auto& [files, archive, wanted, history, histories, history_room, size, todays_secrets, without_password] =
      gathered;
  prepared.files = files;
  prepared.archive = archive;
  if (!deploying && !goal.abort) BGDEPLOY_TRY(history);
  if (!history)
    context.sink.emit(report::Warning{
        "the history cannot be read, so whether a host left the spec, or a release waits, is not known: " +
        history.error().message});

  World world = fleet.world(context.clock, context.sink);
  world.files = prepared.files;
  world.archive = prepared.archive;
  std::optional<plan::Launch> launch;
  if (deploying && wanted) launch = *wanted;
  BGDEPLOY_ASSIGN(prepared.state,
                  history ? observe_by_history(fleet, world, launch, *history, prepared.elsewhere, wait)
                          : observe(context.spec, world, launch, wait));
  if (history && !goal.force && !goal.abort && !goal.rehearse)
    BGDEPLOY_TRY(check_left_hosts(context.spec, *history, prepared.state));
  if (history && recover_first) context.sink.emit(last_runs(*history));
  const auto sources_today = [&] {
    return spec::sources_to_json(sources_of(context.spec),
                                 spec::source_folders(context.spec, context.variables("HOME")));
  };
  const auto planned = [&]() -> Result<void> {
    if (!wanted && !goal.plan.empty() && wanted.error().kind == ErrorKind::not_found)
      return core::fail(ErrorKind::usage, "the plan does not hold any more", {wanted.error().message});
    BGDEPLOY_TRY(wanted);
    const plan::State seen = prepared.state;
    if (!goal.plan.empty())
      BGDEPLOY_TRY(still_holds(context, goal.plan, {goal, seen, *launch}, sources_today()));
    if (recover_first) {
      BGDEPLOY_ASSIGN(prepared.state, recover(context.spec, world, prepared.state, launch, wait));
    }
    if (history) {
      prepared.state.last_served = find_last_served(context.spec, prepared.state, *history);
      prepared.state.held = find_held(context.spec, prepared.state, *history);
    }
    if (goal.abort) return prepare_abort(context, fleet, prepared);
    Reinstated way{{goal.kind, launch.value_or(plan::Launch{}), goal.force}};
    plan::Request& request = way.request;
    // Refuse before an image is pulled.
    BGDEPLOY_TRY(plan::check_owners(context.spec, prepared.state, goal.force));
    if (goal.promote) {
      BGDEPLOY_ASSIGN(way, as_it_waits(context, goal, *history, prepared.state, todays_secrets, wait));
    } else if (!deploying) {
      BGDEPLOY_ASSIGN(way, to_go_back(context, goal, *history, prepared.state, todays_secrets, wait));
    }
    request.hold = goal.hold;
    request.there = by_id(context.spec, goal);
    request.rehearse = goal.rehearse;
    const auto& without_secrets = way.without_secrets ? way.without_secrets : without_password;
    std::vector<std::string> notes;
    if (deploying && history_room) BGDEPLOY_TRY(history_fits(fleet.history_host().name(), *history_room));
    BGDEPLOY_TRY(check_disk(context, world, prepared.state, request, size.get(), wait));
    // A rollback that only starts an existing container needs no port.
    const auto port = find_container_port(context, deploying && recover_first, fleet, world, prepared.state,
                                          request.launch, wait, notes);
    if (!port && deploying) return port;
    // Getting the image may have taken long.
    const Wait rest = deadlines::within(context.clock, deadlines::k_prepare, wait.stop);
    if (launch) BGDEPLOY_TRY(look_for_image(world, launch->release, prepared.state, rest));
    if (history && !goal.force) request.ran = hooks_that_ran(context.spec, request, *history);
    // Nor the files that the history does not keep.
    Result<void> completed;
    if (!deploying) completed = runtime::complete(context.spec, request.launch);
    // What the user's files mean may not be known without their secrets. The error for that comes below.
    if (auto placed = place(context, fleet, world, request, prepared.state, rest);
        !placed && !without_secrets && completed)
      return placed;
    if (deploying || goal.promote)
      request.leftovers = leftovers(context.spec, histories, request.launch.release);
    BGDEPLOY_ASSIGN(prepared.plan, plan::make_plan(context.spec, prepared.state, request));
    BGDEPLOY_TRY(proxies_run(context.spec, prepared.state));
    // What comes up with a deploy is asked as the spec says, whatever it was asked before.
    if (deploying && prepared.plan.switches()) {
      world.healths.insert_or_assign(prepared.plan.to.id, context.spec.health);
      fleet.set_healths(world.healths);
    }
    if (deploying)
      for (auto& caution : world.apps.front().runtime->cautions())
        prepared.plan.notes.push_back(std::move(caution));
    if (creates(prepared.plan)) {
      if (way.without_secrets && !goal.with_current_secrets && !goal.with_current_config)
        return std::unexpected(with_ways_out(*way.without_secrets, request.launch.release, true));
      if (without_secrets) return std::unexpected(*without_secrets);
      if (!port) return port;
      if (!completed)
        return std::unexpected(with_ways_out(std::move(completed.error()), request.launch.release, false));
      if (!way.recorded)
        prepared.plan.notes.push_back(
            fmt::format("how {} ran is not recorded: it runs as the spec has it today",
                        plan::describe(request.launch.release)));
      if (!notes.empty() && !deploying) return core::fail(ErrorKind::usage, notes.front());
      prepared.plan.notes.insert(prepared.plan.notes.end(), notes.begin(), notes.end());
    }
    if (prepared.plan.switches() || goal.hold)
      BGDEPLOY_TRY(check_rendering(context.spec, *world.places, prepared.plan.to.tag));
    if (!prepared.plan.steps.empty()) BGDEPLOY_TRY(check_proxies(context, world, rest));
    BGDEPLOY_TRY(watched_logs_are_readable(prepared.plan, world, rest));
    // A host cannot be asked without them what the files mean; a container that is only started again fitted
    // before.
    if (completed) BGDEPLOY_TRY(check_memory(context, prepared.plan, request.launch, world, rest));
    BGDEPLOY_TRY(ports_are_unused(context.spec, world, prepared.state, prepared.plan, rest));
    if (without_secrets || !completed) only_start(prepared.plan);
    prepared.recordable = way.recorded || creates(prepared.plan);
    prepared.sources =
        deploying || (prepared.recordable && !way.recorded) ? sources_today() : std::move(way.sources);
    prepared.launch = std::move(request.launch);
    if (history) compare(context.spec, *history, prepared);
    if (history && deploying)
      prepared.same_as = another_run_of(context.spec, *history, prepared.plan.from,
                                        prepared.compared ? std::optional(prepared.changes) : std::nullopt,
                                        runs_with(context.spec, prepared));
    if (!goal.plan.empty()) BGDEPLOY_TRY(same_steps(context, goal.plan, prepared.plan));
    if (deploying) prepared.file = plan_file(context, {goal, seen, *launch}, prepared.plan, sources_today());
    return {};
  }();
  if (!planned) return std::unexpected(checked(context.spec, prepared.state, world, planned.error()));
  return {};
}

}  // namespace bgdeploy::deploy
