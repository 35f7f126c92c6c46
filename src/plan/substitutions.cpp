#include "bgdeploy/plan/substitutions.hpp"

#include "bgdeploy/core/text.hpp"

namespace bgdeploy::plan {

std::string container_port(const spec::Spec& spec, std::size_t slot) {
  const spec::Slot& own = spec.slots.at(slot);
  const std::string port = std::to_string(own.port);
  if (!spec.docker.container_port) return own.container_port != 0 ? std::to_string(own.container_port) : port;
  return core::substitute(
      *spec.docker.container_port,
      {{"slot", own.name}, {"port", port}, {"container", own.container}, {"service", spec.service}});
}

bool routes_to_container_port(const spec::Spec& spec) {
  if (spec.compose || spec.docker.container_port || !spec.proxied) return false;
  const auto holds = [](const std::optional<std::string>& text, std::string_view name) {
    return text && text->find(name) != std::string::npos;
  };
  const auto& nginx = spec.nginx;
  const bool in_sites = nginx.sites && (holds(nginx.sites->from, "{container_port}") ||
                                        holds(nginx.sites->to, "{container_port}"));
  return spec.docker.host_ip == "none" || holds(nginx.address, "{container}") ||
         holds(nginx.address, "{container_port}") || holds(nginx.port, "{container_port}") || in_sites;
}

spec::Substitutions substitutions(const spec::Spec& spec, std::size_t slot, const std::string& tag,
                                  const std::string& host, const std::string& address) {
  const spec::Slot& own = spec.slots.at(slot);
  return {{"slot", own.name},
          {"port", std::to_string(own.port)},
          {"container", own.container},
          {"container_port", container_port(spec, slot)},
          {"host", host},
          {"address", address},
          {"tag", tag},
          {"service", spec.service}};
}

std::string routing_file(const spec::Spec& spec, std::optional<std::size_t> slot) {
  if (!spec.nginx.sites) return spec.nginx.include;
  const auto site = [&](std::size_t of) {
    return core::substitute(spec.nginx.sites->to, substitutions(spec, of, "", "", ""));
  };
  if (slot) return site(*slot);
  return site(0) == site(1) ? site(0) : site(0) + " or " + site(1);
}

}  // namespace bgdeploy::plan
