#include "bgdeploy/deploy/observe/observe.hpp"

#include <algorithm>
#include <thread>

#include <fmt/format.h>

#include "bgdeploy/plan/owners.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"
#include "bgdeploy/plan/routing.hpp"
#include "parallel.hpp"

namespace bgdeploy::deploy {
namespace {

using core::ErrorKind;
using core::Result;
using core::Wait;

// All results, or the first error with its host's name before it.
template <class T>
Result<std::vector<T>> collect(std::vector<Result<T>> results, const std::vector<std::string>& names) {
  std::vector<T> values;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!results[i]) return std::unexpected(std::move(results[i].error()).within(names[i]));
    values.push_back(std::move(*results[i]));
  }
  return values;
}

health::Answer ask(const spec::Spec& spec, const World& world, std::size_t host, std::size_t slot,
                   const plan::Container& container, const Wait& wait) {
  if (container.status == plan::Container::Status::paused) return {false, "paused"};
  if (!container.running()) return {false, fmt::format("not running, exit code {}", container.exit_code)};
  const spec::Health& health = health_of(spec, world, container.release);
  auto prober = world.prober(host, slot, container.id, health);
  if (!prober) return {false, prober.error().message};
  return (*prober)->probe(wait.at_most(health.timeout));
}

void ask_slot(const spec::Spec& spec, const World& world, std::size_t host, std::size_t slot,
              plan::SlotState& state, const Wait& wait) {
  const plan::Container* container = plan::occupant(state);
  if (container == nullptr) return;
  health::Answer answer = ask(spec, world, host, slot, *container, wait);
  if (!answer.early) state.answers = answer.healthy;
  state.answer = std::move(answer.text);
}

}  // namespace

spec::Spec as_of(const spec::Spec& spec, const World& world, const plan::Release& release) {
  spec::Spec then = spec;
  then.health = health_of(spec, world, release);
  const auto* today = std::get_if<spec::HealthHttp>(&spec.health.probe);
  const auto* http = std::get_if<spec::HealthHttp>(&then.health.probe);
  // What nobody wrote is that of health.http.
  if (then.verify && today != nullptr && http != nullptr && then.verify->path == today->path)
    then.verify->path = http->path;
  return then;
}

namespace {

Result<plan::ProxyHost> observe_proxy_at(const plan::Places& places, const spec::Spec& spec,
                                         const World& world, std::size_t index, const Wait& wait) {
  std::array<proxy::Routing, 2> routings;
  for (std::size_t slot = 0; slot < routings.size(); ++slot) {
    BGDEPLOY_ASSIGN(routings[slot], plan::routing_to(spec, places, index, slot, ""));
  }
  auto seen = world.proxies[index].proxy->observe(routings, wait);
  if (seen) seen->host = world.proxies[index].name;
  // The host was reached, and still nobody knows where its requests go.
  if (!seen && seen.error().kind == ErrorKind::refused) seen.error().kind = ErrorKind::inconsistent;
  return seen;
}

Result<std::vector<plan::ProxyHost>> observe_proxies_at(const plan::Places& places, const spec::Spec& spec,
                                                        const World& world, const Wait& wait) {
  std::vector<Result<plan::ProxyHost>> results(world.proxies.size());
  std::vector<std::string> names;
  for (const ProxySide& side : world.proxies) names.push_back(side.name);
  for_each_parallel(results.size(), spec.parallel,
                    [&](std::size_t i) { results[i] = observe_proxy_at(places, spec, world, i, wait); });
  return collect(std::move(results), names);
}

}  // namespace

Result<plan::ProxyHost> observe_proxy(const spec::Spec& spec, const World& world, std::size_t index,
                                      const Wait& wait) {
  return observe_proxy_at(*world.places, spec, world, index, wait);
}

Result<plan::AppHost> observe_app(const World& world, std::size_t index,
                                  const std::optional<plan::Launch>& launch, const Wait& wait) {
  const App& app = world.apps[index];
  plan::AppHost host{.host = app.name};
  BGDEPLOY_ASSIGN(host.slots, app.runtime->observe({launch, launch}, wait));
  return host;
}

void ask_serving(const spec::Spec& spec, const World& world, plan::State& state, const Wait& wait) {
  const auto live = plan::live_slot(spec, state);
  if (!live || !*live) return;
  for_each_parallel(state.app_hosts.size(), spec.parallel, [&](std::size_t i) {
    plan::AppHost& host = state.app_hosts[i];
    for (std::size_t slot = 0; slot < host.slots.size(); ++slot)
      if (slot == **live || (world.proxies.empty() && plan::occupant(host.slots[slot])))
        ask_slot(spec, world, i, slot, host.slots[slot], wait);
    const plan::Container* container = plan::occupant(host.slots[**live]);
    if (container == nullptr || container->status == plan::Container::Status::created)
      host.live_listens = world.listens(i, **live);
  });
}

void ask_running(const spec::Spec& spec, const World& world, plan::State& state, const Wait& wait) {
  for_each_parallel(state.app_hosts.size(), spec.parallel, [&](std::size_t i) {
    for (std::size_t slot = 0; slot < state.app_hosts[i].slots.size(); ++slot) {
      plan::SlotState& seen = state.app_hosts[i].slots[slot];
      const plan::Container* container = plan::occupant(seen);
      if (!seen.answers && container != nullptr && container->running())
        ask_slot(spec, world, i, slot, seen, wait);
    }
  });
}

Result<std::vector<plan::ProxyHost>> observe_proxies(const spec::Spec& spec, const World& world,
                                                     const Wait& wait) {
  return observe_proxies_at(*world.places, spec, world, wait);
}

namespace {

// What the include should say is known once it is known on which address what serves is published.
Result<void> look_where_it_is_published(const spec::Spec& spec, const World& world, plan::State& state,
                                        const Wait& wait) {
  const auto live = plan::live_slot(spec, state).value_or(std::nullopt);
  if (world.proxies.empty() || !live) return {};
  plan::Places found = *world.places;
  const auto at = plan::published_at(spec, state, {});
  for (std::size_t i = 0; i < at.size(); ++i)
    if (at[i][*live]) found.at(i).published[*live] = at[i][*live];
  const auto before = plan::routings_to(spec, *world.places, *live, "");
  const auto now = plan::routings_to(spec, found, *live, "");
  if (!before || !now || *before == *now) return {};
  BGDEPLOY_ASSIGN(state.proxies, observe_proxies_at(found, spec, world, wait));
  return {};
}

}  // namespace

Result<plan::State> observe(const spec::Spec& spec, const World& world,
                            const std::optional<plan::Launch>& launch, const Wait& wait) {
  Result<std::vector<plan::ProxyHost>> proxies;
  std::vector<Result<plan::AppHost>> apps(world.apps.size());
  {
    std::jthread beside([&] { proxies = guarded([&] { return observe_proxies(spec, world, wait); }); });
    for_each_parallel(apps.size(), spec.parallel,
                      [&](std::size_t i) { apps[i] = observe_app(world, i, launch, wait); });
  }
  plan::State state{.app_hosts = {}, .proxies = {}, .places = *world.places};
  std::vector<std::string> names;
  for (const App& app : world.apps) names.push_back(app.name);
  BGDEPLOY_ASSIGN(state.app_hosts, collect(std::move(apps), names));
  BGDEPLOY_ASSIGN(state.proxies, std::move(proxies));
  BGDEPLOY_TRY(look_where_it_is_published(spec, world, state, wait));
  ask_serving(spec, world, state, wait);
  return state;
}

namespace {

bool healthy_everywhere(const spec::Spec& spec, const World& world, const plan::State& state,
                        std::size_t slot, const Wait& wait) {
  for (std::size_t host = 0; host < state.app_hosts.size(); ++host) {
    const plan::Container* container = plan::occupant(state.app_hosts[host].slots[slot]);
    if (container == nullptr || !ask(spec, world, host, slot, *container, wait).healthy) return false;
  }
  return true;
}

// Whether proxy `index` keeps what an unfinished switch wrote. Where a switch got on one proxy and not on
// another, what served before is put back: it was not to be stopped before all had switched. Where all got
// there and one was told so, there is no way back.
bool keeps(const spec::Spec& spec, const World& world, const plan::State& state, std::size_t index,
           const Wait& wait) {
  const auto live = state.proxies[index].live();
  if (!live) return false;
  bool one_is_done = false;
  for (const plan::ProxyHost& other : state.proxies) {
    if (other.live() != live) return false;
    one_is_done = one_is_done || !other.unfinished;
  }
  return one_is_done || healthy_everywhere(spec, world, state, *live, wait);
}

// Whether a proxy may not have read what its file says, and still send to the other slot, which runs.
bool may_send_elsewhere(const plan::State& state, const plan::ProxyHost& proxy) {
  const auto live = proxy.live();
  return proxy.reload_pending && live && std::ranges::any_of(state.app_hosts, [&](const plan::AppHost& host) {
           const plan::Container* other = plan::occupant(host.slots[1 - *live]);
           return other != nullptr && other->running();
         });
}

std::string written_since(const spec::Spec& spec) {
  return fmt::format("the include was written after {} last read its configuration",
                     plan::proxy_kind(spec).name);
}

}  // namespace

Result<plan::State> recover(const spec::Spec& spec, const World& world, plan::State state,
                            const std::optional<plan::Launch>& launch, const Wait& wait) {
  const auto end = [&](std::size_t index, bool keep, std::string words) {
    world.sink.emit(report::Warning{std::move(words), state.proxies[index].host});
    return world.proxies[index].proxy->recover(keep, wait);
  };
  bool recovered = false;
  for (std::size_t i = 0; i < state.proxies.size(); ++i) {
    if (!state.proxies[i].unfinished) continue;
    const bool keep = keeps(spec, world, state, i, wait);
    BGDEPLOY_TRY(end(i, keep,
                     fmt::format("an earlier switch was cut short: {} the include as it {}",
                                 keep ? "finishing it with" : "putting back", keep ? "is now" : "was")));
    recovered = true;
  }
  if (recovered) {
    BGDEPLOY_ASSIGN(state, observe(spec, world, launch, wait));
  }

  const auto live = plan::live_slot(spec, state);
  const auto reload_pending = [&](const plan::ProxyHost& proxy) { return may_send_elsewhere(state, proxy); };
  const auto first = std::ranges::find_if(state.proxies, reload_pending);
  if (!live || !*live || first == state.proxies.end()) return state;
  if (!healthy_everywhere(spec, world, state, **live, wait)) {
    if (!healthy_everywhere(spec, world, state, 1 - **live, wait)) return state;
    return core::fail(
        ErrorKind::inconsistent,
        fmt::format("{}: {}: it names {}, which is not healthy, and {} may still send to {}", first->host,
                    written_since(spec), spec.slots[**live].name, plan::proxy_kind(spec).name,
                    spec.slots[1 - **live].name),
        {fmt::format(
            "a reload would send everything to {}: let the include name {} as long as that serves, then "
            "run this again",
            spec.slots[**live].name, spec.slots[1 - **live].name)});
  }
  for (std::size_t i = 0; i < state.proxies.size(); ++i)
    if (reload_pending(state.proxies[i]))
      BGDEPLOY_TRY(
          end(i, true, fmt::format("{}: reloading {}", written_since(spec), plan::proxy_kind(spec).name)));
  return observe(spec, world, launch, wait);
}

}  // namespace bgdeploy::deploy
