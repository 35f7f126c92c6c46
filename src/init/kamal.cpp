#include "kamal.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <span>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/spec/document.hpp"
#include "kamal_options.hpp"

namespace bgdeploy::init {
namespace {

std::string plain(const std::string& text) {
  return spec::without_substitutions(text);
}

// Kamal runs a registry there for a deploy, and lets the hosts reach it through its connections to them.
bool is_local_registry(const std::string& server) {
  const std::string host = server.substr(0, server.find(':'));
  return host == "localhost" || host == "127.0.0.1";
}

class KamalReader {
public:
  KamalReader(Draft& draft, const Json& file, std::string source, const Json& secrets)
      : m_draft(draft),
        m_file(file),
        m_secrets(secrets),
        m_source("from " + source),
        m_name(std::move(source)) {}

  void tell(const std::vector<std::string>& hooks) {
    tell_image();
    tell_servers();
    tell_ssh();
    tell_environment(core::member(m_file, "env"));
    tell_container();
    tell_lists();
    tell_proxy();
    tell_build();
    for (const std::string& hook : hooks) tell_hook(hook);
    tell_left_out();
  }

private:
  // What no key stands for, of the section at `path`; empty: of the file.
  void note_rest(const std::string& path, const Json& map, std::initializer_list<std::string_view> read) {
    if (!map.is_object()) return;
    for (const auto& [key, value] : map.items())
      if (!key.starts_with("x-") && std::ranges::find(read, key) == read.end())
        m_draft.note(fmt::format("`{}{}{}` of {}", path, path.empty() ? "" : ".", key, m_name));
  }

  // Where Kamal has it from, as .kamal/secrets says, else from a variable of that name.
  Json source_of(const std::string& name) const {
    const Json& known = core::member(m_secrets, name);
    return known.is_null() ? Json{{"env", name}} : known;
  }

  const Json& at(std::string_view key) const { return core::member(m_file, key); }
  std::string text(std::string_view key) const { return core::text_of(m_file, key); }

  // A text, or the name of a secret.
  std::optional<std::string> username_of(const Json& registry) {
    if (const auto text = core::text_of(registry, "username"); !text.empty()) return plain(text);
    const auto names = core::texts_of(registry, "username");
    if (names.empty()) return std::nullopt;
    if (const auto variable = core::text_of(source_of(names[0]), "env"); !variable.empty())
      return fmt::format("${{{}:?has to be set}}", variable);
    m_draft.note("`registry`: its username is a secret of Kamal's; `registry.username` takes \"${NAME}\"");
    return std::nullopt;
  }

  void tell_image() {
    if (const auto service = text("service"); !service.empty()) m_draft.say({"service"}, service, m_source);
    const Json& registry = at("registry");
    std::string server = core::text_of(registry, "server");
    if (is_local_registry(server)) server.clear();
    if (const auto image = text("image"); !image.empty())
      m_draft.say({"image"}, plain(server.empty() ? image : server + "/" + image), m_source);
    note_rest("registry", registry, {"server", "username", "password"});
    const auto names = core::texts_of(registry, "password");
    const auto username = username_of(registry);
    if (!username) return;
    m_draft.say({"registry", "username"}, *username);
    const Json password = source_of(names.empty() ? "REGISTRY_PASSWORD" : names[0]);
    m_draft.say(
        {"registry", "password"}, password,
        password.contains("env") ? "from the environment of whoever runs bgdeploy" : "as in .kamal/secrets");
  }

  // A host, or a host with tags.
  std::vector<std::string> hosts_of(const Json& value) {
    std::vector<std::string> hosts;
    if (!value.is_array()) return hosts;
    for (const Json& item : value) {
      if (item.is_string()) hosts.push_back(item.get<std::string>());
      if (!item.is_object() || item.empty()) continue;
      hosts.push_back(item.begin().key());
      m_draft.note(fmt::format("the tags of {} in {}: all app hosts run the same", hosts.back(), m_name));
    }
    return hosts;
  }

  void tell_servers() {
    const Json& servers = at("servers");
    std::vector<std::string> hosts = hosts_of(servers);
    if (servers.is_object()) {
      const std::string primary = text("primary_role").empty() ? "web" : text("primary_role");
      for (const auto& [name, role] : servers.items()) {
        const Json& list = role.is_object() ? core::member(role, "hosts") : role;
        if (name != primary) {
          m_draft.note(fmt::format("the role {} on {}: a spec of its own, {}", name,
                                   fmt::join(hosts_of(list), ", "),
                                   has_proxy(role) ? "which nginx sends to as to this one"
                                                   : "as a worker (`slots: [blue, green]`, `proxy: none`)"));
          continue;
        }
        hosts = hosts_of(list);
        tell_role("servers." + name, role);
      }
    }
    if (hosts.empty()) return;
    Json all = Json::array();
    for (const std::string& host : hosts) all.push_back(plain(host));
    m_draft.say({"hosts", "app"}, all, m_source);
  }

  static bool has_proxy(const Json& role) {
    return core::member(role, "proxy").is_object() || core::text_of(role, "proxy") == "true";
  }

  void tell_role(const std::string& path, const Json& role) {
    note_rest(path, role,
              {"hosts", "cmd", "labels", "logging", "env", "options", has_proxy(role) ? "proxy" : "hosts"});
    if (const Json& proxy = core::member(role, "proxy"); proxy.is_object()) m_proxy_of_role = proxy;
    if (const auto command = core::text_of(role, "cmd"); !command.empty())
      tell_masked(m_draft, {"docker", "command"}, plain(command));
    tell_labels(core::member(role, "labels"));
    tell_logging(core::member(role, "logging"));
    tell_environment(core::member(role, "env"));
    const Json& options = core::member(role, "options");
    if (!options.is_object()) return;
    for (const auto& [name, value] : options.items()) tell_option(name, value);
  }

  // Options of `docker run`, by their long names.
  void tell_option(const std::string& name, const Json& value) {
    if (name == "network" && value.is_string() && is_network_mode(value.get_ref<const std::string&>())) {
      m_draft.note(fmt::format("`options.network: {}` of {}", value.get<std::string>(), m_name));
      return;
    }
    std::vector<std::string> texts;
    if (value.is_string()) texts = {plain(value.get<std::string>())};
    if (value.is_array())
      for (const Json& item : value)
        if (item.is_string()) texts.push_back(plain(item.get<std::string>()));
    const auto key = docker_key_of(name, texts);
    if (!key)
      m_draft.note(fmt::format("`options.{}` of {}", name, m_name));
    else if (key->name == "entrypoint")
      tell_masked(m_draft, {"docker", key->name}, key->value);
    else if (key->value.is_array())
      add(key->name, texts);
    else
      m_draft.say({"docker", key->name}, key->value);
  }

  // Kamal gives docker what a role has, and what all of them have.
  void add(const std::string& key, const std::vector<std::string>& texts) {
    Json& list = m_lists[key];
    for (const std::string& text : texts)
      if (std::ranges::find(list, Json(text)) == list.end()) list.push_back(text);
  }

  void tell_lists() {
    for (const auto& [key, list] : m_lists.items())
      m_draft.say({"docker", key}, list, key == "networks" ? m_networks_from : "");
  }

  void tell_labels(const Json& labels) {
    if (!labels.is_object()) return;
    for (const auto& [name, value] : labels.items()) {
      if (value.is_string() && !is_secret(name, value.get<std::string>()))
        m_draft.say({"docker", "labels", name}, plain(value.get<std::string>()));
      else
        m_draft.note(fmt::format("the label {} of {}", name, m_name));
    }
  }

  void tell_logging(const Json& logging) {
    note_rest("logging", logging, {"driver", "options"});
    const auto driver = core::text_of(logging, "driver");
    const auto options = core::strings_of(logging, "options");
    if (driver.empty() && options.empty()) return;
    Json value{{"driver", driver.empty() ? "json-file" : plain(driver)}};
    for (const auto& [name, text] : options) {
      if (is_secret(name, text))
        m_draft.note(fmt::format("the log option {} of {}", name, m_name));
      else
        value["options"][name] = plain(text);
    }
    m_draft.say({"docker", "logging"}, value);
  }

  void tell_ssh() {
    const Json& ssh = at("ssh");
    const std::string user = core::text_of(ssh, "user");
    m_draft.say({"ssh", "user"}, user.empty() ? "root" : plain(user),
                user.empty() ? "Kamal's default" : m_source);
    if (const auto port = core::parse_port(core::text_of(ssh, "port"))) m_draft.say({"ssh", "port"}, *port);
    if (const auto proxy = core::text_of(ssh, "proxy"); !proxy.empty())
      m_draft.say({"ssh", "proxy_jump"}, plain(proxy));
    const auto keys = core::texts_of(ssh, "keys");
    if (!keys.empty()) m_draft.say({"ssh", "identity_file"}, plain(keys[0]));
    if (keys.size() > 1)
      m_draft.note(fmt::format("`ssh.keys` of {}: `ssh.identity_file` takes one; not {}", m_name,
                               fmt::join(std::span(keys).subspan(1), ", ")));
    note_rest("ssh", ssh, {"user", "port", "proxy", "keys"});
  }

  // {clear: {…}, secret: […]}, or the clear ones alone.
  void tell_environment(const Json& env) {
    if (!env.is_object()) return;
    const bool split = env.contains("clear") || env.contains("secret") || env.contains("tags");
    const Json& clear = split ? core::member(env, "clear") : env;
    if (clear.is_object())
      for (const auto& [name, value] : clear.items()) {
        if (value.is_string())
          tell_clear(name, value.get<std::string>());
        else
          m_draft.note(fmt::format("the variable {} of {}, which has no text for a value", name, m_name));
      }
    for (const std::string& entry : core::texts_of(env, "secret")) {
      const std::size_t colon = entry.find(':');  // "NAME:OTHER_NAME"
      m_draft.say({"secrets", entry.substr(0, colon)},
                  source_of(colon == std::string::npos ? entry : entry.substr(colon + 1)),
                  m_draft.has({"secrets"}) ? ""
                  : m_secrets.empty()      ? "in Kamal's .kamal/secrets; here from the environment"
                                           : "as in .kamal/secrets");
    }
    if (env.contains("tags")) m_draft.note(fmt::format("`env.tags` of {}", m_name));
  }

  void tell_clear(const std::string& name, const std::string& value) {
    if (is_secret(name, value)) {
      m_draft.say({"secrets", name}, Json{{"env", name}}, "its value was not copied");
      return;
    }
    note_placeholders(m_draft, name, value, m_name);
    m_draft.say({"docker", "environment", name}, plain(value));
  }

  void tell_container() {
    for (const std::string& volume : core::texts_of(m_file, "volumes")) {
      note_placeholders(m_draft, "the volume " + volume, volume, m_name);
      add("volumes", {plain(volume)});
    }
    tell_labels(at("labels"));
    tell_logging(at("logging"));
    if (const auto wait = text("stop_wait_time"); !wait.empty())
      m_draft.say({"docker", "stop_grace_period"}, in_seconds(wait), "stop_wait_time");
    const Json& accessories = at("accessories");
    if (accessories.is_object() && !accessories.empty()) {
      add("networks", {"kamal"});
      m_networks_from = "where Kamal's accessories are";
      std::vector<std::string> names;
      for (const auto& [name, value] : accessories.items()) names.push_back(name);
      m_draft.note(fmt::format("the accessories {}: they stay as they are", fmt::join(names, ", ")));
    }
    if (const auto wait = text("drain_timeout"); !wait.empty())
      m_draft.say({"drain", "timeout"}, in_seconds(wait), "drain_timeout");
    if (const auto wait = text("deploy_timeout"); !wait.empty())
      m_draft.say({"health", "deadline"}, in_seconds(wait), "deploy_timeout");
  }

  void tell_proxy() {
    Json proxy = at("proxy");
    if (!m_proxy_of_role.is_null()) merge(proxy, m_proxy_of_role);
    // Kamal 1 had neither `proxy` nor its defaults: https://kamal-deploy.org/docs/upgrading/proxy-changes/
    const bool first = proxy.is_null() && (!at("healthcheck").is_null() || !at("traefik").is_null());
    const Json& check = first ? at("healthcheck") : core::member(proxy, "healthcheck");
    const std::string path = core::text_of(check, "path");
    tell_health_path(m_draft, path.empty() ? "/up" : path, path.empty() ? "Kamal's default" : m_source);
    for (const char* key : {"interval", "timeout"})
      if (const auto value = core::text_of(check, key); !value.empty())
        m_draft.say({"health", key}, in_seconds(value));
    const auto port =
        core::parse_port(first ? core::text_of(check, "port") : core::text_of(proxy, "app_port"));
    m_draft.say({"docker", "container_port"}, port.value_or(first ? 3000 : 80),
                !port   ? fmt::format("Kamal{}'s default", first ? " 1" : "")
                : first ? "healthcheck.port"
                        : "app_port");
    std::string host = core::text_of(proxy, "host");
    std::vector<std::string> hosts = core::texts_of(proxy, "hosts");
    if (host.empty() && !hosts.empty()) host = hosts[0];
    std::erase(hosts, host);
    if (!hosts.empty())
      m_draft.note(fmt::format("`proxy.hosts` of {}: also {}; `bgdeploy site --server-name` takes each",
                               m_name, fmt::join(hosts, ", ")));
    note_rest("proxy", proxy, {"host", "hosts", "ssl", "app_port", "healthcheck"});
    note_rest(first ? "healthcheck" : "proxy.healthcheck", check, {"path", "port", "interval", "timeout"});
    if (!host.empty()) m_draft.say({"verify", "host"}, plain(host), "the name that requests come in with");
    m_draft.note(
        "kamal-proxy: nginx takes its place, and its ports 80 and 443; with `ssl: true` nginx needs a "
        "certificate");
  }

  void tell_build() {
    const Json& builder = at("builder");
    const Json& boot = at("boot");
    if (!core::text_of(boot, "limit").empty() || !core::text_of(boot, "wait").empty())
      m_draft.note("`boot`: all hosts switch together; `parallel` says how many are worked on at once");
    if (const Json& aliases = at("aliases"); aliases.is_object())
      for (const auto& [name, value] : aliases.items())
        m_draft.note(fmt::format("the alias {}: `bgdeploy exec`, `run` and `logs` do what most do", name));
    const bool here = is_local_registry(core::text_of(at("registry"), "server"));
    if (here)
      m_draft.guess({"build", "on"}, "here",
                    "Kamal's registry on localhost is there while it deploys; so the image comes from here");
    if (!builder.is_object()) return;
    Json build = Json::object();
    for (const char* key : {"context", "dockerfile", "target", "args"})
      if (builder.contains(key)) build[key] = builder[key];
    if (const auto args = build.find("args"); args != build.end() && args->is_object())
      for (auto arg = args->begin(); arg != args->end();)
        arg = arg->is_string() && is_secret(arg.key(), arg->get<std::string>()) ? args->erase(arg)
                                                                                : std::next(arg);
    build = masked(std::move(build));
    if (here)
      for (const auto& [key, value] : build.items()) {
        if (core::text_of(builder, key.c_str()).contains("://")) continue;
        m_draft.say({"build", key}, value);
      }
    else
      m_draft.note(fmt::format(
          "`builder`: CI builds and pushes the image, then deploys its tag; `build:{}` builds it on "
          "the hosts",
          build.empty() ? "" : " " + core::dump_json(build)));
    note_rest("builder", builder, {"context", "dockerfile", "target", "args"});
  }

  void tell_hook(const std::string& file) {
    const std::string name = file.substr(file.rfind('/') + 1);
    const char* position = name == "pre-deploy"     ? "before_deploy"
                           : name == "post-deploy"  ? "after_deploy"
                           : name == "pre-app-boot" ? "before_start"
                                                    : nullptr;
    if (position == nullptr)
      m_draft.note(fmt::format("the hook {}", file));
    else
      m_draft.say({"hooks", position}, Json::array({Json{{"run", "./" + file}}}),
                  "its KAMAL_* variables are BGDEPLOY_* here");
  }

  void tell_left_out() {
    if (const auto kept = core::parse_number<int>(text("retain_containers")))
      m_draft.say({"prune", "images"}, *kept, "retain_containers");
    note_rest("", m_file,
              {"service",
               "image",
               "servers",
               "registry",
               "env",
               "volumes",
               "labels",
               "logging",
               "boot",
               "aliases",
               "ssh",
               "proxy",
               "healthcheck",
               "accessories",
               "builder",
               "drain_timeout",
               "deploy_timeout",
               "primary_role",
               "retain_containers",
               "stop_wait_time"});
  }

  Draft& m_draft;
  const Json &m_file, &m_secrets;
  const std::string m_source, m_name;
  Json m_lists = Json::object();  // of `docker`
  Json m_proxy_of_role;
  std::string m_networks_from;
};

}  // namespace

void tell_kamal(Draft& draft, const Json& file, const std::string& name,
                const std::vector<std::string>& hooks, const Json& secrets) {
  KamalReader(draft, file, name, secrets).tell(hooks);
}

}  // namespace bgdeploy::init
