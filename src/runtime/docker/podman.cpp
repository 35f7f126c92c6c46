#include "docker/podman.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "bgdeploy/spec/short_syntax.hpp"

namespace bgdeploy::runtime {
namespace {

using core::Json;
using core::member;
using core::strings_of;
using core::text_of;
using core::texts_of;

// Docker gives these by default, and Podman does not.
constexpr std::array<std::string_view, 3> k_missing{"AUDIT_WRITE", "MKNOD", "NET_RAW"};

std::set<std::string, std::less<>> parts(std::string_view text, char separator) {
  std::set<std::string, std::less<>> found;
  for (;;) {
    const auto end = text.find(separator);
    found.emplace(text.substr(0, end));
    if (end == std::string_view::npos) return found;
    text.remove_prefix(end + 1);
  }
}

void drop_own_variables(Json& config, const Json& image, const Json& wanted) {
  std::set<std::string> asked;
  for (const Json* from : {&member(image, "Config"), &wanted})
    for (const auto& entry : texts_of(*from, "Env")) asked.insert(entry.substr(0, entry.find('=')));
  Json kept = Json::array();
  for (const auto& entry : texts_of(config, "Env")) {
    const auto name = entry.substr(0, entry.find('='));
    const bool own =
        name == "PATH" || name == "TERM" || name == "container" || name == "HOSTNAME" || name == "HOME";
    if (!own || asked.contains(name)) kept.push_back(entry);
  }
  config["Env"] = std::move(kept);
}

// "/tmp:/host:ro,rprivate,rbind" where "/tmp:/host:ro,z" was asked for.
void settle_binds(Json& host, const Json& wanted_host) {
  const auto place = [](const std::string& bind) {
    const auto target = bind.find(':');
    return bind.substr(0, bind.find(':', target == std::string::npos ? target : target + 1));
  };
  const auto read_only = [&](const std::string& bind) {
    const auto modes = std::string_view(bind).substr(place(bind).size());
    return parts(modes.substr(modes.empty() ? 0 : 1), ',').contains("ro");
  };
  const auto asked = texts_of(wanted_host, "Binds");
  Json settled = Json::array();
  for (const auto& bind : texts_of(host, "Binds")) {
    constexpr std::size_t k_id = 64;
    if (bind.find(':') == k_id && bind.find_first_not_of("0123456789abcdef") == k_id) continue;  // anonymous
    const auto same = std::ranges::find_if(asked, [&](const std::string& one) {
      return place(one) == place(bind) && read_only(one) == read_only(bind);
    });
    settled.push_back(same == asked.end() ? bind : *same);
  }
  host["Binds"] = std::move(settled);
}

void settle_tmpfs(Json& host, const Json& wanted_host) {
  const auto actual = strings_of(host, "Tmpfs");
  Json settled = Json::object();
  for (const auto& [target, options] : strings_of(wanted_host, "Tmpfs")) {
    const auto found = actual.find(target);
    if (found == actual.end()) continue;
    const auto there = parts(found->second, ','), asked = parts(options, ',');
    const bool all =
        std::ranges::all_of(asked, [&](const auto& one) { return one.empty() || there.contains(one); });
    settled[target] = all ? options : found->second;
  }
  host["Tmpfs"] = std::move(settled);
}

void settle_ulimits(Json& host, const Json& wanted_host) {
  Json settled = Json::array();
  const Json& actual = member(host, "Ulimits");
  const auto same = [](const Json& one, const Json& other, std::string_view key) {
    const auto value = core::integer(member(one, key));
    return value && value == core::integer(member(other, key));
  };
  for (const auto& limit : member(wanted_host, "Ulimits")) {
    std::string name = "RLIMIT_" + text_of(limit, "Name");
    for (char& c : name) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    for (const auto& one : actual.is_array() ? actual : Json::array())
      if (text_of(one, "Name") == name && same(one, limit, "Soft") && same(one, limit, "Hard"))
        settled.push_back(limit);
  }
  host["Ulimits"] = std::move(settled);
}

void settle_capabilities(Json& host, const Json& wanted_host) {
  const auto names = [](const Json& from, std::string_view key) {
    std::set<std::string> found;
    for (const auto& name : texts_of(from, key)) found.insert(spec::capability_of(name));
    return found;
  };
  const auto wanted_add = names(wanted_host, "CapAdd"), wanted_drop = names(wanted_host, "CapDrop");
  auto add = names(host, "CapAdd"), drop = names(host, "CapDrop");
  if (wanted_add.contains("ALL") || wanted_drop.contains("ALL")) {
    // Told one by one.
    if (!add.empty() || drop.size() > k_missing.size()) add = wanted_add, drop = wanted_drop;
  }
  for (const auto name : k_missing) {
    const std::string text(name);
    if (wanted_add.contains(text) && !drop.contains(text)) add.insert(text);
    if (!wanted_drop.contains(text) && !wanted_add.contains(text)) drop.erase(text);
  }
  host["CapAdd"] = add;
  host["CapDrop"] = drop;
}

}  // namespace

Json podman_as_docker(Json container, const Json& image, const Json& wanted) {
  if (!member(container, "Config").is_object() || !member(container, "HostConfig").is_object())
    return container;
  Json& config = container["Config"];
  Json& host = container["HostConfig"];
  const Json& wanted_host = member(wanted, "HostConfig");
  drop_own_variables(config, image, wanted);
  if (text_of(config, "WorkingDir") == "/")
    config["WorkingDir"] = text_of(member(image, "Config"), "WorkingDir");
  Json volumes = Json::object();
  for (const Json* from : {&member(member(image, "Config"), "Volumes"), &member(wanted, "Volumes")})
    if (from->is_object()) volumes.update(*from);
  config["Volumes"] = std::move(volumes);
  settle_binds(host, wanted_host);
  settle_tmpfs(host, wanted_host);
  settle_ulimits(host, wanted_host);
  settle_capabilities(host, wanted_host);
  const Json& log = member(wanted_host, "LogConfig");
  if (log.is_object() && text_of(log, "Type") == text_of(member(host, "LogConfig"), "Type"))
    host["LogConfig"] = log;
  if (member(member(container, "NetworkSettings"), "Networks").is_object()) {
    Json& networks = container["NetworkSettings"]["Networks"];
    if (networks.contains("podman")) {
      networks["bridge"] = networks["podman"];
      networks.erase("podman");
    }
  }
  return container;
}

}  // namespace bgdeploy::runtime
