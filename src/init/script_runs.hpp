// The containers that scripts start, and which of them are the service.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/init/draft.hpp"
#include "bgdeploy/init/readers.hpp"
#include "docker_run.hpp"
#include "script_variables.hpp"

namespace bgdeploy::init {

class ScriptRuns {
public:
  explicit ScriptRuns(const ScriptVariables& variables) : m_variables(variables) {}

  // `words`: what follows "docker run"; `arguments`: of the function that it stands in.
  void take(Draft& draft, std::span<const std::string> words, const std::string& source,
            std::span<const std::string> arguments);
  // `docker tag IMAGE ALIAS`
  void name(std::string_view alias, std::string image);
  // An image that is pulled or pushed.
  void pull(std::string image);
  // One that counts before those.
  void prefer(const std::string& image) { m_pulled.insert(m_pulled.begin(), image); }

  // Of all that is started the service: one container, or those of its two slots. Notes the others.
  std::vector<Run> choose(Draft& draft);

  // The command that tells health; empty where none does.
  const std::string& health() const { return m_health; }
  const std::vector<std::string>& pulled() const { return m_pulled; }
  // Databases and proxies.
  std::span<const DockerRun> beside() const { return m_beside; }
  // Whether a URL is of a container that is none of the service.
  bool has_left_out(std::string_view url) const;

private:
  // What a command starts. It may be several containers: one a branch, or one a call of the function it is
  // in.
  struct Started {
    Run run;
    std::size_t command;
    bool detached = false, ends = false;  // by itself
    std::string health{};                 // the command that tells it
  };

  bool stands_for_options(const DockerRun& run) const;
  void add(const DockerRun& from, std::size_t branch);
  void add_ports(Run& run, const DockerRun& from, std::size_t branch) const;
  void add_command(Run& run, const DockerRun& from, std::size_t branch) const;
  void add_settings(Run& run, const DockerRun& from, std::size_t branch) const;
  int pushed(const Started& one) const;
  bool may_be_service(const Started& one) const;
  static bool are_slots(const Started& one, const Started& other);
  void leave_out(Draft& draft, const Started& one);
  std::string resolve(std::string_view text, std::size_t branch) const {
    return m_variables.resolve(text, branch, m_arguments);
  }

  const ScriptVariables& m_variables;
  std::map<std::string, std::string> m_aliases;
  std::vector<std::string> m_pulled;
  std::vector<Started> m_started;
  std::vector<DockerRun> m_beside;
  std::size_t m_commands = 0;                // that start something
  std::string m_source;                      // the file
  std::span<const std::string> m_arguments;  // of the function
  std::string m_health;
  std::set<int> m_other_ports;
};

// What a value for a container says; `text`: with the values of its variables.
std::string as_spec(std::string text);

}  // namespace bgdeploy::init
