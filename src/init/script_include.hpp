// What a script writes into a file of nginx's: pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bgdeploy::init {

// `content`: the command that writes, what it reads from, and the lines of a here-document, with the values
// of their variables.
std::string text_written_by(std::span<const std::vector<std::string>> content);

// What a file says that is written, as a template, and where it sends to.
struct Included {
  std::string text, variable, upstream, address, port;
};

// No template where it sends to several targets, or to none that is seen.
Included included_in(std::string_view content);

}  // namespace bgdeploy::init
