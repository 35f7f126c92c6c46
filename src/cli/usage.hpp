// What is wrong with a command line, in words that say what to type. Told from the table of commands: CLI11's
// own words name its parser's rules.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "bgdeploy/core/error.hpp"

namespace bgdeploy::cli {

// `words`: what was typed, without the program's name and up to the first `--`. Nothing where the table finds
// nothing wrong. Kind usage.
std::optional<core::Error> usage_error(std::span<const std::string> words);

}  // namespace bgdeploy::cli
