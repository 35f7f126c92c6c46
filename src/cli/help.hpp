// What --help prints, from the table of commands.
#pragma once

#include <string>

#include "commands.hpp"

namespace bgdeploy::cli {

// Of one command, or of the whole program where it is null; lines of at most `width` columns, but for
// examples.
std::string help_text(const Command* command, int width);

}  // namespace bgdeploy::cli
