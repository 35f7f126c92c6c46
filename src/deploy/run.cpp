#include "bgdeploy/deploy/run.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <thread>

#include "bgdeploy/deploy/connect/fleet.hpp"
#include "bgdeploy/deploy/connect/places.hpp"
#include "bgdeploy/deploy/deadlines.hpp"
#include "bgdeploy/deploy/execute/execute.hpp"
#include "bgdeploy/deploy/notify/notifications.hpp"
#include "bgdeploy/deploy/observe/observe.hpp"
#include "bgdeploy/deploy/one_off.hpp"
#include "bgdeploy/deploy/release/failed_log.hpp"
#include "bgdeploy/plan/held.hpp"
#include "either_stop.hpp"
#include "execute/step_context.hpp"
#include "hooks/failure.hpp"
#include "lock/leases.hpp"
#include "observe/lookout.hpp"
#include "parallel.hpp"
#include "prepare.hpp"
#include "release/known_sources.hpp"
#include "release/record.hpp"
#include "run_events.hpp"
#include "under_way.hpp"

namespace bgdeploy::deploy {

using core::Error;
using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

// The release that serves, as far as it was seen.
plan::Release serving(const spec::Spec& spec, const plan::State& seen) {
  if (seen.app_hosts.empty()) return {};
  const plan::Container* container = plan::live_container(spec, seen);
  return container != nullptr ? container->release : plan::Release{};
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
  world.report = goal.report;
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

HistoryReader read_by(Lookout& lookout) {
  return {[&] { return lookout.history(); },
          [&](std::string folder) { lookout.know_root(std::move(folder)); }};
}

Wait up_to_plan(const Context& context) {
  return deadlines::within(context.clock, deadlines::k_prepare, context.stop);
}

// A lock that is refused, or lost, ends all queries at once.
Result<void> lock_and_prepare(const Context& context, const Goal& goal, LocalSources local, Fleet& fleet,
                              Leases& leases, const Wait& wait, Prepared& prepared) {
  EitherStop ended(wait.stop, leases.lost());
  if (goal.lock_wait > core::Duration{0}) {
    const auto within = [&](core::Duration most) {
      return deadlines::within(context.clock, most, ended.token());
    };
    auto locked = leases.acquire(context, fleet, purpose(goal), goal.lock_wait,
                                 within(goal.lock_wait + deadlines::k_prepare));
    if (!locked) return std::unexpected(why_not_locked(context, fleet, std::move(locked.error())));
    // What is asked before it is our turn would be old by then.
    const Wait rest = within(deadlines::k_prepare);
    Result<Gathered> gathered;
    {
      Lookout lookout(context, goal, fleet, rest);
      lookout.look();
      gathered = gather(context, goal, fleet, std::move(local), read_by(lookout), rest);
    }
    BGDEPLOY_TRY(gathered);
    return prepare(context, goal, fleet, std::move(*gathered), true, rest, prepared);
  }
  const Wait unless_refused{wait.deadline, ended.token()};
  Result<void> locked;
  Result<Gathered> gathered;
  {
    Lookout lookout(context, goal, fleet, unless_refused);
    const std::jthread locking([&] {
      locked = guarded([&] { return leases.acquire(context, fleet, purpose(goal), goal.lock_wait, wait); });
      if (locked)
        lookout.look();
      else
        ended.request();
    });
    gathered = guarded(
        [&] { return gather(context, goal, fleet, std::move(local), read_by(lookout), unless_refused); });
  }
  if (!locked) return std::unexpected(why_not_locked(context, fleet, std::move(locked.error())));
  BGDEPLOY_TRY(gathered);
  return prepare(context, goal, fleet, std::move(*gathered), true, unless_refused, prepared);
}

// Returns the exit code. `changing`: whether anything may have been changed already.
int carry_out(const Context& context, Goal goal, bool& changing) {
  const core::SteadyTime start = context.clock.now();
  const core::SystemTime began = context.clock.wall();
  const auto elapsed = [&] {
    return std::chrono::duration_cast<core::Duration>(context.clock.now() - start);
  };
  context.sink.emit(report::Started{.command = command_of(goal),
                                    .what = fmt::format("{} {}", context.spec.service, purpose(goal)),
                                    .service = service_name(context.spec),
                                    .to = wish(goal)});

  const Notifications notifications(context);
  Prepared prepared;
  const auto give_up = [&](Error error) {
    // The signal is the cause, whatever error the broken wait led to.
    if (context.stop.stop_requested())
      // Which wait that ended interests nobody.
      error = {ErrorKind::cancelled, "interrupted",
               error.kind == ErrorKind::cancelled ? std::vector<std::string>{}
                                                  : std::vector{std::move(error.message)}};
    report::Finished end = refused(goal, std::move(error), elapsed(), serving(context.spec, prepared.state));
    end.service = service_name(context.spec);
    const int code = end.exit_code;
    context.sink.emit(std::move(end));
    return code;
  };

  auto local = read_local_sources(context, goal, up_to_plan(context));
  if (!local) return give_up(std::move(local.error()));
  if (local->archive) goal.tag = local->today.release.tag;
  const Wait wait = up_to_plan(context);
  auto fleet = Fleet::connect(context.spec, wait);
  if (!fleet) return give_up(std::move(fleet.error()));
  const auto roomy = enough_places(*fleet, wait);
  if (!roomy) return give_up(roomy.error());
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
  for (const std::string& remark : prepared.plan.remarks) context.sink.emit(report::Info{remark});
  for (const std::string& hook : prepared.plan.skipped) context.sink.emit(report::Info{"skipped: " + hook});
  context.sink.emit(plan_made(context, prepared.plan));

  World world = fleet->world(context.clock, context.sink);
  world.files = prepared.files;
  world.roomy = *roomy;
  world.archive = prepared.archive;
  world.report = goal.report;
  world.record_hook = [&](const plan::RunHook& hook, core::Duration took) {
    return record_hook(context, *fleet, prepared, hook, took);
  };
  HistoryWriter writer(context.spec.history, context.spec.service);
  if (world.roomy)
    world.begin_record = [&] {
      writer.begin(fleet->history_host(),
                   deadlines::within(context.clock, deadlines::k_record, context.stop));
    };
  const auto remove_leftovers = [&](const std::stop_token& stop) {
    if (!stop.stop_requested())
      remove_leftover_one_offs(context, *fleet, world, !leases.lost().stop_requested(),
                               deadlines::within(context.clock, deadlines::k_look, stop));
  };
  remove_leftovers(context.stop);
  changing = true;
  if (!prepared.elsewhere.empty() && !prepared.plan.steps.empty()) {
    const auto carried =
        append_history(fleet->history_host(), context.spec.history, context.spec.service, prepared.elsewhere,
                       deadlines::within(context.clock, deadlines::k_record));
    if (!carried)
      context.sink.emit(report::Warning{"the history stays on another host: " + carried.error().message});
  }
  world.keep_log = [&](const KeptLog& log) { return keep_failed_log(context, fleet->history_host(), log); };
  Outcome outcome = execute(context.spec, prepared.state, prepared.plan, world,
                            {context.stop, leases.lost(), context.hurry});
  // Of a connection that broke.
  if (outcome.exit_code != 0) remove_leftovers(context.hurry);
  const bool lets_go = prepared.plan.aim == plan::Plan::Aim::abort && prepared.state.held;
  if (!prepared.plan.steps.empty() || lets_go) {
    auto recorded = leases.lost().stop_requested()
                        ? std::unexpected(lock_lost())
                        : record(context, goal, *fleet, prepared, outcome, began, elapsed(), writer);
    if (!recorded) outcome = nobody_finds_it(std::move(outcome), prepared.plan, std::move(recorded.error()));
  }
  if (outcome.exit_code != 0 && leases.held() && !goal.rehearse)
    run_failure_hooks(context, goal.kind, world, prepared.plan, prepared.launch, outcome, leases.lost());
  leases.release(context);
  std::string words = outcome.verdict == Verdict::succeeded ? remark(context.spec, prepared) : "";
  if (outcome.verdict == Verdict::held) words = reach(context, world, prepared);
  context.sink.emit(finished(context, goal, prepared, outcome, words, elapsed()));
  return outcome.exit_code;
}

// A user may write one into a hook's own text.
void hide_secrets(const Context& context, spec::Hook& hook) {
  const auto hide = [&](std::string& text) { text = context.sink.redacted(std::move(text)); };
  if (auto* run = std::get_if<spec::HookRun>(&hook.what)) hide(run->command);
  if (auto* host = std::get_if<spec::HookHost>(&hook.what)) hide(host->command);
  if (auto* container = std::get_if<spec::HookContainer>(&hook.what))
    std::ranges::for_each(container->argv, hide);
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
  BGDEPLOY_ASSIGN(LocalSources local, read_local_sources(context, goal, up_to_plan(context)));
  const Wait wait = up_to_plan(context);
  BGDEPLOY_ASSIGN(Fleet fleet, Fleet::connect(context.spec, wait));
  Preview preview;
  Result<LockStatus> lock;
  Result<Gathered> gathered;
  {
    const std::jthread looking([&] { lock = guarded([&] { return fleet.lock_status(wait); }); });
    const auto history = [&] {
      return look_at_history(fleet.history_host(), context.spec.history, context.spec.service,
                             wants_histories(goal), wait);
    };
    gathered = guarded([&] { return gather(context, goal, fleet, std::move(local), {history}, wait); });
  }
  BGDEPLOY_ASSIGN(preview.lock, std::move(lock));
  BGDEPLOY_TRY(gathered);
  Prepared prepared;
  BGDEPLOY_TRY(prepare(context, goal, fleet, std::move(*gathered), false, wait, prepared));
  preview.state = std::move(prepared.state);
  take_for_under_way(preview.lock, preview.state);
  preview.plan = std::move(prepared.plan);
  for (plan::Step& step : preview.plan.steps)
    if (auto* hook = std::get_if<plan::RunHook>(&step)) hide_secrets(context, hook->hook);
  for (std::string& hook : preview.plan.skipped) hook = context.sink.redacted(std::move(hook));
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
