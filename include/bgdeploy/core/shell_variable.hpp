#pragma once

#include <string_view>

namespace bgdeploy::core {

// Whether a shell keeps the variable for itself: `export` fails, or a command does not get the assigned
// value. bash keeps more than dash. (bash(1), "Shell Variables"; POSIX, 2.5.3)
bool is_shell_variable(std::string_view name);

}  // namespace bgdeploy::core
