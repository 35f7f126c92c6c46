// The commands of a script, as far as they can be told without running it: pure. Takes anything that holds
// shell lines: scripts, Jenkinsfiles, workflows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bgdeploy::init {

// Words without their quotes; $NAME and ${NAME} are left in them. A quoted command line, as `ssh host "…"`
// has it, gives its own commands too. "NAME = value" and "NAME: value" of other languages are assignments
// like "NAME=value".
struct Assignment {
  std::string name, value;
};
struct Script {
  std::vector<std::vector<std::string>> commands;
  std::vector<Assignment> assignments;
};
Script parse_script(std::string_view text);

}  // namespace bgdeploy::init
