// OpenSSH's known_hosts files, read as sshd(8) "SSH_KNOWN_HOSTS FILE FORMAT" describes them. Ours to read,
// because libssh2's reader accepts revoked keys, ignores wildcards, negation and certificate authorities, and
// stops at a line it does not understand.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bgdeploy::ssh {

struct HostKey {
  std::string type;  // "ssh-ed25519"
  std::string blob;  // as it travels
  bool operator==(const HostKey&) const = default;
};

struct KnownHost {
  enum class Marker { none, revoked, cert_authority };
  Marker marker = Marker::none;
  std::string patterns;  // "host,[host]:2222,*.example.com,!bad" or "|1|salt|hash"
  HostKey key;
  std::string file;
  int line = 0;
};

// Lines that make no sense are skipped, as OpenSSH does.
std::vector<KnownHost> parse_known_hosts(std::string_view text, std::string_view file);

// "host", or "[host]:port" where the port is not 22; in lower case.
std::string known_hosts_name(std::string_view host, int port);

// Whether the patterns name exactly this host (a name as known_hosts_name gives it).
bool names_host(std::string_view patterns, std::string_view name);

struct KeyVerdict {
  enum class Kind { known, unknown, changed, revoked };
  Kind kind = Kind::unknown;
  std::vector<KnownHost> known;   // the host's own entries, when it has any
  bool only_authorities = false;  // unknown, but a @cert-authority line names it
};

// What the entries say about `key` for the host. Another type of key than the ones listed counts as changed.
// A host on another port than 22 may also be listed without its port, as OpenSSH allows.
KeyVerdict check_host_key(std::span<const KnownHost> entries, std::string_view host, int port,
                          const HostKey& key);

// The types of key that the entries hold for the host, in their order, each once.
std::vector<std::string> known_key_types(std::span<const KnownHost> entries, std::string_view host, int port);

// One line for a known_hosts file, with its newline.
std::string known_hosts_line(std::string_view host, int port, const HostKey& key);

}  // namespace bgdeploy::ssh
