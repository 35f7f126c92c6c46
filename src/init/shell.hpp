// The commands of a script, as far as they can be told without running it: pure. Takes anything that holds
// shell lines: scripts, Jenkinsfiles, workflows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bgdeploy::init {

inline constexpr std::string_view k_shell_name =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
// The first words of what a redirection is told as: {">", FILE}, {">>", FILE}, {"<", FILE} and {"<<", END},
// behind its command.
inline constexpr std::string_view k_written = ">", k_appended = ">>", k_read = "<", k_document = "<<";
inline bool is_written(const std::vector<std::string>& command) {
  return command[0] == k_written || command[0] == k_appended;
}
inline bool is_redirection(const std::vector<std::string>& command) {
  return is_written(command) || command[0] == k_read || command[0] == k_document;
}

// Words without their quotes; $NAME, ${NAME} and $(command) are left in them, and a dollar that is none of
// these is "$$" in a `docker run`. There, and in `ssh`, a variable that may be several words is "${NAME[*]}".
// A quoted command line, as `ssh host "…"` has it, and a $(command) give
// their own commands too. Redirections of errors and those to /dev/null are dropped. "NAME =
// value" and "NAME: value" of other languages are assignments like "NAME=value".
struct Assignment {
  std::string name, value;
};
struct WordList {
  std::string name;
  std::vector<std::string> words;
};
struct Script {
  std::vector<std::vector<std::string>> commands;
  std::vector<Assignment> assignments;
  std::vector<WordList> lists, loops;  // "NAME=(a b)", "for NAME in a b"
};
Script parse_script(std::string_view text);

}  // namespace bgdeploy::init
