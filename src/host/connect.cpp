#include "bgdeploy/host/host.hpp"
#include "bgdeploy/host/route.hpp"
#include "ssh_host.hpp"

namespace bgdeploy::host {

Result<std::unique_ptr<Host>> connect(const spec::Host& host, const Wait& wait) {
  if (host.local) return make_local_host(host);
  BGDEPLOY_ASSIGN(const auto route, route_to(host, wait));
  BGDEPLOY_ASSIGN(auto session, connect_route(route, wait));
  spec::Host resolved = host;
  resolved.ssh.user = route.back().user;
  return make_ssh_host(resolved, std::move(session), route.size() > 1);
}

}  // namespace bgdeploy::host
