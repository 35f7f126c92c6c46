// Compose files. https://docs.docker.com/reference/compose-file/
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/init/readers.hpp"
#include "bgdeploy/spec/document.hpp"
#include "compose_service.hpp"

namespace bgdeploy::init {
namespace {

using core::member;
using core::text_of;
using Pair = std::array<std::string, 2>;

// What must not stand in a file stays a reference.
Variables without_secrets(Variables known) {
  std::erase_if(known, [](const auto& one) { return is_secret(one.first, one.second); });
  return known;
}

// "NAME=value" lists and maps alike.
std::vector<Setting> settings_of(const Json& value, const Variables& known) {
  std::vector<Setting> settings;
  const Variables plain = without_secrets(known);
  const auto add = [&](const std::string& name, const std::string* text) {
    Setting setting{name};
    const std::string content = text == nullptr ? "" : in_spec(*text, plain);
    const std::string secret = secret_in(content, known);
    if (text != nullptr && secret.empty() && !is_secret(name, content)) setting.value = content;
    const bool alone = content.starts_with("${" + secret + ":-") && content.find('}') == content.size() - 1;
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

std::vector<std::string> texts(const Json& keys, const char* name) {
  const Json& value = member(keys, name);
  if (value.is_string()) return {value.get<std::string>()};
  return core::texts_of(keys, name);
}

void read_build(Draft& draft, const Json& build, const std::string& source) {
  const std::string context = build.is_string() ? build.get<std::string>() : text_of(build, "context");
  if (context.find("://") != std::string::npos || draft.has({"build"})) return;
  draft.say({"build", "context"}, context.empty() ? "." : context, "from " + source);
  if (const auto file = text_of(build, "dockerfile"); !file.empty()) draft.say({"build", "dockerfile"}, file);
  if (const auto target = text_of(build, "target"); !target.empty()) draft.say({"build", "target"}, target);
  for (const Setting& arg : settings_of(member(build, "args"), {}))
    if (arg.value) draft.say({"build", "args", arg.name}, *arg.value);
}

void read_healthcheck(Draft& draft, const Json& healthcheck, const Variables& known,
                      const std::string& source) {
  const Json& test = member(healthcheck, "test");
  if (draft.has({"health"}) || test.is_null()) return;
  std::vector<std::string> words = texts(healthcheck, "test");
  if (words.empty() || words[0] == "NONE") return;
  if (tell_health_url(draft, fmt::format("{}", fmt::join(words, " ")), source)) return;
  if (test.is_string() || words[0] == "CMD-SHELL")
    words = {"sh", "-c", words.back()};
  else if (words[0] == "CMD")
    words.erase(words.begin());
  const Variables plain = without_secrets(known);
  for (std::string& word : words) word = in_spec(word, plain);
  tell_masked(draft, {"health", "exec"}, words, "the healthcheck of " + source);
}

// Names as docker has them: those of a project begin with its name.
std::string docker_name(const Json& file, const char* section, const std::string& key,
                        const std::string& project) {
  const Json& known = member(member(file, section), key);
  const Json& external = member(known, "external");
  if (const auto name = text_of(known, "name"); !name.empty()) return name;
  if (const auto name = text_of(external, "name"); !name.empty()) return name;
  return text_of(known, "external") == "true" ? key : project + "_" + key;
}

void read_volumes(const Json& file, const Json& keys, const Variables& known, const std::string& project,
                  Run& run) {
  const Json& volumes = member(keys, "volumes");
  if (!volumes.is_array()) return;
  for (const Json& item : volumes) {
    std::string text = item.is_string() ? item.get<std::string>() : text_of(item, "target");
    if (const auto source = text_of(item, "source"); !source.empty()) text = source + ":" + text;
    if (text_of(item, "read_only") == "true") text += ":ro";
    const std::string first = text.substr(0, text.find(':'));
    if (first.size() < text.size() && first.find_first_of("/.~$") == std::string::npos)
      text = docker_name(file, "volumes", first, project) + text.substr(first.size());
    run.volumes.push_back(in_spec(text, known));
  }
}

void read_networks(const Json& file, const Service& app, const std::string& project, Run& run) {
  const Json& networks = member(app.keys, "networks");
  if (networks.is_object())
    for (const auto& [key, value] : networks.items())
      run.networks.push_back(docker_name(file, "networks", key, project));
  for (const std::string& key : core::texts_of(app.keys, "networks"))
    run.networks.push_back(docker_name(file, "networks", key, project));
  const bool has_default = !member(member(file, "networks"), "default").is_null();
  if (run.networks.empty() && (app.others > 0 || has_default))
    run.networks.push_back(docker_name(file, "networks", "default", project));
}

// The keys that mean the same in both files.
void read_settings(const Json& keys, const Variables& known, Run& run) {
  for (const char* key : {"mem_limit", "cpus", "restart", "user", "working_dir", "shm_size", "stop_signal",
                          "stop_grace_period"})
    if (const auto text = text_of(keys, key); !text.empty()) run.settings[key] = in_spec(text, known);
  for (const char* key : {"extra_hosts", "command", "entrypoint", "cap_add", "cap_drop", "tmpfs"}) {
    Json list = Json::array();
    for (const std::string& text : texts(keys, key)) list.push_back(in_spec(text, known));
    if (!list.empty()) run.settings[key] = member(keys, key).is_string() ? list[0] : list;
  }
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

std::vector<std::string> env_files_of(const Json& keys, const std::string& source,
                                      std::vector<std::string>& left_out) {
  const Json& value = member(keys, "env_file");
  std::vector<std::string> files;
  if (value.is_string()) files.push_back(value.get<std::string>());
  if (!value.is_array()) return files;
  for (const Json& one : value) {
    const auto path = one.is_string() ? one.get<std::string>() : text_of(one, "path");
    if (text_of(one, "required") == "false")
      left_out.push_back(fmt::format("`env_file` {} of {}, which need not be there", path, source));
    else if (!path.empty())
      files.push_back(path);
  }
  return files;
}

Run run_of(const Json& file, const Service& app, const Variables& known, const std::string& project,
           const std::string& source, std::vector<std::string>& left_out) {
  const Json& keys = app.keys;
  Run run{source, text_of(keys, "container_name"), in_spec(repository_of(text_of(keys, "image")), known)};
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
  run.env_files = env_files_of(keys, source, left_out);
  read_volumes(file, keys, known, project, run);
  if (text_of(keys, "network_mode").empty()) read_networks(file, app, project, run);
  read_settings(keys, without_secrets(known), run);
  return run;
}

void tell_left_out(Draft& draft, const Json& keys, const std::string& source) {
  for (const char* key : {"network_mode", "privileged", "devices", "secrets", "configs", "pid", "sysctls",
                          "dns", "security_opt", "logging", "ulimits", "deploy", "gpus"})
    if (!member(keys, key).is_null() &&
        (std::string_view(key) != "deploy" || !member(member(keys, key), "replicas").is_null()))
      draft.note(fmt::format("`{}` of {}", key, source));
}

// Each slot stays a compose project.
void tell_compose(Draft& draft, const std::array<Service, 2>& apps, const std::vector<Run>& runs,
                  const Pair& files, bool remote) {
  const Pair names =
      draft.has({"slots"}) || runs.size() == 1 ? Pair{"blue", "green"} : differing_words(files[0], files[1]);
  const Pair ports{std::to_string(runs[0].host_port), std::to_string(runs.back().host_port)};
  const auto file = by_slot(files, names, ports);
  const char* key = remote ? "remote_file" : "file";
  draft.say({"compose", key}, file.value_or(files[0]),
            remote ? "on the host" : "uploaded by each deploy, with what it refers to");
  const auto service = by_slot({apps[0].name, apps[1].name}, names, ports);
  draft.say({"compose", "service"}, service.value_or(apps[0].name));
  if (const auto variable = tag_variable_of(text_of(apps[0].keys, "image")); !variable.empty())
    draft.say({"compose", "environment", variable}, "{tag}", "what the file calls the tag");
}

}  // namespace

core::Result<void> read_compose(Draft& draft, std::span<const File> files, const Variables& known,
                                const std::string& project, bool remote, const FileBeside& beside) {
  std::vector<Run> runs;
  std::vector<std::string> left_out;  // where containers of our own take compose's place
  std::array<Service, 2> apps;
  Pair names;
  for (std::size_t i = 0; i < files.size() && i < 2; ++i) {
    const File& from = files[i];
    BGDEPLOY_ASSIGN(const std::string text, spec::yaml_as_json(from.text, from.name));
    BGDEPLOY_ASSIGN(const Json file, core::parse_json(text, from.name));
    const auto app = app_of(file, draft, left_out, from.name, beside);
    if (!app)
      return core::fail(core::ErrorKind::usage, from.name + " has no service that is deployed", {},
                        "name the files to read with --from");
    draft.read_from(from.name);
    names[i] = from.name;
    apps[i] = *app;
    const std::string own = text_of(file, "name");
    runs.push_back(run_of(file, *app, known, own.empty() ? project : own, from.name, left_out));
    read_healthcheck(draft, member(app->keys, "healthcheck"), known, from.name);
    if (const Json& build = member(app->keys, "build"); !build.is_null() && i == 0 && files.size() == 1)
      read_build(draft, build, from.name);
  }
  const bool by_variable = files.size() == 1 && files[0].text.find("BGDEPLOY_PORT") != std::string::npos;
  if (files.size() == 1 && !by_variable) {
    for (std::string& note : left_out) draft.note(std::move(note));
    tell_left_out(draft, apps[0].keys, names[0]);
    // Compose's own default; stopped slots stay stopped with this one.
    runs[0].settings.erase("restart");
    tell_runs(draft, std::move(runs));
    return {};
  }
  if (by_variable) {
    names[1] = names[0];
    apps[1] = apps[0];
  }
  // By the ports, as tell_runs() will.
  if (runs.size() == 2 && runs[0].host_port > runs[1].host_port) {
    std::swap(runs[0], runs[1]);
    std::swap(apps[0], apps[1]);
    std::swap(names[0], names[1]);
  }
  const bool named = !runs[0].name.empty();
  const Pair words = runs.size() == 2 ? differing_words(names[0], names[1]) : Pair{"blue", "green"};
  if (!runs[0].image.empty()) draft.say({"image"}, runs[0].image, "from " + names[0]);
  tell_compose(draft, apps, runs, names, remote);
  if (runs.size() == 2 && runs[0].host_port != 0)
    for (std::size_t i = 0; i < 2; ++i)
      draft.say(
          {"slots", words[i]},
          named ? Json{{"port", runs[i].host_port}, {"container", runs[i].name}} : Json(runs[i].host_port),
          i == 0 ? "the ports on the host, from both files" : "");
  tell_runs(draft, std::move(runs), false);
  return {};
}

}  // namespace bgdeploy::init
