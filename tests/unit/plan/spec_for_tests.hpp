// A small spec as the planner's tests use it.
#pragma once

#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::test {

// Without proxies each app host fronts itself.
inline spec::Spec small_spec(std::size_t hosts = 1, std::size_t proxies = 0) {
  spec::Spec spec;
  spec.service = "shop";
  spec.image = "registry.example.com/shop";
  for (std::size_t i = 0; i < hosts; ++i) {
    spec::Host host;
    host.name = "web-" + std::to_string(i + 1);
    if (hosts > 1 || proxies > 0) host.address = "10.0.0." + std::to_string(i + 1);
    spec.app_hosts.push_back(host);
  }
  for (std::size_t i = 0; i < proxies; ++i) {
    spec::Host host;
    host.name = "nginx-" + std::to_string(i + 1);
    spec.proxy_hosts.push_back(host);
  }
  spec.slots = {spec::Slot{"blue", 8081, "shop-blue"}, spec::Slot{"green", 8082, "shop-green"}};
  spec.health.probe = spec::HealthHttp{};
  if (hosts > 1 || proxies > 0) spec.nginx.upstream = "shop";
  spec.nginx.include = "/etc/nginx/conf.d/service-url.inc";
  return spec;
}

}  // namespace bgdeploy::test
