// Digits read as numbers.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>

namespace bgdeploy::core {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Takes the digits at the front of `text`; nothing when there are none or their number does not fit.
template <std::integral Number>
std::optional<Number> take_number(std::string_view& text) {
  Number value{};
  if (text.empty() || !is_digit(text.front())) return {};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return {};
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

// A text of digits alone; nothing for a sign, a blank, or a number that does not fit.
template <std::integral Number>
std::optional<Number> parse_number(std::string_view text) {
  const auto value = take_number<Number>(text);
  return text.empty() ? value : std::nullopt;
}

// The digits at the front of `text`, whatever follows.
template <std::integral Number>
std::optional<Number> leading_number(std::string_view text) {
  return take_number<Number>(text);
}

// 1 to 65535.
constexpr bool is_port(std::integral auto number) {
  return number >= 1 && number <= 65535;
}
inline std::optional<int> parse_port(std::string_view text) {
  const auto number = parse_number<int>(text);
  return number && is_port(*number) ? number : std::nullopt;
}

}  // namespace bgdeploy::core
