#include "bgdeploy/report/words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "bgdeploy/core/text.hpp"

namespace bgdeploy::report {
namespace {

std::string done_after(const Event& event, std::string_view preposition) {
  return event.duration ? fmt::format(" {} {}", preposition, short_duration(*event.duration)) : "";
}

std::string one_line(std::string_view text) {
  // A trailing newline is no content; others would break the line's frame.
  std::string line = core::printable(core::trim(text));
  std::replace(line.begin(), line.end(), '\t', ' ');
  return line;
}

// "web-1: never became healthy": the cause, as far as anybody told.
std::string cause_of(const Event& event, const std::optional<Event>& failure) {
  if (event.error) return one_line(event.error->message);
  if (!event.message.empty()) return one_line(event.message);
  if (!failure) return "";
  const std::string words = failure->error ? one_line(failure->error->message) : subject(*failure);
  const std::string host = failure->host.empty() ? "" : one_line(failure->host) + ": ";
  return words.starts_with(host) ? words : host + words;
}

// "1.2.3", or "latest (sha256:0123456789ab)" where another release bears that name too.
std::string release_of(const Event& event, std::string_view field) {
  constexpr std::size_t k_digits = 12;
  const auto name = one_line(text_field(event, field));
  const auto digest = one_line(text_field(event, std::string(field) + "_digest"));
  if (name.empty() || digest.empty()) return name;
  const auto colon = digest.find(':');
  return fmt::format("{} ({})", name,
                     digest.substr(0, colon == std::string::npos ? k_digits : colon + 1 + k_digits));
}

std::string with_cause(std::string text, const std::string& cause) {
  return cause.empty() ? text : text + ": " + cause;
}

// What a failure left behind, where the exit code promises it.
std::string aftermath(const Event& event) {
  const auto from = release_of(event, "from");
  switch (number_field(event, "exit_code").value_or(0)) {
    case 1:
      if (!from.empty()) return fmt::format(" ({} serves as before)", from);
      return event.fields.contains("nothing_changed") ? " (nothing was changed)" : "";
    case 2:
    case 3:
    case 4:
      return " (nothing was changed)";
    default:
      return "";
  }
}

std::string success(const Event& event, bool rollback) {
  const auto from = release_of(event, "from");
  std::string text = fmt::format("{} {}", rollback ? "rolled back to" : "deployed", release_of(event, "to"));
  if (!event.slot.empty()) text += fmt::format(": {} serves", one_line(event.slot));
  if (!from.empty()) text += fmt::format(" (was {})", from);
  return text + done_after(event, "in");
}

struct Range {
  char32_t first, last;
};
constexpr std::array k_zero_width = {Range{0x300, 0x36F},   Range{0x200B, 0x200F}, Range{0x202A, 0x202E},
                                     Range{0x2060, 0x2069}, Range{0x20D0, 0x20FF}, Range{0xFE00, 0xFE0F},
                                     Range{0xFEFF, 0xFEFF}};
constexpr std::array k_double_width = {
    Range{0x1100, 0x115F},   Range{0x2E80, 0x303E},   Range{0x3041, 0xA4CF},   Range{0xAC00, 0xD7A3},
    Range{0xF900, 0xFAFF},   Range{0xFE30, 0xFE6F},   Range{0xFF00, 0xFF60},   Range{0xFFE0, 0xFFE6},
    Range{0x1F300, 0x1F64F}, Range{0x1F680, 0x1F6FF}, Range{0x1F900, 0x1FAFF}, Range{0x20000, 0x3FFFD}};

int width_of(char32_t character) {
  const auto within = [&](const Range& range) { return character >= range.first && character <= range.last; };
  if (std::any_of(k_zero_width.begin(), k_zero_width.end(), within)) return 0;
  return std::any_of(k_double_width.begin(), k_double_width.end(), within) ? 2 : 1;
}

char32_t decode(std::string_view bytes) {
  if (bytes.size() == 1) return static_cast<unsigned char>(bytes[0]);
  char32_t value = static_cast<unsigned char>(bytes[0]) & (0x7Fu >> bytes.size());
  for (const char byte : bytes.substr(1)) value = (value << 6) | (static_cast<unsigned char>(byte) & 0x3Fu);
  return value;
}

// The longest start of the text within `width` columns, in bytes.
std::size_t bytes_within(std::string_view text, int width, int& used) {
  std::size_t at = 0;
  used = 0;
  while (at < text.size()) {
    const auto length = std::max<std::size_t>(core::utf8_length(text.substr(at)), 1);
    const int columns = width_of(decode(text.substr(at, length)));
    if (used + columns > width) break;
    used += columns;
    at += length;
  }
  return at;
}

}  // namespace

std::string text_field(const Event& event, std::string_view name) {
  const auto found = event.fields.find(std::string(name));
  if (found == event.fields.end()) return "";
  const auto* text = std::get_if<std::string>(&found->second);
  return text == nullptr ? "" : *text;
}

std::optional<std::int64_t> number_field(const Event& event, std::string_view name) {
  const auto found = event.fields.find(std::string(name));
  if (found == event.fields.end()) return {};
  const auto* number = std::get_if<std::int64_t>(&found->second);
  return number == nullptr ? std::nullopt : std::optional(*number);
}

bool is_conclusion(const Event& event) {
  return event.name.ends_with(".finished") && event.name != "step.finished";
}

bool is_important(const Event& event) {
  return event.name == "warning" || event.name == "step.failed" || event.name == "log.line" ||
         is_conclusion(event);
}

bool is_chatter(const Event& event) {
  return event.name == "health.probe" || event.name == "pull.progress";
}

std::string short_duration(core::Duration duration) {
  using namespace std::chrono;
  const auto ms = duration.count();
  if (ms < 1000) return fmt::format("{}ms", ms);
  if (ms < 60'000) return fmt::format("{}.{}s", ms / 1000, ms % 1000 / 100);
  const auto seconds = ms / 1000;
  if (seconds < 3600) return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
  return fmt::format("{}h{:02}m", seconds / 3600, seconds % 3600 / 60);
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

std::string subject(const Event& event) {
  if (!event.message.empty()) return one_line(event.message);
  return one_line(event.step.empty() ? event.name : event.step);
}

std::string sentence(const Event& event) {
  if (event.name == "step.started") return subject(event) + " ...";
  if (event.name == "step.finished") return subject(event) + ": done" + done_after(event, "in");
  if (event.name == "step.failed") return subject(event) + ": FAILED" + done_after(event, "after");
  if (event.name == "step.undone") return "undone: " + subject(event);
  if (event.name == "log.line" || event.name == "build.output")
    return "| " + core::printable(text_field(event, "text"));
  if (event.name == "warning") return "warning: " + subject(event);
  if (event.name == "plan.made")
    return fmt::format("plan: {} step{}", number_field(event, "steps").value_or(0),
                       number_field(event, "steps") == 1 ? "" : "s");
  if (event.name == "health.probe") {
    const auto attempt = number_field(event, "attempt");
    return attempt ? fmt::format("probe {}: {}", *attempt, subject(event)) : "probe: " + subject(event);
  }
  if (event.name == "pull.progress") {
    const auto layer = one_line(text_field(event, "layer"));
    const auto total = number_field(event, "total").value_or(0);
    std::string text = (layer.empty() ? "" : layer + ": ") + one_line(text_field(event, "status"));
    if (total > 0)
      text += fmt::format(" {} of {}", short_bytes(number_field(event, "current").value_or(0)),
                          short_bytes(total));
    return text;
  }
  if (event.name == "lock.acquired") return "lock acquired";
  if (event.name == "lock.released") return "lock released";
  return subject(event);
}

std::vector<std::string> explanation(const core::Error& error) {
  std::vector<std::string> lines;
  for (const auto& detail : error.details) {
    for (const auto& line : core::split_lines(detail)) lines.push_back("  | " + core::printable(line));
  }
  lines.push_back("  " + one_line(error.message));
  return lines;
}

std::string conclusion(const Event& event, const std::optional<Event>& failure) {
  const bool rollback = event.name.starts_with("rollback");
  const auto result = text_field(event, "result");
  const auto to = release_of(event, "to");
  const auto cause = cause_of(event, failure);
  const std::string what = (rollback ? "rollback" : "deploy") +
                           (to.empty() ? "" : fmt::format("{} {}", rollback ? " to" : " of", to));
  if (number_field(event, "exit_code") == 6)
    return with_cause(to + " serves, but not all that comes after the switch was done", cause);
  // A step that failed does not belong to what ended well.
  const auto remark = cause_of(event, {});
  if (result == "succeeded") return with_cause(success(event, rollback), remark);
  if (result == "unchanged")
    return with_cause("nothing to do" + (to.empty() ? "" : ", " + to + " serves already"), remark);
  if (result == "interrupted")
    return with_cause(what + " interrupted" + done_after(event, "after") + aftermath(event), cause);
  if (result == "inconsistent") return with_cause("A HUMAN IS NEEDED after " + what, cause);
  return with_cause(what + " FAILED" + done_after(event, "after") + aftermath(event), cause);
}

int display_width(std::string_view text) {
  int used = 0;
  bytes_within(text, std::numeric_limits<int>::max(), used);
  return used;
}

std::string fit(std::string_view text, int width) {
  if (width <= 0) return "";
  if (display_width(text) <= width) return std::string(text);
  int used = 0;
  return std::string(text.substr(0, bytes_within(text, width - 1, used))) + "…";
}

}  // namespace bgdeploy::report
