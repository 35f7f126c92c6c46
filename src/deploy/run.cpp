#include "bgdeploy/deploy/run.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <thread>

#include "bgdeploy/deploy/connect/fleet.hpp"
#include "bgdeploy/deploy/connect/places.hpp"
#include "bgdeploy/deploy/deadlines.hpp"
#include "bgdeploy/deploy/execute/execute.hpp"
#include "bgdeploy/deploy/notify/notifications.hpp"
#include "bgdeploy/deploy/observe/observe.hpp"
#include "bgdeploy/deploy/one_off.hpp"
#include "bgdeploy/deploy/release/failed_log.hpp"
#include "bgdeploy/deploy/release/history.hpp"
#include "bgdeploy/plan/held.hpp"
#include "bgdeploy/plan/hooks.hpp"
#include "bgdeploy/plan/substitutions.hpp"
#include "bgdeploy/runtime/launches.hpp"
#include "execute/step_context.hpp"
#include "hooks/failure.hpp"
#include "lock/leases.hpp"
#include "parallel.hpp"
#include "prepare.hpp"
#include "release/known_sources.hpp"

namespace bgdeploy::deploy {

using core::Error;
using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

report::Command command_of(const Goal& goal) {
  using report::Command;
  if (goal.promote) return Command::promote;
  if (goal.abort) return Command::abort;
  if (goal.rehearse) return Command::rehearse;
  return goal.kind == plan::Request::Kind::deploy ? Command::deploy : Command::rollback;
}

std::string_view command_name(const Goal& goal) {
  return to_string(command_of(goal));
}

// The release as the user named it; empty for a rollback to the one before.
const std::string& wish(const Goal& goal) {
  if (goal.to) return *goal.to;
  return goal.tag.empty() ? goal.digest : goal.tag;
}

std::string purpose(const Goal& goal) {
  return fmt::format("{}{}{}", command_name(goal), wish(goal).empty() ? "" : " ", wish(goal));
}

std::string slot_name(const Context& context, std::optional<std::size_t> slot) {
  return slot ? context.spec.slots[*slot].name : std::string();
}

// "shop (staging)"
std::string service_name(const spec::Spec& spec) {
  return spec.environment.empty() ? spec.service : fmt::format("{} ({})", spec.service, spec.environment);
}

std::string name_of(const plan::Release& release) {
  return release.tag.empty() ? release.digest : release.tag;
}

// As the history has it.
std::string result_of(const plan::Plan& plan, const Outcome& outcome, report::Command command) {
  if (outcome.verdict == Verdict::succeeded) {
    if (command == report::Command::promote) return "promoted";
    if (plan.aim == plan::Plan::Aim::abort) return "aborted";
    if (plan.aim == plan::Plan::Aim::rehearse) return "rehearsed";
  }
  return std::string(to_string(outcome.verdict));
}

// The release that serves, as far as it was seen.
plan::Release serving(const spec::Spec& spec, const plan::State& seen) {
  if (seen.app_hosts.empty()) return {};
  const auto live = plan::live_slot(spec, seen);
  if (!live || !*live) return {};
  const plan::Container* container = plan::occupant(seen.app_hosts.front().slots[**live]);
  return container != nullptr ? container->release : plan::Release{};
}

// Whether another release serves afterwards.
bool changes_release(const plan::Plan& plan) {
  return plan.switches() && !plan.rewrites();
}

// Nothing ran, and what served last runs again.
bool starts_again(const plan::Plan& plan) {
  return !plan.live && plan.from != plan::Release{} && plan.from == plan.to;
}

std::string remark(const spec::Spec& spec, const Prepared& prepared) {
  const plan::Plan& plan = prepared.plan;
  if (starts_again(plan)) return "nothing ran any more";
  if (plan.aim != plan::Plan::Aim::serve) return "";
  if (plan.rewrites())
    return fmt::format("already live; {} is written as the spec has it", plan::routing_file(spec));
  return plan.switches() ? "" : "already live; removed leftovers of an interrupted deploy";
}

report::ReleaseName full_name(const plan::Release& release) {
  if (release == plan::Release{}) return {};
  return {name_of(release), release.digest.empty() ? std::nullopt : std::optional(release.digest)};
}

report::PlanMade plan_made(const Context& context, const plan::Plan& plan) {
  report::PlanMade made{.steps = {},
                        .from = plan.live ? full_name(plan.from) : report::ReleaseName{},
                        .to = full_name(plan.to),
                        .live = slot_name(context, plan.live),
                        .target = slot_name(context, plan.target)};
  for (const plan::Step& step : plan.steps) made.steps.push_back(report_name(context.spec, step));
  return made;
}

// As far as it is known.
std::optional<report::Serving> now_serving(const Context& context, const plan::Plan& plan,
                                           const Outcome& outcome, report::ReleaseName release) {
  const std::optional<std::size_t> slot = outcome.committed ? plan.target : plan.live;
  if (outcome.verdict == Verdict::inconsistent || release.name.empty() || !slot) return std::nullopt;
  report::Serving serving{
      .release = std::move(release), .slot = slot_name(context, slot), .checked = outcome.checked};
  for (const spec::Host& host : context.spec.app_hosts) serving.hosts.push_back(host.name);
  return serving;
}

// Where clients find the service: as `watch` says, or the first site of the proxy that has a name.
std::string public_url(const Context& context, const plan::State& state) {
  if (context.spec.watch && !context.spec.watch->urls.empty()) return context.spec.watch->urls.front().url;
  for (const plan::ProxyHost& proxy : state.proxies)
    for (const plan::Front& front : proxy.fronts) {
      if (front.host.empty()) continue;
      const int usual = front.tls ? 443 : 80;
      return fmt::format("{}://{}{}/", front.tls ? "https" : "http", front.host,
                         front.port == usual ? "" : fmt::format(":{}", front.port));
    }
  return "";
}

void finish(const Context& context, const Goal& goal, const Prepared& prepared, const Outcome& outcome,
            const std::string& words, core::Duration took) {
  const plan::Plan& plan = prepared.plan;
  // The tag does not tell the two apart.
  const bool same_tag = plan.from.tag == plan.to.tag && plan.from.digest != plan.to.digest;
  const auto named = [&](const plan::Release& release) {
    return report::ReleaseName{name_of(release), same_tag ? std::optional(release.digest) : std::nullopt};
  };
  context.sink.emit(report::Finished{
      .command = command_of(goal),
      .verdict = outcome.verdict,
      .exit_code = outcome.exit_code,
      .from = starts_again(plan) ? report::ReleaseName{} : named(plan.from),
      .to = named(plan.to),
      .slot = slot_name(context, outcome.committed ? plan.target : plan.live),
      .took = took,
      .remark = words,
      .error = outcome.error,
      .gap = outcome.gap,
      .serving = now_serving(context, plan, outcome, named(outcome.committed ? plan.to : plan.from)),
      .service = service_name(context.spec),
      .url = public_url(context, prepared.state)});
}

// What all entries of one run have in common.
HistoryEntry entry_of(const Context& context, const plan::Plan& plan) {
  HistoryEntry entry{.who = context.who,
                     .from = plan.from,
                     .to = plan.to,
                     .slot = slot_name(context, plan.target),
                     .include = environment_include(context.spec),
                     .ports = environment_ports(context.spec)};
  for (const spec::Host& host : context.spec.app_hosts) entry.hosts.push_back(host.name);
  for (const spec::Host& host : spec::proxies(context.spec)) entry.proxies.push_back(host.name);
  return entry;
}

void remember_launch(const Context& context, const plan::Launch& launch, const std::string& sources,
                     HistoryEntry& entry) {
  entry.sources = sources;
  entry.ran_with = runtime::record_of(launch);
  entry.health = spec::health_to_json(launch.health.value_or(context.spec.health));
}

// Written while the run goes on, since it may not come to an end.
Result<void> record_hook(const Context& context, const Fleet& fleet, const Prepared& prepared,
                         const plan::RunHook& hook, core::Duration took) {
  HistoryEntry entry = entry_of(context, prepared.plan);
  entry.time = context.clock.wall() - took;
  entry.took = took;
  entry.command = "hook";
  entry.result = to_string(Verdict::succeeded);
  entry.message = context.sink.redacted(plan::describe(hook));
  entry.hook = plan::identity(hook);
  if (hook.launch) remember_launch(context, *hook.launch, prepared.sources, entry);
  return append_history(fleet.history_host(), context.spec.history, context.spec.service, entry,
                        deadlines::within(context.clock, deadlines::k_record));
}

// Records a run that only tidied up, or rewrote the include, too. Nobody comes back from it: `from` and `to`
// are one release.
Result<void> record(const Context& context, const Goal& goal, const Fleet& fleet, const Prepared& prepared,
                    const Outcome& outcome, core::SystemTime began, core::Duration took) {
  const plan::Plan& plan = prepared.plan;
  const bool serves_on = plan.aim == plan::Plan::Aim::serve && !changes_release(plan);
  HistoryEntry entry = entry_of(context, plan);
  entry.time = began;
  entry.took = took;
  entry.command = command_name(goal);
  entry.result = result_of(plan, outcome, command_of(goal));
  entry.served = outcome.committed || (serves_on && outcome.verdict != Verdict::inconsistent);
  entry.message =
      outcome.error ? context.sink.redacted(outcome.error->message) : remark(context.spec, prepared);
  if ((changes_release(plan) || plan.aim == plan::Plan::Aim::hold) && prepared.recordable)
    remember_launch(context, prepared.launch, prepared.sources, entry);
  entry.keep_images = context.spec.prune.images;
  auto written = append_history(fleet.history_host(), context.spec.history, context.spec.service, entry,
                                deadlines::within(context.clock, deadlines::k_record));
  if (!written) context.sink.emit(report::Warning{"the history was not written: " + written.error().message});
  return written;
}

// What waits is known by the history alone.
Outcome nobody_finds_it(Outcome outcome, const plan::Plan& plan, core::Error why) {
  if (outcome.verdict != Verdict::held) return outcome;
  why.message =
      "it runs, but `bgdeploy promote` would not find it: the history was not written: " + why.message;
  why.details.push_back(fmt::format(
      "deploy {} again, which goes on with it, or undo it with `bgdeploy abort`", name_of(plan.to)));
  return {Verdict::failed, 1, false, std::move(why)};
}

// How to reach what waits.
std::string reach(const Context& context, World& world, const Prepared& prepared) {
  const auto wait = deadlines::within(context.clock, deadlines::k_look);
  plan::State now = prepared.state;
  for (std::size_t i = 0; i < now.app_hosts.size(); ++i) {
    auto seen = observe_app(world, i, std::nullopt, wait);
    if (seen) now.app_hosts[i] = std::move(*seen);
  }
  const auto ways = plan::ways_to(context.spec, now, prepared.plan.target);
  return ways.empty() ? "" : fmt::format("reach it with {}", fmt::join(ways, "; "));
}

// A run that did not get as far as a plan. What was wrong with the command, or the spec, is no failed deploy.
void tell_failure_hooks(const Context& context, const Goal& goal, Fleet& fleet, const Prepared& prepared,
                        const Error& error, std::stop_token lost) {
  const report::Finished end = refused(goal, error, {});
  if (end.exit_code == 2) return;
  plan::Plan plan = prepared.plan;
  plan.command = command_name(goal);
  if (plan.to == plan::Release{})
    plan.to = {
        .id = {}, .tag = goal.to.value_or(goal.tag), .image = context.spec.image, .digest = goal.digest};
  if (plan.from == plan::Release{}) plan.from = serving(context.spec, prepared.state);
  World world = fleet.world(context.clock, context.sink);
  run_failure_hooks(context, goal.kind, world, plan, prepared.launch,
                    {end.verdict, end.exit_code, false, error}, std::move(lost));
}

// Where a proxy is not installed, the folder that its lock belongs into is not there either.
Error why_not_locked(const Context& context, Fleet& fleet, Error error) {
  if (error.kind != ErrorKind::refused) return error;
  const Wait wait = deadlines::within(context.clock, deadlines::k_look, context.stop);
  const World world = fleet.world(context.clock, context.sink);
  for (const ProxySide& side : world.proxies) {
    auto checked = guarded([&] { return side.proxy->check(wait); });
    if (checked) continue;
    const auto kind = checked.error().kind;
    if (kind == ErrorKind::refused || kind == ErrorKind::denied) return std::move(checked.error());
  }
  return error;
}

// A lock that is refused, or lost, ends all queries at once.
Result<void> lock_and_prepare(const Context& context, const Goal& goal, LocalSources local, Fleet& fleet,
                              Leases& leases, const Wait& wait, Prepared& prepared) {
  std::stop_source ended;
  const std::stop_callback on_signal(wait.stop, [&] { ended.request_stop(); });
  const std::stop_callback on_loss(leases.lost(), [&] { ended.request_stop(); });
  if (goal.lock_wait > core::Duration{0}) {
    const auto within = [&](core::Duration most) {
      return deadlines::within(context.clock, most, ended.get_token());
    };
    auto locked = leases.acquire(context, fleet, purpose(goal), goal.lock_wait,
                                 within(goal.lock_wait + deadlines::k_prepare));
    if (!locked) return std::unexpected(why_not_locked(context, fleet, std::move(locked.error())));
    // What is asked before it is our turn would be old by then.
    const Wait rest = within(deadlines::k_prepare);
    BGDEPLOY_ASSIGN(Gathered gathered, gather(context, goal, fleet, std::move(local), rest));
    return prepare(context, goal, fleet, std::move(gathered), true, rest, prepared);
  }
  const Wait unless_refused{wait.deadline, ended.get_token()};
  Result<void> locked;
  Result<Gathered> gathered;
  {
    const std::jthread locking([&] {
      locked = guarded([&] { return leases.acquire(context, fleet, purpose(goal), goal.lock_wait, wait); });
      if (!locked) ended.request_stop();
    });
    gathered = guarded([&] { return gather(context, goal, fleet, std::move(local), unless_refused); });
  }
  if (!locked) return std::unexpected(why_not_locked(context, fleet, std::move(locked.error())));
  BGDEPLOY_TRY(gathered);
  return prepare(context, goal, fleet, std::move(*gathered), true, unless_refused, prepared);
}

}  // namespace

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
    case ErrorKind::unsupported:
    case ErrorKind::nothing:
      return 2;
    case ErrorKind::unreachable:
    case ErrorKind::untrusted:
    case ErrorKind::denied:
    case ErrorKind::lost:
      return 3;
    case ErrorKind::locked:
    case ErrorKind::frozen:
      return 4;
    case ErrorKind::inconsistent:
      return 5;
    case ErrorKind::cancelled:
      return 130;
    default:
      return 1;
  }
}

report::Finished refused(const Goal& goal, Error error, core::Duration took, const plan::Release& from) {
  const int code = exit_code(error.kind);
  const Verdict verdict = error.kind == ErrorKind::inconsistent ? Verdict::inconsistent
                          : error.kind == ErrorKind::cancelled  ? Verdict::interrupted
                                                                : Verdict::failed;
  return {.command = command_of(goal),
          .verdict = verdict,
          .exit_code = code,
          .from = {name_of(from)},
          .to = {wish(goal)},
          .took = took,
          .error = std::move(error),
          .nothing_changed = true};
}

namespace {

// Returns the exit code. `changing`: whether anything may have been changed already.
int carry_out(const Context& context, const Goal& goal, bool& changing) {
  const core::SteadyTime start = context.clock.now();
  const core::SystemTime began = context.clock.wall();
  const auto elapsed = [&] {
    return std::chrono::duration_cast<core::Duration>(context.clock.now() - start);
  };
  context.sink.emit(report::Started{.command = command_of(goal),
                                    .what = fmt::format("{} {}", context.spec.service, purpose(goal)),
                                    .service = service_name(context.spec),
                                    .to = wish(goal)});
  const Wait wait = deadlines::within(context.clock, deadlines::k_prepare, context.stop);

  const Notifications notifications(context);
  Prepared prepared;
  const auto give_up = [&](Error error) {
    // The signal is the cause, whatever error the broken wait led to.
    if (context.stop.stop_requested())
      error = {ErrorKind::cancelled, "interrupted", {std::move(error.message)}};
    report::Finished end = refused(goal, std::move(error), elapsed(), serving(context.spec, prepared.state));
    end.service = service_name(context.spec);
    const int code = end.exit_code;
    context.sink.emit(std::move(end));
    return code;
  };

  auto local = read_local_sources(context, goal, wait);
  if (!local) return give_up(std::move(local.error()));
  auto fleet = Fleet::connect(context.spec, wait);
  if (!fleet) return give_up(std::move(fleet.error()));
  if (auto enough = enough_places(*fleet, wait); !enough) return give_up(std::move(enough.error()));
  Leases leases;
  const auto ready = lock_and_prepare(context, goal, std::move(*local), *fleet, leases, wait, prepared);
  if (!ready) {
    const bool lost = leases.lost().stop_requested();
    if (leases.held() && !goal.rehearse)
      tell_failure_hooks(context, goal, *fleet, prepared, ready.error(), leases.lost());
    leases.release(context);
    return give_up(lost ? lock_lost() : ready.error());
  }
  if (goal.kind == plan::Request::Kind::deploy)
    if (auto noted = remember_sources(context.spec, context.variables); !noted)
      context.sink.emit(
          report::Info{"a rollback from here may ask for --trust-history: " + noted.error().message});
  for (const std::string& note : prepared.plan.notes) context.sink.emit(report::Warning{note});
  for (const std::string& hook : prepared.plan.skipped) context.sink.emit(report::Info{"skipped: " + hook});
  context.sink.emit(plan_made(context, prepared.plan));

  World world = fleet->world(context.clock, context.sink);
  world.files = prepared.files;
  world.record_hook = [&](const plan::RunHook& hook, core::Duration took) {
    return record_hook(context, *fleet, prepared, hook, took);
  };
  const auto remove_leftovers = [&](const std::stop_token& stop) {
    if (!stop.stop_requested())
      remove_leftover_one_offs(context, *fleet, world, !leases.lost().stop_requested(),
                               deadlines::within(context.clock, deadlines::k_look, stop));
  };
  remove_leftovers(context.stop);
  changing = true;
  world.keep_log = [&](const KeptLog& log) { return keep_failed_log(context, fleet->history_host(), log); };
  Outcome outcome = execute(context.spec, prepared.state, prepared.plan, world,
                            {context.stop, leases.lost(), context.hurry});
  // Of a connection that broke.
  if (outcome.exit_code != 0) remove_leftovers(context.hurry);
  const bool lets_go = prepared.plan.aim == plan::Plan::Aim::abort && prepared.state.held;
  if (!prepared.plan.steps.empty() || lets_go) {
    auto recorded = leases.lost().stop_requested()
                        ? std::unexpected(lock_lost())
                        : record(context, goal, *fleet, prepared, outcome, began, elapsed());
    if (!recorded) outcome = nobody_finds_it(std::move(outcome), prepared.plan, std::move(recorded.error()));
  }
  if (outcome.exit_code != 0 && leases.held() && !goal.rehearse)
    run_failure_hooks(context, goal.kind, world, prepared.plan, prepared.launch, outcome, leases.lost());
  leases.release(context);
  std::string words = outcome.verdict == Verdict::succeeded ? remark(context.spec, prepared) : "";
  if (outcome.verdict == Verdict::held) words = reach(context, world, prepared);
  finish(context, goal, prepared, outcome, words, elapsed());
  return outcome.exit_code;
}

}  // namespace

int run(const Context& context, const Goal& goal) {
  bool changing = false;
  const auto code = guarded([&]() -> Result<int> { return carry_out(context, goal, changing); });
  if (code) return *code;
  // Only a bug, or no memory, leads here; whoever reads the events waits for the last one all the same.
  Error error = code.error();
  if (changing) error.kind = ErrorKind::inconsistent;
  error.next = "see what serves: bgdeploy status";
  report::Finished last = refused(goal, std::move(error), {});
  last.nothing_changed = !changing;
  last.service = service_name(context.spec);
  context.sink.emit(last);
  return last.exit_code;
}

Result<Preview> preview(const Context& context, const Goal& goal) {
  const Wait wait = deadlines::within(context.clock, deadlines::k_prepare, context.stop);
  BGDEPLOY_ASSIGN(LocalSources local, read_local_sources(context, goal, wait));
  BGDEPLOY_ASSIGN(Fleet fleet, Fleet::connect(context.spec, wait));
  Preview preview;
  Result<LockStatus> lock;
  Result<Gathered> gathered;
  {
    const std::jthread looking([&] { lock = guarded([&] { return fleet.lock_status(wait); }); });
    gathered = guarded([&] { return gather(context, goal, fleet, std::move(local), wait); });
  }
  BGDEPLOY_ASSIGN(preview.lock, std::move(lock));
  BGDEPLOY_TRY(gathered);
  Prepared prepared;
  BGDEPLOY_TRY(prepare(context, goal, fleet, std::move(*gathered), false, wait, prepared));
  preview.state = std::move(prepared.state);
  preview.plan = std::move(prepared.plan);
  preview.compared = prepared.compared;
  preview.file = std::move(prepared.file);
  for (Change& change : prepared.changes) {
    for (std::string* text : {&change.key, &change.before, &change.after})
      *text = context.sink.redacted(std::move(*text));
    preview.changes.push_back(std::move(change));
  }
  return preview;
}

}  // namespace bgdeploy::deploy
