// What OpenSSH's own configuration says about a host, as `ssh -G` prints it: Host, Match and Include are
// resolved by OpenSSH itself. Pure; running ssh is up to the caller.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bgdeploy::ssh {

struct ClientConfig {
  std::optional<std::string> host_name, user, host_key_alias, identity_agent, proxy_command,
      revoked_host_keys;
  std::optional<int> port;
  std::vector<std::string> identity_files, certificate_files;  // with ~ and % as written
  std::vector<std::string> known_hosts_files, global_known_hosts_files;
  std::vector<std::string> proxy_jump;  // [user@]host[:port], first hop first; aliases unresolved
  bool identities_only = false;
  bool operator==(const ClientConfig&) const = default;
};

// Lines that are not understood are left out.
ClientConfig parse_client_config(std::string_view text);

// What a configuration file itself names, for messages: no pattern with a wildcard, and nothing of Match.
struct ConfigNames {
  std::vector<std::string> hosts, includes;
  bool operator==(const ConfigNames&) const = default;
};
ConfigNames names_in_config(std::string_view text);

// Without OpenSSH: the first keyword in a configuration file's text that would set for `host` one of
// ClientConfig's; empty where none does. A Match may be of any host.
std::string keyword_for(std::string_view text, const std::string& host);

// [user@]host[:port], with [::1]:22 for IPv6 addresses.
struct HostAddress {
  std::optional<std::string> user;
  std::string host;
  std::optional<int> port;
  bool operator==(const HostAddress&) const = default;
};
std::optional<HostAddress> parse_host_address(std::string_view text);

// What the tokens of ssh_config(5) stand for.
struct ConfigTokens {
  std::string home, host, alias, remote_user, local_user, user_id;
  int port = 22;
  std::function<std::optional<std::string>(const std::string&)> variable;  // of the environment
};
// Replaces a leading ~, ${VARIABLE} and %d %h %i %n %p %r %u %%; other tokens, and variables that are not
// set, stay.
std::string expand_path(std::string_view path, const ConfigTokens& tokens);

}  // namespace bgdeploy::ssh
