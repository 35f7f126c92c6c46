// The command line, read by the table of commands. CLI11 is in parse.cpp only: it is slow to compile.
#pragma once

#include <expected>

#include "commands.hpp"

namespace bgdeploy::cli {

struct Invocation {
  const Command* command = nullptr;  // never null
  Arguments arguments;
};

// Where nothing is left to run (help, the version, words that make no sense) it is printed, and the exit code
// is the error.
std::expected<Invocation, int> parse(int argc, char** argv);

}  // namespace bgdeploy::cli
