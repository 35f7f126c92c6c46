// The program: command line in, exit code out.
#pragma once

#include <string>
#include <vector>

namespace bgdeploy::cli {

// Exit codes are those of the documentation: 0 done, 1 failed, 2 usage, 3 unreachable, 4 locked, 5
// inconsistent, 6 done but for the clean-up, 130 interrupted.
int main(int argc, char** argv);

struct KnownCommand {
  std::string name;                               // "" for the options that every command takes
  std::vector<std::vector<std::string>> options;  // each by all its spellings: {"-n", "--tail"}
};
// What the parser knows, hidden commands and options too.
std::vector<KnownCommand> known_commands();

}  // namespace bgdeploy::cli
