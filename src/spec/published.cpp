#include <algorithm>

#include <fmt/format.h>

#include "bgdeploy/spec/address.hpp"
#include "reader.hpp"

namespace bgdeploy::spec {

std::string published_ip(const Spec& spec, const Host& app) {
  const bool alone =
      std::ranges::all_of(spec.proxy_hosts, [&](const Host& proxy) { return same_machine(proxy, app); });
  return alone ? "127.0.0.1" : "0.0.0.0";
}

// nginx on another machine does not reach a port on the loopback. Where the spec gives nginx an address or a
// port, the user knows better: there may be a tunnel.
void check_published(const Value& root, const Spec& spec) {
  const auto& ip = spec.docker.host_ip;
  const bool overridden =
      spec.nginx.port || (spec.nginx.address && spec.nginx.address->find("{address}") == std::string::npos);
  if (!spec.proxied || !ip || !is_loopback(*ip) || overridden) return;
  for (const Host& app : spec.app_hosts)
    for (const Host& proxy : spec.proxy_hosts) {
      if (same_machine(app, proxy) || (app.address && is_loopback(*app.address))) continue;
      root.get("docker").get("host_ip").error(
          fmt::format("is {}, which only {} itself reaches, and nginx on {} is told {}: leave it out, or "
                      "write an address of {} that {} reaches",
                      *ip, app.name, proxy.name, app.address.value_or("the address of " + app.name), app.name,
                      proxy.name));
      return;
    }
}

// From this machine nobody reaches a port on the loopback of another one. What is asked inside of the
// container is asked there either way.
void check_direct(const Value& root, const Spec& spec) {
  const bool by_port = std::holds_alternative<HealthHttp>(spec.health.probe) ||
                       std::holds_alternative<HealthTcp>(spec.health.probe);
  if (!spec.health.direct || !by_port || spec.compose || is_worker(spec)) return;
  for (const Host& app : spec.app_hosts) {
    const bool here = app.local || is_loopback(app.name) || (app.address && is_loopback(*app.address));
    const std::string ip = spec.docker.host_ip.value_or(published_ip(spec, app));
    if (here || !is_loopback(ip)) continue;
    return root.get("health").get("via").error(fmt::format(
        "is direct, but the port is published on {0} of {1}, which only {1} itself reaches: leave it out, or "
        "set docker.host_ip to an address of {1} that this machine reaches",
        ip, app.name));
  }
}

}  // namespace bgdeploy::spec
