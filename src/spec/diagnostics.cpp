#include "diagnostics.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/core/display_width.hpp"
#include "bgdeploy/core/nearest.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/core/utf8.hpp"
#include "text_rules.hpp"

namespace bgdeploy::spec {
namespace {

constexpr std::size_t k_most_problems = 100;

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// Also a slip of the fingers: who misspells a key writes the secret behind it all the same.
bool is_secret_word(std::string_view word) {
  static const std::vector<std::string> k_more{"registry", "notify", "passwd", "passphrase"};
  const std::string lower = core::to_lower(word);
  // The first letter is seldom the wrong one, and a file may have many words.
  std::vector<std::string> keys;
  const auto add = [&](std::string_view key) {
    if (lower.starts_with(key.front())) keys.emplace_back(key);
  };
  std::ranges::for_each(k_secret_keys, add);
  std::ranges::for_each(k_more, add);
  return !keys.empty() && core::nearest(lower, keys).has_value();
}

// The lines that name a secret key, and those indented below one. The text alone decides: a file
// that does not parse has no keys.
std::vector<bool> secret_lines(const std::vector<std::string_view>& lines) {
  std::vector<bool> secret(lines.size());
  std::size_t within = std::string_view::npos;  // indentation of the line that opened the block
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::size_t indent = lines[i].find_first_not_of(' ');
    if (indent == std::string_view::npos) continue;
    if (within != std::string_view::npos && indent <= within && lines[i][indent] != '}') {
      within = std::string_view::npos;
    }
    if (within == std::string_view::npos && names_secret(lines[i])) within = indent;
    secret[i] = within != std::string_view::npos;
  }
  return secret;
}

// The blanks that put a caret below the end of `text`.
std::string padding(std::string_view text) {
  std::string pad;
  while (!text.empty()) {
    const auto character = core::first_character(text);
    if (character == "\t") {
      pad += '\t';
    } else {
      pad.append(static_cast<std::size_t>(core::display_width(character)), ' ');
    }
    text.remove_prefix(character.size());
  }
  return pad;
}

bool continues_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

}  // namespace

bool names_secret(std::string_view line) {
  while (!line.empty()) {
    line.remove_prefix(std::min(line.find_first_of(k_word_characters), line.size()));
    const std::string_view word = line.substr(0, line.find_first_not_of(k_word_characters));
    line.remove_prefix(word.size());
    const std::size_t next = line.find_first_not_of("\"' \t");
    const bool is_key = next != std::string_view::npos && (line[next] == ':' || line[next] == '=');
    if (is_key && is_secret_word(word)) return true;
  }
  return false;
}

Diagnostics::Diagnostics(std::string file, std::string_view text)
    : m_file(core::printable(file)), m_lines(lines_of(text)) {}

bool Diagnostics::full() const {
  return m_problems.size() >= k_most_problems;
}

void Diagnostics::add(Problem problem) {
  // The file may end before the place that the parser names.
  if (problem.at.line > static_cast<int>(m_lines.size())) {
    problem.at.line = std::max(1, static_cast<int>(m_lines.size()));
    problem.at.column = static_cast<int>(line(problem.at.line).size()) + 1;
  }
  // An alias repeats a value, and with it the error.
  const bool known = std::any_of(m_problems.begin(), m_problems.end(), [&](const Problem& other) {
    return other.at == problem.at && other.message == problem.message;
  });
  if (!known && !full()) m_problems.push_back(std::move(problem));
}

void Diagnostics::error(Mark at, std::string message, Show show) {
  add({at, core::printable(message), show, false});
}

void Diagnostics::unsupported(Mark at, std::string message) {
  add({at, core::printable(message), Show::line, true});
}

std::string_view Diagnostics::line(int number) const {
  const auto index = static_cast<std::size_t>(number - 1);
  return number >= 1 && index < m_lines.size() ? m_lines[index] : std::string_view{};
}

int Diagnostics::shown_column(Mark at) const {
  const std::string_view before =
      line(at.line).substr(0, static_cast<std::size_t>(std::max(0, at.column - 1)));
  return 1 + static_cast<int>(
                 std::count_if(before.begin(), before.end(), [](char c) { return !continues_character(c); }));
}

void Diagnostics::describe(const Problem& problem, const std::vector<bool>& secret,
                           std::vector<std::string>& details) const {
  if (problem.at.line == 0) {
    details.push_back(fmt::format("{}: {}", m_file, problem.message));
    return;
  }
  details.push_back(
      fmt::format("{}:{}:{}: {}", m_file, problem.at.line, shown_column(problem.at), problem.message));
  const auto index = static_cast<std::size_t>(problem.at.line - 1);
  if (problem.show == Show::place || index >= m_lines.size() || secret[index]) return;

  constexpr std::size_t k_before = 60;
  constexpr std::size_t k_shown = 100;
  std::string_view text = m_lines[index];
  std::size_t caret = std::min(static_cast<std::size_t>(problem.at.column - 1), text.size());
  std::size_t first = caret > k_before ? caret - k_before : 0;
  if (text.size() <= k_shown) first = 0;
  while (first > 0 && continues_character(text[first])) --first;
  std::size_t last = std::min(first + k_shown, text.size());
  while (last < text.size() && continues_character(text[last])) ++last;
  const std::string before = core::printable(text.substr(first, caret - first));
  details.push_back(before + core::printable(text.substr(caret, last - caret)));
  details.push_back(padding(before) + "^");
}

core::Error Diagnostics::to_error() const {
  std::vector<Problem> sorted = m_problems;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Problem& a, const Problem& b) { return a.at < b.at; });
  const bool unsupported =
      std::all_of(sorted.begin(), sorted.end(), [](const Problem& problem) { return problem.unsupported; });
  core::Error error{unsupported ? core::ErrorKind::unsupported : core::ErrorKind::usage,
                    fmt::format("{}: {}{} error{}", m_file, full() ? "at least " : "", sorted.size(),
                                sorted.size() == 1 ? "" : "s"),
                    {}};
  const std::vector<bool> secret = secret_lines(m_lines);
  for (const auto& problem : sorted) describe(problem, secret, error.details);
  return error;
}

}  // namespace bgdeploy::spec
