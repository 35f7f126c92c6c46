#include "compose_run.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>

#include "bgdeploy/core/number.hpp"

namespace bgdeploy::init {
namespace {

using core::member;
using core::text_of;

struct Context {
  const Json& file;
  const Variables& known;
  const Variables plain;  // those that may be shown
  const std::string &project, &source;
  std::vector<std::string>& left_out;
  const FileBeside& beside;
};

// A secret that is set here has to be set where bgdeploy runs: without it a volume would be another one.
std::string with_required_secrets(const Context& in, const std::string& text) {
  std::string out = in_spec(text, in.plain);
  for (const auto& [name, value] : in.known) {
    const std::string from = fmt::format("${{{}:-}}", name);
    if (value.empty() || in.plain.contains(name)) continue;
    for (std::size_t at = out.find(from); at != std::string::npos; at = out.find(from))
      out.replace(at, from.size(), fmt::format("${{{}:?has to be set}}", name));
  }
  return out;
}

// "3000" of "${PORT:-3000}", which nobody sets.
std::string with_defaults(std::string text) {
  for (std::size_t at = text.find("${"); at != std::string::npos; at = text.find("${")) {
    const std::size_t end = text.find('}', at), dash = text.find(":-", at);
    if (end == std::string::npos || dash > end) break;
    text.replace(at, end - at + 1, text.substr(dash + 2, end - dash - 2));
  }
  return text;
}

// "8081:8080", "127.0.0.1:8081:8080/tcp", and the long form; of "8081-8082:80-81" the first ones. False where
// it is no TCP port.
bool read_port(const Json& value, const Variables& known, Run& run) {
  std::string text = value.is_string() ? with_defaults(in_spec(value.get<std::string>(), known)) : "";
  if (value.is_object()) {
    if (text_of(value, "protocol") == "udp") return false;
    text = text_of(value, "published") + ":" + text_of(value, "target");
  }
  if (text.ends_with("/udp")) return false;
  text = text.substr(0, text.find('/'));
  const auto first_of = [](std::string_view range) { return range.substr(0, range.find('-')); };
  const std::size_t colon = text.rfind(':');
  const auto target =
      core::parse_port(first_of(std::string_view(text).substr(colon == std::string::npos ? 0 : colon + 1)));
  if (!target) return false;
  run.container_port = *target;
  if (colon == std::string::npos) return true;
  const std::string_view before = std::string_view(text).substr(0, colon);
  const std::size_t second = before.rfind(':');
  run.host_port = core::parse_port(first_of(before.substr(second == std::string_view::npos ? 0 : second + 1)))
                      .value_or(0);
  return true;
}

// Names as docker has them: those of a project begin with its name.
std::string docker_name(const Context& in, const char* section, const std::string& key) {
  const Json& known = member(member(in.file, section), key);
  const Json& external = member(known, "external");
  if (const auto name = text_of(known, "name"); !name.empty()) return name;
  if (const auto name = text_of(external, "name"); !name.empty()) return name;
  return text_of(known, "external") == "true" ? key : in.project + "_" + key;
}

// "rprivate", "z", "nocopy" of the long form, as the short one has them.
std::vector<std::string> modes_of(const Json& item) {
  std::vector<std::string> modes;
  if (text_of(item, "read_only") == "true") modes.emplace_back("ro");
  for (const char* key : {"propagation", "selinux"})
    if (const auto mode = text_of(member(item, "bind"), key); !mode.empty()) modes.push_back(mode);
  if (text_of(member(item, "volume"), "nocopy") == "true") modes.emplace_back("nocopy");
  return modes;
}

// {type: tmpfs, target: /run, tmpfs: {size: 64m, mode: 1777}}
std::string tmpfs_of(const Json& item) {
  std::vector<std::string> options;
  for (const char* key : {"size", "mode"})
    if (const auto text = text_of(member(item, "tmpfs"), key); !text.empty())
      options.push_back(fmt::format("{}={}", key, text));
  return text_of(item, "target") + fmt::format("{}{}", options.empty() ? "" : ":", fmt::join(options, ","));
}

void read_volumes(const Context& in, const Json& keys, Run& run) {
  const Json& volumes = member(keys, "volumes");
  if (!volumes.is_array()) return;
  for (const Json& item : volumes) {
    const std::string type = text_of(item, "type");
    if (type == "tmpfs") {
      run.settings["tmpfs"].push_back(with_required_secrets(in, tmpfs_of(item)));
      continue;
    }
    const bool other = !type.empty() && type != "bind" && type != "volume";
    if (other || !text_of(member(item, "volume"), "subpath").empty()) {
      in.left_out.push_back(fmt::format("the volume {} of {}", core::dump_json(item), in.source));
      continue;
    }
    std::string text = item.is_string() ? item.get<std::string>() : text_of(item, "target");
    if (const auto source = text_of(item, "source"); !source.empty()) text = source + ":" + text;
    if (const auto modes = modes_of(item); !modes.empty()) text += fmt::format(":{}", fmt::join(modes, ","));
    const std::string first = text.substr(0, text.find(':'));
    if (first.size() < text.size() && first.find_first_of("/.~$") == std::string::npos)
      text = docker_name(in, "volumes", first) + text.substr(first.size());
    run.volumes.push_back(with_required_secrets(in, text));
  }
}

void read_networks(const Context& in, const Service& app, Run& run) {
  const Json& networks = member(app.keys, "networks");
  if (networks.is_object())
    for (const auto& [key, value] : networks.items()) {
      run.networks.push_back(docker_name(in, "networks", key));
      if (!value.is_object()) continue;
      for (const auto& [option, of_it] : value.items())
        in.left_out.push_back(fmt::format("`networks.{}.{}` of {}", key, option, in.source));
    }
  for (const std::string& key : core::texts_of(app.keys, "networks"))
    run.networks.push_back(docker_name(in, "networks", key));
  const bool has_default = !member(member(in.file, "networks"), "default").is_null();
  if (run.networks.empty() && (app.others > 0 || has_default))
    run.networks.push_back(docker_name(in, "networks", "default"));
}

// A map of names to an address, or to a list of them, as lines.
Json hosts_of(const Json& map) {
  Json lines = Json::array();
  for (const auto& [name, value] : map.items())
    for (const Json& one : value.is_array() ? value : Json::array({value})) {
      const std::string address = one.is_string() ? one.get<std::string>() : "";
      if (!address.empty()) lines.push_back(name + (address.contains(':') ? "=" : ":") + address);
    }
  return lines;
}

void read_labels(const Context& in, const Json& keys, Run& run) {
  const Json labels = as_map(member(keys, "labels"));
  if (!labels.is_object()) return;
  for (const auto& [name, value] : labels.items()) {
    const std::string text = value.is_string() ? in_spec(value.get<std::string>(), in.plain) : "";
    if (is_secret(name, text) || !secret_in(text, in.known).empty())
      in.left_out.push_back(
          fmt::format("the label {} of {}, whose value looks like a secret", name, in.source));
    else
      run.settings["labels"][name] = text;
  }
}

void read_logging(const Context& in, const Json& keys, Run& run) {
  const Json& logging = member(keys, "logging");
  const auto driver = text_of(logging, "driver");
  Json value = Json::object();
  if (!driver.empty()) value["driver"] = in_spec(driver, in.plain);
  for (const auto& [name, text] : core::strings_of(logging, "options"))
    value["options"][name] = in_spec(text, in.plain);
  if (!value.empty()) run.settings["logging"] = value;
}

void read_ulimits(const Json& keys, Run& run) {
  const Json& limits = member(keys, "ulimits");
  if (!limits.is_object()) return;
  const auto number = [](const std::string& text) {
    const auto value = core::parse_number<std::int64_t>(text);
    return value ? Json(*value) : Json(text);
  };
  for (const auto& [name, limit] : limits.items())
    run.settings["ulimits"][name] = limit.is_object() ? Json{{"soft", number(text_of(limit, "soft"))},
                                                             {"hard", number(text_of(limit, "hard"))}}
                                                      : number(text_of(limits, name.c_str()));
}

// The keys that mean the same in both files.
void read_settings(const Context& in, const Json& keys, Run& run) {
  const Variables& known = in.plain;
  for (const char* key : {"mem_limit", "cpus", "restart", "user", "working_dir", "shm_size", "stop_signal",
                          "stop_grace_period"})
    if (const auto text = text_of(keys, key); !text.empty()) run.settings[key] = in_spec(text, known);
  for (const char* key : {"extra_hosts", "command", "entrypoint", "cap_add", "cap_drop", "tmpfs"}) {
    Json list = Json::array();
    for (const std::string& text : texts(keys, key)) list.push_back(in_spec(text, known));
    const bool command = std::string_view(key) == "command" || std::string_view(key) == "entrypoint";
    if (!list.empty()) run.settings[key] = command && member(keys, key).is_string() ? list[0] : list;
  }
  if (const Json& hosts = member(keys, "extra_hosts"); hosts.is_object())
    for (const Json& line : hosts_of(hosts))
      run.settings["extra_hosts"].push_back(in_spec(line.get<std::string>(), known));
  read_labels(in, keys, run);
  read_logging(in, keys, run);
  read_ulimits(keys, run);
  for (const char* key : {"read_only", "init"})
    if (text_of(keys, key) == "true") run.settings[key] = true;
  const Json& limits = member(member(member(keys, "deploy"), "resources"), "limits");
  if (const auto text = text_of(limits, "memory"); !text.empty())
    run.settings["mem_limit"] = in_spec(text, known);
  if (const auto text = text_of(limits, "cpus"); !text.empty()) run.settings["cpus"] = in_spec(text, known);
  // A number, where it is one.
  if (const auto cpus = text_of(run.settings, "cpus"); !cpus.empty() && cpus.find('$') == std::string::npos)
    if (const Json number = Json::parse(cpus, nullptr, false); number.is_number())
      run.settings["cpus"] = number;
}

std::vector<std::string> env_files_of(const Context& in, const Json& keys) {
  const Json& value = member(keys, "env_file");
  std::vector<std::string> files;
  if (value.is_string()) files.push_back(value.get<std::string>());
  if (!value.is_array()) return files;
  for (const Json& one : value) {
    const auto path = one.is_string() ? one.get<std::string>() : text_of(one, "path");
    if (text_of(one, "required") == "false" && !(in.beside && in.beside(path)))
      in.left_out.push_back(fmt::format("`env_file` {} of {}, which need not be there", path, in.source));
    else if (!path.empty())
      files.push_back(path);
  }
  return files;
}

// What `deploy` says beyond the limits.
std::vector<std::string> left_out_of(const Json& deploy) {
  std::vector<std::string> paths;
  const auto add = [&](const std::string& path, const Json& map,
                       std::initializer_list<std::string_view> read) {
    if (!map.is_object()) return;
    for (const auto& [key, value] : map.items())
      if (std::ranges::find(read, key) == read.end()) paths.push_back(path + "." + key);
  };
  add("deploy", deploy, {"resources"});
  const Json& resources = member(deploy, "resources");
  add("deploy.resources", resources, {"limits"});
  add("deploy.resources.limits", member(resources, "limits"), {"memory", "cpus"});
  return paths;
}

// Keys that were read, those that a spec has other words for, and those that are for development.
bool is_covered(std::string_view key, const Json& value) {
  static constexpr std::string_view k_covered[] = {
      "image",       "build",      "ports",     "expose",      "environment", "env_file",
      "volumes",     "networks",   "mem_limit", "cpus",        "restart",     "user",
      "working_dir", "shm_size",   "tmpfs",     "stop_signal", "init",        "stop_grace_period",
      "command",     "entrypoint", "cap_add",   "cap_drop",    "extra_hosts", "read_only",
      "labels",      "logging",    "ulimits",   "healthcheck", "extends",     "container_name",
      "depends_on",  "profiles",   "develop",   "pull_policy", "deploy"};
  const bool off = value.is_null() || (value.is_string() && value.get_ref<const std::string&>() == "false") ||
                   (value.is_structured() && value.empty());
  return off || key.starts_with("x-") || std::ranges::find(k_covered, key) != std::end(k_covered);
}

}  // namespace

std::vector<std::string> texts(const Json& keys, const char* name) {
  const Json& value = member(keys, name);
  if (value.is_string()) return {value.get<std::string>()};
  return core::texts_of(keys, name);
}

Variables without_secrets(Variables known) {
  std::erase_if(known, [](const auto& one) { return is_secret(one.first, one.second); });
  return known;
}

std::vector<Setting> settings_of(const Json& value, const Variables& known) {
  std::vector<Setting> settings;
  const Variables plain = without_secrets(known);
  const auto add = [&](const std::string& name, const std::string* text) {
    Setting setting{name};
    const std::string content = text == nullptr ? "" : in_spec(*text, plain);
    const std::string secret = secret_in(content, known);
    if (text != nullptr && secret.empty() && !is_secret(name, content)) setting.value = content;
    const bool alone = content.starts_with("${" + secret + ":") && content.find('}') == content.size() - 1;
    if (!secret.empty() && alone) setting.variable = secret;
    settings.push_back(std::move(setting));
  };
  if (value.is_array()) {
    for (const Json& item : value) {
      if (!item.is_string()) continue;
      const auto text = item.get<std::string>();
      const std::size_t equals = text.find('=');
      const std::string content = equals == std::string::npos ? "" : text.substr(equals + 1);
      add(text.substr(0, equals), equals == std::string::npos ? nullptr : &content);
    }
  } else if (value.is_object()) {
    for (const auto& [name, item] : value.items()) {
      const std::string content = item.is_string() ? item.get<std::string>() : "";
      add(name, item.is_string() ? &content : nullptr);
    }
  }
  return settings;
}

Run run_of(const Json& file, const Service& app, const Variables& known, const std::string& project,
           const std::string& source, std::vector<std::string>& left_out, const FileBeside& beside) {
  const Json& keys = app.keys;
  const Context in{file, known, without_secrets(known), project, source, left_out, beside};
  Run run{source, text_of(keys, "container_name"),
          with_required_secrets(in, repository_of(text_of(keys, "image")))};
  if (const Json& ports = member(keys, "ports"); ports.is_array())
    for (const Json& port : ports) {
      if (run.container_port == 0 && read_port(port, known, run)) continue;
      left_out.push_back(fmt::format("the port {} of {}: a slot publishes one port alone",
                                     port.is_string() ? port.get<std::string>() : core::dump_json(port),
                                     source));
    }
  if (run.container_port == 0)
    if (const auto exposed = texts(keys, "expose"); !exposed.empty())
      run.container_port = core::parse_port(exposed[0]).value_or(0);
  run.environment = settings_of(member(keys, "environment"), known);
  run.env_files = env_files_of(in, keys);
  if (text_of(keys, "network_mode").empty()) read_networks(in, app, run);
  read_settings(in, keys, run);
  read_volumes(in, keys, run);
  for (const auto& [key, value] : keys.items())
    if (!is_covered(key, value)) left_out.push_back(fmt::format("`{}` of {}", key, source));
  for (const std::string& path : left_out_of(member(keys, "deploy")))
    left_out.push_back(fmt::format("`{}` of {}", path, source));
  return run;
}

}  // namespace bgdeploy::init
