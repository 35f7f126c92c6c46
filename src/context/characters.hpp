// Paths are bytes; patterns speak of characters. What is no UTF-8 counts byte by byte.
#pragma once

#include <algorithm>
#include <string_view>

#include "bgdeploy/core/text.hpp"

namespace bgdeploy::context {

inline std::string_view first_character(std::string_view text) {
  return text.substr(0, std::max<std::size_t>(core::utf8_length(text), 1));
}

inline char32_t code_point(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return first < 0x80 ? first : U'\uFFFD';
  char32_t value = first & (0x7FU >> character.size());
  for (const char byte : character.substr(1))
    value = (value << 6) | (static_cast<unsigned char>(byte) & 0x3FU);
  return value;
}

}  // namespace bgdeploy::context
