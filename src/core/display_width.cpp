#include "bgdeploy/core/display_width.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "bgdeploy/core/utf8.hpp"

namespace bgdeploy::core {
namespace {

struct Range {
  char32_t first, last;
};
constexpr std::array k_zero_width = {Range{0x300, 0x36F},   Range{0x200B, 0x200F}, Range{0x202A, 0x202E},
                                     Range{0x2060, 0x2069}, Range{0x20D0, 0x20FF}, Range{0xFE00, 0xFE0F},
                                     Range{0xFEFF, 0xFEFF}};
constexpr std::array k_double_width = {
    Range{0x1100, 0x115F},   Range{0x2E80, 0x303E},   Range{0x3041, 0xA4CF},   Range{0xAC00, 0xD7A3},
    Range{0xF900, 0xFAFF},   Range{0xFE30, 0xFE6F},   Range{0xFF00, 0xFF60},   Range{0xFFE0, 0xFFE6},
    Range{0x1F300, 0x1F64F}, Range{0x1F680, 0x1F6FF}, Range{0x1F900, 0x1FAFF}, Range{0x20000, 0x3FFFD}};

int width_of(char32_t character) {
  const auto within = [&](const Range& range) { return character >= range.first && character <= range.last; };
  if (std::any_of(k_zero_width.begin(), k_zero_width.end(), within)) return 0;
  return std::any_of(k_double_width.begin(), k_double_width.end(), within) ? 2 : 1;
}

// The longest start of the text within `width` columns, in bytes.
std::size_t bytes_within(std::string_view text, int width, int& used) {
  std::size_t at = 0;
  used = 0;
  while (at < text.size()) {
    const auto character = first_character(text.substr(at));
    const int columns = width_of(code_point(character));
    if (used + columns > width) break;
    used += columns;
    at += character.size();
  }
  return at;
}

}  // namespace

int display_width(std::string_view text) {
  int used = 0;
  bytes_within(text, std::numeric_limits<int>::max(), used);
  return used;
}

std::string fit(std::string_view text, int width) {
  if (width <= 0) return "";
  if (display_width(text) <= width) return std::string(text);
  int used = 0;
  return std::string(text.substr(0, bytes_within(text, width - 1, used))) + "…";
}

}  // namespace bgdeploy::core
