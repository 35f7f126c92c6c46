// Whether a proxy in a container can reach what the host publishes.
#include <algorithm>

#include "bgdeploy/plan/proxy_kind.hpp"
#include "bgdeploy/plan/routing.hpp"
#include "parallel.hpp"
#include "prepare.hpp"

namespace bgdeploy::deploy {

using core::Result;
using core::Wait;

Result<void> check_reach(const spec::Spec& spec, const World& world, std::optional<std::size_t> live,
                         const Wait& wait) {
  // What the spec says of addresses is the user's word.
  if (plan::proxy_kind(spec).told(spec).address || spec.docker.host_ip == "none") return {};
  std::vector<Result<void>> results(world.proxies.size());
  for_each_parallel(results.size(), spec.parallel, [&](std::size_t i) {
    results[i] = [&]() -> Result<void> {
      BGDEPLOY_ASSIGN(const auto networks, world.proxies[i].proxy->networks(wait));
      for (std::size_t slot = 0; !networks.empty() && slot < spec.slots.size(); ++slot) {
        if (slot == live) continue;  // it serves already, or a deploy is about to mend it
        BGDEPLOY_ASSIGN(const auto routing, plan::routing_to(spec, *world.places, i, slot, ""));
        for (const plan::Backend& backend : routing) {
          const auto entry = std::ranges::find(spec.app_hosts, backend.host, &spec::Host::name);
          const auto app = static_cast<std::size_t>(entry - spec.app_hosts.begin());
          auto error = plan::unreachable_from_container(
              spec, backend, plan::published_on(spec, *world.places, app, slot), networks);
          if (error) return std::unexpected(std::move(*error));
        }
      }
      return {};
    }();
  });
  for (Result<void>& result : results) BGDEPLOY_TRY(std::move(result));
  return {};
}

}  // namespace bgdeploy::deploy
