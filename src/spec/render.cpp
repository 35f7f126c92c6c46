#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bgdeploy/spec/load.hpp"
#include "text_rules.hpp"

namespace bgdeploy::spec {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
void put(Json& map, const char* key, const std::optional<T>& value) {
  if (value) map[key] = *value;
}
template <class T>
void put(Json& map, const char* key, const std::vector<T>& values) {
  if (!values.empty()) map[key] = values;
}
void put(Json& map, const char* key, const std::map<std::string, std::string>& values) {
  if (!values.empty()) map[key] = values;
}
void put(Json& map, const char* key, std::optional<std::int64_t> bytes) {
  if (bytes) map[key] = core::format_size(*bytes);
}
void put(Json& map, const char* key, Duration duration) {
  map[key] = core::format_duration(duration);
}

Json to_json(const SecretSource& source) {
  if (const auto* env = std::get_if<FromEnv>(&source)) return {{"env", env->variable}};
  if (const auto* file = std::get_if<FromFile>(&source)) return {{"file", file->path.string()}};
  return {{"command", std::get<FromCommand>(source).argv}};
}

Json to_json(const Sudo& sudo) {
  if (sudo.all) return true;
  Json names = Json::array();
  if (sudo.docker) names.push_back("docker");
  if (sudo.nginx) names.push_back("nginx");
  return names.empty() ? Json(false) : names;
}

Json to_json(const Host& host) {
  Json map{{"host", host.name}};
  put(map, "address", host.address);
  put(map, "host_key", host.host_key);
  map["sudo"] = to_json(host.ssh.sudo);
  if (host.local) return map;
  put(map, "user", host.ssh.user);
  put(map, "port", host.ssh.port);
  put(map, "identity_file", host.ssh.identity_file);
  put(map, "known_hosts_file", host.ssh.known_hosts_file);
  put(map, "proxy_jump", host.ssh.proxy_jump);
  put(map, "connect_timeout", host.ssh.connect_timeout);
  put(map, "keepalive", host.ssh.keepalive);
  return map;
}

Json to_json(const std::vector<Host>& hosts) {
  Json list = Json::array();
  for (const auto& host : hosts) list.push_back(to_json(host));
  return list;
}

Json to_json(const Docker& docker) {
  Json map = Json::object();
  put(map, "container_port", docker.container_port);
  put(map, "host_ip", docker.host_ip);
  put(map, "networks", docker.networks);
  put(map, "environment", docker.environment);
  for (const auto& name : docker.inherited) map["environment"][name] = nullptr;
  for (const auto& file : docker.env_file) map["env_file"].push_back(file.string());
  put(map, "volumes", docker.volumes);
  put(map, "extra_hosts", docker.extra_hosts);
  put(map, "mem_limit", docker.mem_limit);
  put(map, "cpus", docker.cpus);
  map["restart"] = docker.restart;
  put(map, "command", docker.command);
  put(map, "entrypoint", docker.entrypoint);
  put(map, "user", docker.user);
  put(map, "working_dir", docker.working_dir);
  put(map, "labels", docker.labels);
  if (docker.logging) {
    map["logging"] = {{"driver", docker.logging->driver}};
    put(map["logging"], "options", docker.logging->options);
  }
  for (const auto& limit : docker.ulimits) {
    map["ulimits"][limit.name] = {{"soft", limit.soft}, {"hard", limit.hard}};
  }
  put(map, "cap_add", docker.cap_add);
  put(map, "cap_drop", docker.cap_drop);
  map["read_only"] = docker.read_only;
  put(map, "tmpfs", docker.tmpfs);
  map["init"] = docker.init;
  put(map, "shm_size", docker.shm_size);
  put(map, "stop_signal", docker.stop_signal);
  put(map, "stop_grace_period", docker.stop_grace_period);
  return map;
}

Json to_json(const Build& build) {
  Json map{{"context", build.context.string()}, {"dockerfile", build.dockerfile}};
  put(map, "target", build.target);
  put(map, "args", build.args);
  return map;
}

Json to_json(const Compose& compose) {
  Json map = Json::object();
  if (!compose.file.empty()) map["file"] = compose.file;
  if (!compose.remote_file.empty()) map["remote_file"] = compose.remote_file;
  map["project"] = compose.project;
  put(map, "service", compose.service);
  put(map, "environment", compose.environment);
  put(map, "command", compose.command);
  return map;
}

Json to_json(const HealthHttp& http) {
  std::string status;
  for (const auto& [first, last] : http.status) {
    status += status.empty() ? "" : ",";
    status += first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
  }
  Json map{{"path", http.path}, {"status", status}};
  if (!http.body.empty()) map["body"] = http.body;
  put(map, "headers", http.headers);
  put(map, "port", http.port);
  return map;
}

Json to_json(const Health& health) {
  Json map = Json::object();
  if (const auto* http = std::get_if<HealthHttp>(&health.probe)) map["http"] = to_json(*http);
  if (std::holds_alternative<HealthTcp>(health.probe)) map["tcp"] = true;
  if (std::holds_alternative<HealthDocker>(health.probe)) map["docker"] = true;
  if (const auto* exec = std::get_if<HealthExec>(&health.probe)) map["exec"] = exec->argv;
  map["via"] = health.direct ? "direct" : "host";
  put(map, "interval", health.interval);
  put(map, "timeout", health.timeout);
  map["success_threshold"] = health.success_threshold;
  put(map, "deadline", health.deadline);
  return map;
}

Json to_json(const Nginx& nginx) {
  Json map = Json::object();
  if (nginx.sites)
    map["sites"] = {{"from", nginx.sites->from}, {"to", nginx.sites->to}};
  else
    map["include"] = nginx.include;
  put(map, "container", nginx.container);
  if (!nginx.upstream && !nginx.sites) map["template"] = nginx.template_text;
  put(map, "upstream", nginx.upstream);
  put(map, "address", nginx.address);
  put(map, "port", nginx.port);
  map["test"] = nginx.test;
  map["reload"] = nginx.reload;
  return map;
}

std::string_view name_of(Retire retire) {
  switch (retire) {
    case Retire::stop:
      return "stop";
    case Retire::remove:
      return "remove";
    case Retire::keep:
      return "keep";
  }
  return "stop";
}

Json to_json(const Spec& spec) {
  Json map{{"service", spec.service}};
  if (!spec.image.empty()) map["image"] = spec.image;
  map["hosts"]["app"] = to_json(spec.app_hosts);
  if (!spec.proxy_hosts.empty()) map["hosts"]["proxy"] = to_json(spec.proxy_hosts);
  for (std::size_t i = 0; i < spec.slots.size(); ++i) {
    const Slot& slot = spec.slots[i];
    map["slots"][slot.name] = {{"port", slot.port}};
    // To give it means something to compose.
    if (!spec.compose || spec.compose->named[i]) map["slots"][slot.name]["container"] = slot.container;
  }
  if (spec.registry) {
    map["registry"] = {{"username", spec.registry->username}, {"password", to_json(spec.registry->password)}};
  }
  if (spec.compose) {
    map["compose"] = to_json(*spec.compose);
  } else {
    map["docker"] = to_json(spec.docker);
  }
  if (spec.docker_socket) map["docker"]["socket"] = *spec.docker_socket;
  if (spec.build) map["build"] = to_json(*spec.build);
  for (const auto& [name, source] : spec.secrets) map["secrets"][name] = to_json(source);
  map["health"] = to_json(spec.health);
  if (spec.proxied)
    map["proxy"]["nginx"] = to_json(spec.nginx);
  else
    map["proxy"] = "none";
  put(map["drain"], "timeout", spec.drain_timeout);
  if (spec.verify) {
    map["verify"]["path"] = spec.verify->path;
    if (spec.verify->host) map["verify"]["host"] = *spec.verify->host;
  } else if (spec.proxied) {
    map["verify"] = "off";
  }
  map["retire"] = name_of(spec.retire);
  map["strategy"] = "blue_green";
  map["parallel"] = spec.parallel;
  map["history"] = {{"dir", spec.history.dir}, {"keep", spec.history.keep}};
  return map;
}

// Replaces what the loader would take for a substitution.
std::string escape_dollars(const std::string& text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    result += text[i];
    if (text[i] == '$' && i + 1 < text.size() && (text[i + 1] == '$' || text[i + 1] == '{')) result += '$';
  }
  return result;
}

bool is_bare(std::string_view text) {
  constexpr std::string_view k_letters = k_alnum.substr(0, 52);
  static const std::vector<std::string> k_words{"true", "false", "null", "yes", "no", "on", "off", "y", "n"};
  if (text.empty() || text.size() > 200) return false;
  if (core::parse_duration(text)) return true;
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const bool word = std::find(k_words.begin(), k_words.end(), lower) != k_words.end();
  return !word && (k_letters.find(text[0]) != std::string_view::npos || text[0] == '/') &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-@") ==
             std::string_view::npos;
}

// Bare where no reader of YAML could take it for anything but this text; else as JSON, which YAML 1.2 reads.
std::string yaml_text(const std::string& text) {
  return is_bare(text) ? text : Json(text).dump();
}

std::string yaml_scalar(const Json& value) {
  return value.is_string() ? yaml_text(escape_dollars(value.get<std::string>())) : value.dump();
}

// Blocks for what has items; the first line of an item stands behind its dash.
void emit(const Json& value, std::size_t indent, std::string& out) {
  const std::string margin(indent, ' ');
  if (value.is_array()) {
    for (const auto& item : value) {
      const std::size_t start = out.size();
      if (item.is_structured() && !item.empty()) {
        emit(item, indent + 2, out);
      } else {
        out += margin + "  " + yaml_scalar(item) + '\n';
      }
      out[start + indent] = '-';
    }
    return;
  }
  for (const auto& [key, inner] : value.items()) {
    out += margin + yaml_text(key) + ":";
    if (inner.is_structured() && !inner.empty()) {
      out += '\n';
      emit(inner, indent + 2, out);
    } else {
      out += ' ' + yaml_scalar(inner) + '\n';
    }
  }
}

}  // namespace

std::string docker_to_json(const Docker& docker) {
  return to_json(docker).dump();
}

std::string compose_to_json(const Compose& compose) {
  return to_json(compose).dump();
}

std::string render(const Spec& spec, bool json) {
  const Json value = to_json(spec);
  if (json) return value.dump(2) + "\n";
  std::string yaml;
  emit(value, 0, yaml);
  return yaml;
}

}  // namespace bgdeploy::spec
