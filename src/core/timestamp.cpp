#include "bgdeploy/core/timestamp.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <ctime>
#include <string>

#include "bgdeploy/core/number.hpp"

namespace bgdeploy::core {
namespace {

// Exactly `count` digits off the front of `text`.
std::optional<int> take_digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return {};
  int value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (!is_digit(text[i])) return {};
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// ".123456789", of any length; digits beyond nanoseconds are dropped. Absent is zero.
std::optional<std::chrono::nanoseconds> take_fraction(std::string_view& text) {
  if (!take(text, ".")) return std::chrono::nanoseconds{0};
  std::int64_t value = 0;
  std::int64_t scale = 1'000'000'000;
  if (text.empty() || !is_digit(text.front())) return {};
  while (!text.empty() && is_digit(text.front())) {
    if (scale > 1) {
      value = value * 10 + (text.front() - '0');
      scale /= 10;
    }
    text.remove_prefix(1);
  }
  return std::chrono::nanoseconds{value * scale};
}

// "Z" or "+hh:mm" (RFC 3339), which must end the text.
std::optional<std::chrono::minutes> take_offset(std::string_view text) {
  if (text == "Z" || text == "z") return std::chrono::minutes{0};
  if (text.empty() || (text[0] != '+' && text[0] != '-')) return {};
  const int sign = text[0] == '-' ? -1 : 1;
  text.remove_prefix(1);
  const auto hours = take_digits(text, 2);
  if (!hours || *hours > 23 || !take(text, ":")) return {};
  const auto minutes = take_digits(text, 2);
  if (!minutes || *minutes > 59 || !text.empty()) return {};
  return std::chrono::minutes{sign * (*hours * 60 + *minutes)};
}

}  // namespace

std::string format_time(SystemTime time, bool milliseconds) {
  using namespace std::chrono;
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const auto since = floor<core::Duration>(time - day);
  const hh_mm_ss clock{since};
  const std::string text =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  return milliseconds ? fmt::format("{}.{:03}Z", text, clock.subseconds().count()) : text + "Z";
}

std::optional<SystemTime> parse_time(std::string_view text) {
  using namespace std::chrono;
  const auto y = take_digits(text, 4);
  if (!y || !take(text, "-")) return {};
  const auto mon = take_digits(text, 2);
  if (!mon || !take(text, "-")) return {};
  const auto d = take_digits(text, 2);
  if (!d || !take(text, "Tt ")) return {};
  const auto h = take_digits(text, 2);
  if (!h || !take(text, ":")) return {};
  const auto min = take_digits(text, 2);
  if (!min || !take(text, ":")) return {};
  const auto s = take_digits(text, 2);
  if (!s) return {};
  const auto fraction = take_fraction(text);
  const auto offset = take_offset(text);
  const year_month_day date{year{*y}, month{static_cast<unsigned>(*mon)}, day{static_cast<unsigned>(*d)}};
  if (!date.ok() || *h > 23 || *min > 59 || *s > 60 || !fraction || !offset) return {};
  // 64 bits of nanoseconds hold no more. Docker's "0001-01-01T00:00:00Z" (never) lies outside.
  if (*y < 1678 || *y > 2261) return {};
  return sys_days{date} + hours{*h} + minutes{*min} + seconds{*s} + *fraction - *offset;
}

std::optional<SystemTime> parse_local_time(std::string_view text) {
  constexpr std::size_t k_date = std::string_view("2026-12-27").size();
  constexpr std::size_t k_minutes = std::string_view("2026-12-27T08:00").size();
  std::string full(text);
  if (full.size() == k_date) full += "T00:00";
  if (full.size() < k_minutes) return {};
  if (full.size() == k_minutes || full[k_minutes] != ':') full.insert(k_minutes, ":00");
  if (auto time = parse_time(full)) return time;
  const auto as_utc = parse_time(full + "Z");
  if (!as_utc) return {};
  // The same figures, read as local time.
  const std::time_t seconds = std::chrono::system_clock::to_time_t(*as_utc);
  std::tm figures{};
  if (::gmtime_r(&seconds, &figures) == nullptr) return {};
  figures.tm_isdst = -1;
  return std::chrono::system_clock::from_time_t(std::mktime(&figures));
}

}  // namespace bgdeploy::core
