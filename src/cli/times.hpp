// Times and durations as options give them.
#pragma once

#include <string>
#include <string_view>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"

namespace bgdeploy::cli {

// "90s", "15m", "2h".
core::Result<core::Duration> duration_of(std::string_view option, const std::string& text);
// "2026-12-27T08:00": local time, or with Z or an offset. "2026-12-27": when that day begins. "1798358400":
// seconds since 1970.
core::Result<core::SystemTime> time_of(std::string_view option, const std::string& text);
// The same, or "10m": so long before `now`.
core::Result<core::SystemTime> past_time_of(std::string_view option, const std::string& text,
                                            core::SystemTime now);

}  // namespace bgdeploy::cli
