// Text cut into lines, freed of blanks, in small letters.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bgdeploy::core {

// At "\n" and "\r\n"; a last line needs no newline.
std::vector<std::string> split_lines(std::string_view text);
// Without the blanks and newlines at both ends.
std::string_view trim(std::string_view text);
// ASCII letters alone, in whatever locale.
std::string to_lower(std::string_view text);

}  // namespace bgdeploy::core
