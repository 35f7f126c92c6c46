// Compose files. https://docs.docker.com/reference/compose-file/
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/init/readers.hpp"
#include "bgdeploy/spec/document.hpp"
#include "compose_run.hpp"
#include "compose_service.hpp"

namespace bgdeploy::init {
namespace {

using core::member;
using core::text_of;
using Pair = std::array<std::string, 2>;

void read_build(Draft& draft, const Json& build, const std::string& source) {
  const std::string context = build.is_string() ? build.get<std::string>() : text_of(build, "context");
  if (context.find("://") != std::string::npos || draft.has({"build"})) return;
  draft.say({"build", "context"}, context.empty() ? "." : context, "from " + source);
  if (const auto file = text_of(build, "dockerfile"); !file.empty()) draft.say({"build", "dockerfile"}, file);
  if (const auto target = text_of(build, "target"); !target.empty()) draft.say({"build", "target"}, target);
  const Json given = as_map(member(build, "args"));
  for (const Setting& arg : settings_of(given, {}))
    if (arg.value)
      draft.say({"build", "args", arg.name}, *arg.value);
    else if (member(given, arg.name).is_null() && !is_secret(arg.name, ""))
      draft.guess({"build", "args", arg.name}, fmt::format("${{{}:-}}", arg.name),
                  "the variable is set where bgdeploy runs");
    else
      draft.note(
          fmt::format("`build.args.{}` of {}: it looks like a secret, and an image shows its arguments",
                      arg.name, source));
  if (!build.is_object()) return;
  for (const auto& [key, value] : build.items())
    if (key != "context" && key != "dockerfile" && key != "target" && key != "args")
      draft.note(fmt::format("`build.{}` of {}", key, source));
}

// Compose takes another text where the variable is set; a spec has nothing of that kind.
void note_alternatives(std::vector<std::string>& left_out, const Json& value, const std::string& source) {
  if (value.is_structured())
    for (const Json& one : value) note_alternatives(left_out, one, source);
  if (!value.is_string()) return;
  const auto& text = value.get_ref<const std::string&>();
  for (std::size_t at = text.find("${"); at != std::string::npos; at = text.find("${", at + 2)) {
    const std::size_t kind = text.find_first_of("+-?}", at);
    const std::size_t end = text.find('}', at);
    if (end == std::string::npos || text[kind] != '+' || (at > 0 && text[at - 1] == '$')) continue;
    const std::string name = text.substr(at + 2, text.find_first_of(":+", at + 2) - at - 2);
    left_out.push_back(
        fmt::format("`{}` of {}: a spec has no text for where a variable is set",
                    is_secret(name, text) ? "${" + name + ":+…}" : text.substr(at, end - at + 1), source));
  }
}

void read_healthcheck(Draft& draft, const Json& healthcheck, const Variables& known,
                      const std::string& source) {
  const Json& test = member(healthcheck, "test");
  if (draft.has({"health"}) || test.is_null()) return;
  std::vector<std::string> words = texts(healthcheck, "test");
  if (words.empty() || words[0] == "NONE") return;
  const auto text = [&](const char* key) { return text_of(healthcheck, key); };
  const HealthTimes times{text("interval"), text("timeout"), text("start_period"), text("retries")};
  if (tell_health_url(draft, fmt::format("{}", fmt::join(words, " ")), source))
    return tell_health_times(draft, times, true);
  if (test.is_string() || words[0] == "CMD-SHELL")
    words = {"sh", "-c", words.back()};
  else if (words[0] == "CMD")
    words.erase(words.begin());
  const Variables plain = without_secrets(known);
  for (std::string& word : words) word = in_spec(word, plain);
  tell_masked(draft, {"health", "exec"}, words, "the healthcheck of " + source);
  tell_health_times(draft, times, true);
}

// Each slot stays a compose project, or a service of one.
void tell_compose(Draft& draft, const std::array<Service, 2>& apps, const std::vector<Run>& runs,
                  const Pair& files, const Pair& names, bool remote) {
  const Pair ports{std::to_string(runs[0].host_port), std::to_string(runs.back().host_port)};
  const auto file = by_slot(files, names, ports);
  const Path key{"compose", remote ? "remote_file" : "file"};
  const auto small = by_slot({core::to_lower(files[0]), core::to_lower(files[1])}, names, ports);
  if (file || !small)
    draft.say(key, file.value_or(files[0]),
              remote ? "on the host" : "uploaded by each deploy, with what it refers to");
  else
    draft.fill_in(key, *small,
                  fmt::format("rename {} and {} to this: the names of slots are small", files[0], files[1]));
  const auto service = by_slot({apps[0].name, apps[1].name}, names, ports);
  draft.say({"compose", "service"}, service.value_or(apps[0].name));
  if (const auto variable = tag_variable_of(text_of(apps[0].keys, "image")); !variable.empty())
    draft.say({"compose", "environment", variable}, "{tag}", "what the file calls the tag");
}

// Under the names that the files, or the services, have.
void tell_slots(Draft& draft, const std::vector<Run>& runs, const Pair& words, const std::string& source) {
  for (std::size_t i = 0; i < 2; ++i) {
    const bool told = runs[i].host_port != 0;
    const Json port = told ? runs[i].host_port : 8081 + static_cast<int>(i);
    const Json value = runs[i].name.empty() ? port : Json{{"port", port}, {"container", runs[i].name}};
    if (told)
      draft.say({"slots", words[i]}, value, i == 0 ? "the ports on the host, from " + source : "");
    else
      draft.guess({"slots", words[i]}, value, "compose publishes none");
  }
}

// "${USER:-app}/shop" where nobody sets it: of what is left empty no image's name could be made.
std::string with_image_stand_ins(std::string image) {
  for (std::size_t at = image.find(":-}"); at != std::string::npos; at = image.find(":-}", at + 2)) {
    const bool registry = image.rfind("${", at) == 0;
    image.insert(at + 2, registry ? "registry.example.com" : "app");
  }
  return image;
}

void tell_image(Draft& draft, const std::string& image, const std::string& source) {
  const std::string whole = with_image_stand_ins(image);
  if (whole != image)
    draft.fill_in({"image"}, whole, "or set the variable where bgdeploy runs; from " + source);
  else if (!image.empty())
    draft.say({"image"}, image, "from " + source);
}

bool share_a_network(const Json& one, const Json& other) {
  const auto names_of = [](const Json& keys) {
    std::vector<std::string> names = core::texts_of(keys, "networks");
    if (const Json& map = member(keys, "networks"); map.is_object())
      for (const auto& [name, value] : map.items()) names.push_back(name);
    return names.empty() ? std::vector<std::string>{"default"} : names;
  };
  const auto names = names_of(one), others = names_of(other);
  return std::ranges::find_first_of(names, others) != names.end();
}

// nginx as a service of the file. False: it does not find the app, or the slots, by their names.
bool tell_nginx(Draft& draft, const Json& services, const Json& app, const std::string& project,
                const std::string& source) {
  if (draft.has({"proxy"}) || !services.is_object()) return false;
  for (const auto& [name, keys] : services.items()) {
    const std::string repository = repository_of(text_of(keys, "image"));
    const std::string image = repository.substr(repository.rfind('/') + 1);
    const bool nginx = image == "nginx" || image == "nginx-unprivileged" || image == "openresty";
    if (!nginx || member(keys, "ports").empty()) continue;
    if (const auto container = text_of(keys, "container_name"); !container.empty())
      draft.say({"proxy", "nginx", "container"}, container, "nginx runs in it, from " + source);
    else
      draft.guess({"proxy", "nginx", "container"}, fmt::format("{}-{}-1", project, name),
                  "nginx runs in it, and compose names it so");
    if (const Json& volumes = member(keys, "volumes"); volumes.is_array())
      for (const Json& one : volumes)
        draft.mount(one.is_string() ? one.get<std::string>()
                                    : text_of(one, "source") + ":" + text_of(one, "target"));
    if (share_a_network(keys, app)) return true;
    draft.note(fmt::format("`proxy.nginx.address`: {} of {} shares no network with the app", name, source));
    return false;
  }
  return false;
}

// Both slots are services of nginx's own project, which finds them by their names.
void tell_services(Draft& draft, const Run& run, const std::string& source) {
  draft.say({"proxy", "nginx", "address"}, draft.text({"compose", "service"}),
            "nginx is on the same network, which has the services' names");
  if (run.container_port != 0)
    draft.say({"proxy", "nginx", "port"}, run.container_port, "where the app listens, from " + source);
  else
    draft.fill_in({"proxy", "nginx", "port"}, 8080, "where the app listens");
}

}  // namespace

core::Result<void> read_compose(Draft& draft, std::span<const File> files, const Variables& known,
                                const std::string& project, bool remote, const FileBeside& beside,
                                const std::optional<SlotPorts>& by_script) {
  std::vector<Run> runs;
  std::vector<std::string> left_out;  // where containers of our own take compose's place
  std::array<Service, 2> apps;
  Pair names;
  bool nginx_beside = false;
  const bool by_variable =
      files.size() == 1 && (by_script || files[0].text.find("BGDEPLOY_PORT") != std::string::npos);
  for (std::size_t i = 0; i < files.size() && i < 2; ++i) {
    const File& from = files[i];
    BGDEPLOY_ASSIGN(const std::string text, spec::yaml_as_json(from.text, from.name));
    BGDEPLOY_ASSIGN(const Json file, core::parse_json(text, from.name));
    auto found = apps_of(file, draft, left_out, from.name, beside);
    if (found.empty())
      return core::fail(core::ErrorKind::usage, from.name + " has no service that is deployed", {},
                        "name the files to read with --from");
    draft.read_from(from.name);
    if (files.size() > 1 || by_variable) found.resize(1);
    const std::string own = text_of(file, "name");
    if (found.size() == 2 && !own.empty())
      draft.say({"compose", "project"}, spec::without_substitutions(own),
                "its `name`, which both slots share");
    for (const Service& app : found) {
      names[runs.size()] = from.name;
      apps[runs.size()] = app;
      runs.push_back(run_of(file, app, known, own.empty() ? project : own, from.name, left_out, beside));
      read_healthcheck(draft, member(app.keys, "healthcheck"), known, from.name);
      note_alternatives(left_out, app.keys, from.name);
      if (const auto* port = draft.find({"health", "http", "port"});
          port != nullptr && port->value == runs.back().container_port)
        draft.drop(port->path);
    }
    if (const Json& build = member(apps[0].keys, "build"); !build.is_null() && runs.size() == 1)
      read_build(draft, build, from.name);
    nginx_beside =
        files.size() == 1 && !by_variable &&
        tell_nginx(draft, member(file, "services"), apps[0].keys, own.empty() ? project : own, from.name);
  }
  if (runs.size() == 1 && !by_variable) {
    for (std::string& note : left_out) draft.note(std::move(note));
    // Compose's own default; stopped slots stay stopped with this one.
    runs[0].settings.erase("restart");
    tell_image(draft, runs[0].image, names[0]);
    if (nginx_beside) {
      draft.say({"proxy", "nginx", "address"}, "{container}", "nginx is on the same network");
      if (runs[0].host_port == 0) draft.say({"docker", "host_ip"}, "none", "nothing is published");
    }
    tell_runs(draft, std::move(runs));
    return {};
  }
  if (by_variable) {
    names[1] = names[0];
    apps[1] = apps[0];
  }
  if (by_variable && by_script) {
    const std::size_t first = by_script->ports[0] < by_script->ports[1] ? 0 : 1;
    runs[0].host_port = by_script->ports[first];
    runs[0].ports = {by_script->ports[first], by_script->ports[1 - first]};
    runs[0].slot = by_script->names[first];
    draft.say({"compose", "environment", by_script->variable}, "{port}", "what the file calls the port");
  }
  const auto words_of = [&] {
    return names[0] == names[1] ? differing_words(apps[0].name, apps[1].name)
                                : differing_words(names[0], names[1]);
  };
  // By the ports, as tell_runs() will.
  if (runs.size() == 2 && (runs[0].host_port > runs[1].host_port ||
                           (runs[0].host_port == runs[1].host_port && words_of()[0] > words_of()[1]))) {
    std::swap(runs[0], runs[1]);
    std::swap(apps[0], apps[1]);
    std::swap(names[0], names[1]);
  }
  const Pair words = runs.size() == 2 ? words_of() : Pair{"blue", "green"};
  tell_image(draft, runs[0].image, names[0]);
  tell_compose(draft, apps, runs, names, draft.has({"slots"}) ? Pair{"blue", "green"} : words, remote);
  if (nginx_beside) tell_services(draft, runs[0], names[0]);
  if (runs.size() == 2) tell_slots(draft, runs, words, names[0] == names[1] ? names[0] : "both files");
  tell_runs(draft, std::move(runs), false);
  return {};
}

}  // namespace bgdeploy::init
