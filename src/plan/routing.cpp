#include "bgdeploy/plan/routing.hpp"

#include "bgdeploy/plan/substitutions.hpp"

namespace bgdeploy::plan {
namespace {

// nginx on the same machine reaches a published port on the loopback, unless it is published on one address
// only.
std::string default_address(const spec::Spec& spec) {
  const auto& ip = spec.docker.host_ip;
  if (!ip || *ip == "0.0.0.0" || *ip == "::") return "127.0.0.1";
  return *ip;
}

}  // namespace

core::Result<Routing> routing_to(const spec::Spec& spec, std::size_t slot, const std::string& tag) {
  const bool published = spec.docker.host_ip != "none";
  if (!published && !spec.nginx.address)
    return core::fail(
        core::ErrorKind::usage,
        "docker.host_ip is none, so proxy.nginx.address must say how nginx reaches the containers");
  const spec::Slot& own = spec.slots.at(slot);
  Routing routing;
  for (const spec::Host& host : spec.app_hosts) {
    const std::string address = host.address.value_or(published ? default_address(spec) : own.container);
    const spec::Substitutions values = substitutions(spec, slot, tag, host.name, address);
    Backend backend{
        host.name,     address,  published ? std::to_string(own.port) : container_port(spec, slot),
        own.container, own.name, tag};
    if (spec.nginx.address) backend.address = core::substitute(*spec.nginx.address, values);
    if (spec.nginx.port) backend.port = core::substitute(*spec.nginx.port, values);
    routing.push_back(std::move(backend));
  }
  return routing;
}

}  // namespace bgdeploy::plan
