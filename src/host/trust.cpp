#include "bgdeploy/host/trust.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "bgdeploy/host/route.hpp"
#include "bgdeploy/io/fd.hpp"
#include "bgdeploy/io/regular_file.hpp"
#include "bgdeploy/ssh/wire.hpp"

namespace bgdeploy::host {
namespace {

using core::ErrorKind;
using core::fail;

OfferedKey judge(const ssh::Destination& hop, ssh::HostKey key) {
  OfferedKey offered;
  offered.hop = hop.name;
  offered.host = hop.trust.name;
  offered.port = hop.trust.port;
  offered.fingerprint = ssh::fingerprint(key.blob);
  offered.verdict = ssh::check_host_key(hop.trust.known, hop.trust.name, hop.trust.port, key);
  // An entry of another type contradicts it too, or an attacker in between would only have to show one.
  offered.contradicted = offered.verdict.kind == ssh::KeyVerdict::Kind::revoked ||
                         (offered.verdict.kind == ssh::KeyVerdict::Kind::changed &&
                          (key.type == "ssh-rsa" || !ssh::known_by_unusable_keys(offered.verdict.known)));
  offered.pinned = hop.trust.pin == offered.fingerprint;
  offered.against_pin = hop.trust.pin && !offered.pinned;
  if (!hop.trust.files.empty()) offered.file = hop.trust.files.front();
  offered.key = std::move(key);
  return offered;
}

std::unexpected<core::Error> failed(const std::filesystem::path& path) {
  return fail(ErrorKind::io, fmt::format("cannot write {}: {}", path.string(), std::strerror(errno)));
}

// A last line without a newline must not swallow the new one.
bool lacks_newline(int fd) {
  char last = '\n';
  const auto size = ::lseek(fd, 0, SEEK_END);
  return size > 0 && ::pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

Result<void> make_private_folder(const std::filesystem::path& folder) {
  std::error_code unknown;
  if (folder.empty() || std::filesystem::is_directory(folder, unknown)) return {};
  BGDEPLOY_TRY(make_private_folder(folder.parent_path()));
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return failed(folder);
  return {};
}

std::unexpected<core::Error> keeps_nothing(const OfferedKey& offered, const std::string& kind) {
  return fail(ErrorKind::io,
              fmt::format("{} is {}, so no key can be kept there", offered.file.string(), kind), {},
              "name another file: ssh.known_hosts_file in the spec, or UserKnownHostsFile in OpenSSH's "
              "configuration");
}

// The key has been added only if the next connection finds it.
Result<void> read_back(const OfferedKey& offered) {
  BGDEPLOY_ASSIGN(const auto text, io::read_file(offered.file));
  const auto entries = ssh::parse_known_hosts(text, offered.file.string());
  const auto verdict = ssh::check_host_key(entries, offered.host, offered.port, offered.key);
  if (verdict.kind == ssh::KeyVerdict::Kind::known) return {};
  return fail(ErrorKind::io, fmt::format("{}: the key of {} was written but cannot be found",
                                         offered.file.string(), offered.host));
}

}  // namespace

Result<OfferedKey> fetch_host_key(const spec::Host& host, const Wait& wait) {
  if (host.local)
    return fail(ErrorKind::unsupported, "the local host has no host key: no SSH is used for it");
  BGDEPLOY_ASSIGN(auto route, route_to(host, wait));
  std::shared_ptr<ssh::Session> session;
  for (auto& hop : route) {
    hop.via = std::move(session);
    BGDEPLOY_ASSIGN(auto key, ssh::fetch_key(hop, wait));
    auto offered = judge(hop, std::move(key));
    const bool trusted = offered.verdict.kind == ssh::KeyVerdict::Kind::known && !offered.against_pin;
    if (&hop == &route.back() || !trusted) return offered;
    BGDEPLOY_ASSIGN(session, ssh::Session::connect(hop, wait));
  }
  return fail(ErrorKind::internal, "a route without a host");
}

Result<void> trust_host_key(const OfferedKey& offered) {
  if (offered.file.empty())
    return fail(
        ErrorKind::io,
        fmt::format("{}: OpenSSH's configuration names no known_hosts file to add it to", offered.hop), {},
        "name one: ssh.known_hosts_file in the spec, or UserKnownHostsFile there");
  BGDEPLOY_TRY(make_private_folder(offered.file.parent_path()));
  const io::Fd fd(
      ::open(offered.file.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0) return failed(offered.file);
  if (const auto kind = io::kind_of_file(status); !kind.empty()) return keeps_nothing(offered, kind);
  auto line = ssh::known_hosts_line(offered.host, offered.port, offered.key);
  if (lacks_newline(fd.get())) line.insert(0, "\n");
  const auto written = ::write(fd.get(), line.data(), line.size());
  if (written != static_cast<ssize_t>(line.size())) {
    if (written >= 0) errno = ENOSPC;
    const auto error = failed(offered.file);
    if (written > 0 && ::ftruncate(fd.get(), status.st_size) != 0) return failed(offered.file);
    return error;
  }
  return read_back(offered);
}

}  // namespace bgdeploy::host
