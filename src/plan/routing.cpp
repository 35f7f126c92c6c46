#include "bgdeploy/plan/routing.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/plan/substitutions.hpp"
#include "bgdeploy/spec/address.hpp"

namespace bgdeploy::plan {
namespace {

// nginx on the same machine reaches a published port on the loopback, unless it is published on one address
// only.
std::string own_address(const std::string& ip) {
  return spec::is_wildcard(ip) || ip == "none" ? "127.0.0.1" : ip;
}

core::Result<std::string> address_for(const spec::Spec& spec, const spec::Host& proxy, const spec::Host& app,
                                      std::size_t slot) {
  if (spec.docker.host_ip == "none" && !app.address) return spec.slots.at(slot).container;
  const std::string ip = published_on(spec, app, slot);
  if (same_machine(proxy, app)) {
    const bool anywhere = spec::is_wildcard(ip) || ip == "none";
    return spec.proxy_hosts.empty() && anywhere && app.address ? *app.address : own_address(ip);
  }
  if (!app.address)
    return core::fail(
        core::ErrorKind::usage,
        fmt::format("hosts.app must give {} an `address`, by which {} reaches it", app.name, proxy.name));
  // Another port is somebody's forwarder.
  if (spec::is_loopback(ip) && !spec::is_loopback(*app.address) && !spec.nginx.port)
    return core::fail(core::ErrorKind::usage,
                      fmt::format("{} publishes port {} of slot {} on {} only, where {} does not reach it: "
                                  "nginx there would be told {}",
                                  app.name, spec.slots.at(slot).port, spec.slots.at(slot).name, ip,
                                  proxy.name, *app.address),
                      {fmt::format("publish it on {} or on all addresses: in {}", *app.address,
                                   spec.compose ? "`ports:` of the compose file" : "docker.host_ip")});
  // What SSH reached may be another address of the machine.
  const bool elsewhere = !spec::is_wildcard(ip) && ip != "none" && !spec::is_loopback(ip);
  return app.reached && elsewhere ? ip : *app.address;
}

}  // namespace

std::string published_ip(const spec::Spec& spec, const spec::Host& app) {
  const bool alone = std::ranges::all_of(spec.proxy_hosts,
                                         [&](const spec::Host& proxy) { return same_machine(proxy, app); });
  return alone ? "127.0.0.1" : "0.0.0.0";
}

std::string published_on(const spec::Spec& spec, const spec::Host& app, std::size_t slot) {
  if (app.published.at(slot)) return *app.published[slot];
  if (spec.compose) return {};
  return spec.docker.host_ip.value_or(published_ip(spec, app));
}

std::string address_of(const spec::Spec& spec, const spec::Host& app) {
  return app.address.value_or(own_address(spec.docker.host_ip.value_or("")));
}

bool named_by_container(const spec::Spec& spec) {
  return spec.proxied && spec.nginx.address && spec.nginx.address->find("{container}") != std::string::npos;
}

core::Result<Routing> routing_to(const spec::Spec& spec, std::size_t proxy, std::size_t slot,
                                 const std::string& tag) {
  const bool published = spec.docker.host_ip != "none";
  if (!published && !spec.nginx.address && !spec.nginx.container && !spec.nginx.sites)
    return core::fail(
        core::ErrorKind::usage,
        "docker.host_ip is none, so proxy.nginx.address must say how nginx reaches the containers");
  // By its name nginx reaches the container itself.
  const bool at_container = !published || named_by_container(spec);
  const spec::Host& front = spec::proxies(spec).at(proxy);
  const spec::Slot& own = spec.slots.at(slot);
  Routing routing;
  for (std::size_t i = 0; i < spec.app_hosts.size(); ++i) {
    if (spec.proxy_hosts.empty() && i != proxy) continue;
    const spec::Host& host = spec.app_hosts[i];
    // What compose makes up is known on the host only.
    const bool named = !spec.compose || spec.compose->named.at(slot);
    Backend backend{host.name,
                    "",
                    at_container ? container_port(spec, slot) : std::to_string(own.port),
                    named ? own.container : "",
                    own.name,
                    tag};
    if (spec.nginx.address) {
      backend.address = core::substitute(*spec.nginx.address,
                                         substitutions(spec, slot, tag, host.name, address_of(spec, host)));
    } else {
      BGDEPLOY_ASSIGN(backend.address, address_for(spec, front, host, slot));
    }
    if (spec.nginx.port)
      backend.port =
          core::substitute(*spec.nginx.port, substitutions(spec, slot, tag, host.name, backend.address));
    routing.push_back(std::move(backend));
  }
  return routing;
}

core::Result<std::vector<Routing>> routings_to(const spec::Spec& spec, std::size_t slot,
                                               const std::string& tag) {
  std::vector<Routing> routings;
  for (std::size_t proxy = 0; proxy < spec::proxies(spec).size(); ++proxy) {
    BGDEPLOY_ASSIGN(Routing routing, routing_to(spec, proxy, slot, tag));
    routings.push_back(std::move(routing));
  }
  return routings;
}

}  // namespace bgdeploy::plan
