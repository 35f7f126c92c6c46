#include "bgdeploy/deploy/execute.hpp"

#include <algorithm>
#include <mutex>

#include <fmt/format.h>

#include "bgdeploy/deploy/observe.hpp"
#include "clients.hpp"
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

// Of several hosts' results the one to tell: what failed by itself, not what was given up because of it.
Result<void> first_cause(std::vector<Result<void>> results) {
  const auto fails = [](const Result<void>& result) { return !result; };
  const auto by_itself = [&](const Result<void>& result) {
    return fails(result) && result.error().kind != ErrorKind::cancelled;
  };
  auto cause = std::ranges::find_if(results, by_itself);
  if (cause == results.end()) cause = std::ranges::find_if(results, fails);
  return cause == results.end() ? Result<void>{} : std::move(*cause);
}

// Steps of different hosts run side by side, those of one host in order. Before the commit one that fails
// ends them all; after it the other hosts get as far as they can.
Result<void> run_beside(StepRunner& runner, const spec::Spec& spec, std::span<const plan::Step> steps) {
  std::vector<std::vector<const plan::Step*>> lanes(spec.app_hosts.size());
  for (const plan::Step& step : steps) lanes.at(host_of(step)).push_back(&step);
  std::vector<Result<void>> results(lanes.size());
  for_each_parallel(lanes.size(), spec.parallel, [&](std::size_t lane) {
    for (const plan::Step* step : lanes[lane]) {
      results[lane] = runner.run(*step);
      if (!results[lane]) break;
    }
    if (!results[lane] && !runner.committed()) runner.abandon();
  });
  return first_cause(std::move(results));
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

// After a commit that failed: every proxy is back on what served before, also one whose connection broke in
// the middle of it. Only then may anything of the new release be stopped.
Result<void> put_proxies_back(const spec::Spec& spec, const plan::Plan& plan, const World& world,
                              const Wait& wait) {
  std::vector<std::string> wrong;
  for (std::size_t i = 0; i < world.proxies.size(); ++i) {
    auto seen = observe_proxy(spec, world, i, wait);
    if (seen && seen->unfinished) {
      if (auto settled = world.proxies[i].proxy->settle(false, wait); !settled)
        seen = std::unexpected(std::move(settled.error()));
      else
        seen = observe_proxy(spec, world, i, wait);
    }
    if (!seen)
      wrong.push_back(fmt::format("{}: {}", world.proxies[i].name, seen.error().message));
    else if (seen->routing == plan::ProxyHost::Routing::unknown ||
             (seen->routing == plan::ProxyHost::Routing::slot && seen->live == plan.target && plan.live &&
              !plan.rewrites()))
      wrong.push_back(fmt::format("{}: {} sends to {}", seen->host, seen->include,
                                  seen->routing == plan::ProxyHost::Routing::unknown
                                      ? "neither slot alone"
                                      : spec.slots[plan.target].name));
  }
  if (wrong.empty()) return {};
  wrong.push_back(
      fmt::format("nothing in {} was stopped, since a proxy may send to it", spec.slots[plan.target].name));
  wrong.push_back("bring the hosts named above back, look with `bgdeploy status`, then run this again");
  return core::fail(ErrorKind::inconsistent, "not every proxy could be put back", std::move(wrong));
}

// What can be seen after a failure. App hosts that cannot be looked at are left out: traffic goes where the
// proxies say.
struct Look {
  plan::State state;
  std::vector<bool> seen;           // by app host
  std::vector<std::string> unseen;  // in words
};

Result<Look> look_again(const spec::Spec& spec, const World& world, const Wait& wait) {
  Look look;
  auto proxies = observe_proxies(spec, world, wait);
  if (!proxies)
    return core::fail(ErrorKind::inconsistent,
                      fmt::format("it could not be checked what serves now: {}", proxies.error().message),
                      {"when the host answers again, look with `bgdeploy status`, then run this again"});
  look.state.proxies = std::move(*proxies);
  for (std::size_t i = 0; i < world.apps.size(); ++i) {
    auto host = observe_app(world, i, std::nullopt, wait);
    look.seen.push_back(host.has_value());
    if (!host) {
      look.unseen.push_back(
          fmt::format("{}: it could not be looked at, and a new container may be left there: {}",
                      world.apps[i].name, host.error().message));
      host = plan::AppHost{.host = world.apps[i].name};
    }
    look.state.app_hosts.push_back(std::move(*host));
  }
  if (!spec.proxied && look.unseen.size() == world.apps.size())
    return core::fail(ErrorKind::inconsistent, "it could not be checked what serves now",
                      std::move(look.unseen));
  ask_serving(spec, world, look.state, wait);
  return look;
}

// Do all proxies send to the old release, and does it answer? Only then is it exit 1.
// One that did not pass this health check before either, but listens, is no worse off than it was: the check
// may be new.
Result<void> old_serves(const spec::Spec& spec, const plan::State& before, const World& world,
                        const Before& clients, const Look& look, const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto live, plan::live_slot(spec, look.state));
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
        fmt::format("{}: the live slot {} does not answer ({}), and the new release did not come up",
                    look.state.app_hosts[i].host, spec.slots[*live].name, slot.answer),
        {fmt::format("look at it with: bgdeploy logs --slot {}", spec.slots[*live].name),
         "then deploy a release that works"});
  }
  for (const plan::ProxyHost& proxy : look.state.proxies)
    if (!proxy.running)
      return core::fail(ErrorKind::inconsistent,
                        fmt::format("nginx is not running on {}: nobody is served", proxy.host),
                        {"start it, then look with `bgdeploy status`"});
  if (!clients.served) return {};
  const Clients now = ask_until_as_good(spec, world, look.state.proxies, clients, wait);
  auto worse = refused_now(spec, world, clients, now);
  if (worse.empty()) return {};
  worse.push_back("nginx itself may have ended, or been started anew: look with `bgdeploy status`");
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

Outcome failed_before_commit(const spec::Spec& spec, const plan::State& state, const plan::Plan& plan,
                             StepRunner& runner, World& world, const Before& clients, const Stops& stops,
                             Error error) {
  const Wait wait = Wait::for_at_most(k_verify_time);
  world.revive(world, wait);
  // Looking needs no lock; anything else does. It went with the connection, which is made again by now.
  const bool ours = !stops.lost.stop_requested();
  if (ours && runner.commit_began())
    if (auto back = put_proxies_back(spec, plan, world, wait); !back)
      return needs_a_human(error, std::move(back.error()));
  std::vector<std::string> leftovers = ours ? runner.undo_all() : runner.not_undone();
  const Wait looking = Wait::for_at_most(k_verify_time);  // undoing may have taken long
  auto look = look_again(spec, world, looking);
  // The switch may have been done, and only its answer lost.
  if (look && runner.commit_began() && !plan.rewrites() && routed_to(spec, plan.target, *look) &&
      answers(plan.target, *look))
    return {Verdict::failed, 6, true, std::move(error)};
  auto verified = look ? old_serves(spec, state, world, clients, *look, looking)
                       : std::unexpected(std::move(look.error()));
  if (!verified) {
    Error worse = std::move(verified.error());
    worse.details.insert(worse.details.end(), leftovers.begin(), leftovers.end());
    return needs_a_human(error, std::move(worse));
  }
  error.details.insert(error.details.end(), leftovers.begin(), leftovers.end());
  error.details.insert(error.details.end(), look->unseen.begin(), look->unseen.end());
  if (stops.user.stop_requested()) return {Verdict::interrupted, 130, false, std::move(error)};
  return {Verdict::failed, 1, false, std::move(error)};
}

// Whether clients were served before: only then can they be worse off.
bool serves_now(const plan::State& state, const plan::Plan& plan) {
  return plan.live && std::ranges::all_of(state.app_hosts, [&](const plan::AppHost& host) {
           return host.slots[*plan.live].answers == true;
         });
}

// What is live already may be out of its clients' reach. A 503 is what a site answers that is closed on
// purpose.
Outcome unchanged(const spec::Spec& spec, const plan::State& state, const plan::Plan& plan, World& world,
                  const Stops& stops) {
  constexpr int k_closed = 503;
  const Wait wait = Wait::for_at_most(k_verify_time, stops.user);
  Clients now = ask_until_as_good(spec, world, state.proxies, {}, wait);
  if (stops.user.stop_requested())
    return {Verdict::interrupted, 130, false, Error{ErrorKind::cancelled, "interrupted", {}}};
  for (auto& sites : now)
    std::erase_if(sites, [](const Asked& asked) { return asked.reply.status == k_closed; });
  auto words = not_served(spec, world, now);
  if (words.empty()) return {Verdict::unchanged, 0, plan.live == plan.target, std::nullopt};
  Error error{ErrorKind::inconsistent, "it is live already, but nobody gets through to it: " + words.front(),
              std::move(words)};
  error.details.push_back("look at nginx's error log, and with `bgdeploy check`");
  return {Verdict::inconsistent, 5, true, std::move(error)};
}

// That the new release serves is looked at before it is said: another deploy may have won meanwhile.
Outcome failed_after_commit(const spec::Spec& spec, const plan::Plan& plan, World& world, const Stops& stops,
                            Error error) {
  if (error.kind == ErrorKind::inconsistent) return {Verdict::inconsistent, 5, true, std::move(error)};
  const Wait wait = Wait::for_at_most(k_verify_time);
  world.revive(world, wait);
  Result<Look> look;
  for (int tried = 0; tried < 3; ++tried) {
    look = look_again(spec, world, wait);
    if (!look || !plan.switches() || answers(plan.target, *look)) break;
    world.clock.sleep_for(spec.health.timeout, {});
  }
  const std::string& name = spec.slots[plan.target].name;
  if (!look) return needs_a_human(error, std::move(look.error()));
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
  const Verdict verdict = stops.user.stop_requested() ? Verdict::interrupted : Verdict::failed;
  return {verdict, 6, true, std::move(error)};
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
    case Verdict::interrupted:
      return "interrupted";
    case Verdict::inconsistent:
      return "inconsistent";
  }
  return "failed";
}

Outcome execute(const spec::Spec& spec, const plan::State& state, const plan::Plan& plan, World& world,
                const Stops& stops) {
  if (plan.steps.empty()) return unchanged(spec, state, plan, world, stops);
  const Before clients{ask_clients(spec, world, state.proxies, Wait::for_at_most(k_verify_time, stops.user)),
                       serves_now(state, plan)};
  StepRunner runner(spec, state, plan, world, stops, clients);
  Result<void> result = run_all(runner, spec, plan.steps);
  const bool serves = runner.committed() || !plan.switches();
  if (result) return {Verdict::succeeded, 0, true, std::nullopt};
  if (!serves)
    return failed_before_commit(spec, state, plan, runner, world, clients, stops, std::move(result.error()));
  return failed_after_commit(spec, plan, world, stops, std::move(result.error()));
}

}  // namespace bgdeploy::deploy
