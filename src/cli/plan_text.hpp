// A plan as people and as programs read it.
#pragma once

#include "command.hpp"

namespace bgdeploy::cli {

// Makes the plan of `goal` and prints it on stdout.
int print_preview(Session& session, const Globals& globals, const deploy::Goal& goal);

}  // namespace bgdeploy::cli
