#include "kinds.hpp"

#include <fmt/format.h>

namespace bgdeploy::plan {

std::vector<const ProxyKind*> proxy_kinds() {
  return {&k_nginx, &k_no_proxy};
}

// The only place where the spec is asked which kind it has.
const ProxyKind& proxy_kind(const spec::Spec& spec) {
  return spec.proxied ? k_nginx : k_no_proxy;
}

std::string not_running(const spec::Spec& spec, const std::string& host) {
  return fmt::format("{} is not running on {}", proxy_kind(spec).name, host);
}

core::Error nobody_is_served(const spec::Spec& spec, const std::string& host) {
  return {core::ErrorKind::inconsistent,
          not_running(spec, host) + ": nobody is served",
          {},
          "start it: " + proxy_kind(spec).how_to_start(spec)};
}

std::string where_to_look(const spec::Spec& spec) {
  return fmt::format("look at {}'s error log, and with `bgdeploy check`", proxy_kind(spec).name);
}

}  // namespace bgdeploy::plan
