// Columns of a terminal.
#pragma once

#include <string>
#include <string_view>

namespace bgdeploy::core {

// The columns of a printable UTF-8 text: 0 for combining characters, 2 for East Asian wide ones and emoji.
int display_width(std::string_view text);
// Cut to `width` columns; "…" at the end stands for what is missing.
std::string fit(std::string_view text, int width);

}  // namespace bgdeploy::core
