#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "bgdeploy/core/printable.hpp"
#include "types.hpp"

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

constexpr const char* k_user = "[^- \"'`;|&<>()*?/][^ \"'`;|&<>()*?/]*";
constexpr const char* k_target = "(?!.*@-)[^- \"'`;|&<>()*?/][^ \"'`;|&<>()*?/]*";

Shape target_form() {
  return scalar_form(k_target);
}

void write_sudo(Writer& out, const Ssh& ssh) {
  std::vector<std::string> names;
  if (ssh.sudo.docker) names.emplace_back("docker");
  if (ssh.sudo.nginx) names.emplace_back("nginx");
  if (ssh.sudo.all || names.empty())
    out.put("sudo", ssh.sudo.all);
  else
    out.put("sudo", names);
}

Field<Ssh> sudo_field() {
  auto field = key<Ssh>(
      "sudo", either(flag().shape, list_of(words_form({"docker", "nginx"}))),
      [](const Value& value, Ssh& ssh) { read_sudo(value, ssh.sudo); }, write_sudo,
      "What is reached through `sudo -n`: true for all, or a list of docker and nginx.");
  field.has_default = true;
  return field;
}

std::vector<Field<Ssh>> ssh_fields() {
  return {
      sudo_field(),
      key("user", &Ssh::user, matching(scalar_form(k_user), is_user_name, "the name of a user"),
          "The login. Default: what ~/.ssh/config says."),
      key("port", &Ssh::port, port(), "SSH's port. Default: what ~/.ssh/config says, else 22."),
      key("identity_file", &Ssh::identity_file, openssh_file(),
          "The private key. Default: the agent, ~/.ssh/config, then the usual key files.")
          .examples({"~/.ssh/id_ed25519"}),
      key("known_hosts_file", &Ssh::known_hosts_file, openssh_file(), "The known hosts' keys.")
          .examples({"~/.ssh/known_hosts"}),
      key<Ssh>(
          "proxy_jump", one_or_list(target_form()),
          [](const Value& value, Ssh& ssh) { read_jumps(value, ssh.proxy_jump); },
          [](Writer& out, const Ssh& ssh) {
            if (ssh.proxy_jump) out.put("proxy_jump", *ssh.proxy_jump);
          },
          "Jump hosts, one or a list with the first hop first; none: directly, whatever ~/.ssh/config says.")
          .examples({"bastion.example.com", "none"}),
      key("connect_timeout", &Ssh::connect_timeout, duration(Zero::refused),
          "The longest wait for a connection."),
      key("keepalive", &Ssh::keepalive, duration(Zero::refused),
          "How often a silent connection is asked whether it is alive."),
  };
}

// A key of `ssh:` in the entry of a host, for that host only. `local` has `sudo` alone.
Field<Host> in_host(Field<Ssh> field) {
  const bool of_local = field.key.name == "sudo";
  return {field.key, {}, [write = field.write, of_local](Writer& out, const Host& host) {
            if (of_local || !host.local) write(out, host.ssh);
          }};
}

void refuse_ssh_keys_of_local(const Value& entry) {
  for (const Key& key : host_keys().keys) {
    const Value value = entry.get(key.name);
    const bool of_local = key.name == "host" || key.name == "address" || key.name == "sudo";
    if (value.present() && !of_local)
      value.error_at_key("has no meaning for 'local', which is reached without SSH");
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
    read_fields(ssh_keys(), entry, host->ssh);
  }
  read_fields(host_keys(), entry, *host);
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

const Table<Ssh>& ssh_keys() {
  static const Table<Ssh> k_table("ssh", ssh_fields());
  return k_table;
}

const Table<Host>& host_keys() {
  static const Table<Host> k_table = [] {
    std::vector<Field<Host>> fields{
        key<Host>(
            "host", target_form(), {}, [](Writer& out, const Host& host) { out.put("host", host.name); },
            "[user@]host[:port]: an alias of ~/.ssh/config, a name or an address; or local, this machine.")
            .required(),
        key("address", &Host::address,
            matching(scalar_form("[A-Za-z0-9_][A-Za-z0-9_.-]*|[0-9A-Fa-f:.]+(?:%[A-Za-z0-9_.-]+)?"),
                     is_host_name, "an address or a host name"),
            "How proxies on other machines reach it. Default: the address that SSH reached. Required for "
            "local and behind a jump host."),
        key("host_key", &Host::host_key,
            matching(text_form("SHA256:[A-Za-z0-9+/]{43}"), is_key_fingerprint,
                     "a fingerprint as `ssh-keygen -l` prints it, SHA256:…"),
            "The fingerprint of the host's key: no other is accepted.")
            .read_if([](const Host& host) { return !host.local; }),
    };
    for (auto& field : ssh_fields()) fields.push_back(in_host(std::move(field)));
    return Table<Host>("hosts.app[]", std::move(fields));
  }();
  return k_table;
}

const Section& hosts_keys() {
  static const Section k_section{
      "hosts",
      {{.name = "app",
        .doc = "Where the slots run: a list of [user@]host[:port] or of maps.",
        .shape = list_of(either(target_form(), section_form<host_keys>()), 1),
        .required = true},
       {.name = "proxy",
        .doc = "Where nginx runs, in the same forms. Default: each app host fronts itself.",
        .shape = list_of(either(target_form(), section_form<host_keys>()))}}};
  return k_section;
}

void read_hosts(const Value& root, Spec& spec) {
  Ssh defaults;
  if (root.get("ssh").is_map()) read_fields(ssh_keys(), root.get("ssh"), defaults);
  const Value hosts = root.need("hosts");
  if (hosts.is(Node::Kind::scalar) || hosts.is(Node::Kind::list)) {
    const bool one = hosts.is(Node::Kind::scalar);
    return hosts.error(fmt::format("must say which of them run the slots: write `hosts: {{app: [{}]}}`",
                                   one ? core::printable(hosts.node()->text) : "…"));
  }
  if (!hosts.is_map()) return;
  const Value app = hosts.need("app");
  spec.app_hosts = read_list(app, defaults);
  if (app.is(Node::Kind::list) && app.node()->items.empty()) app.error("must name at least one host");
  spec.proxy_hosts = read_list(hosts.get("proxy"), defaults);
  need_addresses(app, spec);
}

}  // namespace bgdeploy::spec
