#include <fmt/format.h>

#include "bgdeploy/spec/address.hpp"
#include "reader.hpp"

namespace bgdeploy::spec {

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

}  // namespace bgdeploy::spec
