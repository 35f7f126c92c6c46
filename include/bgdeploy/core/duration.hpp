// Durations as users write them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bgdeploy/core/clock.hpp"

namespace bgdeploy::core {

// "500ms", "10s", "2m", "1h", and sums such as "1m30s". Refuses a bare number, which has no unit.
std::optional<Duration> parse_duration(std::string_view text);
// "500ms", "2m", "1m30s": parses back to the same value. Zero is "0s".
std::string format_duration(Duration duration);

}  // namespace bgdeploy::core
