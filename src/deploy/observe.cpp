#include "bgdeploy/deploy/observe.hpp"

#include <thread>

#include <fmt/format.h>

#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/plan/routing.hpp"
#include "parallel.hpp"

namespace bgdeploy::deploy {
namespace {

using core::Result;
using core::Wait;

Result<std::array<proxy::Routing, 2>> both_routings(const spec::Spec& spec) {
  std::array<proxy::Routing, 2> routings;
  for (std::size_t slot = 0; slot < routings.size(); ++slot) {
    BGDEPLOY_ASSIGN(routings[slot], plan::routing_to(spec, slot, ""));
  }
  return routings;
}

Result<plan::AppHost> observe_app(const App& app, const std::optional<plan::Launch>& launch,
                                  const Wait& wait) {
  plan::AppHost host{.host = app.name};
  BGDEPLOY_ASSIGN(host.slots, app.runtime->observe({launch, launch}, wait));
  return host;
}

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
  auto prober = world.prober(host, slot, container.id);
  if (!prober) return {false, prober.error().message};
  return (*prober)->probe(wait.at_most(spec.health.timeout));
}

// Whether the live slot answers, host by host.
void ask_live(const spec::Spec& spec, const World& world, plan::State& state, const Wait& wait) {
  const auto live = plan::live_slot(spec, state);
  if (!live || !*live) return;
  for_each_parallel(state.app_hosts.size(), spec.parallel, [&](std::size_t i) {
    plan::AppHost& host = state.app_hosts[i];
    const auto& container = host.slots[**live].container;
    if (!container) {
      host.live_listens = world.listens(i, **live);
      return;
    }
    const health::Answer answer =
        container->running()
            ? ask(spec, world, i, **live, *container, wait)
            : health::Answer{false, fmt::format("not running, exit code {}", container->exit_code)};
    host.live_answers = answer.healthy;
    host.live_answer = answer.text;
  });
}

}  // namespace

Result<std::vector<plan::ProxyHost>> observe_proxies(const spec::Spec& spec, const World& world,
                                                     const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto routings, both_routings(spec));
  std::vector<Result<plan::ProxyHost>> results(world.proxies.size());
  std::vector<std::string> names;
  for (const ProxySide& side : world.proxies) names.push_back(side.name);
  for_each_parallel(results.size(), spec.parallel,
                    [&](std::size_t i) { results[i] = world.proxies[i].proxy->observe(routings, wait); });
  BGDEPLOY_ASSIGN(auto proxies, collect(std::move(results), names));
  for (std::size_t i = 0; i < proxies.size(); ++i) proxies[i].host = names[i];
  return proxies;
}

Result<plan::State> observe(const spec::Spec& spec, const World& world,
                            const std::optional<plan::Launch>& launch, const Wait& wait) {
  Result<std::vector<plan::ProxyHost>> proxies;
  std::vector<Result<plan::AppHost>> apps(world.apps.size());
  {
    std::jthread beside([&] { proxies = observe_proxies(spec, world, wait); });
    for_each_parallel(apps.size(), spec.parallel,
                      [&](std::size_t i) { apps[i] = observe_app(world.apps[i], launch, wait); });
  }
  plan::State state;
  std::vector<std::string> names;
  for (const App& app : world.apps) names.push_back(app.name);
  BGDEPLOY_ASSIGN(state.app_hosts, collect(std::move(apps), names));
  BGDEPLOY_ASSIGN(state.proxies, std::move(proxies));
  ask_live(spec, world, state, wait);
  return state;
}

Result<plan::State> settle(const spec::Spec& spec, const World& world, plan::State state,
                           const std::optional<plan::Launch>& launch, const Wait& wait) {
  bool settled = false;
  for (std::size_t i = 0; i < state.proxies.size(); ++i) {
    const plan::ProxyHost& proxy = state.proxies[i];
    if (!proxy.unfinished) continue;
    bool keep = proxy.routing == plan::ProxyHost::Routing::slot;
    for (std::size_t host = 0; keep && host < state.app_hosts.size(); ++host) {
      const auto& container = state.app_hosts[host].slots[proxy.live].container;
      keep =
          container && container->running() && ask(spec, world, host, proxy.live, *container, wait).healthy;
    }
    world.sink.emit(
        {.name = "warning",
         .message = fmt::format("an earlier switch was cut short: {} the include as it {}",
                                keep ? "finishing it with" : "putting back", keep ? "is now" : "was"),
         .host = proxy.host});
    BGDEPLOY_TRY(world.proxies[i].proxy->settle(keep, wait));
    settled = true;
  }
  if (!settled) return state;
  return observe(spec, world, launch, wait);
}

}  // namespace bgdeploy::deploy
