// The variables of scripts. One that gets two values gets them in two branches, one a slot.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/init/readers.hpp"

namespace bgdeploy::init {

// Which of its values a variable has: those of a branch of the script differ from those of a loop.
struct Branch {
  Branch(std::size_t of_both) : script(of_both), loop(of_both) {}
  Branch(std::size_t of_script, std::size_t of_loop) : script(of_script), loop(of_loop) {}
  std::size_t script, loop;
};

class ScriptVariables {
public:
  // `known`: what `.env` sets.
  explicit ScriptVariables(const Variables& known) : m_known(known) {}
  void assign(const std::string& name, std::string value);
  // "for NAME in a b"
  void assign_loop(const std::string& name, std::span<const std::string> words);
  // "NAME=(a b)", "NAME=([blue]=a [green]=b)"
  void assign_list(const std::string& name, std::vector<std::string> words);

  // With the values of its variables. A secret stays a reference, wherever it is assigned.
  // `arguments`: of the function that it stands in.
  std::string resolve(std::string_view text, Branch branch,
                      std::span<const std::string> arguments = {}) const;
  // The words of a command, with those that a variable stands for, as "${OPTS[*]}". What looks like a secret
  // in those is the caller's business.
  std::vector<std::string> expanded(std::span<const std::string> words, Branch branch) const;
  // The same for the command's name alone: "$DOCKER".
  void expand_first(std::vector<std::string>& words) const;
  // Nothing for a secret.
  const std::string* value_of(std::string_view name, Branch branch) const;
  // Those that have two ports, one a branch.
  std::vector<std::string> of_two_ports() const;
  // "NAME=value" for a container.
  Setting setting_of(const std::string& text, Branch branch) const;

private:
  void resolve_into(std::string& out, std::string_view text, Branch branch, int depth) const;
  void expand(std::span<const std::string> words, Branch branch, int depth,
              std::vector<std::string>& out) const;
  const std::string* raw_value_of(std::string_view name, Branch branch) const;
  // The first variable of a resolved text that stands for a secret.
  std::string secret_in(std::string_view text) const;

  const Variables& m_known;
  std::map<std::string, std::vector<std::string>, std::less<>> m_values, m_lists;
  std::set<std::string, std::less<>> m_empty;  // what is assigned nothing
  std::set<std::string, std::less<>> m_loops;  // what a loop goes through
};

// "NAME" of a word that is "$NAME", "${NAME}" or "${NAME[@]}"; else empty.
std::string_view lone_variable(std::string_view word);
// Whether it has "$1", "$@" and the like, which whoever calls the script tells.
bool has_argument(std::string_view text);
// The variables that stand for what an expression of a workflow says: "${NAME}" of "${{ vars.NAME }}".
std::string without_expressions(std::string text);

// What nobody here sets, as "{SERVER_IP}" or "${{ secrets.HOST }}", becomes a variable with a stand-in.
std::string with_stand_ins(std::string text, std::string_view stand_in, bool& filled);

}  // namespace bgdeploy::init
