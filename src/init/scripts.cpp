// Deploy scripts and CI files: what they start, ask, switch, and where.
#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/init/readers.hpp"
#include "bgdeploy/spec/document.hpp"
#include "bgdeploy/spec/reference.hpp"
#include "docker_run.hpp"
#include "health_loop.hpp"
#include "script_variables.hpp"
#include "shell.hpp"
#include "shell_functions.hpp"

namespace bgdeploy::init {
namespace {

using Words = std::vector<std::string>;
using Pair = std::array<std::string, 2>;

void add_once(std::vector<std::string>& list, std::string text) {
  if (std::ranges::find(list, text) == list.end()) list.push_back(std::move(text));
}

std::string base_of(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

// "/home/fream/nginx//a" without what stands in it twice.
std::string tidy(std::string path) {
  for (std::size_t at = path.find("//"); at != std::string::npos; at = path.find("//")) path.erase(at, 1);
  return path;
}

class ScriptReader {
public:
  ScriptReader(Draft& draft, const Variables& known) : m_draft(draft), m_variables(known) {}

  void take(const File& file) {
    Script script = parse_script(file.text);
    for (const Assignment& one : script.assignments)
      if (one.name == "remote.host" || one.name == "host") m_hosts_from = file.name;
    for (Assignment& one : script.assignments) m_variables.assign(one.name, std::move(one.value));
    m_files.push_back({file.name, std::move(script.commands)});
  }

  void tell() {
    for (const auto& [name, commands] : m_files) {
      m_source = name;
      m_folder.clear();
      ask_by_functions(commands);
      for (std::size_t i = 0; i < commands.size(); ++i) look_at(commands, i);
    }
    tell_hosts();
    tell_project();
    tell_app();
    tell_build();
    tell_proxy();
  }

private:
  std::string resolve(std::string_view text, std::size_t branch) const {
    return m_variables.resolve(text, branch);
  }

  struct Source {
    std::string name;
    std::vector<Words> commands;
  };

  // --- commands

  void look_at(const std::vector<Words>& commands, std::size_t at) {
    const Words& words = commands[at];
    const auto begins = [&](std::size_t i, std::string_view word) {
      return i < words.size() && words[i] == word;
    };
    for (std::size_t i = 0; i < words.size(); ++i) {
      const std::string tool = base_of(words[i]);
      if (tool == "sudo" && i + 1 < words.size()) m_sudo = m_sudo || has_rights(base_of(words[i + 1]));
      if (tool == "docker" && begins(i + 1, "run")) run(std::span(words).subspan(i + 2));
      if (tool == "docker" && begins(i + 1, "tag") && i + 3 < words.size())
        m_aliases[repository_of(words[i + 3])] = words[i + 2];
      if (tool == "docker" && (begins(i + 1, "pull") || begins(i + 1, "push")) && i + 2 < words.size())
        add_once(m_pulled, words[i + 2]);
      if (tool == "docker" && begins(i + 1, "build")) m_built_in = m_source;
      if (tool == "docker-compose" || (tool == "docker" && begins(i + 1, "compose")))
        compose(std::span(words).subspan(i + 1));
      if (tool == "docker" && begins(i + 1, "exec")) exec(std::span(words).subspan(i + 2));
      if (tool == "ssh") ssh(std::span(words).subspan(i + 1));
    }
    const std::size_t first = first_word(words);
    if (first == words.size()) return;
    const std::string tool = base_of(words[first]);
    if (tool == "cd" && words.size() > first + 1) m_folder = words[first + 1];
    if (asks(words)) ask(words, {}, commands, at);
    if (tool == "cp" && words.size() > first + 2) copy(words[words.size() - 2], words.back());
    if (tool == "tee" || tool == "sed") write(words.back());
  }

  static bool has_rights(std::string_view tool) {
    for (const char* one : {"docker", "docker-compose", "nginx", "service", "systemctl", "tee", "sed", "cp"})
      if (tool == one) return true;
    return false;
  }

  void run(std::span<const std::string> words) {
    const DockerRun run = parse_docker_run(words);
    if (run.image.empty()) return;
    if (is_beside(resolve(run.image, 0))) {
      m_beside.push_back(run);
      return;
    }
    for (std::size_t branch = 0; branch < 2; ++branch) add(run, branch);
    for (const std::string& option : run.left_out)
      m_draft.note(fmt::format("`docker run {}` of {}", option, m_source));
  }

  void add(const DockerRun& from, std::size_t branch) {
    Run run{m_source, resolve(from.name, branch), resolve(from.image, branch)};
    if (const auto alias = m_aliases.find(repository_of(run.image)); alias != m_aliases.end())
      run.image = resolve(alias->second, branch);
    if (!from.ports.empty()) {
      const std::string port = resolve(from.ports[0], branch);
      const std::size_t colon = port.rfind(':');
      const std::string_view before =
          std::string_view(port).substr(0, colon == std::string::npos ? 0 : colon);
      run.host_port = core::parse_port(before.substr(before.rfind(':') + 1)).value_or(0);
      run.container_port = core::parse_port(std::string_view(port).substr(colon + 1)).value_or(0);
    }
    for (const std::string& text : from.environment)
      run.environment.push_back(m_variables.setting_of(text, branch));
    for (const std::string& text : from.volumes)
      run.volumes.push_back(in_spec(tidy(resolve(text, branch)), {}));
    for (const std::string& text : from.networks) run.networks.push_back(resolve(text, branch));
    for (const std::string& text : from.env_files) run.env_files.push_back(resolve(text, branch));
    for (const std::string& word : from.command)
      run.settings["command"].push_back(in_spec(resolve(word, branch), {}));
    set(run, from, branch);
    const auto same = [&](const Run& one) { return one.name == run.name && one.host_port == run.host_port; };
    if (std::ranges::none_of(m_runs, same)) m_runs.push_back(std::move(run));
  }

  void set(Run& run, const DockerRun& from, std::size_t branch) const {
    for (const auto& [key, text] : from.settings) {
      const std::string value = in_spec(resolve(text, branch), {});
      if (key == "restart") continue;  // a stopped slot stays stopped with the default
      if (key == "cpus" || key == "read_only" || key == "init")
        run.settings[key] = Json::parse(value, nullptr, false);
      else if (key == "mem_limit" || key == "user" || key == "working_dir" || key == "shm_size" ||
               key == "stop_signal" || key == "entrypoint")
        run.settings[key] = value;
      else
        run.settings[key].push_back(value);
      if (run.settings[key].is_discarded()) run.settings.erase(key);
    }
  }

  void compose(std::span<const std::string> words) {
    const auto up = std::ranges::find(words, "up");
    if (up == words.end()) return;
    m_compose = true;
    m_projects_from = m_source;
    for (auto word = words.begin(); word != up; ++word)
      if ((*word == "-p" || *word == "--project-name") && word + 1 != up)
        for (std::size_t branch = 0; branch < 2; ++branch) add_once(m_projects, resolve(*(word + 1), branch));
  }

  // `docker exec NGINX nginx -s reload`
  void exec(std::span<const std::string> words) {
    while (!words.empty() && words[0].starts_with('-')) words = words.subspan(1);
    if (words.size() > 1 && base_of(words[1]) == "nginx") tell_nginx(resolve(words[0], 0));
  }

  void tell_nginx(std::string name) {
    m_nginx = std::move(name);
    m_nginx_from = m_source;
  }

  void ssh(std::span<const std::string> words) {
    constexpr std::string_view k_takes_value = "bcDEeFIiJLlmOopQRSWw";
    while (!words.empty() && words[0].starts_with('-')) {
      const bool value = words[0].size() == 2 && k_takes_value.contains(words[0].substr(1));
      words = words.subspan(std::min<std::size_t>(value ? 2 : 1, words.size()));
    }
    if (words.empty() || words[0].find(' ') != std::string::npos) return;
    std::string all;
    for (const std::string& word : words.subspan(1)) (all += ' ') += word;
    const std::string target = resolve(words[0], 0);
    m_hosts_from = m_source;
    if (all.contains("docker") || all.contains(".sh"))
      add_once(m_app_hosts, target);
    else if (all.contains("nginx"))
      add_once(m_proxy_hosts, target);
  }

  static bool asks(const Words& words) {
    const std::size_t first = first_word(words);
    const std::string tool = first == words.size() ? "" : base_of(words[first]);
    return tool == "curl" || tool == "wget";
  }

  // A call in a loop says most: how long it waits.
  void ask_by_functions(const std::vector<Words>& commands) {
    const ShellFunctions functions(commands);
    for (const bool in_a_loop : {true, false})
      for (std::size_t at = 0; at < commands.size(); ++at) {
        if (in_loop(commands, at) != in_a_loop) continue;
        const auto arguments = std::span(commands[at]).subspan(first_word(commands[at]));
        for (const Words& words : functions.called_by(commands, at))
          if (asks(words)) ask(words, arguments.subspan(1), commands, at);
      }
  }

  // The first URL on the host itself, and the words that its answer is searched for. `words`: of curl, which
  // a function may have called with `arguments`; `at`: where that was.
  void ask(const Words& words, std::span<const std::string> arguments, const std::vector<Words>& commands,
           std::size_t at) {
    if (m_draft.has({"health"})) return;
    for (const std::string& word : words) {
      const std::string text = resolve(word, 0);
      const std::string url = local_url(text, with_arguments(text, arguments));
      if (url.empty() || !tell_health_url(m_draft, url, m_source)) continue;
      tell_health_loop(m_draft, commands, at, m_source);
      constexpr std::size_t k_near = 6;
      for (std::size_t i = at + 1; i < commands.size() && i <= at + k_near; ++i)
        if (commands[i].size() > 1 && commands[i][0] == "grep" && !commands[i].back().starts_with('-')) {
          m_draft.say({"health", "http", "body"}, spec::without_substitutions(commands[i].back()),
                      "what the answer is searched for");
          return;
        }
      return;
    }
  }

  void copy(const std::string& from, const std::string& to) {
    if (!to.starts_with("/etc/nginx") || !from.ends_with(".conf")) return;
    const bool whole = from.starts_with('/') || from.starts_with('~');
    add_once(m_sites_from, whole || m_folder.empty() ? from : m_folder + "/" + from);
    add_once(m_sites_to, to.ends_with('/') ? to + base_of(from) : to);
  }

  void write(const std::string& to) {
    const std::string file = tidy(resolve(to, 0));
    if (!m_include.empty() || !file.starts_with('/')) return;
    if (!file.ends_with(".inc") && !file.ends_with(".conf")) return;
    m_include = file;
    m_include_from = m_source;
  }

  // --- what it comes to

  void say_hosts(const Path& path, const std::vector<std::string>& targets, std::string_view stand_in) {
    if (targets.empty()) return;
    Json hosts = Json::array();
    bool filled = false;
    for (const std::string& target : targets)
      hosts.push_back(
          with_stand_ins(target, fmt::format("{}-{}.example.com", stand_in, hosts.size() + 1), filled));
    if (filled)
      m_draft.fill_in(path, hosts, "or set the variables where bgdeploy runs; from " + m_hosts_from);
    else
      m_draft.say(path, hosts, "from " + m_hosts_from);
  }

  void tell_hosts() {
    // Jenkins's SSH steps, and actions that log in.
    for (const auto& [host, user] : {std::pair("remote.host", "remote.user"), std::pair("host", "username")})
      if (m_app_hosts.empty() && m_variables.value_of(host, 0) != nullptr &&
          m_variables.value_of(user, 0) != nullptr)
        m_app_hosts = {resolve(*m_variables.value_of(user, 0), 0) + "@" +
                       resolve(*m_variables.value_of(host, 0), 0)};
    say_hosts({"hosts", "app"}, m_app_hosts, "app");
    std::erase_if(m_proxy_hosts,
                  [&](const auto& one) { return std::ranges::find(m_app_hosts, one) != m_app_hosts.end(); });
    say_hosts({"hosts", "proxy"}, m_proxy_hosts, "nginx");
    if (m_sudo) m_draft.say({"ssh", "sudo"}, true, "the script uses sudo");
  }

  Pair slot_names() const {
    Pair names;
    std::size_t count = 0;
    for (const Finding& one : m_draft.findings())
      if (one.path.size() == 2 && one.path[0] == "slots" && count < 2) names[count++] = one.path[1];
    return names;
  }

  void tell_project() {
    if (!m_compose || !m_draft.has({"compose"})) return;
    std::ranges::sort(m_projects);
    const Pair names = slot_names();
    if (m_projects.size() == 2) {
      if (const auto both = by_slot({m_projects[0], m_projects[1]}, names, {})) {
        m_draft.say({"compose", "project"}, *both, "from " + m_projects_from);
        return;
      }
    }
    if (m_projects.size() == 1) {
      m_draft.say({"compose", "project"}, m_projects[0], "both slots share it, from " + m_projects_from);
    } else {
      const std::string host = m_app_hosts.empty() ? "" : m_app_hosts[0];
      m_draft.fill_in({"compose", "project"},
                      host.find('@') == std::string::npos ? "deploy" : host.substr(0, host.find('@')),
                      "the name of the folder on the host in which the script runs: compose took it, since "
                      "-p was not given");
    }
  }

  void tell_app() {
    if (m_draft.has({"compose"})) return;
    for (Run& run : m_runs) {
      bool filled = false;
      run.image = with_stand_ins(repository_of(run.image), "registry.example.com", filled);
      if (filled)
        m_draft.note(
            fmt::format("the registry in `image`: set its variable where bgdeploy runs, or write it"));
    }
    tell_runs(m_draft, m_runs);
    if (m_runs.empty() && !m_draft.has({"image"}) && !m_draft.has({"build"}) && !m_pulled.empty())
      m_draft.say({"image"}, in_spec(repository_of(resolve(m_pulled[0], 0)), {}), "from " + m_source);
  }

  // It is built where it runs, and no registry is spoken of.
  void tell_build() {
    if (m_built_in.empty() || !m_pulled.empty() || m_draft.text({"image"}).contains('/')) return;
    m_draft.guess({"build", "context"}, ".", m_built_in + " builds the image, and nothing pushes it");
  }

  void tell_proxy() {
    if (m_draft.has({"proxy"})) return;
    if (m_sites_from.size() == 2 && m_sites_to.size() == 2) {
      const Pair names = slot_names();
      const auto port = [&](std::size_t i) {
        const Finding* slot = m_draft.find({"slots", names[i]});
        const Json& value = slot == nullptr ? Json() : slot->value;
        return value.is_object() ? core::dump_json(core::member(value, "port")) : core::dump_json(value);
      };
      std::ranges::sort(m_sites_from);
      std::ranges::sort(m_sites_to);
      const auto from = by_slot({m_sites_from[0], m_sites_from[1]}, names, {port(0), port(1)});
      const auto to = by_slot({m_sites_to[0], m_sites_to[1]}, names, {port(0), port(1)});
      if (from && to) {
        m_draft.say({"proxy", "nginx", "sites"}, Json{{"from", *from}, {"to", *to}},
                    "whole files, as the script copied them");
        return;
      }
    }
    if (!m_nginx.empty()) {
      m_draft.say({"proxy", "nginx", "container"}, m_nginx, "from " + m_nginx_from);
      for (const DockerRun& run : m_beside)
        if (resolve(run.name, 0) == m_nginx) map_include(run);
      for (const Run& run : m_runs)
        if (!run.networks.empty() && !m_draft.has({"proxy", "nginx", "address"}))
          m_draft.say({"proxy", "nginx", "address"}, "{container}", "nginx is on the same network");
    }
    if (m_include.empty()) return;
    if (!m_nginx.empty() && !m_mapped)
      m_draft.guess({"proxy", "nginx", "include"}, "/etc/nginx/conf.d/" + base_of(m_include),
                    fmt::format("{} on the host; this is the path as nginx sees it", m_include));
    else
      m_draft.say({"proxy", "nginx", "include"}, m_include,
                  m_mapped ? "as nginx sees it, in its container" : "from " + m_include_from);
  }

  // From the path on the host to that in nginx's container.
  void map_include(const DockerRun& nginx) {
    for (const std::string& volume : nginx.volumes) {
      const std::string mount = tidy(resolve(volume, 0));
      const std::size_t colon = mount.find(':');
      if (m_mapped || colon == std::string::npos || !m_include.starts_with(mount.substr(0, colon))) continue;
      std::string inside = mount.substr(colon + 1);
      inside = inside.substr(0, inside.find(':'));
      m_include = tidy(inside + "/" + m_include.substr(colon));
      m_mapped = true;
    }
  }

  Draft& m_draft;
  ScriptVariables m_variables;
  std::vector<Source> m_files;
  std::map<std::string, std::string> m_aliases;
  std::string m_source, m_folder, m_nginx, m_include;
  std::string m_hosts_from, m_nginx_from, m_include_from, m_projects_from, m_built_in;  // the files
  std::vector<Run> m_runs;
  std::vector<DockerRun> m_beside;
  std::vector<std::string> m_pulled, m_projects, m_app_hosts, m_proxy_hosts, m_sites_from, m_sites_to;
  bool m_sudo = false, m_compose = false, m_mapped = false;
};

}  // namespace

void read_scripts(Draft& draft, std::span<const File> files, const Variables& known) {
  ScriptReader reader(draft, known);
  for (const File& file : files) {
    reader.take(file);
    draft.read_from(file.name);
    // CodeDeploy runs its hooks on the host itself.
    if (file.name.ends_with("appspec.yml"))
      draft.guess({"hosts", "app"}, Json::array({"local"}), "CodeDeploy runs it there");
  }
  reader.tell();
}

}  // namespace bgdeploy::init
