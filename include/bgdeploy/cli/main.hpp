// The program: command line in, exit code out.
#pragma once

#include <string>
#include <vector>

namespace bgdeploy::cli {

// Returns the exit code: 0 done, 1 failed, 2 usage, 3 unreachable, 4 locked, 5 inconsistent, 6 done but for
// the clean-up, 130 interrupted.
int main(int argc, char** argv);

struct KnownCommand {
  std::string name;                               // "" for the options that every command takes
  std::vector<std::vector<std::string>> options;  // each with all its spellings: {"-n", "--tail"}
};
// All that the parser knows, also hidden commands and options.
std::vector<KnownCommand> known_commands();

}  // namespace bgdeploy::cli
