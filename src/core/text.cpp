#include "bgdeploy/core/text.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace bgdeploy::core {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Takes a run of digits off the front of `text`; nothing when there is none or it does not fit.
std::optional<std::int64_t> take_number(std::string_view& text) {
  std::int64_t value = 0;
  if (text.empty() || !is_digit(text.front())) return {};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return {};
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

struct DurationUnit {
  std::string_view name;
  std::int64_t milliseconds;
};
// Largest first: that is also the order in which a sum must name them. "ms" comes after "m" here, so a
// reader takes the longest name that matches.
constexpr std::array<DurationUnit, 4> k_duration_units{
    {{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};

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

// Words that a POSIX shell takes as syntax where a command is expected, though they need no other quoting.
// The last four are bash's.
constexpr std::array<std::string_view, 17> k_shell_words{
    "case", "do",   "done",  "elif",  "else",     "esac",   "fi",   "for",   "if",
    "in",   "then", "until", "while", "function", "select", "time", "coproc"};

bool is_plain_word(std::string_view word) {
  if (word.empty()) return false;
  for (const char c : word) {
    const bool safe = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) ||
                      std::string_view("_@%+:,./-").find(c) != std::string_view::npos;
    if (!safe) return false;
  }
  return std::find(k_shell_words.begin(), k_shell_words.end(), word) == k_shell_words.end();
}

// Optimal string alignment: insertions, deletions, replacements, and swaps of neighbours.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

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

std::optional<Duration> parse_duration(std::string_view text) {
  constexpr std::int64_t k_limit = std::numeric_limits<std::int64_t>::max() / 4;
  std::int64_t total = 0;
  std::size_t next_unit = 0;
  if (text.empty()) return {};
  while (!text.empty()) {
    const auto number = take_number(text);
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

std::optional<std::int64_t> parse_size(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::string_view number = text.substr(0, digits);
  if (number.empty() || !is_digit(number.front()) || !is_digit(number.back())) return {};
  const auto unit = size_unit(text.substr(digits));
  if (!unit) return {};
  std::string_view rest = number;
  const auto whole = take_number(rest);
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

std::string shell_quote(std::string_view word) {
  if (is_plain_word(word)) return std::string(word);
  std::string quoted = "'";
  for (const char c : word) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

std::string shell_join(std::span<const std::string> argv) {
  std::string line;
  for (const auto& word : argv) {
    if (!line.empty()) line += ' ';
    line += shell_quote(word);
  }
  return line;
}

std::string substitute(std::string_view text, const std::map<std::string, std::string, std::less<>>& values) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t open = std::min(text.find('{', at), text.size());
    result += text.substr(at, open - at);
    at = open;
    if (at == text.size()) break;
    const std::size_t close = text.find_first_of("{}", at + 1);
    const bool closed = close != std::string_view::npos && text[close] == '}';
    const auto value = closed ? values.find(text.substr(at + 1, close - at - 1)) : values.end();
    if (value != values.end()) {
      result += value->second;
      at = close + 1;
    } else {
      result += text[at++];
    }
  }
  return result;
}

std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xC2 && lead < 0xE0   ? 2
                             : lead >= 0xE0 && lead < 0xF0 ? 3
                             : lead >= 0xF0 && lead < 0xF5 ? 4
                                                           : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const bool overlong = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xF0 && byte(1) < 0x90);
  const bool outside = (lead == 0xED && byte(1) > 0x9F) || (lead == 0xF4 && byte(1) > 0x8F);
  return overlong || outside ? 0 : length;
}

std::string printable(std::string_view text, bool keep_newlines) {
  std::string safe;
  safe.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const auto first = static_cast<unsigned char>(text[0]);
    // U+0080 to U+009F are control characters too: U+009B starts an escape sequence on some terminals.
    const bool c1 = length == 2 && first == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0;
    const bool control = (length == 1 && (first < 0x20 || first == 0x7F)) || c1;
    const bool kept = first == '\t' || (first == '\n' && keep_newlines);
    if (length == 0) {
      safe += "\uFFFD";
    } else if (control && !kept) {
      safe += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[length - 1]));
    } else {
      safe += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return safe;
}

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.emplace_back(line);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view k_blank = " \t\r\n\f\v";
  const std::size_t first = text.find_first_not_of(k_blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(k_blank) - first + 1);
}

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates) {
  // Nothing that long was a slip of the fingers, and the table below grows with its square.
  constexpr std::size_t k_longest = 64;
  if (word.size() > k_longest) return {};
  const std::string* best = nullptr;
  std::size_t best_distance = word.size() <= 3 ? 1 : word.size() <= 7 ? 2 : 3;
  for (const auto& candidate : candidates) {
    if (candidate.size() > k_longest) continue;
    const std::size_t distance = edit_distance(word, candidate);
    if (distance > best_distance || distance >= candidate.size()) continue;
    if (best != nullptr && distance == best_distance) continue;
    best = &candidate;
    best_distance = distance;
  }
  return best == nullptr ? std::nullopt : std::optional(*best);
}

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
  // What 64 bits of nanoseconds hold. Docker's "0001-01-01T00:00:00Z" (never) lies outside.
  if (*y < 1678 || *y > 2261) return {};
  return sys_days{date} + hours{*h} + minutes{*min} + seconds{*s} + *fraction - *offset;
}

}  // namespace bgdeploy::core
