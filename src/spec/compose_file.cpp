#include "bgdeploy/spec/compose_file.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "bgdeploy/core/size.hpp"
#include "bgdeploy/spec/address.hpp"
#include "node.hpp"
#include "text_rules.hpp"

namespace bgdeploy::spec {
namespace {

std::string text_at(const Node& map, std::string_view key) {
  const Entry* entry = map.find(key);
  return entry != nullptr && entry->value->kind == Node::Kind::scalar ? entry->value->text : std::string();
}

// "8081", "8081-8085". Without one docker takes any.
void add_range(std::string_view text, std::string_view host_ip, std::vector<ComposePort>& out) {
  const auto dash = text.find('-');
  const auto first = to_port(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : to_port(text.substr(dash + 1));
  if (first && last) out.push_back({*first, *last, std::string(host_ip)});
}

// {published: 8081, target: 8080, host_ip: 127.0.0.1, protocol: tcp}, or "127.0.0.1:8081:8080/tcp" and
// "[::1]:8081:8080" as v1 writes it for old formats.
void add_port(const Node& port, std::vector<ComposePort>& out) {
  if (port.kind == Node::Kind::map) {
    if (text_at(port, "protocol") != "udp")
      add_range(text_at(port, "published"), text_at(port, "host_ip"), out);
    return;
  }
  std::string_view text = port.text;
  if (text.ends_with("/udp")) return;
  const auto target = text.rfind(':');
  if (target == std::string_view::npos) return;
  text = text.substr(0, target);
  std::string_view ip;
  if (const auto colon = text.rfind(':'); colon != std::string_view::npos) {
    ip = text.substr(0, colon);
    text.remove_prefix(colon + 1);
    if (ip.starts_with('[') && ip.ends_with(']')) ip = ip.substr(1, ip.size() - 2);
  }
  add_range(text, ip, out);
}

bool overlap(const ComposePort& one, const ComposePort& other) {
  // Docker picks a free port of a range.
  if (one.first != one.last || other.first != other.last || one.first != other.first) return false;
  return is_wildcard(one.host_ip) || is_wildcard(other.host_ip) || one.host_ip == other.host_ip;
}

// `mem_limit`, or `deploy.resources.limits.memory` as newer files have it.
std::optional<std::int64_t> limit_of(const Node& service) {
  const Node* node = &service;
  if (node->find("mem_limit") != nullptr) return core::parse_size(text_at(*node, "mem_limit"));
  for (const auto* key : {"deploy", "resources", "limits"}) {
    const Entry* entry = node->find(key);
    if (entry == nullptr) return {};
    node = entry->value.get();
  }
  return core::parse_size(text_at(*node, "memory"));
}

// The services that compose starts before this one. v2 writes them all as `depends_on`, v1 as the file has
// them.
std::vector<std::string> started_before(const Node& service) {
  std::vector<std::string> names;
  for (const auto* key : {"depends_on", "links", "volumes_from"}) {
    const Entry* entry = service.find(key);
    if (entry == nullptr) continue;
    for (const auto& [name, at, value] : entry->value->entries) names.push_back(name);
    for (const auto& item : entry->value->items) names.push_back(item->text.substr(0, item->text.find(':')));
  }
  constexpr std::string_view k_shares = "service:";
  for (const auto* key : {"network_mode", "ipc", "pid"}) {
    if (const auto text = text_at(service, key); text.starts_with(k_shares))
      names.push_back(text.substr(k_shares.size()));
  }
  return names;
}

// All that are started with it, however indirectly.
void close_over(ComposeService& service, const std::map<std::string, std::vector<std::string>>& before) {
  std::set<std::string> all;
  std::vector<std::string> open{service.name};
  while (!open.empty()) {
    const auto found = before.find(open.back());
    open.pop_back();
    if (found == before.end()) continue;
    for (const auto& name : found->second)
      if (before.contains(name) && name != service.name && all.insert(name).second) open.push_back(name);
  }
  service.needs.assign(all.begin(), all.end());
}

// "data:/var/lib/x:rw" as v1 writes it, {type: volume, source: data} as v2 does.
std::vector<ComposeVolume> volumes_of(const Node& service, const Node* declared) {
  std::vector<ComposeVolume> volumes;
  const Entry* list = service.find("volumes");
  for (const auto& item : list != nullptr ? list->value->items : std::vector<NodePtr>{}) {
    std::string key = item->kind == Node::Kind::map && text_at(*item, "type") == "volume"
                          ? text_at(*item, "source")
                      : item->text.find(':') != std::string::npos ? item->text.substr(0, item->text.find(':'))
                                                                  : std::string();
    const Entry* volume = declared != nullptr ? declared->find(key) : nullptr;
    if (key.empty() || key.find('/') != std::string::npos || volume == nullptr) continue;
    const Entry* external = volume->value->find("external");
    if (external != nullptr && external->value->text != "false") continue;
    volumes.push_back({key, text_at(*volume->value, "name")});
  }
  return volumes;
}

ComposeService service_of(const Entry& entry, const Node* volumes) {
  const Node& node = *entry.value;
  ComposeService service{entry.key,
                         text_at(node, "image"),
                         text_at(node, "container_name"),
                         text_at(node, "restart"),
                         text_at(node, "network_mode"),
                         {},
                         limit_of(node)};
  if (const Entry* profiles = node.find("profiles"))
    for (const auto& profile : profiles->value->items) service.profiles.push_back(profile->text);
  service.volumes = volumes_of(node, volumes);
  if (const Entry* ports = node.find("ports")) {
    for (const auto& port : ports->value->items) add_port(*port, service.published);
  }
  return service;
}

}  // namespace

bool ComposeService::publishes(int port) const {
  return std::ranges::any_of(published,
                             [port](const auto& range) { return range.first <= port && port <= range.last; });
}

std::optional<std::string> ComposeService::published_on(int port) const {
  const auto rank = [](const std::string& ip) { return is_wildcard(ip) ? 2 : is_loopback(ip) ? 0 : 1; };
  const ComposePort* best = nullptr;
  for (const auto& one : published)
    if (one.first <= port && port <= one.last && (best == nullptr || rank(one.host_ip) > rank(best->host_ip)))
      best = &one;
  if (best == nullptr) return std::nullopt;
  return is_wildcard(best->host_ip) ? std::string() : best->host_ip;
}

std::optional<std::string> what_both_need(const SlotServices& one, const SlotServices& other) {
  const auto words = [&](std::string what, const ComposeService& left, const ComposeService& right) {
    std::string of = left.name == right.name ? "service " + left.name : left.name + " and " + right.name;
    return "both slots, " + one.slot + " and " + other.slot + ", need " + std::move(what) + " (" + of + ")";
  };
  for (const auto& left : one.services)
    for (const auto& right : other.services) {
      if (!left.container_name.empty() && left.container_name == right.container_name)
        return words("the container " + left.container_name, left, right);
      for (const auto& port : left.published)
        if (std::ranges::any_of(right.published, [&](const auto& its) { return overlap(port, its); }))
          return words("port " + std::to_string(port.first) + " of the host", left, right);
    }
  return std::nullopt;
}

std::optional<std::string> container_of_both(std::string_view one, std::string_view other) {
  const auto names = [](std::string_view text) {
    std::set<std::string> found;
    Diagnostics diagnostics("compose", text);
    const NodePtr root = parse_yaml(text, diagnostics);
    const Entry* services = root ? root->find("services") : nullptr;
    if (services == nullptr || services->value->kind != Node::Kind::map) return found;
    for (const auto& entry : services->value->entries)
      if (const auto name = text_at(*entry.value, "container_name");
          !name.empty() && name.find('$') == std::string::npos)
        found.insert(name);
    return found;
  };
  const auto left = names(one), right = names(other);
  const auto both = std::ranges::find_if(left, [&](const auto& name) { return right.contains(name); });
  return both == left.end() ? std::nullopt : std::optional(*both);
}

core::Result<std::vector<ComposeService>> read_compose_config(std::string_view yaml) {
  Diagnostics diagnostics("compose", yaml);
  const NodePtr root = parse_yaml(yaml, diagnostics);
  const Entry* services = root ? root->find("services") : nullptr;
  if (services == nullptr || services->value->kind != Node::Kind::map)
    return core::fail(core::ErrorKind::refused, "compose's own output could not be read");
  const Entry* volumes = root->find("volumes");
  std::vector<ComposeService> read;
  std::map<std::string, std::vector<std::string>> before;
  for (const auto& entry : services->value->entries) {
    read.push_back(service_of(entry, volumes != nullptr ? volumes->value.get() : nullptr));
    before[entry.key] = started_before(*entry.value);
  }
  for (auto& service : read) close_over(service, before);
  return read;
}

std::string repository_of(std::string_view image) {
  image = image.substr(0, image.find('@'));
  const auto colon = image.rfind(':');
  const auto slash = image.rfind('/');
  if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash))
    image = image.substr(0, colon);
  return std::string(image);
}

}  // namespace bgdeploy::spec
