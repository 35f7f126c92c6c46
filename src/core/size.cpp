#include "bgdeploy/core/size.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include "bgdeploy/core/number.hpp"

namespace bgdeploy::core {
namespace {

std::optional<std::int64_t> size_unit(std::string_view unit) {
  std::string name;
  for (const char c : unit) name.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  if (name.empty() || name == "b") return 1;
  if (name.size() > 1 && name != name.substr(0, 1) + "b" && name != name.substr(0, 1) + "ib") return {};
  switch (name[0]) {
    case 'k':
      return std::int64_t{1} << 10;
    case 'm':
      return std::int64_t{1} << 20;
    case 'g':
      return std::int64_t{1} << 30;
    case 't':
      return std::int64_t{1} << 40;
    default:
      return {};
  }
}

}  // namespace

std::optional<std::int64_t> parse_size(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::string_view number = text.substr(0, digits);
  if (number.empty() || !is_digit(number.front()) || !is_digit(number.back())) return {};
  const auto unit = size_unit(text.substr(digits));
  if (!unit) return {};
  std::string_view rest = number;
  const auto whole = take_number<std::int64_t>(rest);
  if (!whole || *whole > std::numeric_limits<std::int64_t>::max() / *unit - 1) return {};
  if (rest.empty()) return *whole * *unit;
  double fraction = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), fraction);
  if (error != std::errc{} || end != rest.data() + rest.size()) return {};
  return *whole * *unit + static_cast<std::int64_t>(fraction * static_cast<double>(*unit));
}

std::string format_size(std::int64_t bytes) {
  constexpr std::array<std::pair<char, int>, 3> k_units{{{'g', 30}, {'m', 20}, {'k', 10}}};
  for (const auto& [name, shift] : k_units) {
    const std::int64_t unit = std::int64_t{1} << shift;
    if (bytes != 0 && bytes % unit == 0) return fmt::format("{}{}", bytes / unit, name);
  }
  return fmt::format("{}", bytes);
}

std::string short_bytes(std::int64_t bytes) {
  constexpr std::array k_units = {"kB", "MB", "GB", "TB"};
  if (bytes < 1000) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  // 999.95 would be printed as 1000.0.
  while (value >= 999.95 && unit + 1 < k_units.size()) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, k_units[unit]);
}

}  // namespace bgdeploy::core
