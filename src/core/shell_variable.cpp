#include "bgdeploy/core/shell_variable.hpp"

#include <algorithm>
#include <array>

namespace bgdeploy::core {

bool is_shell_variable(std::string_view name) {
  constexpr std::array<std::string_view, 19> k_names{
      "UID",      "EUID",          "PPID",         "GROUPS",  "PWD",       "OLDPWD",    "RANDOM",
      "SRANDOM",  "SECONDS",       "LINENO",       "OPTIND",  "_",         "SHELLOPTS", "DIRSTACK",
      "FUNCNAME", "EPOCHREALTIME", "EPOCHSECONDS", "HISTCMD", "PIPESTATUS"};
  return std::ranges::find(k_names, name) != k_names.end() || name == "BASHOPTS" || name == "BASHPID" ||
         name.starts_with("BASH_");
}

}  // namespace bgdeploy::core
