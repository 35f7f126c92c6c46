#include "preconditions.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgdeploy/core/size.hpp"
#include "bgdeploy/plan/owners.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"
#include "bgdeploy/proxy/kinds.hpp"
#include "disk.hpp"
#include "parallel.hpp"

namespace bgdeploy::deploy {

using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

// The history may have been kept on the very host that left.
std::vector<std::string> proxies_by_label(const spec::Spec& spec, const plan::State& state) {
  const plan::Container* serves = plan::live_container(spec, state);
  return serves == nullptr ? std::vector<std::string>{} : serves->proxies;
}

}  // namespace

Result<void> check_left_hosts(const spec::Spec& spec, const std::vector<HistoryEntry>& history,
                              const plan::State& state) {
  const auto last = std::ranges::find_if(history.rbegin(), history.rend(), &HistoryEntry::served);
  const bool recorded = last != history.rend();
  std::vector<std::string> left;
  const auto missing = [&](const std::vector<std::string>& names,
                           std::initializer_list<const std::vector<spec::Host>*> now) {
    for (const std::string& name : names) {
      const bool there = std::ranges::any_of(now, [&](const std::vector<spec::Host>* hosts) {
        return std::ranges::find(*hosts, name, &spec::Host::name) != hosts->end();
      });
      if (!there && std::ranges::find(left, name) == left.end()) left.push_back(name);
    }
  };
  if (recorded) missing(last->hosts, {&spec.app_hosts, &spec.proxy_hosts});
  // A proxy that is not switched is the user's own, as long as its host is one that we look at.
  const bool switched = plan::proxy_kind(spec).can.be_switched;
  missing(recorded ? last->proxies : proxies_by_label(spec, state),
          {switched ? &spec::proxies(spec) : &spec.app_hosts});
  if (left.empty()) return {};
  const bool as_proxies = std::ranges::all_of(left, [&](const std::string& name) {
    return std::ranges::find(spec.app_hosts, name, &spec::Host::name) != spec.app_hosts.end();
  });
  return core::fail(
      ErrorKind::usage,
      fmt::format("{} {} in the last deploy and {} not in the spec any more{}", fmt::join(left, ", "),
                  left.size() == 1 ? "was" : "were", left.size() == 1 ? "is" : "are",
                  as_proxies ? ", as a proxy" : ""),
      {"it may still send to the release that is going to be stopped"},
      left.size() == 1 ? "remove the service from that host first; when that is done, add --force"
                       : "remove the service from those hosts first; when that is done, add --force");
}

Result<void> check_rendering(const spec::Spec& spec, const plan::Places& places, const std::string& tag) {
  for (std::size_t i = 0; i < spec::proxies(spec).size(); ++i) {
    std::array<plan::Routing, 2> slots;
    for (std::size_t slot = 0; slot < slots.size(); ++slot) {
      BGDEPLOY_ASSIGN(slots[slot], plan::routing_to(spec, places, i, slot, tag));
    }
    BGDEPLOY_TRY(proxy::check_contents(spec, slots));
  }
  return {};
}

Result<void> check_proxies(const Context& context, const World& world, const Wait& wait) {
  std::vector<Result<void>> results(world.proxies.size());
  for_each_parallel(results.size(), context.spec.parallel,
                    [&](std::size_t i) { results[i] = world.proxies[i].proxy->check(wait); });
  for (std::size_t i = 0; i < results.size(); ++i)
    if (!results[i]) return results[i];
  return {};
}

Result<void> proxies_run(const spec::Spec& spec, const plan::State& state) {
  for (const plan::ProxyHost& proxy : state.proxies)
    if (!proxy.running && proxy.written) return std::unexpected(plan::nobody_is_served(spec, proxy.host));
  return {};
}

Result<void> check_disk(const Context& context, const World& world, const plan::State& state,
                        const plan::Request& request, SizeAhead* ahead, const Wait& wait) {
  std::vector<std::size_t> hosts;
  for (std::size_t i = 0; i < world.apps.size(); ++i)
    if (!plan::takes_up(state, i, 0, request) && !plan::takes_up(state, i, 1, request)) hosts.push_back(i);
  if (hosts.empty()) return {};
  return enough_disk(context, world, hosts, request.launch.release, ahead, wait);
}

bool creates(const plan::Plan& plan) {
  return std::ranges::any_of(plan.steps, [](const plan::Step& step) {
    const auto* hook = std::get_if<plan::RunHook>(&step);
    return std::holds_alternative<plan::Create>(step) || (hook != nullptr && hook->launch);
  });
}

Result<void> check_memory(const Context& context, const plan::Plan& plan, const plan::Launch& launch,
                          const World& world, const Wait& wait) {
  std::vector<std::size_t> starting, stopping;
  for (const plan::Step& step : plan.steps) {
    if (const auto* create = std::get_if<plan::Create>(&step)) starting.push_back(create->host);
    if (const auto* start = std::get_if<plan::Start>(&step)) starting.push_back(start->host);
    if (const auto* stop = std::get_if<plan::Stop>(&step)) stopping.push_back(stop->host);
    if (const auto* stop = std::get_if<plan::StopFirst>(&step)) stopping.push_back(stop->host);
  }
  // What stops first still counts as taken.
  std::erase_if(starting,
                [&](std::size_t host) { return std::ranges::find(stopping, host) != stopping.end(); });
  std::vector<Result<void>> results(starting.size());
  for_each_parallel(results.size(), context.spec.parallel, [&](std::size_t i) {
    results[i] = memory_suffices(world.apps[starting[i]], plan.target, launch, wait);
  });
  for (Result<void>& result : results) BGDEPLOY_TRY(std::move(result));
  return {};
}

Result<void> memory_suffices(const App& app, std::size_t slot, const plan::Launch& launch, const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto limit, app.runtime->memory_limit(slot, launch, wait));
  if (!limit) return {};
  BGDEPLOY_ASSIGN(const auto available, app.runtime->memory_available(wait));
  if (!available || *limit <= *available) return {};
  return core::fail(
      ErrorKind::refused,
      fmt::format("{}: both slots do not fit: the new container may use {} (mem_limit), but only "
                  "{} are available",
                  app.name, core::format_size(*limit), megabytes(*available)));
}

std::string megabytes(std::int64_t bytes) {
  return fmt::format("{}m", bytes >> 20);
}

}  // namespace bgdeploy::deploy
