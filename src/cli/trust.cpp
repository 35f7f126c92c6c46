#include <unistd.h>

#include <poll.h>
#include <CLI/CLI.hpp>
#include <algorithm>

#include <fmt/format.h>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/host/trust.hpp"
#include "command.hpp"

namespace bgdeploy::cli {
namespace {

using core::ErrorKind;
using core::Result;
using Kind = ssh::KeyVerdict::Kind;

// Signals only fire `stop`: nothing else would end the wait. Empty when it was given up.
std::string read_line(const std::stop_token& stop) {
  constexpr int k_look_at_stop_ms = 100;
  std::string line;
  pollfd input{STDIN_FILENO, POLLIN, 0};
  while (!stop.stop_requested()) {
    if (::poll(&input, 1, k_look_at_stop_ms) <= 0) continue;
    char byte = 0;
    if (::read(STDIN_FILENO, &byte, 1) != 1 || byte == '\n') return line;
    line += byte;
  }
  return {};
}

bool agreed(bool yes, const host::OfferedKey& offered, const std::stop_token& stop) {
  print(fmt::format("{} shows the {} key {}\n", core::printable(offered.host),
                    core::printable(offered.key.type), offered.fingerprint));
  if (offered.verdict.kind == Kind::changed)
    print("known_hosts has only an RSA key of it, which this build's libssh2 cannot verify\n");
  if (yes) return true;
  print(fmt::format("Add it to {}? Compare the fingerprint with the host's own first. [yes/no] ",
                    offered.file.string()));
  std::fflush(stdout);
  return core::trim(read_line(stop)) == "yes";
}

// What known_hosts says against the key.
core::Error contradiction(const host::OfferedKey& offered) {
  core::Error error{
      ErrorKind::untrusted,
      fmt::format("{} shows the {} key {}, which known_hosts speaks against", core::printable(offered.host),
                  core::printable(offered.key.type), offered.fingerprint),
      {}};
  for (const auto& entry : offered.verdict.known)
    error.details.push_back(fmt::format("{} {} ({}:{})",
                                        offered.verdict.kind == Kind::revoked ? "revoked:" : "known:  ",
                                        core::printable(entry.key.type), entry.file, entry.line));
  if (offered.verdict.kind == Kind::changed)
    error.details.push_back("if the host was really set up anew, remove its old key first: ssh-keygen -R " +
                            core::shell_quote(ssh::known_hosts_name(offered.host, offered.port)) + " -f " +
                            core::shell_quote(offered.verdict.known.front().file));
  return error;
}

// True when this key was added, and the next one on the way should be looked at.
Result<bool> trust_next(const spec::Host& host, bool yes, std::stop_token stop) {
  BGDEPLOY_ASSIGN(const host::OfferedKey offered,
                  host::fetch_host_key(host, core::Wait::for_at_most(host.ssh.connect_timeout, stop)));
  if (offered.against_pin)
    return core::fail(ErrorKind::untrusted,
                      fmt::format("{} shows {}, but host_key in the spec names another key", offered.host,
                                  offered.fingerprint));
  if (offered.pinned && offered.verdict.kind != Kind::revoked) {
    print(fmt::format("{} is pinned by host_key, and shows that key: {}\n", core::printable(offered.host),
                      offered.fingerprint));
    return false;
  }
  if (offered.verdict.kind == Kind::known) {
    print(fmt::format("{} is known: {}\n", core::printable(offered.host), offered.fingerprint));
    return false;
  }
  if (offered.contradicted) return std::unexpected(contradiction(offered));
  if (!agreed(yes, offered, stop))
    return core::fail(stop.stop_requested() ? ErrorKind::cancelled : ErrorKind::untrusted,
                      fmt::format("{} was not added", offered.host));
  BGDEPLOY_TRY(host::trust_host_key(offered));
  print(fmt::format("added to {}\n", offered.file.string()));
  return offered.hop != host.name;
}

int run(const Globals& globals, bool yes) {
  const auto spec = load_spec(globals);
  if (!spec) return print_error(spec.error());
  std::vector<spec::Host> hosts = spec->app_hosts;
  for (const spec::Host& proxy : spec->proxy_hosts)
    if (std::ranges::none_of(hosts, [&](const auto& host) { return spec::same_machine(host, proxy); }))
      hosts.push_back(proxy);
  for (const spec::Host& host : hosts) {
    if (host.local) continue;
    Result<bool> more = true;
    while (more && *more) more = trust_next(host, yes, globals.stop);
    if (!more) return print_error(more.error());
  }
  return 0;
}

}  // namespace

void add_trust(const Registration& registration) {
  CLI::App* command = registration.app.add_subcommand(
      "trust", "Show the hosts' key fingerprints and add them to known_hosts");
  command->footer("Example: bgdeploy trust");
  auto yes = std::make_shared<bool>(false);
  command->add_flag("-y,--yes", *yes, "Add them without asking; compare the fingerprints some other way");
  command->callback(
      [=] { registration.action = [yes, &globals = registration.globals] { return run(globals, *yes); }; });
}

}  // namespace bgdeploy::cli
