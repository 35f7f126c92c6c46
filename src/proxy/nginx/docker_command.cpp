#include "docker_command.hpp"

#include <algorithm>

namespace bgdeploy::proxy {

std::vector<std::string> docker_command(const host::Host& host, const spec::Spec& spec) {
  const bool on_app_host =
      std::ranges::find(spec.app_hosts, host.name(), &spec::Host::name) != spec.app_hosts.end();
  if (!spec.docker_socket || !on_app_host) return {"docker"};
  return {"docker", "--host", "unix://" + *spec.docker_socket};
}

}  // namespace bgdeploy::proxy
