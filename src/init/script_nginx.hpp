// What scripts do to nginx: the files that they write, and the container that they reload.
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "bgdeploy/init/draft.hpp"
#include "docker_run.hpp"
#include "script_include.hpp"
#include "script_variables.hpp"

namespace bgdeploy::init {

class ScriptNginx {
public:
  using Words = std::vector<std::string>;
  struct Written {
    std::string file;
    bool redirected = false, appends = false;
  };

  explicit ScriptNginx(const ScriptVariables& variables) : m_variables(variables) {}

  // One of a script's commands; `folder`: what the last "cd" names, empty where none did.
  void look_at(const std::vector<Words>& commands, std::size_t at, const std::string& source,
               const std::string& folder);
  // `docker exec NGINX nginx -s reload`: `words` follow "exec".
  void exec(std::span<const std::string> words, const std::string& source);

  // `slots`: names and ports as the draft has them. `runs`: of the app; `beside`: of others, maybe nginx.
  void tell(Draft& draft, std::span<const Run> runs, std::span<const DockerRun> beside) const;

private:
  bool put_there(const std::string& from, const std::string& to);
  void copy(const std::string& from, const std::string& to, const std::string& source,
            const std::string& folder);
  void write(const Written& to, std::span<const Words> content, const std::string& source);
  void write_again(bool appends, const std::array<std::string, 2>& texts);
  bool tell_sites(Draft& draft) const;
  void tell_include(Draft& draft, std::span<const DockerRun> beside) const;
  void tell_target(Draft& draft) const;
  std::vector<Words> resolved(std::span<const Words> content, std::size_t branch) const;

  struct Copy {
    std::string from, to, source;
  };
  const ScriptVariables& m_variables;
  struct Whole {
    std::string file, source;
    bool seen = true;  // what it holds
    bool operator==(const Whole&) const = default;
  };
  std::string m_container, m_container_from;
  std::string m_include, m_include_from;
  Included m_included;
  std::array<std::string, 2> m_texts;  // of the include, in both branches
  std::string m_other_address;         // in the other branch
  int m_writes = 0;
  std::vector<Copy> m_copies;
  std::vector<Whole> m_whole;  // files that hold more than a backend
};

}  // namespace bgdeploy::init
