#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "reader.hpp"

namespace bgdeploy::spec {
namespace {

struct Target {
  std::optional<std::string> user;
  std::string host;
  std::optional<int> port;
};

// [user@]host[:port]; an IPv6 address with a port stands in brackets, one without may stand bare.
std::optional<Target> parse_target(std::string_view text) {
  Target target;
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
    target.user = std::string(text.substr(0, at));
    if (!is_user_name(*target.user)) return {};
    text.remove_prefix(at + 1);
  }
  std::string_view port;
  const std::size_t colon = text.find(':');
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return {};
    port = text.substr(close + 1);
    text = text.substr(1, close - 1);
    if (text.find(':') == std::string_view::npos) return {};
  } else if (colon != std::string_view::npos && text.rfind(':') == colon) {
    port = text.substr(colon);
    text = text.substr(0, colon);
  }
  if (!port.empty()) {
    target.port = port[0] == ':' ? to_port(port.substr(1)) : std::nullopt;
    if (!target.port) return {};
  }
  if (!is_host_name(text)) return {};
  target.host = std::string(text);
  return target;
}

std::optional<Target> read_target(const Value& value) {
  const auto text = value.text();
  if (!text) return {};
  auto target = parse_target(*text);
  if (!target) value.error(fmt::format("must be [user@]host[:port], not {}", value.shown(*text)));
  return target;
}

void read_sudo(const Value& value, Sudo& sudo) {
  if (!value.present()) return;
  sudo = {};
  if (!value.is(Node::Kind::list)) {
    if (value.is(Node::Kind::scalar) && value.node()->text != "true" && value.node()->text != "false") {
      value.error(fmt::format("must be true, false or a list of docker and nginx, not {}",
                              value.shown(value.node()->text)));
      return;
    }
    set(sudo.all, value.boolean());
    return;
  }
  for (const auto& item : value.items()) {
    const auto name =
        item.matching([](std::string_view t) { return t == "docker" || t == "nginx"; }, "docker or nginx");
    if (name) (*name == "docker" ? sudo.docker : sudo.nginx) = true;
  }
}

// `none` and an empty list: without any, whatever OpenSSH's configuration says.
void read_jumps(const Value& value, std::optional<std::vector<std::string>>& jumps) {
  if (!value.present()) return;
  jumps.emplace();
  if (value.is(Node::Kind::scalar) && value.node()->text == "none") return;
  const std::vector<Value> hops = value.is(Node::Kind::list) ? value.items() : std::vector{value};
  for (const auto& hop : hops) {
    if (read_target(hop)) jumps->push_back(hop.node()->text);
  }
}

// What is written in `value` goes over what `ssh` holds already.
void read_ssh(const Value& value, Ssh& ssh) {
  set(ssh.user, value.get("user").matching(is_user_name, "the name of a user"));
  set(ssh.port, value.get("port").port());
  set(ssh.identity_file, value.get("identity_file").openssh_file());
  set(ssh.known_hosts_file, value.get("known_hosts_file").openssh_file());
  read_jumps(value.get("proxy_jump"), ssh.proxy_jump);
  read_sudo(value.get("sudo"), ssh.sudo);
  set(ssh.connect_timeout, value.get("connect_timeout").duration(Zero::refused));
  set(ssh.keepalive, value.get("keepalive").duration(Zero::refused));
}

void refuse_ssh_keys_of_local(const Value& entry) {
  for (const auto* key : {"user", "port", "identity_file", "known_hosts_file", "proxy_jump",
                          "connect_timeout", "keepalive", "host_key"}) {
    const Value value = entry.get(key);
    if (value.present()) value.error_at_key("has no meaning for 'local', which is reached without SSH");
  }
}

Host local_host(const Sudo& sudo) {
  Host host;
  host.name = "local";
  host.local = true;
  host.ssh.sudo = sudo;
  return host;
}

std::optional<Host> read_short_host(const Value& entry, const Ssh& defaults) {
  if (entry.is(Node::Kind::scalar) && entry.node()->text == "local") return local_host(defaults.sudo);
  const auto target = read_target(entry);
  if (!target) return {};
  Host host;
  host.name = target->host;
  host.ssh = defaults;
  if (target->user) host.ssh.user = target->user;
  if (target->port) host.ssh.port = target->port;
  return host;
}

std::optional<Host> read_long_host(const Value& entry, const Ssh& defaults) {
  auto host = read_short_host(entry.need("host"), defaults);
  if (!host) return {};
  const auto target = parse_target(entry.get("host").node()->text);
  if (target && target->user && entry.get("user").present()) entry.get("user").error("is in `host` already");
  if (target && target->port && entry.get("port").present()) entry.get("port").error("is in `host` already");
  if (host->local) {
    refuse_ssh_keys_of_local(entry);
    read_sudo(entry.get("sudo"), host->ssh.sudo);
  } else {
    read_ssh(entry, host->ssh);
    set(host->host_key,
        entry.get("host_key")
            .matching(is_key_fingerprint, "a fingerprint as `ssh-keygen -l` prints it, SHA256:…"));
  }
  set(host->address, entry.get("address").matching(is_host_name, "an address or a host name"));
  return host;
}

std::vector<Host> read_list(const Value& list, const Ssh& defaults) {
  std::vector<Host> hosts;
  std::set<std::pair<std::string, int>> seen;
  for (const auto& entry : list.items()) {
    if (entry.is(Node::Kind::broken)) continue;
    auto host =
        entry.is(Node::Kind::map) ? read_long_host(entry, defaults) : read_short_host(entry, defaults);
    if (!host) continue;
    if (!seen.emplace(host->name, host->ssh.port.value_or(22)).second) {
      entry.error(fmt::format("names {} a second time", in_quotes(host->name)));
    }
    hosts.push_back(std::move(*host));
  }
  return hosts;
}

// What SSH connected to is no address of a host behind a jump, and none that others know `local` by.
void need_addresses(const Value& app, const Spec& spec) {
  for (const Host& host : spec.app_hosts) {
    const auto elsewhere = [&](const Host& proxy) { return !same_machine(proxy, host); };
    if (host.address || std::ranges::none_of(spec.proxy_hosts, elsewhere)) continue;
    if (host.local || (host.ssh.proxy_jump && !host.ssh.proxy_jump->empty()))
      app.error_at_key(
          fmt::format("must give {} an `address`, by which hosts.proxy reaches it", in_quotes(host.name)));
  }
}

}  // namespace

void read_hosts(const Value& root, Spec& spec) {
  Ssh defaults;
  if (root.get("ssh").is_map()) read_ssh(root.get("ssh"), defaults);
  const Value hosts = root.need("hosts");
  if (!hosts.is_map()) return;
  const Value app = hosts.need("app");
  spec.app_hosts = read_list(app, defaults);
  if (app.is(Node::Kind::list) && app.node()->items.empty()) app.error("must name at least one host");
  spec.proxy_hosts = read_list(hosts.get("proxy"), defaults);
  need_addresses(app, spec);
}

}  // namespace bgdeploy::spec
