// Words of a POSIX shell command line. Nothing else quotes for a shell.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace bgdeploy::core {

// One word that the shell reads back as exactly `word`.
std::string shell_quote(std::string_view word);
// The words quoted and joined by blanks. A shell cannot carry NUL bytes; callers refuse them before.
std::string shell_join(std::span<const std::string> argv);

}  // namespace bgdeploy::core
