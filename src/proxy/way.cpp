#include "way.hpp"

#include <charconv>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/ssh/tcp_command.hpp"

namespace bgdeploy::proxy {
namespace {

// Runs `argv` where nginx is.
host::CommandEndpoint behind(host::CommandEndpoint prefix, const std::vector<std::string>& argv) {
  prefix.argv.insert(prefix.argv.end(), argv.begin(), argv.end());
  return prefix;
}

// Nothing where there is no shell, or nothing that connects.
Result<std::optional<Way>> try_from(host::Host& host, const host::CommandEndpoint& prefix,
                                    const ssh::TcpTarget& target, const Wait& wait) {
  const auto probe = behind(prefix, ssh::tcp_probe_command(target));
  BGDEPLOY_ASSIGN(const host::Output tried, host.run({probe.argv, probe.tool, {}}, wait));
  const bool reached = tried.exit_code == ssh::k_tcp_reached;
  if (!reached && tried.exit_code != ssh::k_tcp_not_reached) return std::nullopt;
  return Way{behind(prefix, ssh::tcp_command(target)), reached};
}

// Of a container of this host, where it is one.
Result<std::string> address_of(host::Host& host, const std::string& name, const Wait& wait) {
  if (name.find_first_not_of("0123456789.:[]abcdef") == std::string::npos) return name;
  BGDEPLOY_ASSIGN(const host::Output output,
                  host.run({{"docker", "inspect", "--type", "container", "--format",
                             "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}", "--", name},
                            host::Tool::docker,
                            {}},
                           wait));
  const auto addresses = core::trim(output.out);
  return addresses.empty() ? name : std::string(addresses.substr(0, addresses.find(' ')));
}

}  // namespace

Result<std::optional<Way>> way_to(host::Host& host, const spec::Nginx& nginx, const Inside& inside,
                                  const Backend& backend, const Wait& wait) {
  ssh::TcpTarget target{backend.address, 0};
  std::from_chars(backend.port.data(), backend.port.data() + backend.port.size(), target.port);
  if (!nginx.container || inside.on_host_network())
    return Way{host::TcpEndpoint{target.address, target.port}};
  const host::CommandEndpoint shell{{"docker", "exec", "-i", *nginx.container}, host::Tool::docker};
  if (const auto way = try_from(host, shell, target, wait); !way || *way) return way;
  const host::CommandEndpoint network{{"nsenter", "-n", "-t", std::to_string(inside.pid), "--"},
                                      host::Tool::other};
  BGDEPLOY_ASSIGN(target.address, address_of(host, target.address, wait));
  return try_from(host, network, target, wait);
}

std::vector<plan::Front> seen_from_host(std::vector<plan::Front> fronts, const spec::Nginx& nginx,
                                        const Inside& inside) {
  if (!nginx.container || inside.on_host_network()) return fronts;
  std::erase_if(fronts, [&](const plan::Front& front) {
    return inside.address.empty() || front.address.starts_with("unix:");
  });
  for (plan::Front& front : fronts)
    if (front.address == "127.0.0.1" || front.address == "[::1]") front.address = inside.address;
  return fronts;
}

}  // namespace bgdeploy::proxy
