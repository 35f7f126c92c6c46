#include "bgdeploy/host/route.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/host/child.hpp"
#include "bgdeploy/ssh/config.hpp"
#include "bgdeploy/ssh/regular_file.hpp"

namespace bgdeploy::host {
namespace {

using core::ErrorKind;
using core::fail;
using Route = std::vector<ssh::Destination>;

constexpr int k_most_hops = 8;
constexpr std::array<const char*, 3> k_usual_keys{"~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"};

struct Me {
  std::string name;
  std::string home;         // what ~ stands for: $HOME, as for the shell that it is typed in
  std::string passwd_home;  // what OpenSSH takes ~ for
};

// Of the environment, unless it is empty.
std::optional<std::string> variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0') return {};
  return value;
}

Me me() {
  Me me;
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  ::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found);
  if (found != nullptr) me = {found->pw_name, found->pw_dir, found->pw_dir};
  me.home = variable("HOME").value_or(me.home);
  return me;
}

// What somebody wrote about one hop: a host entry of the spec, or a word of a proxy_jump list.
struct Wish {
  std::string name;
  std::optional<std::string> user;
  std::optional<int> port;
  std::optional<std::string> pin;
  std::optional<std::vector<std::string>> jumps;  // unset: as OpenSSH's configuration says
  bool is_jump = false;
};

// For a machine without OpenSSH's client.
ssh::ClientConfig built_in_config() {
  ssh::ClientConfig config;
  config.known_hosts_files = {"~/.ssh/known_hosts", "~/.ssh/known_hosts2"};
  config.global_known_hosts_files = {"/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"};
  return config;
}

Result<ssh::ClientConfig> read_config(const Wish& wish, const Me& me, const Wait& wait) {
  std::vector<std::string> argv = {"ssh", "-G"};
  const auto own_config = me.home + "/.ssh/config";
  if (me.home != me.passwd_home && ::access(own_config.c_str(), R_OK) == 0)
    argv.insert(argv.end(), {"-F", own_config});
  if (wish.user) argv.insert(argv.end(), {"-l", *wish.user});
  if (wish.port) argv.insert(argv.end(), {"-p", std::to_string(*wish.port)});
  argv.insert(argv.end(), {"--", wish.name});
  auto output = run_child(argv, {}, wait);
  if (!output) {
    if (output.error().kind == ErrorKind::not_found) return built_in_config();
    return std::unexpected(std::move(output).error());
  }
  if (!output->ok())
    return fail(ErrorKind::unreachable, fmt::format("{}: OpenSSH's configuration cannot be read", wish.name),
                core::split_lines(core::printable(output->err, true)));
  return ssh::parse_client_config(output->out);
}

std::vector<ssh::KnownHost> read_known_hosts(const std::vector<std::string>& files) {
  std::vector<ssh::KnownHost> known;
  for (const auto& path : files) {
    const auto text = ssh::read_regular_file(path);
    if (text) std::ranges::move(ssh::parse_known_hosts(*text, path), std::back_inserter(known));
  }
  return known;
}

class Router {
public:
  Router(const spec::Ssh& settings, const Wait& wait) : m_settings(settings), m_wait(wait) {}

  Result<Route> build(const Wish& wish, int depth) {
    if (depth > k_most_hops)
      return fail(ErrorKind::unreachable, fmt::format("{}: proxy_jump leads in a circle", wish.name));
    BGDEPLOY_ASSIGN(const auto config, read_config(wish, m_me, m_wait));
    const auto& jumps = wish.jumps ? *wish.jumps : config.proxy_jump;
    if (!wish.jumps && jumps.empty() && config.proxy_command)
      return fail(ErrorKind::unsupported,
                  fmt::format("{}: ProxyCommand in OpenSSH's configuration is not supported yet", wish.name),
                  {"use ProxyJump, or proxy_jump in the spec"});
    if (config.revoked_host_keys)
      return fail(
          ErrorKind::unsupported,
          fmt::format("{}: RevokedHostKeys in OpenSSH's configuration is not supported yet", wish.name),
          {"write what is revoked into known_hosts, with @revoked before the host's name"});
    Route route;
    for (std::size_t i = 0; i < jumps.size(); ++i) {
      const auto address = ssh::parse_host_address(jumps[i]);
      if (!address)
        return fail(ErrorKind::unreachable,
                    fmt::format("{}: {} is no jump host", wish.name, core::printable(jumps[i])));
      BGDEPLOY_ASSIGN(auto hops,
                      build({address->host, address->user, address->port, {}, {}, true}, depth + 1));
      // Only the first hop is reached as its own configuration says; the others are reached through it.
      if (i > 0) hops.erase(hops.begin(), hops.end() - 1);
      std::ranges::move(hops, std::back_inserter(route));
    }
    route.push_back(destination(wish, config));
    return route;
  }

private:
  ssh::Destination destination(const Wish& wish, const ssh::ClientConfig& config) const {
    ssh::Destination destination;
    destination.name = wish.name;
    destination.host = config.host_name.value_or(wish.name);
    destination.user = wish.user.value_or(config.user.value_or(m_me.name));
    destination.port = wish.port.value_or(config.port.value_or(22));
    destination.connect_timeout = m_settings.connect_timeout;
    destination.keepalive = m_settings.keepalive;
    const ssh::ConfigTokens tokens{m_me.home, destination.host,           wish.name,        destination.user,
                                   m_me.name, std::to_string(::getuid()), destination.port, variable};
    destination.trust = trust(wish, config, tokens, destination);
    destination.identities = identities(wish, config, tokens);
    for (const auto& file : config.certificate_files)
      destination.certificates.push_back(ssh::expand_path(file, tokens));
    return destination;
  }

  ssh::HostTrust trust(const Wish& wish, const ssh::ClientConfig& config, const ssh::ConfigTokens& tokens,
                       const ssh::Destination& destination) const {
    ssh::HostTrust trust;
    trust.name = config.host_key_alias.value_or(destination.host);
    trust.port = config.host_key_alias ? 22 : destination.port;
    trust.pin = wish.pin;
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
    return trust;
  }

  // `ssh -G` prints these with ~ replaced already.
  std::string with_our_home(const std::string& file) const {
    const bool replaced = m_me.home != m_me.passwd_home && file.starts_with(m_me.passwd_home + "/");
    return replaced ? m_me.home + file.substr(m_me.passwd_home.size()) : file;
  }

  std::vector<ssh::Identity> identities(const Wish& wish, const ssh::ClientConfig& config,
                                        const ssh::ConfigTokens& tokens) const {
    const auto agent = agent_socket(config, tokens);
    std::vector<ssh::Identity> identities;
    std::vector<std::string> seen;
    if (m_settings.identity_file) {
      seen.push_back(ssh::expand_path(*m_settings.identity_file, tokens));
      identities.emplace_back(ssh::KeyFile{seen.front(), true, agent.value_or("")});
    }
    // The spec speaks of its hosts; a jump host may well want a key of its own.
    if (m_settings.identity_file && !wish.is_jump) return identities;
    auto files = config.identity_files;
    files.insert(files.end(), k_usual_keys.begin(), k_usual_keys.end());
    std::vector<std::string> paths;
    for (const auto& file : files) {
      auto path = ssh::expand_path(file, tokens);
      if (std::ranges::find(seen, path) != seen.end()) continue;
      seen.push_back(path);
      paths.push_back(std::move(path));
    }
    if (agent && !config.identities_only) identities.emplace_back(ssh::AgentIdentities{*agent, paths});
    for (auto& path : paths)
      identities.emplace_back(ssh::KeyFile{std::move(path), false, agent.value_or("")});
    return identities;
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

  const spec::Ssh& m_settings;
  const Wait& m_wait;
  const Me m_me = me();
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
