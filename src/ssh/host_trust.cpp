#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/shell_words.hpp"
#include "bgdeploy/ssh/wire.hpp"
#include "login.hpp"

namespace bgdeploy::ssh {
namespace {

using core::ErrorKind;
using core::fail;
using Entries = std::vector<KnownHost>;

std::string shown(const HostKey& key) {
  return fmt::format("{} {}", core::printable(key.type), fingerprint(key.blob));
}

void append_known(std::vector<std::string>& details, const Entries& known) {
  for (const auto& entry : known)
    details.push_back(fmt::format("known:   {} ({}:{})", shown(entry.key), entry.file, entry.line));
}

core::Error untrusted(std::string message, std::vector<std::string> details, std::string next = {}) {
  return {ErrorKind::untrusted, std::move(message), std::move(details), std::move(next)};
}

constexpr const char* k_compare = "compare the fingerprint with the host's own, then run: bgdeploy trust";

core::Error unknown_key(const HostKey& key, const Destination& destination, bool only_authorities) {
  std::vector<std::string> details = {fmt::format("offered: {}", shown(key))};
  if (!destination.trust.files.empty())
    details.push_back(fmt::format("not in {}", fmt::join(destination.trust.files, ", ")));
  if (only_authorities)
    details.emplace_back("a @cert-authority line names this host, but host certificates are not supported");
  const auto& advice = destination.trust.advice;
  return untrusted(fmt::format("{}: the host key is not known", describe(destination)), std::move(details),
                   advice.empty() ? k_compare : advice);
}

core::Error changed_key(const HostKey& key, const Destination& destination, const Entries& known) {
  std::vector<std::string> details;
  append_known(details, known);
  details.push_back(fmt::format("offered: {}", shown(key)));
  if (known_by_unusable_keys(known) && key.type != "ssh-rsa") {
    details.emplace_back(
        "this build's libssh2 cannot verify RSA host keys with SHA-2: add the host's other key");
    return untrusted(fmt::format("{}: the host is known by an RSA key only", describe(destination)),
                     std::move(details), k_compare);
  }
  return untrusted(
      fmt::format("{}: the host key has changed: possible man-in-the-middle", describe(destination)),
      std::move(details),
      fmt::format("if the host was installed anew: ssh-keygen -R {} -f {}, then: bgdeploy trust",
                  core::shell_quote(known_hosts_name(destination.trust.name, destination.trust.port)),
                  core::shell_quote(known.front().file)));
}

}  // namespace

bool known_by_unusable_keys(std::span<const KnownHost> known) {
  return !known.empty() && !verifies_rsa() &&
         std::ranges::all_of(known, [](const KnownHost& entry) { return entry.key.type == "ssh-rsa"; });
}

bool signs_with(const std::string& signature, const std::string& key) {
  return signature == key || (key == "ssh-rsa" && signature.starts_with("rsa-sha2-"));
}

std::vector<std::string> preferred_key_types(const HostTrust& trust) {
  const auto known = known_key_types(trust.known, trust.name, trust.port);
  auto types = verifiable_key_types();
  std::ranges::stable_partition(types, [&](const std::string& signature) {
    return std::ranges::any_of(known, [&](const auto& key) { return signs_with(signature, key); });
  });
  return types;
}

Result<void> verify_host_key(const HostKey& key, const Destination& destination) {
  const auto& trust = destination.trust;
  const auto verdict = check_host_key(trust.known, trust.name, trust.port, key);
  if (verdict.kind == KeyVerdict::Kind::revoked) {
    const auto& entry = verdict.known.front();
    return std::unexpected(untrusted(
        fmt::format("{}: the host key is revoked", describe(destination)),
        {fmt::format("offered: {}", shown(key)), fmt::format("revoked by {}:{}", entry.file, entry.line)}));
  }
  if (trust.pin) {
    if (*trust.pin == fingerprint(key.blob)) return {};
    return std::unexpected(untrusted(
        fmt::format("{}: the host key is not the one that host_key pins", describe(destination)),
        {fmt::format("pinned:  {}", core::printable(*trust.pin)), fmt::format("offered: {}", shown(key))},
        "correct host_key in the spec if the host was installed anew"));
  }
  switch (verdict.kind) {
    case KeyVerdict::Kind::known:
      return {};
    case KeyVerdict::Kind::changed:
      return std::unexpected(changed_key(key, destination, verdict.known));
    default:
      return std::unexpected(unknown_key(key, destination, verdict.only_authorities));
  }
}

}  // namespace bgdeploy::ssh
