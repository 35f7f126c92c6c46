// Small text values: durations and sizes as users write them, argv quoting (the only place), substitution of
// {slot}-like placeholders, and what makes foreign text safe to print.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/core/clock.hpp"

namespace bgdeploy::core {

// "500ms", "10s", "2m", "1h", and sums such as "1m30s". A bare number has no unit and is refused.
std::optional<Duration> parse_duration(std::string_view text);
// "500ms", "2m", "1m30s": parses back to the same value. Zero is "0s".
std::string format_duration(Duration duration);

// Docker's sizes: "700m", "1g", "1.5g", "512k", "512kb", "100b", "1073741824"; units are powers of 1024.
std::optional<std::int64_t> parse_size(std::string_view text);
// "700m", "1g": a whole number of the largest unit that divides it.
std::string format_size(std::int64_t bytes);

// One word of a POSIX shell command line that the shell reads back as exactly `word`.
std::string shell_quote(std::string_view word);
// The words quoted and joined by blanks. NUL bytes cannot be carried; callers refuse them before.
std::string shell_join(std::span<const std::string> argv);

// Replaces {name} for every name in `values`; any other {…} is left alone. Replacements are not scanned
// again.
std::string substitute(std::string_view text, const std::map<std::string, std::string, std::less<>>& values);

// Text from a host or a container made safe for a terminal: control characters (ESC too) become \xNN, tabs
// stay, invalid UTF-8 becomes U+FFFD. Newlines stay only when asked for.
std::string printable(std::string_view text, bool keep_newlines = false);

// The length in bytes of the valid UTF-8 sequence (RFC 3629) at the start of a text that is not empty; 0 when
// there is none.
std::size_t utf8_length(std::string_view text);

std::vector<std::string> split_lines(std::string_view text);
std::string_view trim(std::string_view text);

// The candidate nearest to `word` by edit distance, when it is near enough to be what was meant.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

// "2026-11-21T05:07:10Z" (with milliseconds when asked for), and back.
std::string format_time(SystemTime time, bool milliseconds = false);
std::optional<SystemTime> parse_time(std::string_view text);

}  // namespace bgdeploy::core
