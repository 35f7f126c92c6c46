#include "bgdeploy/host/host.hpp"
#include "bgdeploy/host/route.hpp"
#include "ssh_host.hpp"

namespace bgdeploy::host {

Result<std::unique_ptr<Host>> connect(const spec::Host& host, const Wait& wait) {
  if (host.local) return make_local_host(host);
  BGDEPLOY_ASSIGN(const auto route, route_to(host, wait));
  BGDEPLOY_ASSIGN(auto session, connect_route(route, wait));
  return make_ssh_host(host, std::move(session), route.size() > 1);
}

}  // namespace bgdeploy::host
