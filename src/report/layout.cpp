#include "bgdeploy/report/layout.hpp"

#include <algorithm>

#include "bgdeploy/core/display_width.hpp"
#include "bgdeploy/core/printable.hpp"

namespace bgdeploy::report {
namespace {

constexpr int k_result = 6, k_took = 5;
constexpr std::string_view k_gap = "  ";

std::string right(std::string_view text, int width) {
  const int missing = std::max(width - core::display_width(text), 0);
  return std::string(static_cast<std::size_t>(missing), ' ').append(text);
}

// The longest start of `text` that fits, in bytes: to the end of a word, or into one that does not fit a
// line.
std::size_t bytes_of_line(std::string_view text, int width) {
  std::size_t best = 0;
  for (std::size_t blank = text.find(' '); blank != std::string_view::npos;
       blank = text.find(' ', blank + 1)) {
    if (core::display_width(text.substr(0, blank)) > width) break;
    best = blank;
  }
  if (best > 0) return best;
  const std::string start = core::fit(text, width + 1);  // one more column for the ellipsis
  constexpr std::string_view k_ellipsis = "…";
  return std::max<std::size_t>(start.size() - (start.ends_with(k_ellipsis) ? k_ellipsis.size() : 0), 1);
}

}  // namespace

std::string cut(std::string_view text, int width) {
  if (width == k_any_width || core::display_width(text) <= width) return std::string(text);
  std::string part = core::fit(text, width);
  const std::size_t blank = part.rfind(' ');
  // A long word is better cut than left out.
  if (blank == std::string::npos || core::display_width(part.substr(0, blank)) < width / 2) return part;
  part.erase(blank);
  part.erase(part.find_last_not_of(" ,;:") + 1);
  return part + " …";
}

std::vector<std::string> wrapped(std::string_view text, int width, int first) {
  if (width == k_any_width) return {std::string(text)};
  std::vector<std::string> lines;
  int room = std::max(width - first, 1);
  // A word that was harmless within its line may command a CI system where a line begins.
  const auto add = [&](std::string_view line) {
    lines.push_back(lines.empty() ? std::string(line) : core::printable(line));
  };
  while (core::display_width(text) > room) {
    const std::size_t bytes = bytes_of_line(text, room);
    add(text.substr(0, bytes));
    text.remove_prefix(bytes);
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    room = std::max(width, 1);
  }
  if (!text.empty() || lines.empty()) add(text);
  return lines;
}

std::string padded(std::string_view text, int width) {
  std::string line(text);
  line.append(static_cast<std::size_t>(std::max(width - core::display_width(text), 0)), ' ');
  return line;
}

std::string laid_out(const Row& row, const Columns& columns, int width) {
  std::string line;
  const auto add = [&](const std::string& cell) { line.append(cell).append(k_gap); };
  if (columns.host > 0) add(padded(cut(row.host, columns.host), columns.host));
  if (columns.step > 0) add(padded(row.step, columns.step));
  std::string state;
  if (columns.result) state = padded(row.result, k_result) + " ";
  add(state + right(row.took, k_took));
  if (!columns.result && !row.result.empty()) add(row.result);
  line += row.what;
  line.erase(line.find_last_not_of(' ') + 1);
  return cut(line, width);
}

}  // namespace bgdeploy::report
