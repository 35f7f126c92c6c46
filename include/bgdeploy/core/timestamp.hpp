// Times in text (RFC 3339).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bgdeploy/core/clock.hpp"

namespace bgdeploy::core {

// "2026-11-21T05:07:10Z" (with milliseconds when asked for), and back.
std::string format_time(SystemTime time, bool milliseconds = false);
std::optional<SystemTime> parse_time(std::string_view text);
// As people write it: time of day, seconds and offset may be absent, "2026-12-27T08:00", "2026-12-27".
// Without an offset it is local time.
std::optional<SystemTime> parse_local_time(std::string_view text);

}  // namespace bgdeploy::core
