// Which slot serves, as observed, and what is odd about it.
#include <algorithm>

#include <fmt/format.h>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/plan/owners.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"
#include "bgdeploy/plan/substitutions.hpp"
#include "steps.hpp"

namespace bgdeploy::plan {
namespace {

using core::ErrorKind;

bool started_once(const std::optional<Container>& container) {
  return container && container->status != Container::Status::created;
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

// Both slots run.
std::size_t started_first(const State& state) {
  return started(state, 0) <= started(state, 1) ? 0 : 1;
}

// Traffic goes to whatever runs.
std::optional<std::size_t> live_by_what_runs(const State& state) {
  if (!runs(state, 0) && !runs(state, 1)) return std::nullopt;
  if (runs(state, 0) != runs(state, 1)) return runs(state, 0) ? 0 : 1;
  if (answers(state, 0) != answers(state, 1)) return answers(state, 0) ? 0 : 1;
  return started_first(state);
}

bool share_a_port(const Container& one, const Container& other) {
  return std::ranges::any_of(one.published, [&](const Published& first) {
    return std::ranges::any_of(other.published, [&](const Published& second) {
      return first.first <= second.last && second.first <= first.last;
    });
  });
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

}  // namespace

const Container* occupant(const SlotState& slot) {
  const Container* own = slot.container ? &*slot.container : nullptr;
  if (own != nullptr && own->active()) return own;
  // A stopped one that bears the name does not hide one of ours that has its port now. Without its port that
  // one may be another environment's, and without our labels somebody else's.
  const auto running = std::ranges::find_if(slot.others, [&](const Container& other) {
    return other.running() && (own == nullptr || (other.managed && share_a_port(*own, other)));
  });
  return running == slot.others.end() ? own : &*running;
}

const Container* occupant(const State& state, std::size_t slot) {
  const Container* first = nullptr;
  for (const AppHost& host : state.app_hosts) {
    const Container* one = occupant(host.slots[slot]);
    if (one != nullptr && one->running()) return one;
    if (first == nullptr) first = one;
  }
  return first;
}

std::string name_unless_own(const SlotState& slot, const Container& container) {
  return slot.container && slot.container->id == container.id ? "" : container.name;
}

bool runs(const State& state, std::size_t slot) {
  return std::ranges::any_of(state.app_hosts, [&](const AppHost& host) {
    const Container* container = occupant(host.slots[slot]);
    return container && container->running();
  });
}

bool nothing_runs_yet(const State& state) {
  return std::ranges::all_of(state.app_hosts, [](const AppHost& host) {
    return host.live_listens == false && std::ranges::all_of(host.slots, [](const SlotState& slot) {
             return !started_once(slot.container) && !slot.aside && slot.others.empty();
           });
  });
}

std::vector<std::string> describe_routing(const spec::Spec& spec, const State& state) {
  std::vector<std::string> words;
  for (const ProxyHost& proxy : state.proxies) {
    if (const auto live = proxy.live())
      words.push_back(fmt::format("{}: {} names {}", proxy.host, proxy.include, spec.slots[*live].name));
    else if (!proxy.written)
      words.push_back(fmt::format("{}: {} does not exist", proxy.host, routing_file(spec)));
    else if (proxy.traffic)
      words.push_back(
          fmt::format("{}: {} sends {}", proxy.host, proxy.include, describe(spec, *proxy.traffic)));
    else
      words.push_back(fmt::format("{}: {} holds: {}", proxy.host, proxy.include,
                                  core::printable(core::trim(proxy.text))));
  }
  words.push_back(
      fmt::format("decide which slot is to serve ({} on port {}, or {} on port {}), write it into {}, "
                  "reload {}, then run this again",
                  spec.slots[0].name, spec.slots[0].port, spec.slots[1].name, spec.slots[1].port,
                  routing_file(spec), proxy_kind(spec).name));
  return words;
}

core::Result<std::optional<std::size_t>> live_slot(const spec::Spec& spec, const State& state) {
  if (!proxy_kind(spec).can.be_switched) {
    const auto running = live_by_what_runs(state);
    return running || !state.last_served ? running : std::optional(state.last_served->slot);
  }
  const auto complain = [&](std::string message) {
    return core::fail(ErrorKind::inconsistent, std::move(message), describe_routing(spec, state));
  };
  for (const ProxyHost& proxy : state.proxies)
    if (proxy.unclear())
      return complain(fmt::format("{} on {} does not name exactly one slot", routing_file(spec), proxy.host));
  const auto live = state.proxies.at(0).live();
  for (const ProxyHost& proxy : state.proxies)
    if (proxy.live() != live) return complain("the proxies disagree");
  return live;
}

const Container* live_container(const spec::Spec& spec, const State& state) {
  const auto live = live_slot(spec, state).value_or(std::nullopt);
  return live ? occupant(state, *live) : nullptr;
}

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

bool starts_again(const State& state, const Request& request) {
  return state.last_served && request.kind == Request::Kind::rollback &&
         request.launch.release == state.last_served->release;
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
      plan.notes.push_back(fmt::format("{}: the live slot {} is not healthy: {}", host.host, name,
                                       host.slots[*plan.live].answer));
  }
}

}  // namespace bgdeploy::plan
