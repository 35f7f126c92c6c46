// UTF-8 (RFC 3629). A byte that belongs to no valid sequence counts as a character of its own.
#pragma once

#include <cstddef>
#include <string_view>

namespace bgdeploy::core {

// The length in bytes of the valid sequence at the start of a text that is not empty; 0 when there is none.
std::size_t utf8_length(std::string_view text);

bool is_utf8(std::string_view text);

// Of a text that is not empty.
std::string_view first_character(std::string_view text);

// U+FFFD for an invalid byte.
char32_t code_point(std::string_view character);

}  // namespace bgdeploy::core
