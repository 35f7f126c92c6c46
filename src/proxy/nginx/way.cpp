#include "way.hpp"

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/host/tcp_command.hpp"
#include "docker_command.hpp"

namespace bgdeploy::proxy {
namespace {

// Runs `argv` where nginx is.
host::CommandEndpoint behind(host::CommandEndpoint prefix, const std::vector<std::string>& argv) {
  prefix.argv.insert(prefix.argv.end(), argv.begin(), argv.end());
  return prefix;
}

// Nothing if there is no shell, or no tool that connects.
Result<std::optional<Way>> try_from(host::Host& host, const host::CommandEndpoint& prefix,
                                    const host::TcpEndpoint& target, const Wait& wait) {
  const auto probe = behind(prefix, host::tcp_probe_command(target));
  BGDEPLOY_ASSIGN(const host::Output tried, host.run({probe.argv, probe.tool, {}}, wait));
  const bool reached = tried.exit_code == host::k_tcp_reached;
  if (!reached && tried.exit_code != host::k_tcp_not_reached) return std::nullopt;
  return Way{behind(prefix, host::tcp_command(target)), reached};
}

// What docker knows about a container of this host.
Result<host::Output> inspect(host::Host& host, const spec::Spec& spec, const std::string& format,
                             const std::string& container, const Wait& wait) {
  auto argv = docker_command(host, spec);
  argv.insert(argv.end(), {"inspect", "--type", "container", "--format", format, "--", container});
  return host.run({std::move(argv), host::Tool::docker, {}}, wait);
}

// The container's address if `name` is one of this host, else `name`.
Result<std::string> address_of(host::Host& host, const spec::Spec& spec, const std::string& name,
                               const Wait& wait) {
  if (name.find_first_not_of("0123456789.:[]abcdef") == std::string::npos) return name;
  BGDEPLOY_ASSIGN(
      const host::Output output,
      inspect(host, spec, "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}", name, wait));
  const auto addresses = core::trim(output.out);
  return addresses.empty() ? name : std::string(addresses.substr(0, addresses.find(' ')));
}

}  // namespace

Result<std::optional<Way>> way_to(host::Host& host, const spec::Spec& spec, const Inside& inside,
                                  const Backend& backend, const Wait& wait) {
  host::TcpEndpoint target{backend.address, core::leading_number<int>(backend.port).value_or(0)};
  if (!spec.nginx.container || inside.on_host_network()) return Way{target};
  host::CommandEndpoint shell{docker_command(host, spec), host::Tool::docker};
  shell.argv.insert(shell.argv.end(), {"exec", "-i", *spec.nginx.container});
  if (const auto way = try_from(host, shell, target, wait); !way || *way) return way;
  const host::CommandEndpoint network{{"nsenter", "-n", "-t", std::to_string(inside.pid), "--"},
                                      host::Tool::other};
  BGDEPLOY_ASSIGN(target.address, address_of(host, spec, target.address, wait));
  return try_from(host, network, target, wait);
}

Result<std::vector<std::string>> networks_of(host::Host& host, const spec::Spec& spec, const Wait& wait) {
  if (!spec.nginx.container) return std::vector<std::string>{};
  constexpr const char* k_format =
      "{{.HostConfig.NetworkMode}}{{range $name, $_ := "
      ".NetworkSettings.Networks}}{{println}}{{$name}}{{end}}";
  BGDEPLOY_ASSIGN(const host::Output output, inspect(host, spec, k_format, *spec.nginx.container, wait));
  if (!output.ok()) return std::vector<std::string>{};
  auto lines = core::split_lines(core::printable(output.out, true));
  if (lines.size() < 2 || lines.front() == "host") return std::vector<std::string>{};
  lines.erase(lines.begin());
  return lines;
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
