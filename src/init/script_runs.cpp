#include "script_runs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <tuple>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/text.hpp"
#include "script_words.hpp"
#include "shell_functions.hpp"

namespace bgdeploy::init {
namespace {

using Words = std::vector<std::string>;

// "shop" of "ghcr.io/acme/shop"; empty where a variable stands there.
std::string image_name(std::string_view image) {
  const std::string name = base_of(repository_of(image));
  return name.find_first_of("${") == std::string::npos ? name : std::string();
}

// "1024" and "1024:2048"
Json limit_of(std::string_view text) {
  const auto number = [](std::string_view part) {
    const auto value = core::parse_number<std::int64_t>(part);
    return value ? Json(*value) : Json(part);
  };
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return number(text);
  return {{"soft", number(text.substr(0, colon))}, {"hard", number(text.substr(colon + 1))}};
}

}  // namespace

std::string as_spec(std::string text) {
  return in_spec(without_expressions(std::move(text)), {});
}

void ScriptRuns::name(std::string_view alias, std::string image) {
  m_aliases[repository_of(alias)] = std::move(image);
}

void ScriptRuns::pull(std::string image) {
  add_once(m_pulled, std::move(image));
}

void ScriptRuns::take(Draft& draft, std::span<const std::string> command, const std::string& source,
                      std::span<const std::string> arguments) {
  constexpr std::size_t k_most_runs = 1000;
  if (++m_commands > k_most_runs) return;
  m_source = source;
  m_arguments = arguments;
  for (std::size_t branch = 0; branch < 2; ++branch) {
    Words words = m_variables.expanded(command, branch);
    DockerRun run = parse_docker_run(words);
    while (stands_for_options(run)) {
      draft.note(fmt::format("`docker run {}` of {}: nothing here says which options these are", run.image,
                             m_source));
      words.erase(words.end() - static_cast<std::ptrdiff_t>(run.command.size()) - 1);
      run = parse_docker_run(words);
    }
    if (run.image.empty()) return;
    if (is_beside(resolve(run.image, 0))) {
      m_beside.push_back(run);
      return;
    }
    add(run, branch);
  }
}

// A variable that nobody sets, or "$@", where an image is expected: it says so, or options stand behind it.
bool ScriptRuns::stands_for_options(const DockerRun& run) const {
  if (run.image.starts_with("$@") || run.image.starts_with("${@")) return !run.command.empty();
  const std::string name = core::to_lower(lone_variable(run.image));
  if (name.empty() || run.command.empty() || m_variables.value_of(lone_variable(run.image), 0) != nullptr)
    return false;
  const auto says = [&](std::string_view word) { return name.contains(word); };
  if (std::ranges::any_of(std::array{"opt", "arg", "flag", "param", "env", "vol", "port", "net"}, says))
    return true;
  const DockerRun rest = parse_docker_run(run.command);
  const bool options = rest.detached || !rest.name.empty() || !rest.ports.empty();
  return options && !rest.image.empty() && !says("image") && !says("img");
}

void ScriptRuns::add(const DockerRun& from, std::size_t branch) {
  Run run{m_source, resolve(from.name, branch), resolve(from.image, branch)};
  if (const auto alias = m_aliases.find(repository_of(run.image)); alias != m_aliases.end())
    run.image = resolve(alias->second, branch);
  add_ports(run, from, branch);
  for (const std::string& text : from.environment)
    run.environment.push_back(m_variables.setting_of(
        m_arguments.empty() ? text : with_arguments(m_variables.resolve(text, branch), m_arguments), branch));
  for (const std::string& text : from.volumes) run.volumes.push_back(as_spec(tidy(resolve(text, branch))));
  for (const std::string& text : from.networks) run.networks.push_back(as_spec(resolve(text, branch)));
  for (const std::string& text : from.env_files)
    if (const std::string file = resolve(text, branch); is_unknown(file) || has_argument(file))
      run.left_out.push_back(fmt::format("`docker run --env-file` of {}: a shell tells which", m_source));
    else
      run.env_files.push_back(as_spec(file));
  add_command(run, from, branch);
  add_settings(run, from, branch);
  for (const std::string& option : from.left_out)
    run.left_out.push_back(fmt::format("`docker run {}` of {}", option, m_source));
  // What runs in a function was seen already, as it is called.
  const auto same = [&](const Started& one) {
    const bool name = one.run.name == run.name || has_argument(run.name);
    return name && repository_of(one.run.image) == repository_of(run.image) &&
           (one.run.host_port == run.host_port || run.host_port == 0);
  };
  constexpr std::size_t k_most_started = 100;
  if (m_started.size() == k_most_started || std::ranges::any_of(m_started, same)) return;
  const bool ends = !from.detached && from.ports.empty() && (from.removed || !from.command.empty());
  m_started.push_back({std::move(run), m_commands, from.detached, ends, resolve(from.health, branch)});
}

void ScriptRuns::add_ports(Run& run, const DockerRun& from, std::size_t branch) const {
  run.container_port = core::parse_port(from.exposed).value_or(0);
  bool told = false;
  for (const std::string& text : from.ports) {
    std::string port = resolve(text, branch);
    if (told || port.ends_with("/udp")) {
      run.left_out.push_back(
          fmt::format("the port {} of {}: a slot publishes one port alone", port, m_source));
      continue;
    }
    told = true;
    port = port.substr(0, port.find('/'));
    const std::size_t colon = port.rfind(':');
    const std::string_view before = std::string_view(port).substr(0, colon == std::string::npos ? 0 : colon);
    run.host_port = core::parse_port(before.substr(before.rfind(':') + 1)).value_or(0);
    run.container_port = core::parse_port(std::string_view(port).substr(colon + 1)).value_or(0);
  }
}

void ScriptRuns::add_command(Run& run, const DockerRun& from, std::size_t branch) const {
  for (const std::string& word : from.command) {
    const std::string text = resolve(word, branch);
    run.settings["command"].push_back(as_spec(text));
    if (!is_unknown(text) && !has_argument(text)) continue;
    run.settings.erase("command");
    run.left_out.push_back(fmt::format("the command that {} gives to {}: a shell fills it in", m_source,
                                       repository_of(run.image)));
    return;
  }
}

void ScriptRuns::add_settings(Run& run, const DockerRun& from, std::size_t branch) const {
  for (const auto& [key, text] : from.settings) {
    const std::string value = as_spec(resolve(text, branch));
    if (key == "restart") continue;  // a stopped slot stays stopped with the default
    const std::string name = value.substr(0, value.find('='));
    const std::string rest = value.substr(std::min(name.size() + 1, value.size()));
    if (key == "cpus" || key == "read_only" || key == "init")
      run.settings[key] = Json::parse(value, nullptr, false);
    else if (key == "mem_limit" || key == "user" || key == "working_dir" || key == "shm_size" ||
             key == "stop_signal" || key == "entrypoint")
      run.settings[key] = value;
    else if (key == "stop_grace_period")
      run.settings[key] = value + "s";
    else if (key == "log_driver")
      run.settings["logging"]["driver"] = value;
    else if (key == "log_opt")
      run.settings["logging"]["options"][name] = rest;
    else if (key == "ulimits")
      run.settings[key][name] = limit_of(rest);
    else if (key == "labels" && is_secret(name, rest))
      run.left_out.push_back(
          fmt::format("the label {} of {}, whose value looks like a secret", name, m_source));
    else if (key == "labels")
      run.settings[key][name] = rest;
    else
      run.settings[key].push_back(value);
    if (run.settings[key].is_discarded() || run.settings[key].is_null()) run.settings.erase(key);
  }
}

std::vector<Run> ScriptRuns::choose(Draft& draft) {
  std::vector<Run> runs;
  const Started *first = nullptr, *second = nullptr;
  const auto rank = [&](const Started& one) {
    return std::tuple(pushed(one), one.run.container_port != 0, one.detached);
  };
  for (const Started& one : m_started)
    if (may_be_service(one) && (first == nullptr || rank(one) > rank(*first))) first = &one;
  for (const Started& one : m_started)
    if (first != nullptr && second == nullptr && &one != first && !one.ends && are_slots(*first, one))
      second = &one;
  for (const Started& one : m_started)
    if (&one == first || &one == second) {
      runs.push_back(one.run);
      m_health = one.health;
    } else {
      leave_out(draft, one);
    }
  for (const Run& run : runs) m_other_ports.erase(run.host_port);
  return runs;
}

// 2: something pushes or pulls that image, 1: nobody knows, 0: only others.
int ScriptRuns::pushed(const Started& one) const {
  const std::string name = image_name(one.run.image);
  bool unknown = name.empty() || m_pulled.empty();
  for (const std::string& image : m_pulled) {
    const std::string other = image_name(m_variables.resolve(image, 0));
    if (!name.empty() && name == other) return 2;
    unknown = unknown || other.empty();
  }
  return unknown ? 1 : 0;
}

// A CI file also starts what its tests need.
bool ScriptRuns::may_be_service(const Started& one) const {
  const std::string& source = one.run.source;
  const bool script = source.ends_with(".sh") || source.ends_with(".bash");
  return !one.ends && (script || pushed(one) > 0);
}

bool ScriptRuns::are_slots(const Started& one, const Started& other) {
  const std::string image = repository_of(one.run.image), second = repository_of(other.run.image);
  if (image != second && !names_slots(image, second)) return false;
  const bool ports =
      one.run.host_port != 0 && other.run.host_port != 0 && one.run.host_port != other.run.host_port;
  return one.command == other.command || ports || names_slots(one.run.name, other.run.name);
}

void ScriptRuns::leave_out(Draft& draft, const Started& one) {
  if (one.run.host_port != 0) m_other_ports.insert(one.run.host_port);
  const std::string what =
      fmt::format("`docker run` of {} in {}", repository_of(one.run.image), one.run.source);
  if (one.ends)
    draft.note(what + ": it ends by itself, as what `hooks.before_start` runs");
  else
    draft.note(fmt::format("{}{}: it is none of this service's slots", what,
                           one.run.name.empty() ? "" : ", called " + one.run.name));
}

bool ScriptRuns::has_left_out(std::string_view url) const {
  const std::size_t colon = url.rfind(':');
  const std::string_view port = url.substr(colon + 1).substr(0, url.substr(colon + 1).find_first_of("/?"));
  return m_other_ports.contains(core::parse_port(port).value_or(0));
}

}  // namespace bgdeploy::init
