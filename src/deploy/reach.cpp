// Whether an nginx in a container can reach what the host publishes.
#include <algorithm>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/plan/routing.hpp"
#include "parallel.hpp"
#include "prepare.hpp"

namespace bgdeploy::deploy {

using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

// The networks that nginx's container is in, or nothing where it shares the host's, or docker says nothing of
// it.
Result<std::vector<std::string>> networks_of(host::Host& host, const std::string& container,
                                             const Wait& wait) {
  constexpr const char* k_format =
      "{{.HostConfig.NetworkMode}}{{range $name, $_ := "
      ".NetworkSettings.Networks}}{{println}}{{$name}}{{end}}";
  BGDEPLOY_ASSIGN(
      const auto output,
      host.run({{"docker", "inspect", "--type", "container", "--format", k_format, "--", container},
                host::Tool::docker,
                {}},
               wait));
  if (!output.ok()) return std::vector<std::string>{};  // told by whoever looks at nginx
  auto lines = core::split_lines(core::printable(output.out, true));
  if (lines.size() < 2 || lines.front() == "host") return std::vector<std::string>{};
  lines.erase(lines.begin());
  return lines;
}

}  // namespace

Result<void> check_reach(const spec::Spec& spec, const Fleet& fleet, std::optional<std::size_t> live,
                         const Wait& wait) {
  if (!spec.proxied || !spec.nginx.container || spec.nginx.address || spec.docker.host_ip == "none")
    return {};
  const auto& fronts = spec::proxies(spec);
  std::vector<Result<void>> results(fronts.size());
  for_each_parallel(results.size(), spec.parallel, [&](std::size_t i) {
    results[i] = [&]() -> Result<void> {
      BGDEPLOY_ASSIGN(const auto networks, networks_of(fleet.proxy(i), *spec.nginx.container, wait));
      for (std::size_t slot = 0; slot < spec.slots.size(); ++slot) {
        if (slot == live) continue;  // it serves already, or a deploy is about to mend it
        BGDEPLOY_ASSIGN(const auto routing, plan::routing_to(spec, i, slot, ""));
        for (const plan::Backend& backend : routing) {
          const auto app = std::ranges::find(spec.app_hosts, backend.host, &spec::Host::name);
          auto error =
              plan::unreachable_from_container(spec, backend, plan::published_on(spec, *app, slot), networks);
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
