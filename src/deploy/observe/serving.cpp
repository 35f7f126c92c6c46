#include "bgdeploy/deploy/observe/serving.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"

namespace bgdeploy::deploy {
namespace {

// Of one way on which requests come: whether they get through.
struct Ways {
  std::size_t all = 0, broken = 0;
  std::vector<std::string> troubles{};

  void add(std::vector<std::string> why) {
    ++all;
    if (why.empty()) return;
    ++broken;
    troubles.insert(troubles.end(), why.begin(), why.end());
  }
};

std::vector<std::string> container_troubles(const spec::Spec& spec, const plan::AppHost& host,
                                            std::size_t slot) {
  const plan::SlotState& state = host.slots[slot];
  const plan::Container* container = plan::occupant(state);
  const std::string& name = spec.slots[slot].name;
  if (container == nullptr && host.live_listens.value_or(false)) return {};  // something else answers there
  if (container == nullptr) return {fmt::format("slot {} on {} has no container", name, host.host)};
  if (!container->running())
    return {fmt::format("{} (slot {}) on {} is not running", container->name, name, host.host)};
  if (state.answers == false)
    return {fmt::format("{} (slot {}) on {} does not pass its health check: {}", container->name, name,
                        host.host, state.answer)};
  return {};
}

std::vector<std::string> proxy_troubles(const spec::Spec& spec, const plan::ProxyHost& proxy,
                                        const std::vector<std::string>& refused) {
  if (!proxy.running) return {plan::not_running(spec, proxy.host)};
  return refused;
}

bool one_release(const plan::State& state, std::size_t slot) {
  const plan::Container* first = nullptr;
  for (const plan::AppHost& host : state.app_hosts) {
    const plan::Container* container = plan::occupant(host.slots[slot]);
    if (container == nullptr) return false;
    if (first == nullptr) first = container;
    if (container->release.digest != first->release.digest) return false;
  }
  return first != nullptr;
}

bool proxies_in_order(const plan::State& state) {
  return std::ranges::all_of(state.proxies, [](const plan::ProxyHost& proxy) {
    return proxy.running && !proxy.unfinished && !proxy.reload_pending && proxy.masters.size() < 2;
  });
}

}  // namespace

Serving serving(const spec::Spec& spec, const plan::State& state,
                const std::vector<std::vector<std::string>>& refused) {
  Serving found;
  const auto live = plan::live_slot(spec, state);
  Ways apps, proxies;
  if (live && *live) {
    found.slot = spec.slots[**live].name;
    for (const plan::AppHost& host : state.app_hosts) {
      apps.add(container_troubles(spec, host, **live));
      const plan::Container* container = plan::occupant(host.slots[**live]);
      if (container != nullptr && found.release.empty()) found.release = plan::describe(container->release);
    }
  } else if (live) {
    apps.add({"nothing was deployed yet"});
  }
  for (std::size_t i = 0; i < state.proxies.size(); ++i)
    proxies.add(
        proxy_troubles(spec, state.proxies[i], i < refused.size() ? refused[i] : std::vector<std::string>{}));

  found.troubles = proxies.troubles;
  found.troubles.insert(found.troubles.end(), apps.troubles.begin(), apps.troubles.end());
  if (!live) found.troubles.push_back(live.error().message);
  const bool none =
      (proxies.all > 0 && proxies.broken == proxies.all) || (apps.all > 0 && apps.broken == apps.all);
  found.who = none                                        ? Serving::Who::nobody
              : proxies.broken + apps.broken > 0 || !live ? Serving::Who::some
                                                          : Serving::Who::everybody;
  found.consistent = live && *live && proxies_in_order(state) && one_release(state, **live);
  return found;
}

std::string Serving::words() const {
  const std::string why = troubles.empty() ? "" : fmt::format(": {}", fmt::join(troubles, "; "));
  if (who == Who::nobody) return "NOBODY IS SERVED" + why;
  if (who == Who::some) return "NOT EVERYBODY IS SERVED" + why;
  return fmt::format("{} serves ({})", release.empty() ? "what bgdeploy does not know" : release, slot);
}

}  // namespace bgdeploy::deploy
