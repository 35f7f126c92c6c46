// JSON that a terminal can show safely.
#pragma once

#include <string>
#include <string_view>

namespace bgdeploy::report {

// Writes DEL and the control characters U+0080 to U+009F as \u00NN: JSON allows them as they are, and some
// terminals obey them. What JSON itself forbids is escaped already.
inline std::string json_for_terminals(std::string_view document) {
  constexpr std::string_view k_digits = "0123456789abcdef";
  std::string safe;
  safe.reserve(document.size());
  const auto escape = [&](unsigned char code) {
    safe += "\\u00";
    safe += k_digits[code >> 4];
    safe += k_digits[code & 0xF];
  };
  for (std::size_t i = 0; i < document.size(); ++i) {
    const auto next = i + 1 < document.size() ? static_cast<unsigned char>(document[i + 1]) : 0;
    if (document[i] == '\x7f') {
      escape(0x7f);
    } else if (document[i] == '\xC2' && next >= 0x80 && next < 0xA0) {
      escape(static_cast<unsigned char>(next));
      ++i;
    } else {
      safe += document[i];
    }
  }
  return safe;
}

}  // namespace bgdeploy::report
