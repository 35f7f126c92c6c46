#include "times.hpp"

#include <fmt/format.h>

#include "bgdeploy/core/duration.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/timestamp.hpp"

namespace bgdeploy::cli {
namespace {

constexpr const char* k_time = "2026-12-27T08:00, with Z or an offset where it is not local time";

std::unexpected<core::Error> no(std::string_view what, std::string_view option, const std::string& text,
                                std::string how) {
  return core::fail(core::ErrorKind::usage,
                    fmt::format("{}: '{}' is no {}", option, core::printable(text), what), {},
                    "write it as " + std::move(how));
}

}  // namespace

core::Result<core::Duration> duration_of(std::string_view option, const std::string& text) {
  if (const auto duration = core::parse_duration(text)) return *duration;
  return no("duration", option, text, "90s, 15m or 2h");
}

core::Result<core::SystemTime> time_of(std::string_view option, const std::string& text) {
  if (const auto time = core::parse_local_time(text)) return *time;
  return no("time", option, text, k_time);
}

core::Result<core::SystemTime> past_time_of(std::string_view option, const std::string& text,
                                            core::SystemTime now) {
  if (const auto ago = core::parse_duration(text)) return now - *ago;
  if (const auto time = core::parse_local_time(text)) return *time;
  return no("time", option, text, fmt::format("10m, for 10 minutes ago, or {}", k_time));
}

}  // namespace bgdeploy::cli
