// What the user answers.
#pragma once

#include <stop_token>
#include <string>

namespace bgdeploy::cli {

// Signals only request `stop`, and do not end a read. Empty after one.
std::string read_line(const std::stop_token& stop);

}  // namespace bgdeploy::cli
