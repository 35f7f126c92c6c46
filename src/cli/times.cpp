#include "times.hpp"

#include <fmt/format.h>

#include "bgdeploy/core/duration.hpp"
#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/timestamp.hpp"

namespace bgdeploy::cli {
namespace {

constexpr const char* k_time = "2026-12-27T08:00, with Z or an offset where it is not local time";

// Seconds since 1970, as `date +%s` prints them. What has fewer digits was meant as something else.
std::optional<core::SystemTime> parse_unix_time(std::string_view text) {
  constexpr std::size_t k_least = 9, k_most = 10;
  if (text.size() < k_least || text.size() > k_most) return {};
  const auto seconds = core::parse_number<std::int64_t>(text);
  return seconds ? std::optional(core::SystemTime(std::chrono::seconds(*seconds))) : std::nullopt;
}

std::optional<core::SystemTime> parse_moment(const std::string& text) {
  const auto time = core::parse_local_time(text);
  return time ? time : parse_unix_time(text);
}

std::unexpected<core::Error> no(std::string_view what, std::string_view option, const std::string& text,
                                std::string how) {
  return core::fail(core::ErrorKind::usage,
                    fmt::format("{}: '{}' is not a {}", option, core::printable(text), what), {},
                    "write it as " + std::move(how));
}

}  // namespace

core::Result<core::Duration> duration_of(std::string_view option, const std::string& text) {
  if (const auto duration = core::parse_duration(text)) return *duration;
  return no("duration", option, text, "90s, 15m or 2h");
}

core::Result<core::SystemTime> time_of(std::string_view option, const std::string& text) {
  if (const auto time = parse_moment(text)) return *time;
  return no("time", option, text, k_time);
}

core::Result<core::SystemTime> past_time_of(std::string_view option, const std::string& text,
                                            core::SystemTime now) {
  if (const auto ago = core::parse_duration(text)) return now - *ago;
  if (const auto time = parse_moment(text)) return *time;
  return no("time", option, text, fmt::format("10m, for 10 minutes ago, or {}", k_time));
}

}  // namespace bgdeploy::cli
