#include "bgdeploy/plan/substitutions.hpp"

#include "bgdeploy/core/substitute.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"
#include "bgdeploy/spec/runtime.hpp"

namespace bgdeploy::plan {

std::string container_port(const spec::Spec& spec, const Places& places, std::size_t slot) {
  const spec::Slot& own = spec.slots.at(slot);
  const std::string port = std::to_string(own.port);
  const int found = places.container_ports.at(slot);
  if (!spec.docker.container_port) return found != 0 ? std::to_string(found) : port;
  return core::substitute(
      *spec.docker.container_port,
      {{"slot", own.name}, {"port", port}, {"container", own.container}, {"service", spec.service}});
}

bool routes_to_container_port(const spec::Spec& spec) {
  return !spec::runtime_of(spec).by_files && !spec.docker.container_port &&
         proxy_kind(spec).names_container_port(spec);
}

spec::Substitutions substitutions(const spec::Spec& spec, const Places& places, std::size_t slot,
                                  const std::string& tag, const std::string& host,
                                  const std::string& address) {
  const spec::Slot& own = spec.slots.at(slot);
  spec::Substitutions values{{"slot", own.name}, {"container", own.container},
                             {"host", host},     {"address", address},
                             {"tag", tag},       {"service", spec.service}};
  if (spec::is_worker(spec)) return values;
  values["port"] = std::to_string(own.port);
  values["container_port"] = container_port(spec, places, slot);
  return values;
}

spec::Substitutions substitutions(const spec::Spec& spec, std::size_t slot, const std::string& tag,
                                  const std::string& host, const std::string& address) {
  return substitutions(spec, Places{}, slot, tag, host, address);
}

std::string routing_file(const spec::Spec& spec, std::optional<std::size_t> slot) {
  return proxy_kind(spec).file(spec, slot);
}

}  // namespace bgdeploy::plan
