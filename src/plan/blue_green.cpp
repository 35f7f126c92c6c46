// The blue-green strategy: make the idle slot run the release, switch all traffic, retire the other slot.
#include <algorithm>

#include <fmt/format.h>

#include "bgdeploy/plan/owners.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/plan/substitutions.hpp"

namespace bgdeploy::plan {
namespace {

using core::ErrorKind;

bool same_release(const Container& container, const Request& request) {
  const Release& wanted = request.launch.release;
  if (request.kind == Request::Kind::rollback) {
    if (!wanted.id.empty() && container.release.id == wanted.id) return true;
    // What an older tool started is that release as it ran, however it was configured.
    if (wanted.id.empty() && !container.managed && container.release == wanted) return true;
  }
  return container.managed && container.release.digest == wanted.digest && container.differences &&
         container.differences->empty();
}

// A tag is only a name: what serves under another one is not deployed again. What is to serve from now on
// bears the name that was asked for.
bool reusable(const Container& container, const Request& request) {
  if (container.status == Container::Status::dead)
    return false;  // docker failed to remove it: it never starts
  const std::string& tag = request.launch.release.tag;
  return same_release(container, request) && (tag.empty() || container.release.tag == tag);
}

// The container that was moved aside is what is asked for.
bool wanted_back(const SlotState& idle, const Request& request) {
  return idle.aside && !idle.container && request.kind == Request::Kind::rollback &&
         idle.aside->release.id == request.launch.release.id;
}

bool target_is_live(const State& state, std::size_t live, const Request& request) {
  return std::ranges::all_of(state.app_hosts, [&](const AppHost& host) {
    const auto& container = host.slots[live].container;
    return container && container->running() && host.slots[live].answers.value_or(true) &&
           same_release(*container, request);
  });
}

// A release bears one id on all hosts: where an interrupted deploy got on one of them, that is its id.
Request with_one_id(const State& state, std::size_t slot, Request request) {
  for (const AppHost& host : state.app_hosts)
    if (const auto& container = host.slots[slot].container; container && reusable(*container, request)) {
      request.launch.release = container->release;
      break;
    }
  return request;
}

// Clears the idle slot of one host and starts the release in it.
void prepare(const spec::Spec& spec, const State& state, std::size_t host, std::size_t slot,
             const Request& request, std::vector<Step>& steps) {
  const SlotState& idle = state.app_hosts[host].slots[slot];
  const auto& container = idle.container;
  if (container && reusable(*container, request) && container->release.id == request.launch.release.id) {
    if (!container->running())
      steps.push_back(Start{host, slot, container->id, container->release, request.launch});
    steps.push_back(AwaitHealth{host, slot});
    return;
  }
  const Release& wanted = request.launch.release;
  if (wanted_back(idle, request)) {
    steps.push_back(PutBack{host, slot, idle.aside->id, idle.aside->release});
    steps.push_back(Start{host, slot, idle.aside->id, idle.aside->release, request.launch});
    steps.push_back(AwaitHealth{host, slot});
    return;
  }
  if (!wanted.built() || request.kind == Request::Kind::rollback)
    steps.push_back(Pull{host, wanted});
  else if (!state.app_hosts[host].image_present)
    steps.push_back(Build{host, wanted});
  if (container) {
    // With something moved aside already, this one is what an interrupted deploy left: nothing to go back to.
    // What compose made cannot be moved: a rollback creates it again, from what the history recorded.
    const bool drop = idle.aside || spec.compose || container->status == Container::Status::dead;
    if (container->active())
      steps.push_back(Stop{host, slot, container->id, !drop && spec.retire == spec::Retire::keep});
    if (drop)
      steps.push_back(Remove{host, slot, container->id, container->release});
    else
      steps.push_back(SetAside{host, slot, container->id, container->release});
  }
  steps.push_back(Create{host, slot, request.launch});
  steps.push_back(AwaitHealth{host, slot});
}

// After the switch, or where an earlier deploy ended too early: what is set aside in `slot` is not needed any
// more.
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

bool runs(const State& state, std::size_t slot) {
  return std::ranges::any_of(state.app_hosts, [&](const AppHost& host) {
    const Container* container = occupant(host.slots[slot]);
    return container && container->running();
  });
}

void retire(const State& state, std::size_t slot, spec::Retire how, std::vector<Step>& steps) {
  if (how == spec::Retire::keep) return;
  for (std::size_t host = 0; host < state.app_hosts.size(); ++host) {
    const SlotState& own = state.app_hosts[host].slots[slot];
    const Container* old = occupant(own);
    if (old && (old->active() || how == spec::Retire::remove))
      steps.push_back(Retire{host, slot, old->id, old->release, how, own.container ? "" : old->name});
  }
}

// What is removed has been stopped before, so that it can be started again when nobody is served without it.
void retire_and_verify(const spec::Spec& spec, const State& state, std::size_t slot,
                       std::vector<Step>& steps) {
  const bool verified = spec.verify.has_value() && runs(state, slot) && spec.retire != spec::Retire::keep;
  if (verified) {
    retire(state, slot, spec::Retire::stop, steps);
    steps.push_back(Verify{1 - slot, true});
  }
  if (!verified || spec.retire == spec::Retire::remove) retire(state, slot, spec.retire, steps);
}

// The release is live already: only what an interrupted deploy left in the idle slot is put in order.
void tidy(const spec::Spec& spec, const State& state, std::size_t idle, std::vector<Step>& steps) {
  for (std::size_t host = 0; host < state.app_hosts.size(); ++host) {
    const SlotState& slot = state.app_hosts[host].slots[idle];
    if (slot.aside) {
      if (slot.container) {
        if (slot.container->active()) steps.push_back(Stop{host, idle, slot.container->id});
        steps.push_back(Remove{host, idle, slot.container->id, slot.container->release});
      }
      steps.push_back(PutBack{host, idle, slot.aside->id, slot.aside->release});
    } else if (slot.container && slot.container->active() && spec.retire != spec::Retire::keep) {
      steps.push_back(Retire{host, idle, slot.container->id, slot.container->release, spec.retire});
    }
  }
}

bool stops_something(const std::vector<Step>& steps) {
  return std::ranges::any_of(steps, [](const Step& step) {
    return std::holds_alternative<Stop>(step) || std::holds_alternative<Retire>(step);
  });
}

void note_oddities(const spec::Spec& spec, const State& state, Plan& plan) {
  for (const ProxyHost& proxy : state.proxies)
    for (const std::string& note : proxy.notes) plan.notes.push_back(fmt::format("{}: {}", proxy.host, note));
  if (!plan.live) return;
  for (const AppHost& host : state.app_hosts) {
    const Container* live = occupant(host.slots[*plan.live]);
    const std::string& name = spec.slots[*plan.live].name;
    for (const Stranger& stranger : host.slots[*plan.live].strangers)
      plan.notes.push_back(
          fmt::format("{}: {}: it is left as it is", host.host, describe(spec, *plan.live, stranger)));
    if (!live && host.slots[*plan.live].strangers.empty())
      plan.notes.push_back(fmt::format("{}: the live slot {} has no container", host.host, name));
    else if (live && live->status == Container::Status::paused)
      plan.notes.push_back(fmt::format("{}: the live container {} is paused", host.host, live->name));
    else if (live && !live->running())
      plan.notes.push_back(fmt::format("{}: the live container {} is not running (exit code {})", host.host,
                                       live->name, live->exit_code));
    else if (live && host.slots[*plan.live].answers == false)
      plan.notes.push_back(fmt::format("{}: the live slot {} does not answer: {}", host.host, name,
                                       host.slots[*plan.live].answer));
  }
}

// What proxies say in other words than the spec would, though of the slot that serves.
core::Result<std::vector<Step>> rewrite(const spec::Spec& spec, const State& state, const Plan& plan) {
  const auto outdated = [](const ProxyHost& proxy) { return proxy.outdated; };
  if (std::ranges::none_of(state.proxies, outdated)) return std::vector<Step>{};
  Switch change{.slot = *plan.live, .routing = {}, .old = {}, .rewrite = true};
  BGDEPLOY_ASSIGN(change.routing, routings_to(spec, *plan.live, plan.from.tag));
  std::vector<Step> steps{std::move(change)};
  if (spec.verify) steps.push_back(Verify{*plan.live});
  return steps;
}

bool started_once(const std::optional<Container>& container) {
  return container && container->status != Container::Status::created;
}

// nginx does not start without the include, so it names a slot before anything was ever deployed.
bool nothing_runs_yet(const State& state) {
  return std::ranges::all_of(state.app_hosts, [](const AppHost& host) {
    return host.live_listens == false && std::ranges::all_of(host.slots, [](const SlotState& slot) {
             return !started_once(slot.container) && !slot.aside && slot.others.empty();
           });
  });
}

bool answers(const State& state, std::size_t slot) {
  return std::ranges::all_of(state.app_hosts,
                             [&](const AppHost& host) { return host.slots[slot].answers == true; });
}

core::SystemTime started(const State& state, std::size_t slot) {
  core::SystemTime first = core::SystemTime::max();
  for (const AppHost& host : state.app_hosts)
    if (const Container* container = occupant(host.slots[slot]); container && container->running())
      first = std::min(first, container->started);
  return first;
}

// Where both run.
std::size_t started_first(const State& state) {
  return started(state, 0) <= started(state, 1) ? 0 : 1;
}

bool own_runs(const State& state, std::size_t slot) {
  return std::ranges::any_of(state.app_hosts, [&](const AppHost& host) {
    const auto& container = host.slots[slot].container;
    return container && container->running();
  });
}

bool runs_wanted(const State& state, std::size_t slot, const Request& request) {
  return std::ranges::all_of(state.app_hosts, [&](const AppHost& host) {
    const auto& container = host.slots[slot].container;
    return container && container->running() && reusable(*container, request);
  });
}

// Traffic goes to whatever runs.
std::optional<std::size_t> live_without_proxy(const State& state) {
  if (!runs(state, 0) && !runs(state, 1)) return std::nullopt;
  if (runs(state, 0) != runs(state, 1)) return runs(state, 0) ? 0 : 1;
  if (answers(state, 0) != answers(state, 1)) return answers(state, 0) ? 0 : 1;
  return started_first(state);
}

// Nothing names a slot: before a first deploy, or where somebody removed the include. nginx may know one all
// the same, from when it was last loaded, so what runs counts as what serves.
core::Result<void> choose_without_include(const spec::Spec& spec, const State& state, const Request& request,
                                          Plan& plan) {
  const bool first = own_runs(state, 0);
  const bool second = own_runs(state, 1);
  if (runs_wanted(state, 0, request) || runs_wanted(state, 1, request)) {
    plan.target = runs_wanted(state, 0, request) ? 0 : 1;
    if (plan.target == 0 ? second : first) plan.live = 1 - plan.target;
    return {};
  }
  if (first && second && spec.retire == spec::Retire::keep)
    return core::fail(ErrorKind::inconsistent,
                      fmt::format("{} does not exist, and both slots run", routing_file(spec)),
                      {fmt::format("write {} so that it names the slot that serves, then run this again",
                                   routing_file(spec))});
  if (first && second)
    plan.live = started_first(state);
  else if (first || second)
    plan.live = first ? 0 : 1;
  plan.target = plan.live ? 1 - *plan.live : 0;
  return {};
}

}  // namespace

bool takes_up(const State& state, std::size_t host, std::size_t slot, const Request& request) {
  const SlotState& seen = state.app_hosts.at(host).slots.at(slot);
  return (seen.container && reusable(*seen.container, request)) || wanted_back(seen, request);
}

const Container* occupant(const SlotState& slot) {
  if (slot.container) return &*slot.container;
  auto running = std::ranges::find_if(slot.others, &Container::running);
  return running == slot.others.end() ? nullptr : &*running;
}

bool Plan::switches() const {
  return std::ranges::any_of(steps, [](const Step& step) { return std::holds_alternative<Switch>(step); });
}

std::vector<std::string> describe_routing(const spec::Spec& spec, const State& state) {
  std::vector<std::string> words;
  for (const ProxyHost& proxy : state.proxies) {
    if (proxy.routing == ProxyHost::Routing::slot)
      words.push_back(fmt::format("{}: {} names {}", proxy.host, proxy.include, spec.slots[proxy.live].name));
    else if (proxy.routing == ProxyHost::Routing::missing)
      words.push_back(fmt::format("{}: {} does not exist", proxy.host, routing_file(spec)));
    else
      words.push_back(
          fmt::format("{}: {} holds: {}", proxy.host, proxy.include, core::printable(proxy.text)));
  }
  words.push_back(fmt::format(
      "decide which slot is to serve ({} on port {}, or {} on port {}), write it into {}, "
      "reload nginx, then run this again",
      spec.slots[0].name, spec.slots[0].port, spec.slots[1].name, spec.slots[1].port, routing_file(spec)));
  return words;
}

core::Result<std::optional<std::size_t>> live_slot(const spec::Spec& spec, const State& state) {
  if (!spec.proxied) return live_without_proxy(state);
  const auto complain = [&](std::string message) {
    return core::fail(ErrorKind::inconsistent, std::move(message), describe_routing(spec, state));
  };
  for (const ProxyHost& proxy : state.proxies)
    if (proxy.routing == ProxyHost::Routing::unknown)
      return complain(fmt::format("{} on {} names neither slot alone", routing_file(spec), proxy.host));
  const ProxyHost& first = state.proxies.at(0);
  for (const ProxyHost& proxy : state.proxies)
    if (proxy.routing != first.routing || proxy.live != first.live) return complain("the proxies disagree");
  if (first.routing == ProxyHost::Routing::missing) return std::optional<std::size_t>();
  return std::optional(first.live);
}

core::Result<Plan> make_plan(const spec::Spec& spec, const State& state, const Request& request) {
  Plan plan;
  BGDEPLOY_TRY(check_owners(spec, state, request.force));
  BGDEPLOY_ASSIGN(plan.live, live_slot(spec, state));
  if (nothing_runs_yet(state)) plan.live.reset();
  const bool named = plan.live.has_value();
  if (named)
    plan.target = 1 - *plan.live;
  else
    BGDEPLOY_TRY(choose_without_include(spec, state, request, plan));
  plan.to = request.launch.release;
  if (plan.live)
    if (const Container* live = occupant(state.app_hosts.at(0).slots[*plan.live])) plan.from = live->release;
  note_oddities(spec, state, plan);

  const bool leaving =
      std::ranges::any_of(state.proxies, [](const ProxyHost& p) { return !p.leaving.empty(); });
  if (named && !request.force && target_is_live(state, *plan.live, request)) {
    if (!plan.to.tag.empty() && plan.to.tag != plan.from.tag)
      plan.notes.push_back(
          fmt::format("{} is the image that serves already as {}", plan.to.tag, plan.from.tag));
    plan.to = plan.from;
    std::vector<Step> tidied;
    tidy(spec, state, plan.target, tidied);
    forget_aside(state, *plan.live, {}, tidied);
    BGDEPLOY_ASSIGN(plan.steps, rewrite(spec, state, plan));
    if ((leaving || !plan.steps.empty()) && stops_something(tidied)) plan.steps.push_back(AwaitLeaving{});
    plan.steps.insert(plan.steps.end(), tidied.begin(), tidied.end());
    plan.target = *plan.live;
    BGDEPLOY_TRY(check_claims(spec, state, plan.steps));
    return plan;
  }

  for (const AppHost& host : state.app_hosts) BGDEPLOY_TRY(port_is_free(spec, host, plan.target, plan.live));
  const Request wanted = with_one_id(state, plan.target, request);
  plan.to = wanted.launch.release;
  std::vector<Step> prepared;
  for (std::size_t host = 0; host < state.app_hosts.size(); ++host)
    prepare(spec, state, host, plan.target, wanted, prepared);
  if (leaving && stops_something(prepared)) plan.steps.push_back(AwaitLeaving{});
  plan.steps.insert(plan.steps.end(), prepared.begin(), prepared.end());

  Switch change{.slot = plan.target, .routing = {}, .old = {}};
  BGDEPLOY_ASSIGN(change.routing, routings_to(spec, plan.target, plan.to.tag));
  if (plan.live) {
    BGDEPLOY_ASSIGN(change.old, routings_to(spec, *plan.live, plan.from.tag));
  }
  plan.steps.push_back(change);
  if (spec.verify) plan.steps.push_back(Verify{plan.target});
  if (plan.live) {
    plan.steps.push_back(Drain{*plan.live, change.old});
    retire_and_verify(spec, state, *plan.live, plan.steps);
  }
  forget_aside(state, plan.target, prepared, plan.steps);
  if (plan.live) forget_aside(state, *plan.live, {}, plan.steps);
  BGDEPLOY_TRY(check_claims(spec, state, plan.steps));
  return plan;
}

}  // namespace bgdeploy::plan
