#include <algorithm>

#include <fmt/format.h>

#include "ask.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/shell_words.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/host/trust.hpp"
#include "command.hpp"
#include "commands.hpp"

namespace bgdeploy::cli {
namespace {

using core::ErrorKind;
using core::Result;
using Kind = ssh::KeyVerdict::Kind;

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

// Names what known_hosts has in the place of the key.
core::Error contradiction(const host::OfferedKey& offered) {
  core::Error error{
      ErrorKind::untrusted,
      fmt::format("{} shows the {} key {}, which contradicts known_hosts", core::printable(offered.host),
                  core::printable(offered.key.type), offered.fingerprint),
      {}};
  for (const auto& entry : offered.verdict.known)
    error.details.push_back(fmt::format("{} {} ({}:{})",
                                        offered.verdict.kind == Kind::revoked ? "revoked:" : "known:  ",
                                        core::printable(entry.key.type), entry.file, entry.line));
  if (offered.verdict.kind == Kind::changed)
    error.next = "if the host was really installed anew, remove its old key first: ssh-keygen -R " +
                 core::shell_quote(ssh::known_hosts_name(offered.host, offered.port)) + " -f " +
                 core::shell_quote(offered.verdict.known.front().file);
  return error;
}

// True when this key was added and the next host on the way must be looked at.
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
  print(fmt::format("{} was added to {}\n", core::printable(offered.host), offered.file.string()));
  return offered.hop != host.name;
}

}  // namespace

int run_trust(const Arguments& arguments) {
  const auto spec = load_spec(arguments);
  if (!spec) return print_error(spec.error());
  std::vector<spec::Host> hosts = spec->app_hosts;
  for (const spec::Host& proxy : spec->proxy_hosts)
    if (std::ranges::none_of(hosts, [&](const auto& host) { return spec::same_machine(host, proxy); }))
      hosts.push_back(proxy);
  for (const spec::Host& host : hosts) {
    if (host.local) continue;
    Result<bool> more = true;
    while (more && *more) more = trust_next(host, arguments.yes, arguments.stop);
    if (!more) return print_error(more.error());
  }
  return 0;
}

}  // namespace bgdeploy::cli
