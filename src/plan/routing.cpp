#include "bgdeploy/plan/routing.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/core/substitute.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"
#include "bgdeploy/plan/substitutions.hpp"
#include "bgdeploy/spec/address.hpp"
#include "bgdeploy/spec/runtime.hpp"

namespace bgdeploy::plan {
namespace {

// A proxy on the same machine reaches a published port on the loopback, unless it is published on one
// address only.
std::string own_address(const std::string& ip) {
  return spec::is_wildcard(ip) || ip == "none" ? "127.0.0.1" : ip;
}

core::Result<std::string> address_for(const spec::Spec& spec, const Places& places, const spec::Host& proxy,
                                      std::size_t index, std::size_t slot) {
  const spec::Host& app = spec.app_hosts.at(index);
  const bool reached = !app.address && places.of(index).address;
  const std::optional<std::string> address = reached ? places.of(index).address : app.address;
  if (spec.docker.host_ip == "none" && !address) return spec.slots.at(slot).container;
  const std::string ip = published_on(spec, places, index, slot);
  const ProxyKind& kind = proxy_kind(spec);
  if (same_machine(proxy, app)) {
    const bool anywhere = spec::is_wildcard(ip) || ip == "none";
    return spec.proxy_hosts.empty() && anywhere && address ? *address : own_address(ip);
  }
  if (!address)
    return core::fail(
        core::ErrorKind::usage,
        fmt::format("hosts.app must give {} an `address`, by which {} reaches it", app.name, proxy.name));
  // Another port is somebody's forwarder.
  if (spec::is_loopback(ip) && !spec::is_loopback(*address) && !kind.told(spec).port)
    return core::fail(
        core::ErrorKind::usage,
        fmt::format("{} publishes port {} of slot {} on {} only, where {} does not reach it: "
                    "{} there would be told {}",
                    app.name, spec.slots.at(slot).port, spec.slots.at(slot).name, ip, proxy.name, kind.name,
                    *address),
        {fmt::format("publish it on {} or on all addresses: in {}", *address, spec::runtime_of(spec).ports)});
  // What SSH reached may be another address of the machine.
  const bool elsewhere = !spec::is_wildcard(ip) && ip != "none" && !spec::is_loopback(ip);
  return reached && elsewhere ? ip : *address;
}

}  // namespace

std::string published_on(const spec::Spec& spec, const Places& places, std::size_t app, std::size_t slot) {
  if (const auto found = places.of(app).published.at(slot)) return *found;
  if (spec::runtime_of(spec).by_files) return {};
  return spec.docker.host_ip.value_or(spec::published_ip(spec, spec.app_hosts.at(app)));
}

std::string address_of(const spec::Spec& spec, const Places& places, std::size_t app) {
  const auto& written = spec.app_hosts.at(app).address;
  if (written) return *written;
  return places.of(app).address.value_or(own_address(spec.docker.host_ip.value_or("")));
}

bool named_by_container(const spec::Spec& spec) {
  const auto told = proxy_kind(spec).told(spec);
  return told.address && told.address->find("{container}") != std::string::npos;
}

core::Result<Routing> routing_to(const spec::Spec& spec, const Places& places, std::size_t proxy,
                                 std::size_t slot, const std::string& tag) {
  const bool published = spec.docker.host_ip != "none";
  const ProxyKind& kind = proxy_kind(spec);
  const ProxyKind::Told told = kind.told(spec);
  if (!published && !told.finds_unpublished)
    return core::fail(
        core::ErrorKind::usage,
        fmt::format("docker.host_ip is none, so proxy.{0}.address must say how {0} reaches the containers",
                    kind.name));
  // By its name the proxy reaches the container itself.
  const bool at_container = !published || named_by_container(spec);
  const spec::Host& front = spec::proxies(spec).at(proxy);
  const spec::Slot& own = spec.slots.at(slot);
  Routing routing;
  for (std::size_t i = 0; i < spec.app_hosts.size(); ++i) {
    if (spec.proxy_hosts.empty() && i != proxy) continue;
    const spec::Host& host = spec.app_hosts[i];
    Backend backend{host.name,
                    "",
                    at_container ? container_port(spec, places, slot) : std::to_string(own.port),
                    spec::names_container(spec, slot) ? own.container : "",
                    own.name,
                    tag};
    if (told.address) {
      backend.address = core::substitute(
          *told.address, substitutions(spec, places, slot, tag, host.name, address_of(spec, places, i)));
    } else {
      BGDEPLOY_ASSIGN(backend.address, address_for(spec, places, front, i, slot));
    }
    if (told.port)
      backend.port =
          core::substitute(*told.port, substitutions(spec, places, slot, tag, host.name, backend.address));
    routing.push_back(std::move(backend));
  }
  return routing;
}

core::Result<std::vector<Routing>> routings_to(const spec::Spec& spec, const Places& places, std::size_t slot,
                                               const std::string& tag) {
  std::vector<Routing> routings;
  for (std::size_t proxy = 0; proxy < spec::proxies(spec).size(); ++proxy) {
    BGDEPLOY_ASSIGN(Routing routing, routing_to(spec, places, proxy, slot, tag));
    routings.push_back(std::move(routing));
  }
  return routings;
}

}  // namespace bgdeploy::plan
