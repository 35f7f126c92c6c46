#include "bgdeploy/core/duration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <limits>

#include "bgdeploy/core/number.hpp"

namespace bgdeploy::core {
namespace {

struct DurationUnit {
  std::string_view name;
  std::int64_t milliseconds;
};
// Largest first, which is also the order that a sum must keep.
constexpr std::array<DurationUnit, 4> k_duration_units{
    {{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  constexpr std::int64_t k_limit = std::numeric_limits<std::int64_t>::max() / 4;
  std::int64_t total = 0;
  std::size_t next_unit = 0;
  if (text.empty()) return {};
  while (!text.empty()) {
    const auto number = take_number<std::int64_t>(text);
    const std::size_t length = std::min(text.find_first_of("0123456789"), text.size());
    if (!number) return {};
    const auto unit = std::find_if(k_duration_units.begin() + static_cast<std::ptrdiff_t>(next_unit),
                                   k_duration_units.end(),
                                   [&](const DurationUnit& u) { return u.name == text.substr(0, length); });
    if (unit == k_duration_units.end() || *number > (k_limit - total) / unit->milliseconds) return {};
    total += *number * unit->milliseconds;
    next_unit = static_cast<std::size_t>(unit - k_duration_units.begin()) + 1;
    text.remove_prefix(length);
  }
  return Duration{total};
}

std::string format_duration(Duration duration) {
  if (duration.count() == 0) return "0s";
  std::string text = duration.count() < 0 ? "-" : "";
  std::int64_t left = std::abs(duration.count());
  for (const auto& unit : k_duration_units) {
    if (left >= unit.milliseconds) text += fmt::format("{}{}", left / unit.milliseconds, unit.name);
    left %= unit.milliseconds;
  }
  return text;
}

}  // namespace bgdeploy::core
