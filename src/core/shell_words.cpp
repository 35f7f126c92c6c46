#include "bgdeploy/core/shell_words.hpp"

#include <algorithm>
#include <array>

#include "bgdeploy/core/number.hpp"

namespace bgdeploy::core {
namespace {

// Plain words that a POSIX shell takes for syntax where it expects a command. The last four are bash's.
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

}  // namespace

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

}  // namespace bgdeploy::core
