// The blue-green strategy: make the idle slot run the release, switch all traffic, retire the other slot.
#include <algorithm>

#include <fmt/format.h>

#include "bgdeploy/plan/hooks.hpp"
#include "bgdeploy/plan/owners.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"
#include "bgdeploy/plan/substitutions.hpp"
#include "bgdeploy/spec/runtime.hpp"
#include "steps.hpp"
#include "stop_first.hpp"

namespace bgdeploy::plan {
namespace {

using core::ErrorKind;

bool same_release(const Container& container, const Request& request) {
  const Release& wanted = request.launch.release;
  if (request.kind == Request::Kind::rollback || request.promote) {
    if (!wanted.id.empty() && container.release.id == wanted.id) return true;
    // A container that an older tool started counts as its release, whatever its configuration.
    if (wanted.id.empty() && !container.managed && container.release == wanted) return true;
  }
  return container.managed && container.release.digest == wanted.digest && container.differences &&
         container.differences->empty();
}

// The request names the container that was moved aside.
bool wanted_back(const SlotState& idle, const Request& request) {
  return idle.aside && !idle.container && request.kind == Request::Kind::rollback &&
         idle.aside->release.id == request.launch.release.id;
}

// Nobody knows what bgdeploy did not start, but where it is what this spec would start, nothing has to
// change.
bool started_by_others(const Container& container) {
  return !container.managed && container.differences && container.differences->empty();
}

bool target_is_live(const State& state, std::size_t live, const Request& request) {
  return std::ranges::all_of(state.app_hosts, [&](const AppHost& host) {
    const Container* container = occupant(host.slots[live]);
    return container != nullptr && container->running() && host.slots[live].answers.value_or(true) &&
           (same_release(*container, request) || started_by_others(*container));
  });
}

// What was started a moment ago has still to show that it is well.
void await_live(const spec::Spec& spec, const State& state, std::size_t live, const Request& request,
                std::vector<Step>& steps) {
  for (std::size_t host = 0; host < state.app_hosts.size(); ++host)
    if (const SlotState& slot = state.app_hosts[host].slots[live]; !slot.answers && !slot.answer.empty())
      steps.push_back(
          AwaitHealth{host, live, occupant(slot)->id, request.launch.health.value_or(spec.health)});
}

// A release has one id on all hosts: the one that an interrupted deploy gave it on any of them.
Request with_one_id(const State& state, std::size_t slot, Request request) {
  for (const AppHost& host : state.app_hosts)
    if (const auto& container = host.slots[slot].container; container && reusable(*container, request)) {
      request.launch.release = container->release;
      break;
    }
  return request;
}

Stop stop(const spec::Spec& spec, std::size_t host, std::size_t slot, const Container& container,
          bool restart_on_undo = false) {
  return {host, slot, container.id, container.release, grace_of(spec, container), restart_on_undo};
}

// Whether only a run that died can have started what runs in the idle slot, and nobody misses it. What waits
// is meant to run, and so is what was kept.
bool died_with_it(const spec::Spec& spec, const State& state, std::size_t host, std::size_t slot) {
  const AppHost& app = state.app_hosts[host];
  if (state.held || (spec.retire == spec::Retire::keep && !app.slots[slot].aside)) return false;
  if (std::ranges::any_of(state.proxies, [&](const ProxyHost& proxy) { return proxy.live() != 1 - slot; }))
    return false;
  const Container* live = occupant(app.slots[1 - slot]);
  return live != nullptr && (live->running() || spec.order == spec::Order::stop_first);
}

// Clears the idle slot of one host and starts the release in it.
void prepare(const spec::Spec& spec, const State& state, std::size_t host, std::size_t slot,
             const Request& request, std::vector<Step>& steps) {
  const auto await_health = [&](const std::string& container, bool leftover = false) {
    steps.push_back(
        AwaitHealth{host, slot, container, request.launch.health.value_or(spec.health), leftover});
  };
  const SlotState& idle = state.app_hosts[host].slots[slot];
  const auto& container = idle.container;
  if (container && reusable(*container, request) && container->release.id == request.launch.release.id) {
    if (!container->running())
      steps.push_back(Start{host, slot, container->id, container->release, request.launch});
    await_health(container->id, container->running() && died_with_it(spec, state, host, slot));
    return;
  }
  const Release& wanted = request.launch.release;
  if (wanted_back(idle, request)) {
    steps.push_back(PutBack{host, slot, idle.aside->id, idle.aside->release});
    steps.push_back(Start{host, slot, idle.aside->id, idle.aside->release, request.launch});
    await_health(idle.aside->id);
    return;
  }
  const bool present = state.app_hosts[host].image_present;
  const bool to_pull = !wanted.local() || request.there;
  if (request.kind == Request::Kind::rollback || request.promote || (to_pull && !present))
    steps.push_back(Pull{host, wanted});
  else if (!present)
    steps.push_back(wanted.sent() ? Step(Send{host, wanted, state.app_hosts[host].image_lacks})
                                  : Step(Build{host, wanted}));
  if (container) {
    // Where a container stands aside already, an interrupted deploy left this one: nobody goes back to it.
    // One that cannot be moved aside is removed: a rollback creates it again from the history.
    const bool drop =
        idle.aside || !spec::runtime_of(spec).sets_aside || container->status == Container::Status::dead;
    if (container->active())
      steps.push_back(stop(spec, host, slot, *container, !drop && spec.retire == spec::Retire::keep));
    if (drop)
      steps.push_back(Remove{host, slot, container->id, container->release});
    else
      steps.push_back(SetAside{host, slot, container->id, container->release});
  }
  steps.push_back(Create{host, slot, request.launch});
  await_health("");
}

// Nobody needs the container that stands aside in `slot` after the switch, or after a deploy that ended too
// early.
void forget_aside(const State& state, std::size_t slot, const std::vector<Step>& prepared,
                  std::vector<Step>& steps) {
  for (std::size_t host = 0; host < state.app_hosts.size(); ++host) {
    for (const Step& step : prepared)
      if (const auto* aside = std::get_if<SetAside>(&step); aside && aside->host == host)
        steps.push_back(Remove{host, slot, aside->container, aside->release});
    const auto& aside = state.app_hosts[host].slots[slot].aside;
    auto taken = [&](const Step& step) {
      const auto* back = std::get_if<PutBack>(&step);
      return back && aside && back->container == aside->id;
    };
    if (aside && std::ranges::none_of(prepared, taken))
      steps.push_back(Remove{host, slot, aside->id, aside->release});
  }
}

void retire(const spec::Spec& spec, const State& state, std::size_t slot, spec::Retire how,
            std::vector<Step>& steps) {
  if (how == spec::Retire::keep) return;
  for (std::size_t host = 0; host < state.app_hosts.size(); ++host) {
    const SlotState& own = state.app_hosts[host].slots[slot];
    const Container* old = occupant(own);
    if (old && (old->active() || how == spec::Retire::remove))
      steps.push_back(
          Retire{host, slot, old->id, old->release, grace_of(spec, *old), how, name_unless_own(own, *old)});
  }
}

// A slot is stopped and verified before it is removed, so that it can start again when nobody is served
// without it.
void retire_and_verify(const spec::Spec& spec, const State& state, std::size_t slot,
                       std::vector<Step>& steps) {
  const bool verified = spec.verify.has_value() && runs(state, slot) && spec.retire != spec::Retire::keep;
  if (verified) {
    retire(spec, state, slot, spec::Retire::stop, steps);
    steps.push_back(Verify{1 - slot, true});
  }
  if (!verified || spec.retire == spec::Retire::remove) retire(spec, state, slot, spec.retire, steps);
}

// The release is live already: only the leftovers of an interrupted deploy in the idle slot are put in order.
void tidy(const spec::Spec& spec, const State& state, std::size_t idle, std::vector<Step>& steps) {
  for (std::size_t host = 0; host < state.app_hosts.size(); ++host) {
    const SlotState& slot = state.app_hosts[host].slots[idle];
    if (slot.aside) {
      if (slot.container) {
        if (slot.container->active()) steps.push_back(stop(spec, host, idle, *slot.container));
        steps.push_back(Remove{host, idle, slot.container->id, slot.container->release});
      }
      steps.push_back(PutBack{host, idle, slot.aside->id, slot.aside->release});
    } else if (slot.container && slot.container->active() && spec.retire != spec::Retire::keep) {
      steps.push_back(Retire{host, idle, slot.container->id, slot.container->release,
                             grace_of(spec, *slot.container), spec.retire});
    }
  }
}

void add_switch(const spec::Spec& spec, Switch change, std::vector<Step>& steps) {
  const std::size_t slot = change.slot;
  steps.push_back(std::move(change));
  if (spec.verify) steps.push_back(Verify{slot});
}

void add_prune(const State& state, const Request& request, std::vector<Step>& steps) {
  if (request.leftovers.old.empty()) return;
  for (std::size_t host = 0; host < state.app_hosts.size(); ++host)
    steps.push_back(Prune{host, request.leftovers});
}

// Rewrites files that name the live slot in other words than the spec would.
core::Result<std::vector<Step>> rewrite(const spec::Spec& spec, const State& state, const Plan& plan) {
  const auto outdated = [](const ProxyHost& proxy) { return proxy.outdated; };
  if (std::ranges::none_of(state.proxies, outdated)) return std::vector<Step>{};
  Switch change{.slot = *plan.live, .routing = {}, .old = {}, .rewrite = true};
  BGDEPLOY_ASSIGN(change.routing, routings_to(spec, state.places, *plan.live, plan.from.tag));
  std::vector<Step> steps;
  add_switch(spec, std::move(change), steps);
  steps.push_back(Accept{*plan.live});
  return steps;
}

// From the images to healthy containers. What runs before a start waits until the image is on every host.
void add_prepared(const spec::Spec& spec, const Request& request, std::vector<Step> prepared, Plan& plan) {
  auto starting = prepared.begin();
  if (!spec.hooks.at(static_cast<std::size_t>(spec::HookPosition::before_start)).empty())
    starting = std::stable_partition(prepared.begin(), prepared.end(), fetches);
  plan.steps.insert(plan.steps.end(), prepared.begin(), starting);
  if (!request.promote && !request.rehearse) add_hooks(spec, spec::HookPosition::before_start, request, plan);
  plan.steps.insert(plan.steps.end(), starting, prepared.end());
}

}  // namespace

bool reusable(const Container& container, const Request& request) {
  if (container.status == Container::Status::dead)
    return false;  // docker failed to remove it: it never starts
  const std::string& tag = request.launch.release.tag;
  return same_release(container, request) && (tag.empty() || container.release.tag == tag);
}

bool stops_something(const std::vector<Step>& steps) {
  return std::ranges::any_of(steps, [](const Step& step) {
    return std::holds_alternative<Stop>(step) || std::holds_alternative<Retire>(step);
  });
}

core::Duration grace_of(const spec::Spec& spec, const Container& container) {
  const core::Duration most = spec::stop_grace(spec);
  return spec::runtime_of(spec).own_grace ? most : container.stop_grace.value_or(most);
}

bool takes_up(const State& state, std::size_t host, std::size_t slot, const Request& request) {
  const SlotState& seen = state.app_hosts.at(host).slots.at(slot);
  return (seen.container && reusable(*seen.container, request)) || wanted_back(seen, request);
}

bool Plan::switches() const {
  return std::ranges::any_of(steps, [](const Step& step) { return std::holds_alternative<Switch>(step); });
}

core::Result<Plan> plan_blue_green(const spec::Spec& spec, const State& state, const Request& request) {
  Plan plan{.command = command_name(request)};
  BGDEPLOY_TRY(check_owners(spec, state, request.force));
  BGDEPLOY_ASSIGN(plan.live, live_slot(spec, state));
  const bool again = starts_again(state, request);
  // What waits must not be in the slot that a proxy names already.
  if (again || (nothing_runs_yet(state) && !request.hold)) plan.live.reset();
  const bool named = plan.live.has_value();
  if (again)
    plan.target = state.last_served->slot;
  else if (named)
    plan.target = 1 - *plan.live;
  else
    BGDEPLOY_TRY(choose_without_include(spec, state, request, plan));
  plan.to = request.launch.release;
  if (plan.live)
    if (const Container* live = occupant(state, *plan.live)) plan.from = live->release;
  if (again) plan.from = state.last_served->release;
  note_oddities(spec, state, plan);

  const bool leaving =
      std::ranges::any_of(state.proxies, [](const ProxyHost& p) { return !p.leaving.empty(); });
  if (named && !request.force && target_is_live(state, *plan.live, request)) {
    if (request.rehearse)
      return core::fail(ErrorKind::nothing,
                        fmt::format("{} serves now: there is nothing to rehearse", describe(plan.from)));
    if (const Container& live = *occupant(state, *plan.live); started_by_others(live))
      plan.remarks.push_back(fmt::format(
          "bgdeploy did not start {}, which is what this spec would start: it stays as it is", live.name));
    if (!plan.to.tag.empty() && plan.to.tag != plan.from.tag)
      plan.remarks.push_back(
          fmt::format("{} is the image that serves already as {}", plan.to.tag, plan.from.tag));
    plan.to = plan.from;
    std::vector<Step> tidied;
    tidy(spec, state, plan.target, tidied);
    const bool retires =
        std::ranges::any_of(tidied, [](const Step& step) { return std::holds_alternative<Retire>(step); });
    if (spec.watch && retires)
      plan.notes.push_back(
          fmt::format("the run that put {} live ended early: whether it was watched to the end is not known, "
                      "and it is not "
                      "watched again",
                      describe(plan.from)));
    forget_aside(state, *plan.live, {}, tidied);
    BGDEPLOY_ASSIGN(plan.steps, rewrite(spec, state, plan));
    if ((leaving || !plan.steps.empty()) && stops_something(tidied)) plan.steps.push_back(AwaitLeaving{});
    await_live(spec, state, *plan.live, request, plan.steps);
    plan.steps.insert(plan.steps.end(), tidied.begin(), tidied.end());
    plan.target = *plan.live;
    BGDEPLOY_TRY(check_claims(spec, state, plan.steps));
    return plan;
  }

  for (const AppHost& host : state.app_hosts)
    BGDEPLOY_TRY(port_is_free(spec, state.places, host, plan.target, plan.live));
  const Request wanted = with_one_id(state, plan.target, request);
  plan.to = wanted.launch.release;
  std::vector<Step> prepared;
  for (std::size_t host = 0; host < state.app_hosts.size(); ++host)
    prepare(spec, state, host, plan.target, wanted, prepared);
  const bool stops_first = spec.order == spec::Order::stop_first && plan.live;
  if (stops_first) stop_first(spec, state, *plan.live, prepared);
  using enum spec::HookPosition;
  if (!request.promote && !request.rehearse) add_hooks(spec, before_deploy, wanted, plan);
  if (leaving && stops_something(prepared)) plan.steps.push_back(AwaitLeaving{});
  add_prepared(spec, wanted, prepared, plan);
  if (request.hold || request.rehearse) {
    plan.aim = request.hold ? Plan::Aim::hold : Plan::Aim::rehearse;
    BGDEPLOY_TRY(check_claims(spec, state, plan.steps));
    return plan;
  }

  Switch change{.slot = plan.target, .routing = {}, .old = {}, .from = plan.live};
  BGDEPLOY_ASSIGN(change.routing, routings_to(spec, state.places, plan.target, plan.to.tag));
  if (plan.live) {
    BGDEPLOY_ASSIGN(change.old, routings_to(spec, state.places, *plan.live, plan.from.tag));
  }
  add_hooks(spec, before_switch, wanted, plan);
  // Everything that has to be seen of the new slot stands between the switch and its acceptance.
  add_switch(spec, change, plan.steps);
  add_hooks(spec, after_switch, wanted, plan);
  if (spec.watch)
    plan.steps.push_back(Watch{plan.target, *spec.watch, plan.live && request.kind == Request::Kind::deploy});
  plan.steps.push_back(Accept{plan.target});
  if (stops_first) {
    if (spec.retire == spec::Retire::remove) retire(spec, state, *plan.live, spec.retire, plan.steps);
  } else if (plan.live) {
    // No request is on its way to a worker.
    if (!spec::is_worker(spec)) plan.steps.push_back(Drain{*plan.live, change.old});
    retire_and_verify(spec, state, *plan.live, plan.steps);
  }
  forget_aside(state, plan.target, prepared, plan.steps);
  if (plan.live) forget_aside(state, *plan.live, {}, plan.steps);
  add_prune(state, request, plan.steps);
  add_hooks(spec, after_deploy, wanted, plan);
  BGDEPLOY_TRY(check_claims(spec, state, plan.steps));
  return plan;
}

}  // namespace bgdeploy::plan
