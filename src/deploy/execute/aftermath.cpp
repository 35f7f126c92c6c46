#include "execute/aftermath.hpp"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "bgdeploy/deploy/deadlines.hpp"
#include "bgdeploy/deploy/observe/observe.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"
#include "execute/undo.hpp"
#include "parallel.hpp"

namespace bgdeploy::deploy {

using core::Error;
using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

constexpr std::size_t k_shown_lines = 50;  // as of a container that does not get healthy

// Where requests go after a step has failed. It decides what is done next.
enum class Traffic {
  old,     // to what served before: undo what the app hosts have of the new release
  unsure,  // a proxy may send to the new slot: first lead all proxies back, and see that they are
  fresh,   // to the new release, for good: nothing is undone
};

Traffic traffic_after(const Transaction& transaction, const plan::Plan& plan) {
  if (plan.aim != plan::Plan::Aim::serve) return Traffic::old;
  if (!plan.switches() || transaction.accepted() == plan.target) return Traffic::fresh;
  using State = Transaction::State;
  switch (transaction.state()) {
    case State::nothing:
      return Traffic::old;
    case State::staged:
      return transaction.can_restore() ? Traffic::unsure : Traffic::old;
    case State::committing:
    case State::committed:
    case State::restored:
    case State::accepted:  // of the switch back, after the old slot had stopped
    case State::drained:
      return Traffic::unsure;
  }
  return Traffic::unsure;
}

// Every proxy must be back on the old slot, also one whose connection broke in the middle of a commit, before
// anything of the new release stops.
Result<void> see_proxies_back(const StepContext& context) {
  const auto& [spec, plan, world] = std::tie(context.spec, context.plan, context.world);
  std::vector<Result<plan::ProxyHost>> proxies(world.proxies.size());
  for_each_parallel(proxies.size(), spec.parallel, [&](std::size_t i) {
    proxies[i] = observe_proxy(spec, world, i, context.wait_undoing(deadlines::k_look));
  });
  std::vector<std::string> wrong;
  for (std::size_t i = 0; i < proxies.size(); ++i) {
    const auto& seen = proxies[i];
    if (!seen)
      wrong.push_back(fmt::format("{}: {}", world.proxies[i].name, seen.error().message));
    else if (seen->unclear() || (seen->live() == plan.target && plan.live && !plan.rewrites()))
      wrong.push_back(fmt::format("{}: {} {}", seen->host, seen->include,
                                  seen->unclear() ? std::string("does not name exactly one slot")
                                                  : "sends to " + spec.slots[plan.target].name));
  }
  if (wrong.empty()) return {};
  wrong.push_back(
      fmt::format("nothing in {} was stopped, since a proxy may send to it", spec.slots[plan.target].name));
  wrong.push_back("bring the hosts named above back, look with `bgdeploy status`, then run this again");
  return core::fail(ErrorKind::inconsistent, "not every proxy could be put back", std::move(wrong));
}

// The state after a failure. App hosts that cannot be read are left out: traffic goes where the proxies say.
struct Look {
  plan::State state;
  std::vector<bool> seen;           // by app host
  std::vector<std::string> unseen;  // in words
};

// Each host has its own deadline: with many of them one after the other may take longer than one look.
Result<Look> look_again(const StepContext& context) {
  const auto& [spec, world] = std::tie(context.spec, context.world);
  const auto wait = [&] { return context.wait_looking(deadlines::k_look); };
  Look look;
  std::vector<Result<plan::ProxyHost>> proxies(world.proxies.size());
  for_each_parallel(proxies.size(), spec.parallel,
                    [&](std::size_t i) { proxies[i] = observe_proxy(spec, world, i, wait()); });
  for (std::size_t i = 0; i < proxies.size(); ++i) {
    if (!proxies[i]) {
      const Error error = std::move(proxies[i].error()).within(world.proxies[i].name);
      return core::fail(ErrorKind::inconsistent, "it could not be checked what serves now: " + error.message,
                        {"when the host answers again, look with `bgdeploy status`, then run this again"});
    }
    look.state.proxies.push_back(std::move(*proxies[i]));
  }
  std::vector<Result<plan::AppHost>> hosts(world.apps.size());
  for_each_parallel(hosts.size(), spec.parallel,
                    [&](std::size_t i) { hosts[i] = observe_app(world, i, std::nullopt, wait()); });
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    auto& host = hosts[i];
    look.seen.push_back(host.has_value());
    if (!host) {
      look.unseen.push_back(
          fmt::format("{}: it could not be looked at, and a new container may be left there: {}",
                      world.apps[i].name, host.error().message));
      host = plan::AppHost{.host = world.apps[i].name};
    }
    look.state.app_hosts.push_back(std::move(*host));
  }
  if (world.proxies.empty() && look.unseen.size() == world.apps.size())
    return core::fail(ErrorKind::inconsistent, "it could not be checked what serves now",
                      std::move(look.unseen));
  ask_serving(spec, world, look.state, wait());
  return look;
}

// Exit 1 promises that all proxies send to the old release and that it answers. An old release that failed
// this health check before the deploy, and listens, is no worse off: the check may be new.
Result<void> old_serves(const spec::Spec& spec, const plan::State& before, const World& world,
                        const Before& clients, const Look& look, const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto live, plan::live_slot(spec, look.state));
  if (!live && before.last_served)
    return core::fail(
        ErrorKind::inconsistent,
        fmt::format("nothing runs, and {} did not come up", plan::describe(before.last_served->release)), {},
        fmt::format("bgdeploy logs --slot {}, then deploy a release that works",
                    spec.slots[before.last_served->slot].name));
  if (const auto was = plan::live_slot(spec, before); !was || live != *was)
    return core::fail(ErrorKind::inconsistent, "the proxies do not send to the release that served before",
                      plan::describe_routing(spec, look.state));
  for (std::size_t i = 0; live && i < look.state.app_hosts.size(); ++i) {
    const plan::SlotState& slot = look.state.app_hosts[i].slots[*live];
    const std::optional<bool> answered = before.app_hosts.at(i).slots[*live].answers;
    if (!look.seen[i] || slot.answers == true || !answered) continue;
    if (!*answered && world.listens(i, *live)) continue;
    return core::fail(
        ErrorKind::inconsistent,
        fmt::format("{}: the live slot {} is not healthy ({}), and the new release did not come up",
                    look.state.app_hosts[i].host, spec.slots[*live].name, slot.answer),
        {}, fmt::format("bgdeploy logs --slot {}, then deploy a release that works", spec.slots[*live].name));
  }
  for (const plan::ProxyHost& proxy : look.state.proxies)
    if (!proxy.running) return std::unexpected(plan::nobody_is_served(spec, proxy.host));
  if (!clients.served) return {};
  const plan::Container* old = plan::live_container(spec, look.state);
  const spec::Spec then = old == nullptr ? spec : as_of(spec, world, old->release);
  const Clients now = ask_until_as_good(then, world, look.state.proxies, clients, wait);
  auto worse = refused_now(then, world, clients, now);
  if (worse.empty()) return {};
  worse.push_back(fmt::format("{} itself may have ended, or been started anew: look with `bgdeploy status`",
                              plan::proxy_kind(spec).name));
  return std::unexpected(
      Error{ErrorKind::inconsistent, "nobody is served: " + worse.front(), std::move(worse)});
}

bool routed_to(const spec::Spec& spec, std::size_t slot, const Look& look) {
  const auto live = plan::live_slot(spec, look.state);
  return live && *live == slot;
}

bool answers(std::size_t slot, const Look& look) {
  for (std::size_t i = 0; i < look.state.app_hosts.size(); ++i)
    if (look.seen[i] && look.state.app_hosts[i].slots[slot].answers != true) return false;
  return true;
}

Outcome needs_a_human(const Error& began_with, Error now) {
  now.details.insert(now.details.begin(), "it began with: " + began_with.message);
  return {Verdict::inconsistent, 5, false, std::move(now)};
}

// Without the lock another run may have deployed: what serves then is neither what served before nor what
// this run has started, whichever slot it is in.
std::optional<Error> taken_over(const StepContext& context, const Look& look) {
  if (!context.lost()) return {};
  const auto live = plan::live_slot(context.spec, look.state).value_or(std::nullopt);
  const plan::Container* now = plan::live_container(context.spec, look.state);
  const plan::Container* before = plan::live_container(context.spec, context.state);
  if (now == nullptr || (before != nullptr && now->id == before->id)) return {};
  if (now->managed && now->release.id == context.plan.to.id) return {};
  if (!answers(*live, look)) return {};
  return Error{ErrorKind::inconsistent,
               fmt::format("another run has deployed meanwhile: {} serves ({})", plan::describe(now->release),
                           context.spec.slots[*live].name),
               {}};
}

Outcome given_up(const Error& began_with, std::vector<std::string> left) {
  left.push_back("look with `bgdeploy status`, then run this again");
  return needs_a_human(began_with, {ErrorKind::inconsistent, "the undo was given up", std::move(left)});
}

// The switch that the plan began with, and the words of its way back.
std::pair<const plan::Step*, std::string> way_back(const StepContext& context) {
  const auto change = std::ranges::find_if(
      context.plan.steps, [](const plan::Step& step) { return std::holds_alternative<plan::Switch>(step); });
  return {&*change, plan::describe_undo(context.spec, *change)};
}

// "nginx sends to green again"
std::string back_words(const StepContext& context) {
  const auto& [spec, plan] = std::tie(context.spec, context.plan);
  const std::string_view proxy = plan::proxy_kind(spec).name;
  return plan.live && !plan.rewrites()
             ? fmt::format("{} sends to {} again", proxy, spec.slots[*plan.live].name)
             : fmt::format("{} has what it had before", proxy);
}

// Leads all proxies back to the old slot. Needs the lock.
Result<void> lead_back(Run& run, Error& error) {
  StepContext& context = run.context;
  Transaction& transaction = run.traffic.transaction();
  const bool was_committed = transaction.can_restore();
  auto words = transaction.restore();
  if (was_committed && words.empty()) {
    const auto [change, undone] = way_back(context);
    if (!undone.empty())
      context.world.sink.emit(report::StepUndone{context.name_of(*change), undone, {}, back_words(context)});
  }
  if (auto back = see_proxies_back(context); !back) {
    append(back.error().details, std::move(words));
    return back;
  }
  append(error.details, std::move(words));
  // New workers may have taken requests for the newcomer before they were told to quit.
  if (auto drained = transaction.drain_leaving(context.plan.target, context.undo_ends()); !drained)
    error.details.push_back(drained.error().message);
  return {};
}

// The containers of the new release are about to go, and their logs with them.
void show_and_keep_log(Run& run, const Error& error) {
  StepContext& context = run.context;
  const plan::Plan& plan = context.plan;
  KeptLog log{.release = plan::describe(plan.to),
              .slot = context.spec.slots[plan.target].name,
              .why = error.message,
              .hosts = run.containers.last_lines(context.wait_undoing(deadlines::k_log))};
  for (const LogOfHost& host : log.hosts)
    if (run.judged_bad && !run.containers.told_log(host.host))
      for (std::size_t i = host.lines.size() - std::min(host.lines.size(), k_shown_lines);
           i < host.lines.size(); ++i)
        context.world.sink.emit(report::LogLine{{host.host, log.slot, "restore"}, host.lines[i]});
  if (log.hosts.empty() || !context.world.keep_log) return;
  if (auto kept = context.world.keep_log(log); !kept)
    context.warn("the log of the failed release was not kept: " + kept.error().message);
}

// The old release shall serve.
Outcome failed_before_accept(Run& run, Traffic traffic, Error error) {
  StepContext& context = run.context;
  const spec::Spec& spec = context.spec;
  const plan::Plan& plan = context.plan;
  const auto looking = [&] { return context.wait_looking(deadlines::k_look); };
  // Looking needs no lock; anything else does.
  bool ours = !context.lost();
  if (ours && traffic == Traffic::unsure) {
    auto back = lead_back(run, error);
    if (!back && context.hurried()) {
      auto left = not_undone(context, run.undo);
      left.insert(left.begin(), "not done: " + way_back(context).second);
      return given_up(error, std::move(left));
    }
    // A cut connection ends the lock too, and that may show only now. Each proxy whose commit was cut short
    // puts everything back itself.
    ours = back || !context.lost();
    if (!back && ours) return needs_a_human(error, std::move(back.error()));
  }
  if (!ours || traffic != Traffic::unsure) context.world.revive(context.world, looking());
  if (ours && !context.stops.user.stop_requested()) show_and_keep_log(run, error);
  auto leftovers = ours ? undo_all(context, run.containers, run.undo) : not_undone(context, run.undo);
  if (ours && context.hurried() && !leftovers.empty()) return given_up(error, std::move(leftovers));

  auto look = look_again(context);
  if (look)
    if (auto other = taken_over(context, *look)) return needs_a_human(error, *std::move(other));
  // Perhaps the switch was done, and only its answer was lost.
  if (look && traffic == Traffic::unsure && !plan.rewrites() && routed_to(spec, plan.target, *look) &&
      answers(plan.target, *look))
    return {Verdict::failed, 6, true, std::move(error)};
  auto verified = look
                      ? old_serves(spec, context.state, context.world, run.traffic.before(), *look, looking())
                      : std::unexpected(std::move(look.error()));
  if (!verified) {
    append(verified.error().details, std::move(leftovers));
    return needs_a_human(error, std::move(verified.error()));
  }
  append(error.details, std::move(leftovers));
  append(error.details, std::move(look->unseen));
  Outcome outcome{run.judged_bad ? Verdict::rolled_back : Verdict::failed, 1, false, std::move(error)};
  if (context.stops.user.stop_requested()) {
    outcome.verdict = Verdict::interrupted;
    outcome.exit_code = 130;
  }
  outcome.checked = true;
  return outcome;
}

// Looks whether the new release really serves: another deploy may have won meanwhile.
Outcome failed_after_accept(const StepContext& context, Error error) {
  if (error.kind == ErrorKind::inconsistent) return {Verdict::inconsistent, 5, true, std::move(error)};
  const spec::Spec& spec = context.spec;
  const plan::Plan& plan = context.plan;
  World& world = context.world;
  world.revive(world, context.wait_looking(deadlines::k_look));
  Result<Look> look;
  for (int tried = 0; tried < 3; ++tried) {
    look = look_again(context);
    if (!look || !plan.switches() || answers(plan.target, *look)) break;
    world.clock.sleep_for(spec.health.timeout, {});
  }
  const std::string& name = spec.slots[plan.target].name;
  if (!look) return needs_a_human(error, std::move(look.error()));
  if (auto other = taken_over(context, *look)) return needs_a_human(error, *std::move(other));
  if (plan.switches() && !routed_to(spec, plan.target, *look))
    return needs_a_human(
        error, {ErrorKind::inconsistent,
                fmt::format("all proxies were switched to {}, and they do not send to it any more", name),
                plan::describe_routing(spec, look->state)});
  if (plan.switches() && !answers(plan.target, *look))
    return needs_a_human(error, {ErrorKind::inconsistent,
                                 fmt::format("all proxies send to {}, and it does not answer any more", name),
                                 {fmt::format("look at it with: bgdeploy logs --slot {}", name),
                                  "then deploy, or roll back"}});
  const Verdict verdict = context.stops.user.stop_requested() ? Verdict::interrupted : Verdict::failed;
  Outcome outcome{verdict, 6, true, std::move(error)};
  outcome.checked = true;
  return outcome;
}

}  // namespace

Outcome after_failure(Run& run, Error error) {
  // It served, and was taken back after that had been final.
  const auto accepted = run.traffic.transaction().accepted();
  if (accepted && accepted != run.context.plan.target) run.judged_bad = true;
  const Traffic traffic = traffic_after(run.traffic.transaction(), run.context.plan);
  return traffic == Traffic::fresh ? failed_after_accept(run.context, std::move(error))
                                   : failed_before_accept(run, traffic, std::move(error));
}

Outcome after_success(Run& run) {
  using Aim = plan::Plan::Aim;
  switch (run.context.plan.aim) {
    case Aim::serve:
      break;
    case Aim::hold:
      return {Verdict::held, 0, false, std::nullopt};
    case Aim::abort:
      return {Verdict::succeeded, 0, false, std::nullopt};
    case Aim::rehearse: {
      if (run.context.lost() || run.context.stopped())
        return failed_before_accept(run, Traffic::old, run.context.why_stopped());
      auto left = undo_all(run.context, run.containers, run.undo);
      if (left.empty()) return {Verdict::succeeded, 0, false, std::nullopt};
      return failed_before_accept(run, Traffic::old,
                                  {ErrorKind::refused,
                                   fmt::format("{} got healthy, but not all is as it was before",
                                               plan::describe(run.context.plan.to)),
                                   std::move(left)});
    }
  }
  return {Verdict::succeeded, 0, true, std::nullopt};
}

// Clients may not reach a release that is live already. A site that is closed on purpose answers 503.
Outcome unchanged(const StepContext& context) {
  const auto& [state, plan, world, stops] =
      std::tie(context.state, context.plan, context.world, context.stops);
  if (plan.aim == plan::Plan::Aim::abort)
    return {state.held ? Verdict::succeeded : Verdict::unchanged, 0, false, std::nullopt};
  const spec::Spec spec = as_of(context.spec, world, plan.from);
  constexpr int k_closed = 503;
  const Wait wait = deadlines::within(world.clock, deadlines::k_look, stops.user);
  Clients now = ask_until_as_good(spec, world, state.proxies, {}, wait);
  if (stops.user.stop_requested())
    return {Verdict::interrupted, 130, false, Error{ErrorKind::cancelled, "interrupted", {}}};
  for (auto& sites : now)
    std::erase_if(sites, [](const Asked& asked) { return asked.reply.status == k_closed; });
  auto words = not_served(spec, world, now);
  if (words.empty()) return {Verdict::unchanged, 0, plan.live == plan.target, std::nullopt};
  Error error{ErrorKind::inconsistent, "it is live already, but nobody gets through to it: " + words.front(),
              std::move(words)};
  error.details.push_back(plan::where_to_look(spec));
  return {Verdict::inconsistent, 5, true, std::move(error)};
}

}  // namespace bgdeploy::deploy
