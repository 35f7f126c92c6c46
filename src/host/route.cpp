#include "bgdeploy/host/route.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/io/child.hpp"
#include "bgdeploy/io/regular_file.hpp"
#include "bgdeploy/ssh/config.hpp"
#include "route_words.hpp"

namespace bgdeploy::host {
namespace {

using core::ErrorKind;
using core::fail;
using Route = std::vector<ssh::Destination>;

constexpr int k_most_hops = 8;
constexpr std::array<const char*, 3> k_usual_keys{"~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"};

struct LocalUser {
  std::string name;
  std::string home;         // ~ in a shell: $HOME
  std::string passwd_home;  // ~ in OpenSSH's files
};

// A variable of the environment that is not empty.
std::optional<std::string> variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0') return {};
  return value;
}

LocalUser local_user() {
  LocalUser user;
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  ::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found);
  if (found != nullptr) user = {found->pw_name, found->pw_dir, found->pw_dir};
  user.home = variable("HOME").value_or(user.home);
  return user;
}

// One hop as the user writes it: a host entry of the spec, or a word of a proxy_jump list.
struct Hop {
  std::string name;
  std::optional<std::string> user;
  std::optional<int> port;
  std::optional<std::string> pin;
  std::optional<std::vector<std::string>> jumps;  // unset: OpenSSH's configuration decides
  bool is_jump = false;
};

// Stands in for `ssh -G` on a machine without OpenSSH's client.
ssh::ClientConfig built_in_config() {
  ssh::ClientConfig config;
  config.known_hosts_files = {"~/.ssh/known_hosts", "~/.ssh/known_hosts2"};
  config.global_known_hosts_files = {"/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"};
  return config;
}

Result<ssh::ClientConfig> read_config(const Hop& hop, const LocalUser& user, const Wait& wait) {
  std::vector<std::string> argv = {"ssh", "-G"};
  const auto own_config = user.home + "/.ssh/config";
  if (user.home != user.passwd_home && ::access(own_config.c_str(), R_OK) == 0)
    argv.insert(argv.end(), {"-F", own_config});
  if (hop.user) argv.insert(argv.end(), {"-l", *hop.user});
  if (hop.port) argv.insert(argv.end(), {"-p", std::to_string(*hop.port)});
  argv.insert(argv.end(), {"--", hop.name});
  auto output = io::run_child(argv, {}, wait);
  if (!output) {
    if (output.error().kind == ErrorKind::not_found) {
      BGDEPLOY_TRY(check_nothing_unread(hop.name, user.home + "/.ssh"));
      return built_in_config();
    }
    return std::unexpected(std::move(output).error());
  }
  if (!output->ok())
    return fail(ErrorKind::unreachable, fmt::format("{}: OpenSSH's configuration cannot be read", hop.name),
                core::split_lines(core::printable(output->err, true)));
  return ssh::parse_client_config(output->out);
}

std::vector<ssh::KnownHost> read_known_hosts(const std::vector<std::string>& files) {
  std::vector<ssh::KnownHost> known;
  for (const auto& path : files) {
    const auto text = io::read_file(path);
    if (text) std::ranges::move(ssh::parse_known_hosts(*text, path), std::back_inserter(known));
  }
  return known;
}

// What CI hands over beside the spec. The spec's own words count more.
spec::Ssh with_environment(spec::Ssh settings) {
  if (!settings.identity_file) settings.identity_file = variable("BGDEPLOY_IDENTITY_FILE");
  if (!settings.known_hosts_file) settings.known_hosts_file = variable("BGDEPLOY_KNOWN_HOSTS_FILE");
  return settings;
}

class Router {
public:
  Router(const spec::Ssh& settings, const Wait& wait)
      : m_settings(with_environment(settings)), m_wait(wait) {}

  Result<Route> build(const Hop& hop, int depth) {
    if (depth > k_most_hops)
      return fail(ErrorKind::unreachable, fmt::format("{}: proxy_jump leads in a circle", hop.name));
    BGDEPLOY_ASSIGN(const auto config, read_config(hop, m_user, m_wait));
    const auto& jumps = hop.jumps ? *hop.jumps : config.proxy_jump;
    if (!hop.jumps && jumps.empty() && config.proxy_command)
      return fail(ErrorKind::unsupported,
                  fmt::format("{}: ProxyCommand in OpenSSH's configuration is not supported yet", hop.name),
                  {}, "use ProxyJump, or proxy_jump in the spec");
    if (config.revoked_host_keys)
      return fail(
          ErrorKind::unsupported,
          fmt::format("{}: RevokedHostKeys in OpenSSH's configuration is not supported yet", hop.name), {},
          "write what is revoked into known_hosts, with @revoked before the host's name");
    Route route;
    for (std::size_t i = 0; i < jumps.size(); ++i) {
      const auto address = ssh::parse_host_address(jumps[i]);
      if (!address)
        return fail(ErrorKind::unreachable,
                    fmt::format("{}: {} is not a jump host", hop.name, core::printable(jumps[i])));
      BGDEPLOY_ASSIGN(auto hops,
                      build({address->host, address->user, address->port, {}, {}, true}, depth + 1));
      // Only the first hop follows its own configuration; the others are reached through the hop before.
      if (i > 0) hops.erase(hops.begin(), hops.end() - 1);
      std::ranges::move(hops, std::back_inserter(route));
    }
    route.push_back(destination(hop, config));
    return route;
  }

private:
  ssh::Destination destination(const Hop& hop, const ssh::ClientConfig& config) const {
    ssh::Destination destination;
    destination.name = hop.name;
    destination.host = config.host_name.value_or(hop.name);
    destination.user = hop.user.value_or(config.user.value_or(m_user.name));
    destination.unknown_name = unknown_name(hop.name, config, m_user.home + "/.ssh");
    destination.port = hop.port.value_or(config.port.value_or(22));
    destination.connect_timeout = m_settings.connect_timeout;
    destination.keepalive = m_settings.keepalive;
    const ssh::ConfigTokens tokens{m_user.home,      destination.host, hop.name,
                                   destination.user, m_user.name,      std::to_string(::getuid()),
                                   destination.port, variable};
    destination.trust = trust(hop, config, tokens, destination);
    destination.identities = identities(hop, config, tokens);
    destination.unused_key = unused_key_advice(key_files(destination.identities));
    for (const auto& file : config.certificate_files)
      destination.certificates.push_back(ssh::expand_path(file, tokens));
    return destination;
  }

  ssh::HostTrust trust(const Hop& hop, const ssh::ClientConfig& config, const ssh::ConfigTokens& tokens,
                       const ssh::Destination& destination) const {
    ssh::HostTrust trust;
    trust.name = config.host_key_alias.value_or(destination.host);
    trust.port = config.host_key_alias ? 22 : destination.port;
    trust.pin = hop.pin;
    std::vector<std::string> files;
    for (const auto& file : config.known_hosts_files) files.push_back(with_our_home(file));
    if (m_settings.known_hosts_file) files = {*m_settings.known_hosts_file};
    const auto& global = config.global_known_hosts_files;
    files.insert(files.end(), global.begin(), global.end());
    for (const auto& file : files) trust.files.push_back(ssh::expand_path(file, tokens));
    trust.known = read_known_hosts(trust.files);
    std::erase_if(trust.files, [&](const auto& file) {
      return file != trust.files.front() && ::access(file.c_str(), F_OK) != 0;
    });
    trust.advice = unknown_key_advice(trust.files);
    return trust;
  }

  // `ssh -G` has replaced ~ by the home in passwd.
  std::string with_our_home(const std::string& file) const {
    const bool replaced = m_user.home != m_user.passwd_home && file.starts_with(m_user.passwd_home + "/");
    return replaced ? m_user.home + file.substr(m_user.passwd_home.size()) : file;
  }

  std::vector<ssh::Identity> identities(const Hop& hop, const ssh::ClientConfig& config,
                                        const ssh::ConfigTokens& tokens) const {
    const auto agent = agent_socket(config, tokens);
    std::vector<ssh::Identity> identities;
    std::vector<std::string> seen;
    if (m_settings.identity_file) {
      seen.push_back(ssh::expand_path(*m_settings.identity_file, tokens));
      identities.emplace_back(ssh::KeyFile{seen.front(), "ssh.identity_file", agent.value_or("")});
    }
    // identity_file of the spec is for its hosts; a jump host may want a key of its own.
    if (m_settings.identity_file && !hop.is_jump) return identities;
    auto files = config.identity_files;
    const auto chosen = names_key_files(config) ? files.size() : 0;
    files.insert(files.end(), k_usual_keys.begin(), k_usual_keys.end());
    std::vector<std::string> paths;
    std::set<std::string> named;
    for (std::size_t i = 0; i < files.size(); ++i) {
      auto path = ssh::expand_path(files[i], tokens);
      if (std::ranges::find(seen, path) != seen.end()) continue;
      seen.push_back(path);
      if (i < chosen) named.insert(path);
      paths.push_back(std::move(path));
    }
    if (agent && !config.identities_only) identities.emplace_back(ssh::AgentIdentities{*agent, paths});
    for (auto& path : paths) {
      const char* by = named.contains(path) ? "~/.ssh/config" : "";
      identities.emplace_back(ssh::KeyFile{std::move(path), by, agent.value_or("")});
    }
    return identities;
  }

  static std::vector<std::string> key_files(const std::vector<ssh::Identity>& identities) {
    std::vector<std::string> files;
    for (const auto& identity : identities)
      if (const auto* file = std::get_if<ssh::KeyFile>(&identity)) files.push_back(file->path);
    return files;
  }

  static std::optional<std::string> agent_socket(const ssh::ClientConfig& config,
                                                 const ssh::ConfigTokens& tokens) {
    auto agent = config.identity_agent.value_or("SSH_AUTH_SOCK");
    if (agent == "none") return {};
    if (agent.starts_with('$') && !agent.starts_with("${"))
      agent.erase(0, 1);
    else if (agent != "SSH_AUTH_SOCK")
      return ssh::expand_path(agent, tokens);
    return variable(agent);
  }

  const spec::Ssh m_settings;
  const Wait& m_wait;
  const LocalUser m_user = local_user();
};

}  // namespace

Result<Route> route_to(const spec::Host& host, const Wait& wait) {
  return Router(host.ssh, wait)
      .build({host.name, host.ssh.user, host.ssh.port, host.host_key, host.ssh.proxy_jump, false}, 0);
}

Result<std::shared_ptr<ssh::Session>> connect_route(const Route& route, const Wait& wait) {
  std::shared_ptr<ssh::Session> session;
  for (std::size_t i = 0; i < route.size(); ++i) {
    const bool last = i + 1 == route.size();
    auto hop = route[i];
    hop.via = std::move(session);
    auto connected = ssh::Session::connect(hop, wait);
    if (!connected && !last)
      return std::unexpected(
          std::move(connected).error().within(fmt::format("{}: jump host", route.back().name)));
    if (!connected) return std::unexpected(std::move(connected).error());
    session = std::move(*connected);
  }
  return session;
}

}  // namespace bgdeploy::host
