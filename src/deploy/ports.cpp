#include "ports.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/spec/address.hpp"
#include "parallel.hpp"

namespace bgdeploy::deploy {

using core::Result;
using core::Wait;

namespace {

// The address on which a container that is made in the slot, or started again there, publishes its port;
// unset: on none.
std::optional<std::string> published_at(const plan::SlotState& slot, int port) {
  if (slot.will_publish || !slot.container) return slot.will_publish;
  const auto& all = slot.container->published;
  const auto own = std::ranges::find_if(all, [&](const plan::Published& one) { return one.holds(port); });
  return own == all.end() ? std::nullopt : std::optional(own->ip);
}

// What listens on another address of the host is not in the way.
bool is_where_we_look(const spec::Spec& spec, const std::string& ip) {
  return spec::is_wildcard(ip) || spec::is_loopback(ip) || spec.proxy_hosts.empty();
}

}  // namespace

Result<void> port_is_unused(const spec::Spec& spec, const World& world, const plan::State& state,
                            std::size_t host, std::size_t slot, const Wait& wait) {
  const plan::SlotState& seen = state.app_hosts[host].slots[slot];
  if (seen.container && seen.container->active()) return {};
  const int port = spec.slots[slot].port;
  const auto ip = published_at(seen, port);
  if (!ip || !is_where_we_look(spec, *ip) || !world.listens(host, slot)) return {};
  const App& app = world.apps[host];
  const auto who = app.runtime->listener_on(port, wait);
  // A rule of the firewall may lead a connection elsewhere.
  if (!who) return {};
  return core::fail(
      core::ErrorKind::conflict,
      fmt::format("port {} on {} is used by {}", port, app.name,
                  who->empty() ? "a process outside of docker" : *who),
      {},
      fmt::format("{}stop it, or give slot {} another port",
                  who->empty() ? fmt::format("find it (sudo ss -ltnp 'sport = :{}') and ", port) : "",
                  spec.slots[slot].name));
}

Result<void> ports_are_unused(const spec::Spec& spec, const World& world, const plan::State& state,
                              const plan::Plan& plan, const Wait& wait) {
  std::vector<std::size_t> hosts;
  for (const plan::Step& step : plan.steps) {
    if (const auto* create = std::get_if<plan::Create>(&step); create && create->slot == plan.target)
      hosts.push_back(create->host);
    if (const auto* start = std::get_if<plan::Start>(&step); start && start->slot == plan.target)
      hosts.push_back(start->host);
  }
  std::vector<Result<void>> results(hosts.size());
  for_each_parallel(results.size(), spec.parallel, [&](std::size_t i) {
    results[i] = port_is_unused(spec, world, state, hosts[i], plan.target, wait);
  });
  for (Result<void>& result : results) BGDEPLOY_TRY(std::move(result));
  return {};
}

}  // namespace bgdeploy::deploy
