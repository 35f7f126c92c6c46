// Text from a host or a container, made safe for a terminal and for the log of a CI system.
#pragma once

#include <string>
#include <string_view>

namespace bgdeploy::core {

// Control characters (ESC too) become \xNN, and those that change the direction of the text \uNNNN; tabs
// stay, invalid UTF-8 becomes U+FFFD. Newlines stay only when asked for. What a CI system takes for a command
// does not stay one: "##[" and "##vso[" anywhere, and "::name" where a line begins.
std::string printable(std::string_view text, bool keep_newlines = false);

}  // namespace bgdeploy::core
