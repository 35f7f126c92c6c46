// Text cut into lines and freed of blanks.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bgdeploy::core {

// At "\n" and "\r\n"; a last line needs no newline.
std::vector<std::string> split_lines(std::string_view text);
// Without the blanks and newlines at both ends.
std::string_view trim(std::string_view text);

}  // namespace bgdeploy::core
