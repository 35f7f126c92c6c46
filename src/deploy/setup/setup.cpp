#include "bgdeploy/deploy/setup.hpp"

#include <algorithm>
#include <deque>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/shell_words.hpp"
#include "bgdeploy/core/substitute.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/deploy/connect/fleet.hpp"
#include "bgdeploy/deploy/deadlines.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"
#include "bgdeploy/plan/substitutions.hpp"
#include "parallel.hpp"
#include "setup/facts.hpp"
#include "setup/rights.hpp"

namespace bgdeploy::deploy {

using core::Error;
using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

// Packages may have to come a long way.
constexpr core::Duration k_set_up_within = std::chrono::minutes(30);
constexpr std::size_t k_last_lines = 20;

// The rights that the spec counts on may not be there yet.
spec::Spec without_sudo(spec::Spec spec) {
  for (auto* hosts : {&spec.app_hosts, &spec.proxy_hosts})
    for (spec::Host& host : *hosts) host.ssh.sudo = {};
  return spec;
}

std::string questions(const std::vector<Right>& rights) {
  std::string lines;
  for (const Right& right : rights) lines += core::shell_join(right.question()) + "\n";
  return lines;
}

// The variables that facts.hpp describes.
std::string facts_script(const spec::Spec& spec, const SetupHost& host) {
  const spec::Nginx& nginx = spec.nginx;
  const auto docker = rights_to_docker(spec, host.app, host.front);
  const auto own_nginx = rights_to_nginx(spec, host.front);
  std::map<std::string, std::string> variables = {
      {"everything", host.sudo.all ? questions(rights_to_everything()) : ""},
      {"docker", docker.empty()     ? ""
                 : host.sudo.docker ? questions(docker)
                                    : "docker version"},
      {"nginx", own_nginx.empty() ? ""
                : host.sudo.nginx ? questions(own_nginx)
                                  : core::shell_join(own_nginx.front().command)},
      {"compose", spec.compose && !spec.compose->command
                      ? "docker compose version >/dev/null 2>&1 || docker-compose version"
                      : ""},
      {"folder", ""},
      {"history", spec.history.dir},
      {"include", nginx.include},
      {"sources", ""}};
  if (host.front) {
    const std::string& file = spec::routing_file(nginx);
    variables["folder"] = file.substr(0, file.rfind('/'));
    for (const proxy::SitePart& part : host.parts)
      if (part.kind == proxy::SitePart::Kind::source) variables["sources"] += part.path + "\n";
  }
  std::string text;
  for (const auto& [name, value] : variables) text += fmt::format("{}={}\n", name, core::shell_quote(value));
  return text + std::string(k_facts_script);
}

// Each machine once, with what the spec wants of it.
struct Machine {
  host::Host* host;
  spec::Host entry;
  SetupHost wanted;
  std::array<plan::Routing, 2> slots{};  // where it runs nginx
};

// As `check` sees it, with whatever rights the login has by now.
Result<void> look_at_site(const spec::Spec& spec, Machine& machine, const Wait& wait) {
  SetupHost& host = machine.wanted;
  if (!host.front || spec.nginx.container || !host.is("nginx_there")) return {};
  spec::Host entry = machine.entry;
  const bool root = host.is("root") && host.fact_of("uid") != "0";
  entry.ssh.sudo = {.all = root, .nginx = !root && host.sudo.nginx && host.is("nginx_works")};
  BGDEPLOY_ASSIGN(const auto connected, host::connect(entry, wait));
  BGDEPLOY_ASSIGN(host.site, proxy::find_site(*connected, spec, machine.slots, host.parts, wait));
  return {};
}

Result<void> look_at(const spec::Spec& spec, Machine& seen, const Wait& wait) {
  SetupHost& host = seen.wanted;
  host::Host& machine = *seen.host;
  BGDEPLOY_ASSIGN(const host::Output output,
                  machine.run({{"sh", "-c", facts_script(spec, host)}, host::Tool::other, {}}, wait));
  for (const std::string& line : core::split_lines(output.out)) {
    const auto blank = std::min(line.find(' '), line.size());
    // The script shows what it was told, so that it must not command the terminal.
    host.facts[line.substr(0, blank)] = core::printable(line.substr(std::min(blank + 1, line.size())));
  }
  if (host.facts.contains("end")) return look_at_site(spec, seen, wait);
  return core::fail(ErrorKind::refused,
                    fmt::format("{} could not be looked at (exit code {})", host.name, output.exit_code),
                    core::split_lines(core::printable(core::trim(output.err), true)));
}

Result<std::vector<Machine>> machines_of(const spec::Spec& spec, const Fleet& fleet) {
  std::vector<Machine> machines;
  const auto find = [&](host::Host& host, const spec::Host& entry) -> Machine& {
    const auto found = std::ranges::find(machines, &host, &Machine::host);
    if (found != machines.end()) return *found;
    return machines.emplace_back(&host, entry, SetupHost{entry.name, false, false, entry.ssh.sudo, {}});
  };
  for (std::size_t i = 0; i < spec.app_hosts.size(); ++i)
    find(fleet.app(i), spec.app_hosts[i]).wanted.app = true;
  const auto& fronts = spec::proxies(spec);
  for (std::size_t i = 0; i < fronts.size(); ++i) {
    Machine& front = find(fleet.proxy(i), fronts[i]);
    front.wanted.front = true;
    for (std::size_t slot = 0; slot < front.slots.size(); ++slot) {
      BGDEPLOY_ASSIGN(front.slots[slot], plan::routing_to(spec, fleet.places(), i, slot, ""));
    }
    // A template that only the user understands has a site of the user's.
    if (auto parts = proxy::site_parts(spec, front.slots, {})) front.wanted.parts = *std::move(parts);
  }
  return machines;
}

Result<std::vector<HostSetup>> look(const spec::Spec& spec, const Fleet& fleet, const std::string& only,
                                    const Wait& wait) {
  BGDEPLOY_ASSIGN(std::vector<Machine> machines, machines_of(spec, fleet));
  if (!only.empty())
    std::erase_if(machines, [&](const Machine& machine) { return machine.wanted.name != only; });
  std::vector<Result<void>> looked(machines.size());
  for_each_parallel(machines.size(), spec.parallel, [&](std::size_t i) {
    looked[i] = guarded([&] { return look_at(spec, machines[i], wait); });
  });
  std::vector<HostSetup> found;
  for (std::size_t i = 0; i < machines.size(); ++i) {
    if (!looked[i]) return std::unexpected(std::move(looked[i]).error().within(machines[i].wanted.name));
    HostSetup& one = found.emplace_back(std::move(machines[i].wanted));
    BGDEPLOY_ASSIGN(one.lacks, lacking(spec, one.host));
    one.script = setup_script(spec, one.host, one.lacks);
  }
  return found;
}

// Tells what it is at; of the rest the last lines are for the error.
Result<void> run_script(const Context& context, const HostSetup& setup, host::Host& machine,
                        const Wait& wait) {
  std::vector<std::string> argv = {"sh", "-c", "exec 2>&1 </dev/null\n" + setup.script};
  if (setup.host.fact_of("uid") != "0") argv.insert(argv.begin(), {"sudo", "-n", "--"});
  BGDEPLOY_ASSIGN(const auto process, machine.start({argv, host::Tool::other, {}}, wait));
  BGDEPLOY_TRY(process->close_input());
  std::deque<std::string> last;
  while (true) {
    BGDEPLOY_ASSIGN(const auto line, process->read_line(wait));
    if (!line) break;
    const std::string shown = core::printable(*line);
    if (shown.starts_with("==> ")) context.sink.emit(report::Info{shown.substr(4), setup.host.name});
    last.push_back(shown);
    if (last.size() > k_last_lines) last.pop_front();
  }
  BGDEPLOY_ASSIGN(const auto output, process->finish(wait));
  if (output.ok()) return {};
  return core::fail(
      ErrorKind::refused,
      fmt::format("{}: setting up failed (exit code {})", setup.host.name, output.exit_code),
      {last.begin(), last.end()},
      "mend what it names, then run `bgdeploy setup` again: what is there already is left alone");
}

}  // namespace

Result<std::vector<HostSetup>> look_for_lacks(const Context& context, const std::string& only) {
  const auto has = [&](const std::vector<spec::Host>& hosts) {
    return std::ranges::find(hosts, only, &spec::Host::name) != hosts.end();
  };
  if (!only.empty() && !has(context.spec.app_hosts) && !has(context.spec.proxy_hosts))
    return core::fail(ErrorKind::usage, fmt::format("the spec has no host {}", core::printable(only)));
  const Wait wait = deadlines::within(context.clock, deadlines::k_command, context.stop);
  BGDEPLOY_ASSIGN(const Fleet fleet, Fleet::connect(without_sudo(context.spec), wait));
  return look(context.spec, fleet, only, wait);
}

Result<void> set_up(const Context& context, const std::vector<HostSetup>& hosts) {
  for (const HostSetup& one : hosts)
    if (!one.script.empty() && !one.host.is("root"))
      return core::fail(
          ErrorKind::denied,
          fmt::format("{} may not become root on {} without a password", one.host.fact_of("login"),
                      one.host.name),
          {}, fmt::format("run it as root there: bgdeploy setup --host {} >setup.sh", one.host.name));
  const Wait wait = deadlines::within(context.clock, k_set_up_within, context.stop);
  {
    BGDEPLOY_ASSIGN(const Fleet fleet, Fleet::connect(without_sudo(context.spec), wait));
    BGDEPLOY_ASSIGN(const auto machines, machines_of(context.spec, fleet));
    for (const HostSetup& one : hosts)
      for (const Machine& machine : machines)
        if (machine.wanted.name == one.host.name && !one.script.empty())
          BGDEPLOY_TRY(run_script(context, one, *machine.host, wait));
  }
  // With a new login, which is in the groups that it was put into.
  BGDEPLOY_ASSIGN(const Fleet fleet, Fleet::connect(without_sudo(context.spec), wait));
  BGDEPLOY_ASSIGN(const auto after,
                  look(context.spec, fleet, hosts.size() == 1 ? hosts.front().host.name : "", wait));
  for (const HostSetup& one : after)
    if (!one.lacks.empty())
      return core::fail(ErrorKind::refused,
                        fmt::format("{} still lacks {}", one.host.name, one.lacks.front().what), {},
                        "bgdeploy check");
  return {};
}

}  // namespace bgdeploy::deploy
