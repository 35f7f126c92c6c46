#pragma once

#include <string_view>

namespace bgdeploy::core {

// Whether a shell keeps the variable for itself: `export` fails on it, or a command does not get what was
// assigned. Where `sh` is bash these are more than dash's. (bash(1), "Shell Variables"; POSIX, 2.5.3)
bool is_shell_variable(std::string_view name);

}  // namespace bgdeploy::core
