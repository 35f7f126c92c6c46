// What waits in the idle slot, and what an interrupted run left there: the steps that take it away.
#include "bgdeploy/plan/held.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/shell_words.hpp"
#include "bgdeploy/core/timestamp.hpp"
#include "bgdeploy/plan/owners.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"
#include "bgdeploy/plan/routing.hpp"
#include "bgdeploy/spec/address.hpp"
#include "bgdeploy/spec/runtime.hpp"
#include "steps.hpp"

namespace bgdeploy::plan {
namespace {

bool waits(const std::optional<Held>& held, std::size_t slot, const Container& container) {
  return held && held->slot == slot && container.managed && container.release.id == held->release.id;
}

void clear(const spec::Spec& spec, State& state, std::size_t host, std::size_t slot,
           std::vector<Step>& steps) {
  SlotState& own = state.app_hosts[host].slots[slot];
  if (own.container && (own.aside || waits(state.held, slot, *own.container))) {
    Container& newcomer = *own.container;
    const bool is_a_way_back = waits(state.held, slot, newcomer) && state.held->served;
    if (newcomer.active() && !(is_a_way_back && spec.retire == spec::Retire::keep)) {
      const core::Duration grace = std::min(k_newcomer_grace, grace_of(spec, newcomer));
      steps.push_back(Stop{host, slot, newcomer.id, newcomer.release, grace});
      newcomer.status = Container::Status::exited;
    }
    if (!is_a_way_back) {
      steps.push_back(Remove{host, slot, newcomer.id, newcomer.release});
      own.container.reset();
    }
  }
  if (own.aside && !own.container) {
    steps.push_back(PutBack{host, slot, own.aside->id, own.aside->release});
    own.container = std::exchange(own.aside, std::nullopt);
    own.container->name = spec.slots[slot].container;
  }
}

bool live_runs(const AppHost& host, std::size_t live) {
  const Container* container = occupant(host.slots[live]);
  return container != nullptr && container->running();
}

bool has_aside(const State& state) {
  return std::ranges::any_of(state.app_hosts, [](const AppHost& host) {
    return std::ranges::any_of(host.slots, [](const SlotState& slot) { return slot.aside.has_value(); });
  });
}

// The slot that `abort` puts in order.
std::optional<std::size_t> idle_slot(const State& state, std::optional<std::size_t> live) {
  if (state.held) return state.held->slot;
  if (live) return 1 - *live;
  return std::nullopt;
}

void settle_first(const State& state, std::vector<Step>& steps) {
  const bool leaving =
      std::ranges::any_of(state.proxies, [](const ProxyHost& proxy) { return !proxy.leaving.empty(); });
  if (leaving && stops_something(steps)) steps.insert(steps.begin(), AwaitLeaving{});
}

struct Cleared {
  std::vector<Step> steps;
  State state;  // after them
};

// Takes away what waits in `slot`, and what a run that died left in front of a container that it had set
// aside, and puts that one back.
Cleared cleared(const spec::Spec& spec, const State& state, std::size_t slot) {
  Cleared done{.steps = {}, .state = state};
  for (std::size_t host = 0; host < state.app_hosts.size(); ++host)
    clear(spec, done.state, host, slot, done.steps);
  settle_first(state, done.steps);
  done.state.held.reset();
  return done;
}

// The container of the live slot that a run stopped for its successor, and died.
const Container* stopped_for_it(const spec::Spec& spec, const State& state, std::size_t host,
                                std::optional<std::size_t> live) {
  if (spec.order != spec::Order::stop_first || !live) return nullptr;
  const Container* container = occupant(state.app_hosts[host].slots[*live]);
  if (container == nullptr || container->active()) return nullptr;
  if (state.last_served && container->release == state.last_served->release) return container;
  const bool elsewhere = std::ranges::any_of(state.app_hosts, [&](const AppHost& other) {
    const Container* running = occupant(other.slots[*live]);
    return running != nullptr && running->running() && running->release == container->release;
  });
  return elsewhere ? container : nullptr;
}

// What was there before, and is put back, is another release.
Release taken_away(const std::vector<Step>& steps, std::size_t slot) {
  for (const Step& step : steps) {
    const auto* gone = std::get_if<Remove>(&step);
    if (gone != nullptr && gone->slot == slot) return gone->release;
    const auto* stopped = std::get_if<Retire>(&step);
    if (stopped != nullptr && stopped->slot == slot) return stopped->release;
  }
  return {};
}

// Everything that is in the idle slot and was not before what waits there, or before a run that died.
core::Result<Plan> plan_abort(const spec::Spec& spec, const State& state) {
  Plan plan;
  plan.command = "abort";
  plan.aim = Plan::Aim::abort;
  BGDEPLOY_ASSIGN(plan.live, live_slot(spec, state));
  const auto idle = idle_slot(state, plan.live);
  if (!idle) return plan;
  plan.target = *idle;
  if (plan.live)
    if (const Container* live = occupant(state, *plan.live)) plan.from = live->release;
  if (state.held) plan.to = state.held->release;
  note_oddities(spec, state, plan);
  auto [steps, after] = cleared(spec, state, *idle);
  for (std::size_t host = 0; host < after.app_hosts.size(); ++host) {
    const auto& container = after.app_hosts[host].slots[*idle].container;
    if (!container) continue;
    const bool was_put_back = state.app_hosts[host].slots[*idle].aside.has_value();
    if (spec.retire == spec::Retire::keep) {
      if (was_put_back && !container->active())
        steps.push_back(Start{host, *idle, container->id, container->release});
    } else if (container->active() && plan.live &&
               (live_runs(state.app_hosts[host], *plan.live) ||
                stopped_for_it(spec, state, host, plan.live) != nullptr)) {
      steps.push_back(
          Retire{host, *idle, container->id, container->release, grace_of(spec, *container), spec.retire});
    }
  }
  for (std::size_t host = 0; host < after.app_hosts.size(); ++host)
    if (const Container* old = stopped_for_it(spec, state, host, plan.live)) {
      steps.push_back(Start{host, *plan.live, old->id, old->release});
      steps.push_back(AwaitHealth{host, *plan.live, old->id, spec.health});
    }
  if (steps.empty()) return plan;
  if (!state.held) plan.to = taken_away(steps, *idle);
  plan.steps = std::move(steps);
  BGDEPLOY_TRY(check_claims(spec, state, plan.steps));
  return plan;
}

// Whether the idle slot has to be cleared before the request can have it.
bool finds_it_taken(const State& state, const Request& request) {
  if (request.rehearse || starts_again(state, request)) return has_aside(state);
  if (!state.held || request.promote) return false;
  for (std::size_t host = 0; host < state.app_hosts.size(); ++host)
    if (takes_up(state, host, state.held->slot, request)) return false;
  return true;
}

core::Result<Plan> plan_on_cleared(const spec::Spec& spec, const State& state, const Request& request) {
  BGDEPLOY_ASSIGN(const auto live, live_slot(spec, state));
  const auto idle = idle_slot(state, live);
  if (!idle) return core::fail(core::ErrorKind::internal, "no slot to clear");
  auto [steps, free] = cleared(spec, state, *idle);
  BGDEPLOY_ASSIGN(Plan plan, plan_blue_green(spec, free, request));
  const bool replaces = plan.switches() || plan.aim == Plan::Aim::hold;
  if (state.held)
    plan.notes.push_back(describe(spec, *state.held) + (request.kind == Request::Kind::rollback
                                                            ? ": it is taken away"
                                                        : replaces ? ": this deploy replaces it"
                                                                   : ": this deploy takes it away"));
  // All hosts are cleared before one goes on: were that one to fail, the others would be left halfway.
  std::erase_if(plan.steps, [](const Step& step) { return std::holds_alternative<AwaitLeaving>(step); });
  if (state.app_hosts.size() > 1 && !plan.steps.empty()) steps.emplace_back(AwaitLeaving{});
  const auto behind = std::ranges::find_if_not(plan.steps, [](const Step& step) {
    const auto* hook = std::get_if<RunHook>(&step);
    return hook != nullptr && hook->at == spec::HookPosition::before_deploy;
  });
  plan.steps.insert(behind, steps.begin(), steps.end());
  BGDEPLOY_TRY(check_claims(spec, state, plan.steps));
  return plan;
}

// What runs gets requests at once where nothing switches: there nothing can wait, or be tried.
core::Result<void> check_idle_use(const spec::Spec& spec, const State& state, const Request& request) {
  if (!request.hold && !request.rehearse) return {};
  const std::string_view option = request.hold ? "--hold" : "--rehearse";
  if (!proxy_kind(spec).can.be_switched)
    return core::fail(
        core::ErrorKind::usage,
        fmt::format("{} needs a proxy that bgdeploy switches: with `proxy: {}` what runs gets its share of "
                    "the requests, or of the work, at once",
                    option, proxy_kind(spec).name));
  if (spec.order == spec::Order::stop_first)
    return core::fail(
        core::ErrorKind::usage,
        fmt::format("{} needs both slots at once, and `order: stop_first` forbids that", option));
  if (request.rehearse && state.held)
    return core::fail(core::ErrorKind::usage,
                      describe(spec, *state.held) + ", so the slot is not free for a rehearsal",
                      {"finish it with `bgdeploy promote`, or undo it with `bgdeploy abort`"});
  return {};
}

std::string ssh_line(const spec::Host& host, int port, const std::string& address) {
  std::vector<std::string> words = {"ssh", "-L", fmt::format("{}:{}:{}", port, address, port)};
  if (host.ssh.port) words.insert(words.end(), {"-p", std::to_string(*host.ssh.port)});
  if (host.ssh.identity_file) words.insert(words.end(), {"-i", *host.ssh.identity_file});
  if (host.ssh.proxy_jump && !host.ssh.proxy_jump->empty())
    words.insert(words.end(), {"-J", fmt::format("{}", fmt::join(*host.ssh.proxy_jump, ","))});
  words.push_back(host.ssh.user ? *host.ssh.user + "@" + host.name : host.name);
  return core::shell_join(words);
}

std::string address_in_url(const std::string& address) {
  return address.find(':') == std::string::npos ? address : "[" + address + "]";
}

std::string way_to(const spec::Spec& spec, const Places& places, std::size_t app, std::size_t slot,
                   const Container& container) {
  const spec::Host& host = spec.app_hosts[app];
  const int port = spec.slots[slot].port;
  const bool http = std::holds_alternative<spec::HealthHttp>(spec.health.probe);
  const auto at = [&](const std::string& address) {
    return fmt::format("{}{}:{}", http ? "http://" : "", address_in_url(address), port);
  };
  const auto published = std::ranges::find_if(
      container.published, [&](const Published& one) { return port != 0 && one.holds(port); });
  if (published == container.published.end())
    return fmt::format("docker exec {} … on {}: it publishes no port", container.name, host.name);
  if (!spec::is_loopback(published->ip)) {
    if (!spec::is_wildcard(published->ip)) return at(published->ip);
    return at(host.local ? "127.0.0.1" : host.address.value_or(places.of(app).address.value_or(host.name)));
  }
  if (host.local) return at(published->ip);
  const std::string near = published->ip == "localhost" ? "127.0.0.1" : published->ip;
  return fmt::format("{}, then {}", ssh_line(host, port, address_in_url(near)), at("127.0.0.1"));
}

}  // namespace

std::string describe(const spec::Spec& spec, const Held& held) {
  return fmt::format("{} waits in {} since {}{}", describe(held.release), spec.slots[held.slot].name,
                     core::format_time(held.since),
                     held.who.empty() ? "" : fmt::format(" (by {})", core::printable(held.who)));
}

std::vector<std::string> ways_to(const spec::Spec& spec, const State& state, std::size_t slot) {
  std::vector<std::string> ways;
  for (std::size_t i = 0; i < state.app_hosts.size() && i < spec.app_hosts.size(); ++i)
    if (const Container* container = occupant(state.app_hosts[i].slots[slot]))
      ways.push_back(way_to(spec, state.places, i, slot, *container));
  return ways;
}

State without_held(const spec::Spec& spec, const State& state) {
  return state.held ? cleared(spec, state, state.held->slot).state : state;
}

core::Result<Plan> make_plan(const spec::Spec& spec, const State& state, const Request& request) {
  if (request.abort) return plan_abort(spec, state);
  BGDEPLOY_TRY(check_idle_use(spec, state, request));
  return finds_it_taken(state, request) ? plan_on_cleared(spec, state, request)
                                        : plan_blue_green(spec, state, request);
}

}  // namespace bgdeploy::plan
