#include "advice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "bgdeploy/core/nearest.hpp"
#include "bgdeploy/core/printable.hpp"
#include "text_rules.hpp"

namespace bgdeploy::spec {
namespace {

using Words = std::map<std::string_view, std::string_view>;

const Section* section_of(const Shape& shape) {
  const auto found = std::ranges::find(shape, Form::Kind::section, &Form::kind);
  return found == shape.end() ? nullptr : &found->section();
}

// The paths of the sections from `in` downwards that have such a key.
void find_sections(const Section& in, std::string_view key, std::set<std::string>& seen,
                   std::vector<std::string>& found) {
  if (!seen.insert(in.path).second) return;
  if (in.find(key) != nullptr) found.push_back(in.path);
  const auto into = [&](const Shape& shape, const auto& self) -> void {
    for (const Form& form : shape) {
      if (form.section != nullptr) find_sections(form.section(), key, seen, found);
      self(form.inside, self);
    }
  };
  for (const Key& own : in.keys)
    if (own.name != "environments") into(own.shape, into);
}

// What other tools call it.
const std::map<std::string_view, Words>& other_names() {
  static const std::map<std::string_view, Words> k_names{
      {"",
       {{"name", "`service` is the service's name"},
        {"services", "a compose file is named in `compose: {file: …}`"},
        {"version", "the release's version comes with --tag"},
        {"tag", "the tag comes with --tag"},
        {"server", "`hosts: {app: [HOST]}` names the machines"},
        {"servers", "`hosts: {app: [HOST, …]}` names the machines"},
        {"host", "`hosts: {app: [HOST]}` names the machines"},
        {"port", "`slots` has the ports on the host, docker.container_port the app's own"},
        {"ports", "`slots` has the ports on the host, docker.container_port the app's own"},
        {"environment", "it belongs below `docker` or `compose`"},
        {"env", "variables of the app belong in docker.environment"},
        {"healthcheck", "`health` says when a slot is healthy"},
        {"nginx", "it belongs below `proxy`"}}},
      {"docker",
       {{"ports", "a port is published by `slots` and docker.container_port"},
        {"port", "a port is published by `slots` and docker.container_port"},
        {"expose", "the container's port is docker.container_port"},
        {"depends_on", "for several containers use `compose`"},
        {"links", "containers find each other on docker.networks"},
        {"healthcheck", "`health: {docker: true}` uses the image's HEALTHCHECK"},
        {"container_name", "`slots` names the containers: blue: {port: 8081, container: NAME}"},
        {"name", "`slots` names the containers: blue: {port: 8081, container: NAME}"},
        {"env", "variables of the app belong in docker.environment"},
        {"memory", "the limit is docker.mem_limit"},
        {"deploy", "the limits are docker.mem_limit and docker.cpus"}}},
      {"ssh",
       {{"key", "the private key is ssh.identity_file"},
        {"identity", "the private key is ssh.identity_file"},
        {"private_key", "the private key is ssh.identity_file"},
        {"known_hosts", "the file is ssh.known_hosts_file"},
        {"jump", "the jump host is ssh.proxy_jump"},
        {"bastion", "the jump host is ssh.proxy_jump"}}},
      {"registry",
       {{"server", "`image` names the registry"},
        {"url", "`image` names the registry"},
        {"host", "`image` names the registry"},
        {"user", "it is called username"},
        {"token", "it is called password"}}},
      {"slots.*", {{"host_port", "it is called port"}, {"name", "it is called container"}}},
  };
  return k_names;
}

// What a service of a compose file may have, and `docker` has not.
bool is_only_of_compose(std::string_view key) {
  static const std::set<std::string_view> k_keys{"annotations",   "blkio_config", "cgroup",
                                                 "cgroup_parent", "configs",      "cpu_shares",
                                                 "cpuset",        "devices",      "dns",
                                                 "dns_search",    "domainname",   "extends",
                                                 "gpus",          "group_add",    "hostname",
                                                 "ipc",           "isolation",    "mac_address",
                                                 "memswap_limit", "network_mode", "oom_kill_disable",
                                                 "oom_score_adj", "pid",          "pids_limit",
                                                 "platform",      "privileged",   "profiles",
                                                 "pull_policy",   "runtime",      "scale",
                                                 "security_opt",  "stdin_open",   "storage_opt",
                                                 "sysctls",       "tty",          "userns_mode",
                                                 "uts",           "volumes_from"};
  return k_keys.contains(key);
}

// "health.http: {path: /health}" of "/health": the way to write one value where a map is wanted.
std::string example_of(std::string_view path, std::string_view text) {
  if (path == "health") {
    const auto scheme = text.find("://");
    const auto slash = scheme == std::string_view::npos ? text.find('/') : text.find('/', scheme + 3);
    return fmt::format("{{http: {{path: {}}}}}",
                       slash == std::string_view::npos ? "/health" : text.substr(slash));
  }
  if (path == "registry")
    return "{username: NAME, password: {env: REGISTRY_TOKEN}}; `image` names the registry";
  if (path == "slots") return "{blue: 8081, green: 8082}";
  if (path == "environments") return "{staging: {…}}";
  if (path == "proxy") return "{nginx: {include: /etc/nginx/conf.d/service-url.inc}}, or none";
  static const Words k_keys{{"build", "context"}, {"compose", "file"},        {"docker", "container_port"},
                            {"drain", "timeout"}, {"health.http", "path"},    {"history", "dir"},
                            {"prune", "images"},  {"proxy.nginx", "include"}, {"proxy.nginx.sites", "from"},
                            {"ssh", "user"},      {"watch", "for"},           {"verify", "path"}};
  if (const auto found = k_keys.find(path); found != k_keys.end())
    return fmt::format("{{{}: {}}}", found->second, text);
  const bool hook = path.starts_with("hooks.") && path.ends_with(']');
  if (hook) return fmt::format("{{run: \"{}\"}}", text);
  if (path.ends_with("environment")) return "{NAME: value}";
  return "";
}

// A value that stands alone in a flow collection.
bool is_plain(std::string_view text) {
  constexpr std::size_t k_longest = 60;
  return !text.empty() && text.size() <= k_longest &&
         text.find_first_of(",[]{}\"'#&*!|>%@`\n\t") == std::string_view::npos &&
         text.find(": ") == std::string_view::npos && !text.ends_with(':');
}

}  // namespace

std::string advice_on_key(std::string_view key, const Section& in) {
  if (const auto section = other_names().find(in.path); section != other_names().end())
    if (const auto found = section->second.find(key); found != section->second.end())
      return ": " + std::string(found->second);
  std::vector<std::string> names;
  for (const Key& one : in.keys) names.push_back(one.name);
  if (const auto meant = core::nearest(key, names)) return fmt::format(", did you mean '{}'?", *meant);
  if (in.secret) return "";
  if (in.path == "docker" && is_only_of_compose(key)) return ": only a compose file has it, see `compose`";
  std::set<std::string> seen;
  std::vector<std::string> found;
  find_sections(root_keys(), key, seen, found);
  // Of several the one that is inside of this section.
  const auto inside = [&](const std::string& path) { return path.starts_with(in.path + "."); };
  if (found.size() > 1 && !in.path.empty() && std::ranges::count_if(found, inside) == 1)
    std::erase_if(found, [&](const std::string& path) { return !inside(path); });
  if (found.size() != 1) return "";
  return found.front().empty() ? ": it belongs to the top of the file"
                               : fmt::format(": it belongs below `{}`", found.front());
}

std::string advice_on_map(std::string_view path, const Node& node, bool may_show) {
  const bool list = node.kind == Node::Kind::list && !node.items.empty();
  if (!list && node.kind != Node::Kind::scalar) return "";
  if (list &&
      std::ranges::all_of(node.items, [](const NodePtr& item) { return item->kind == Node::Kind::map; }))
    return ": leave out the '- ' before its keys";
  const bool shown = !list && may_show && is_plain(node.text);
  const std::string example = example_of(path, shown ? core::printable(node.text) : "…");
  return example.empty() ? "" : ": write " + example;
}

std::string advice_on_list(std::string_view path, const Node& node, bool may_show) {
  if (node.kind == Node::Kind::map) return ": begin each of its items with '- '";
  if (node.kind != Node::Kind::scalar || !may_show || !is_plain(node.text)) return "";
  const std::string text = core::printable(node.text);
  const std::string item = path.starts_with("hooks.") ? example_of(fmt::format("{}[0]", path), text) : text;
  return fmt::format(": write [{}]", item);
}

NodePtr indented(const NodePtr& node, const Section& section, Diagnostics& diagnostics) {
  if (node->kind != Node::Kind::map) return node;
  auto moved = std::make_shared<Node>(*node);
  moved->entries.clear();
  std::shared_ptr<Node> owner;  // the empty section that what follows may belong to
  const Section* owned = nullptr;
  bool told = false;
  for (const Entry& entry : node->entries) {
    const Key* key = section.find(entry.key);
    if (key == nullptr && owner && owned->find(entry.key) != nullptr) {
      if (!told)
        diagnostics.error(entry.at, fmt::format("{} belongs below '{}': indent it", in_quotes(entry.key),
                                                moved->entries.back().key));
      told = true;
      owner->kind = Node::Kind::map;
      owner->entries.push_back(entry);
      continue;
    }
    owner = nullptr;
    moved->entries.push_back(entry);
    owned = key == nullptr ? nullptr : section_of(key->shape);
    if (owned == nullptr) continue;
    told = false;
    if (entry.value->kind == Node::Kind::null) {
      owner = std::make_shared<Node>(*entry.value);
      moved->entries.back().value = owner;
    } else {
      moved->entries.back().value = indented(entry.value, *owned, diagnostics);
    }
  }
  return moved;
}

}  // namespace bgdeploy::spec
