#include "hooks/output_lines.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/size.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/report/words.hpp"

namespace bgdeploy::deploy {
namespace {

constexpr std::size_t k_tail = std::size_t{16} << 10;

std::string shown_line(std::string_view line) {
  while (line.ends_with('\r')) line.remove_suffix(1);
  return core::printable(line);
}

}  // namespace

void OutputLines::take(std::string_view piece) {
  m_tail += piece.substr(piece.size() - std::min(piece.size(), k_tail));
  if (m_tail.size() > 2 * k_tail) m_tail.erase(0, m_tail.size() - k_tail);
  const std::size_t room = k_shown_bytes - std::min(k_shown_bytes, m_seen);
  m_seen += piece.size();
  m_hidden += piece.size() - std::min(piece.size(), room);
  show_lines(piece.substr(0, room));
}

void OutputLines::show_lines(std::string_view piece) {
  while (!piece.empty()) {
    const std::size_t newline = piece.find('\n');
    m_line += piece.substr(0, newline);
    piece.remove_prefix(newline == std::string_view::npos ? piece.size() : newline + 1);
    while (m_line.size() > k_longest_line) {
      m_show(shown_line(std::string_view(m_line).substr(0, k_longest_line)) + "…");
      m_line.erase(0, k_longest_line);
    }
    if (newline != std::string_view::npos) m_show(shown_line(std::exchange(m_line, {})));
  }
}

void OutputLines::end() {
  if (!m_line.empty()) m_show(shown_line(std::exchange(m_line, {})));
  if (m_hidden > 0)
    m_show(fmt::format("… {} more were printed and are not shown",
                       core::short_bytes(static_cast<std::int64_t>(m_hidden))));
}

std::vector<std::string> OutputLines::last() const {
  auto lines = core::split_lines(m_tail);
  // It may begin in the middle of a line.
  if (m_seen > m_tail.size() && lines.size() > 1) lines.erase(lines.begin());
  if (lines.size() > k_last_lines) lines.erase(lines.begin(), lines.end() - k_last_lines);
  for (std::string& line : lines) {
    const std::string_view end =
        std::string_view(line).substr(line.size() - std::min(line.size(), k_longest_line));
    line = (end.size() < line.size() ? "…" : "") + shown_line(end);
  }
  return lines;
}

}  // namespace bgdeploy::deploy
