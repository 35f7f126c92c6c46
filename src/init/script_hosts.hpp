// The hosts that scripts and CI files log in to.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/init/draft.hpp"
#include "script_variables.hpp"
#include "shell.hpp"

namespace bgdeploy::init {

class ScriptHosts {
public:
  // Jenkins's SSH steps, and actions that log in, are given host and user by name. The steps of a workflow
  // have such names too where they log in to something else, as a registry.
  void take(std::span<const Assignment> assignments, const std::string& source);
  // `words`: what follows "ssh". What is run there tells whether the app or nginx is. `round`: of the loop
  // that a variable may have its value of.
  using Resolve = std::function<std::string(std::string_view text, std::size_t round)>;
  void ssh(std::span<const std::string> words, const std::string& source, const Resolve& resolve);

  // Where docker is told to work.
  void app(std::string target, const std::string& source);

  void tell(Draft& draft, const ScriptVariables& variables) const;
  // Who logs in to the app's host; empty where nobody says.
  std::string user(const ScriptVariables& variables) const;

private:
  std::vector<std::string> app_hosts(const ScriptVariables& variables) const;
  void tell_option(Draft& draft, const char* key, std::span<const std::string> values) const;
  void say(Draft& draft, const Path& path, const std::vector<std::string>& targets,
           std::string_view stand_in) const;

  struct Login {
    std::string hosts, user, port;
  };
  std::vector<Login> m_logins;
  std::vector<std::string> m_identities, m_jumps;  // of `ssh`
  std::vector<std::string> m_apps, m_proxies;      // of `ssh`
  std::string m_from;                              // the file
};

}  // namespace bgdeploy::init
