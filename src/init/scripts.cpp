// Deploy scripts and CI files: what they start, ask, switch, and where.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <list>
#include <optional>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/init/readers.hpp"
#include "bgdeploy/spec/document.hpp"
#include "bgdeploy/spec/reference.hpp"
#include "docker_run.hpp"
#include "health_loop.hpp"
#include "pushed_images.hpp"
#include "script_hosts.hpp"
#include "script_nginx.hpp"
#include "script_runs.hpp"
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
      : m_draft(draft), m_variables(known), m_started(m_variables), m_nginx(m_variables) {}

  void take(const File& file) {
    Script script = parse_script(file.text);
    m_hosts.take(script.assignments, file.name);
    for (Assignment& one : script.assignments) m_variables.assign(one.name, std::move(one.value));
    for (WordList& one : script.lists) m_variables.assign_list(one.name, std::move(one.words));
    for (const WordList& loop : script.loops) m_variables.assign_loop(loop.name, loop.words);
    m_files.push_back({file.name, std::move(script.commands)});
  }

  // What `docker compose -p app-$COLOR up` does with a file that has a variable's port.
  std::optional<SlotPorts> slot_ports(std::string_view compose) const {
    for (const auto& [name, commands] : m_files)
      for (const Words& words : commands) {
        const auto project = project_of(words);
        if (!project || resolve(*project, 0) == resolve(*project, 1)) continue;
        for (const std::string& variable : m_variables.of_two_ports()) {
          if (!compose.contains("${" + variable + "}") && !compose.contains("${" + variable + ":")) continue;
          SlotPorts ports{variable};
          for (std::size_t branch = 0; branch < 2; ++branch)
            ports.ports[branch] = *core::parse_port(*m_variables.value_of(variable, branch));
          ports.names = differing_words(resolve(*project, 0), resolve(*project, 1));
          return ports;
        }
      }
    return std::nullopt;
  }

  void tell() {
    for (auto& [name, commands] : m_files)
      for (Words& words : commands) {
        m_variables.expand_first(words);
        for (const std::string& url : take_global_options(words))
          if (url.starts_with(k_by_ssh)) m_engines.emplace_back(url.substr(k_by_ssh.size()), name);
      }
    for (const auto& [name, commands] : m_files) {
      m_source = name;
      m_folder.clear();
      look_into_functions(commands);
      for (std::size_t i = 0; i < commands.size(); ++i) look_at(commands, i);
    }
    if (!m_draft.has({"compose"})) m_runs = m_started.choose(m_draft);
    for (const auto& [name, commands] : m_files) {
      m_source = name;
      ask_all(commands);
    }
    tell_health_command();
    for (const auto& [target, source] : m_engines) m_hosts.app(resolve(target, 0), source);
    if (const std::string engine = resolve("$DOCKER_HOST", 0); engine.starts_with(k_by_ssh))
      m_hosts.app(engine.substr(k_by_ssh.size()), "DOCKER_HOST");
    m_hosts.tell(m_draft, m_variables);
    if (m_sudo) m_draft.say({"ssh", "sudo"}, true, "the script uses sudo");
    tell_project();
    tell_app();
    tell_build();
    m_nginx.tell(m_draft, m_runs, m_started.beside());
    const Finding* hosts = m_draft.find({"hosts", "app"});
    if (hosts != nullptr && hosts->value.size() > 1 && m_draft.has({"hosts", "proxy"}) &&
        !m_draft.has({"proxy", "nginx", "upstream"}) && !m_draft.has({"proxy", "nginx", "sites"}))
      m_draft.guess({"proxy", "nginx", "upstream"}, "app", "the proxy sends to several hosts");
  }

private:
  std::string resolve(std::string_view text, Branch branch) const {
    return m_variables.resolve(text, branch, m_arguments);
  }

  struct Source {
    std::string name;
    std::vector<Words> commands;
  };

  // --- commands

  static constexpr std::string_view k_by_ssh = "ssh://";

  // What follows "ssh", with the file that it reads, or the lines of a here-document behind it.
  static Words with_document(const std::vector<Words>& commands, std::size_t at, std::size_t first) {
    constexpr std::size_t k_longest_document = 500;
    Words words(commands[at].begin() + static_cast<std::ptrdiff_t>(first), commands[at].end());
    std::size_t next = at + 1;
    for (; next < commands.size() && is_redirection(commands[next]) && commands[next][0] != k_document;
         ++next)
      if (commands[next][0] == k_read) words.push_back(commands[next].back());
    if (next == commands.size() || commands[next][0] != k_document) return words;
    const std::string& end = commands[next].back();
    const std::size_t last = std::min(commands.size(), next + k_longest_document);
    for (++next; next < last; ++next) {
      if (commands[next].size() == 1 && commands[next][0] == end) break;
      words.insert(words.end(), commands[next].begin(), commands[next].end());
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
      if (tool == "docker" && begins(i + 1, "run")) run(words, i + 2);
      if (tool == "docker" && begins(i + 1, "tag") && i + 3 < words.size())
        m_started.name(words[i + 3], words[i + 2]);
      if (tool == "docker" && begins(i + 1, "build")) m_built_in = m_source;
      if (tool == "docker-compose" || (tool == "docker" && begins(i + 1, "compose")))
        compose(std::span(words).subspan(i + 1));
      if (tool == "docker" && begins(i + 1, "exec")) m_nginx.exec(std::span(words).subspan(i + 2), m_source);
      if (tool == "ssh") log_in(commands, at, i + 1);
    }
    if (auto image = pushed_by(commands, at); image && !is_beside(resolve(*image, 0))) {
      if (m_started.pulled().empty()) m_pulled_from = m_source;
      if (std::ranges::find(words, "pull") == words.end()) add_once(m_pushed, *image);
      m_started.pull(std::move(*image));
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

  void log_in(const std::vector<Words>& commands, std::size_t at, std::size_t first) {
    const Words words = m_variables.expanded(with_document(commands, at, first), 0);
    m_hosts.ssh(words, m_source,
                [this](std::string_view text, std::size_t round) { return resolve(text, Branch(0, round)); });
  }

  // `at`: where the words begin that follow "run".
  void run(const Words& words, std::size_t at) {
    m_started.take(m_draft, std::span(words).subspan(at), m_source, m_arguments);
  }

  // What a function starts, and where it logs in, with the words that it is called with.
  void look_into_functions(const std::vector<Words>& commands) {
    const ShellFunctions functions(commands);
    for (std::size_t at = 0; at < commands.size(); ++at) {
      const auto body = functions.called_by(commands, at);
      if (body.empty()) continue;
      m_arguments = std::span(commands[at]).subspan(first_word(commands[at]) + 1);
      for (std::size_t line = 0; line < body.size(); ++line)
        for (std::size_t i = 0; i + 1 < body[line].size(); ++i) {
          const std::string tool = base_of(body[line][i]);
          if (tool == "docker" && body[line][i + 1] == "run") run(body[line], i + 2);
          if (tool == "ssh") log_in(body, line, i + 1);
        }
      m_arguments = {};
    }
  }

  void compose(std::span<const std::string> words) {
    if (std::ranges::find(words, "up") == words.end()) return;
    m_compose = true;
    m_projects_from = m_source;
    if (const auto project = project_of(words))
      for (std::size_t branch = 0; branch < 2; ++branch) add_once(m_projects, resolve(*project, branch));
  }

  // That of `docker compose -p PROJECT up`.
  std::optional<std::string> project_of(std::span<const std::string> words) const {
    constexpr std::string_view k_long = "--project-name";
    const auto up = std::ranges::find(words, "up");
    if (up == words.end()) return std::nullopt;
    for (auto word = words.begin(); word != up; ++word) {
      if ((*word == "-p" || *word == k_long) && word + 1 != up) return *(word + 1);
      if (word->starts_with(k_long) && word->size() > k_long.size()) return word->substr(k_long.size() + 1);
    }
    return m_variables.value_of("COMPOSE_PROJECT_NAME", 0) == nullptr
               ? std::nullopt
               : std::optional<std::string>("$COMPOSE_PROJECT_NAME");
  }

  static bool asks(const Words& words) {
    const std::size_t first = first_word(words);
    const std::string tool = first == words.size() ? "" : base_of(words[first]);
    return tool == "curl" || tool == "wget";
  }

  // A command that asks: of curl, which a function may have called with `arguments`; `around` it at `at`, or
  // around the function's call.
  struct Asked {
    Words words;
    std::span<const std::string> arguments;
    const std::vector<Words>* around;
    std::size_t at;
  };

  // What is asked in a loop says most: how long it waits. What is asked before one may be which slot is live.
  void ask_all(const std::vector<Words>& commands) {
    const ShellFunctions functions(commands);
    std::list<std::vector<Words>> bodies;
    std::vector<Asked> all;
    constexpr std::size_t k_most_asked = 1000;
    for (std::size_t at = 0; at < commands.size() && all.size() < k_most_asked; ++at) {
      auto body = functions.called_by(commands, at);
      if (std::ranges::none_of(body, asks)) continue;
      bodies.push_back(std::move(body));
      for (std::size_t i = 0; i < bodies.back().size(); ++i) {
        const Words& words = bodies.back()[i];
        const bool loop = in_loop(bodies.back(), i);
        if (asks(words))
          all.push_back({words, std::span(commands[at]).subspan(first_word(commands[at])).subspan(1),
                         loop ? &bodies.back() : &commands, loop ? i : at});
      }
    }
    for (std::size_t at = 0; at < commands.size(); ++at)
      if (asks(commands[at])) all.push_back({commands[at], {}, &commands, at});
    for (const bool by_address : {false, true})
      for (const bool in_a_loop : {true, false}) {
        for (const Asked& one : all)
          if (in_loop(*one.around, one.at) == in_a_loop) ask(one, by_address);
        if (in_a_loop) ask_docker(commands);
      }
  }

  void ask_docker(const std::vector<Words>& commands) {
    for (std::size_t at = 0; at < commands.size() && !m_draft.has({"health"}); ++at) {
      if (!asks_docker(commands, at)) continue;
      m_draft.say({"health", "docker"}, true, "the image's HEALTHCHECK, as in " + m_source);
      tell_health_loop(m_draft, commands, at, m_source);
    }
  }

  // The first URL on the host itself, or by its address, and the words that its answer is searched for.
  void ask(const Asked& one, bool by_address) {
    if (m_draft.has({"health"})) return;
    const std::vector<Words>& around = *one.around;
    for (const std::string& word : one.words) {
      const std::string text = without_expressions(resolve(word, 0));
      const std::string filled = with_arguments(text, one.arguments);
      const std::string url = by_address ? url_by_address(filled) : local_url(text, filled);
      if (url.empty() || m_started.has_left_out(url) || !tell_health_url(m_draft, url, m_source, false))
        continue;
      tell_health_loop(m_draft, around, one.at, m_source);
      tell_health_request(m_draft, one.words, m_source);
      tell_body(around, one.at);
      return;
    }
  }

  void tell_body(const std::vector<Words>& commands, std::size_t at) {
    constexpr std::size_t k_near = 6;
    for (std::size_t i = at + 1; i < commands.size() && i <= at + k_near; ++i)
      if (commands[i].size() > 1 && commands[i][0] == "grep" && !commands[i].back().starts_with('-')) {
        m_draft.say({"health", "http", "body"}, spec::without_substitutions(commands[i].back()),
                    "what the answer is searched for");
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
    if (m_projects.size() == 2)
      for (std::size_t first = 0; first < 2; ++first)
        if (const auto both = by_slot({m_projects[first], m_projects[1 - first]}, slot_names(), {})) {
          m_draft.say({"compose", "project"}, *both, "from " + m_projects_from);
          return;
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
    for (Run& run : m_runs) {
      run.image = image_of(run.image, stands_in);
      if (run.name.contains('$')) run.name.clear();
      if (run.image.contains("${") || spec::check_repository(run.image)) continue;
      m_draft.note(fmt::format("the image of `docker run` in {}, which is none, and the command behind it",
                               run.source));
      run.image.clear();
      run.settings.erase("command");
    }
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
    m_started.prefer(found == m_pushed.end() ? m_pushed[0] : *found);
  }

  void tell_pushed() {
    if (m_draft.has({"image"}) || m_draft.has({"build"}) || m_started.pulled().empty())
      return;
    bool filled = false;
    const std::string image = image_of(resolve(m_started.pulled()[0], 0), filled);
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

  void tell_health_command() {
    const std::string& command = m_started.health();
    if (command.empty() || m_draft.has({"health"})) return;
    if (tell_health_url(m_draft, command, m_runs[0].source)) return;
    tell_masked(m_draft, {"health", "exec"}, Json::array({"sh", "-c", as_spec(command)}),
                "what `docker run --health-cmd` has");
  }

  void fill_in_image(const std::string& image, const std::string& source) {
    m_draft.fill_in({"image"}, image, "or set the variable where bgdeploy runs; from " + source);
  }

  // It is built where it runs, and no registry is spoken of.
  void tell_build() {
    if (m_built_in.empty() || !m_started.pulled().empty() || m_draft.text({"image"}).contains('/')) return;
    m_draft.guess({"build", "context"}, ".", m_built_in + " builds the image, and nothing pushes it");
  }

  Draft& m_draft;
  ScriptVariables m_variables;
  std::vector<Source> m_files;
  std::vector<std::pair<std::string, std::string>> m_engines;  // hosts, and the files that name them
  ScriptHosts m_hosts;
  ScriptRuns m_started;
  ScriptNginx m_nginx;
  std::string m_source, m_folder;
  std::span<const std::string> m_arguments;                // of the function
  std::string m_projects_from, m_built_in, m_pulled_from;  // the files
  std::vector<Run> m_runs;                                 // of the service
  std::vector<std::string> m_pushed, m_projects;
  bool m_sudo = false, m_compose = false;
};

}  // namespace

std::optional<SlotPorts> slot_ports(std::span<const File> scripts, const Variables& known,
                                    std::string_view compose) {
  Draft draft;
  ScriptReader reader(draft, known);
  for (const File& file : scripts) reader.take(file);
  return reader.slot_ports(compose);
}

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
