// Deploy scripts and CI files: what they start, ask, switch, and where.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/init/readers.hpp"
#include "bgdeploy/spec/document.hpp"
#include "bgdeploy/spec/reference.hpp"
#include "docker_run.hpp"
#include "health_loop.hpp"
#include "pushed_images.hpp"
#include "script_hosts.hpp"
#include "script_nginx.hpp"
#include "script_variables.hpp"
#include "script_words.hpp"
#include "shell.hpp"
#include "shell_functions.hpp"

namespace bgdeploy::init {
namespace {

using Words = std::vector<std::string>;
class ScriptReader {
public:
  ScriptReader(Draft& draft, const Variables& known)
      : m_draft(draft), m_variables(known), m_nginx(m_variables) {}

  void take(const File& file) {
    Script script = parse_script(file.text);
    m_hosts.take(script.assignments, file.name);
    for (Words& words : script.commands)
      for (const std::string& url : take_global_options(words))
        if (url.starts_with(k_by_ssh)) m_engines.emplace_back(url.substr(k_by_ssh.size()), file.name);
    for (Assignment& one : script.assignments) m_variables.assign(one.name, std::move(one.value));
    m_files.push_back({file.name, std::move(script.commands)});
  }

  void tell() {
    for (const auto& [name, commands] : m_files) {
      m_source = name;
      m_folder.clear();
      ask_all(commands);
      run_by_functions(commands);
      for (std::size_t i = 0; i < commands.size(); ++i) look_at(commands, i);
    }
    for (const auto& [target, source] : m_engines) m_hosts.app(resolve(target, 0), source);
    if (const std::string engine = resolve("$DOCKER_HOST", 0); engine.starts_with(k_by_ssh))
      m_hosts.app(engine.substr(k_by_ssh.size()), "DOCKER_HOST");
    m_hosts.tell(m_draft, m_variables);
    if (m_sudo) m_draft.say({"ssh", "sudo"}, true, "the script uses sudo");
    tell_project();
    tell_app();
    tell_build();
    m_nginx.tell(m_draft, m_runs, m_beside);
  }

private:
  // In a function its arguments count, which may be variables in turn.
  std::string resolve(std::string_view text, std::size_t branch) const {
    const std::string out = m_variables.resolve(text, branch);
    return m_arguments.empty() ? out : m_variables.resolve(with_arguments(out, m_arguments), branch);
  }

  struct Source {
    std::string name;
    std::vector<Words> commands;
  };

  // --- commands

  static constexpr std::string_view k_by_ssh = "ssh://";

  // What follows "ssh", with the lines of a here-document behind it.
  static Words with_document(const std::vector<Words>& commands, std::size_t at, std::size_t first) {
    Words words(commands[at].begin() + static_cast<std::ptrdiff_t>(first), commands[at].end());
    for (std::size_t i = first; i < commands[at].size(); ++i) {
      std::string_view end = commands[at][i];
      if (!end.starts_with("<<") || end.starts_with("<<<")) continue;
      end.remove_prefix(2);
      if (end.starts_with('-')) end.remove_prefix(1);
      if (end.empty() && i + 1 < commands[at].size()) end = commands[at][i + 1];
      for (std::size_t line = at + 1; line < commands.size(); ++line) {
        if (commands[line].size() == 1 && commands[line][0] == end) break;
        words.insert(words.end(), commands[line].begin(), commands[line].end());
      }
      break;
    }
    return words;
  }

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
      if (tool == "docker" && begins(i + 1, "build")) m_built_in = m_source;
      if (tool == "docker-compose" || (tool == "docker" && begins(i + 1, "compose")))
        compose(std::span(words).subspan(i + 1));
      if (tool == "docker" && begins(i + 1, "exec")) m_nginx.exec(std::span(words).subspan(i + 2), m_source);
      if (tool == "ssh") m_hosts.ssh(with_document(commands, at, i + 1), m_source, m_variables);
    }
    if (auto image = pushed_by(commands, at); image && !is_beside(resolve(*image, 0))) {
      if (m_pulled.empty()) m_pulled_from = m_source;
      if (std::ranges::find(words, "pull") == words.end()) add_once(m_pushed, *image);
      add_once(m_pulled, std::move(*image));
    }
    const std::size_t first = first_word(words);
    if (first == words.size()) return;
    const std::string tool = base_of(words[first]);
    if (tool == "cd" && words.size() > first + 1) m_folder = words[first + 1];
    m_nginx.look_at(commands, at, m_source, m_folder);
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

  // What a function starts, with the words that it is called with.
  void run_by_functions(const std::vector<Words>& commands) {
    const ShellFunctions functions(commands);
    for (std::size_t at = 0; at < commands.size(); ++at) {
      const auto body = functions.called_by(commands, at);
      if (body.empty()) continue;
      m_arguments = std::span(commands[at]).subspan(first_word(commands[at]) + 1);
      for (const Words& words : body)
        for (std::size_t i = 0; i + 1 < words.size(); ++i)
          if (base_of(words[i]) == "docker" && words[i + 1] == "run") run(std::span(words).subspan(i + 2));
      m_arguments = {};
    }
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
    for (std::size_t i = 1; i < from.ports.size(); ++i)
      m_draft.note(fmt::format("the port {} of {}: a slot publishes one port alone",
                               resolve(from.ports[i], branch), m_source));
    for (const std::string& text : from.environment)
      run.environment.push_back(m_variables.setting_of(text, branch));
    for (const std::string& text : from.volumes)
      run.volumes.push_back(in_spec(tidy(resolve(text, branch)), {}));
    for (const std::string& text : from.networks) run.networks.push_back(resolve(text, branch));
    for (const std::string& text : from.env_files) run.env_files.push_back(resolve(text, branch));
    for (const std::string& word : from.command)
      run.settings["command"].push_back(in_spec(resolve(word, branch), {}));
    set(run, from, branch);
    // What runs in a function was seen already, as it is called.
    const auto same = [&](const Run& one) {
      return one.name == run.name && (one.host_port == run.host_port || run.host_port == 0);
    };
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

  static bool asks(const Words& words) {
    const std::size_t first = first_word(words);
    const std::string tool = first == words.size() ? "" : base_of(words[first]);
    return tool == "curl" || tool == "wget";
  }

  // What is asked in a loop says most: how long it waits. What is asked before one may be which slot is live.
  void ask_all(const std::vector<Words>& commands) {
    struct Asked {
      Words words;
      std::span<const std::string> arguments;
      std::size_t at;
    };
    const ShellFunctions functions(commands);
    std::vector<Asked> all;
    for (std::size_t at = 0; at < commands.size(); ++at)
      for (const Words& words : functions.called_by(commands, at))
        if (asks(words))
          all.push_back({words, std::span(commands[at]).subspan(first_word(commands[at])).subspan(1), at});
    for (std::size_t at = 0; at < commands.size(); ++at)
      if (asks(commands[at])) all.push_back({commands[at], {}, at});
    for (const bool by_address : {false, true})
      for (const bool in_a_loop : {true, false})
        for (const Asked& one : all)
          if (in_loop(commands, one.at) == in_a_loop)
            ask(one.words, one.arguments, commands, one.at, by_address);
  }

  // The first URL on the host itself, or by its address, and the words that its answer is searched for.
  // `words`: of curl, which a function may have called with `arguments`; `at`: where that was.
  void ask(const Words& words, std::span<const std::string> arguments, const std::vector<Words>& commands,
           std::size_t at, bool by_address) {
    if (m_draft.has({"health"})) return;
    for (const std::string& word : words) {
      const std::string text = resolve(word, 0);
      const std::string filled = with_arguments(text, arguments);
      const std::string url = by_address ? url_by_address(filled) : local_url(text, filled);
      if (url.empty() || !tell_health_url(m_draft, url, m_source, false)) continue;
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

  // --- what it comes to

  std::array<std::string, 2> slot_names() const {
    std::array<std::string, 2> names;
    std::size_t count = 0;
    for (const Finding& one : m_draft.findings())
      if (one.path.size() == 2 && one.path[0] == "slots" && count < 2) names[count++] = one.path[1];
    return names;
  }

  void tell_project() {
    if (!m_compose || !m_draft.has({"compose"})) return;
    std::ranges::sort(m_projects);
    const auto names = slot_names();
    if (m_projects.size() == 2) {
      if (const auto both = by_slot({m_projects[0], m_projects[1]}, names, {})) {
        m_draft.say({"compose", "project"}, *both, "from " + m_projects_from);
        return;
      }
    }
    if (m_projects.size() == 1) {
      m_draft.say({"compose", "project"}, m_projects[0], "both slots share it, from " + m_projects_from);
    } else {
      const std::string user = m_hosts.user(m_variables);
      m_draft.fill_in({"compose", "project"}, user.empty() ? "deploy" : user,
                      "the name of the folder on the host in which the script runs: compose took it, since "
                      "-p was not given");
    }
  }

  // What nobody here sets stands in a registry's name, or in a path of it.
  static std::string image_of(const std::string& image, bool& filled) {
    const bool registry = image.starts_with('$') || image.starts_with('{');
    return with_stand_ins(repository_of(image), registry ? "registry.example.com" : "app", filled);
  }

  void tell_app() {
    if (m_draft.has({"compose"})) return tell_pushed();
    prefer_pushed();
    bool stands_in = false;
    for (Run& run : m_runs) run.image = image_of(run.image, stands_in);
    if (stands_in) fill_in_image(m_runs[0].image, m_runs[0].source);
    note_other(m_runs);
    tell_runs(m_draft, m_runs);
    if (m_runs.empty()) tell_pushed();
  }

  // A compose file builds for whoever has it; what is pushed is what is deployed. Of several images the one
  // that is called as the folder that it is built from.
  void prefer_pushed() {
    if (m_pushed.empty() || !m_draft.has({"build"})) return;
    const auto repository = [&](const std::string& image) { return repository_of(resolve(image, 0)); };
    const std::string named = m_draft.text({"image"}), folder = base_of(m_draft.text({"build", "context"}));
    const auto is_it = [&](const std::string& image) {
      return named.empty() ? base_of(repository(image)) == folder : repository(image) == named;
    };
    const auto found = std::ranges::find_if(m_pushed, is_it);
    if (found == m_pushed.end() && !named.empty()) return;
    m_draft.drop({"build"});
    m_draft.note(fmt::format("`build` of a compose file: {} pushes the image", m_pulled_from));
    if (found == m_pushed.end() && m_pushed.size() > 1)
      m_draft.note(fmt::format("guessed: `image` is the first of what {} pushes", m_pulled_from));
    m_pulled.insert(m_pulled.begin(), found == m_pushed.end() ? m_pushed[0] : *found);
  }

  void tell_pushed() {
    if (m_draft.has({"image"}) || m_draft.has({"build"}) || m_pulled.empty()) return;
    bool filled = false;
    const std::string image = image_of(resolve(m_pulled[0], 0), filled);
    if (filled)
      fill_in_image(image, m_pulled_from);
    else
      m_draft.say({"image"}, in_spec(image, {}), "from " + m_pulled_from);
  }

  // Where a file that counts before it says another thing of what the script starts.
  void note_other(const std::vector<Run>& runs) {
    Draft alone;
    tell_runs(alone, runs);
    std::vector<std::string> keys;
    for (const Finding& one : alone.findings()) {
      const Finding* known = m_draft.find(one.path);
      if (known != nullptr && known->value != one.value)
        keys.push_back(fmt::format("`{}`", fmt::join(one.path, ".")));
    }
    if (!keys.empty())
      m_draft.note(
          fmt::format("guessed: {} says otherwise of {}; the file that is read before it counts. "
                      "`bgdeploy init --from {}` reads it alone",
                      runs[0].source, fmt::join(keys, ", "), runs[0].source));
  }

  void fill_in_image(const std::string& image, const std::string& source) {
    m_draft.fill_in({"image"}, image, "or set the variable where bgdeploy runs; from " + source);
  }

  // It is built where it runs, and no registry is spoken of.
  void tell_build() {
    if (m_built_in.empty() || !m_pulled.empty() || m_draft.text({"image"}).contains('/')) return;
    m_draft.guess({"build", "context"}, ".", m_built_in + " builds the image, and nothing pushes it");
  }

  Draft& m_draft;
  ScriptVariables m_variables;
  std::vector<Source> m_files;
  std::vector<std::pair<std::string, std::string>> m_engines;  // hosts, and the files that name them
  std::map<std::string, std::string> m_aliases;
  ScriptHosts m_hosts;
  ScriptNginx m_nginx;
  std::string m_source, m_folder;
  std::span<const std::string> m_arguments;                // of the function
  std::string m_projects_from, m_built_in, m_pulled_from;  // the files
  std::vector<Run> m_runs;
  std::vector<DockerRun> m_beside;
  std::vector<std::string> m_pulled, m_pushed, m_projects;
  bool m_sudo = false, m_compose = false;
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
