#include "page.hpp"

#include <cstdio>
#include <ctime>

#include <fmt/format.h>

#include "bgdeploy/core/display_width.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/report/layout.hpp"
#include "bgdeploy/report/render.hpp"

namespace bgdeploy::cli {
namespace {

constexpr int k_gap = 2;

const char* code_of(Color color) {
  switch (color) {
    case Color::green:
      return "\x1b[32m";
    case Color::red:
      return "\x1b[31m";
    case Color::blue:
      return "\x1b[34m";
    case Color::magenta:
      return "\x1b[35m";
    case Color::none:
      break;
  }
  return "";
}

std::vector<int> widths_of(const Rows& rows) {
  std::vector<int> widths;
  std::vector<bool> used;
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (widths.size() <= i) widths.resize(i + 1);
      if (used.size() <= i) used.resize(i + 1);
      widths[i] = std::max(widths[i], core::display_width(core::printable(row[i].text)));
      used[i] = used[i] || (&row != &rows.front() && !row[i].text.empty());
    }
  for (std::size_t i = 0; i < widths.size(); ++i)
    if (!used[i] && rows.size() > 1) widths[i] = 0;
  return widths;
}

}  // namespace

Page page_of_stdout(bool no_color) {
  const report::Terminal terminal = report::look_at(stdout, no_color, false, false);
  return {.width = terminal.width,
          .height = terminal.height,
          .terminal = terminal.is_tty,
          .color = terminal.color};
}

Page page_of_stderr(bool no_color) {
  const report::Terminal terminal = report::look_at(stderr, no_color, false, false);
  return {.width = terminal.width, .terminal = terminal.is_tty, .color = terminal.color};
}

std::string painted(const Page& page, Color color, std::string_view text) {
  if (!page.color || color == Color::none) return std::string(text);
  return fmt::format("{}{}\x1b[0m", code_of(color), text);
}

std::string table(Rows rows, const Page& page, std::initializer_list<std::size_t> dispensable) {
  for (const std::size_t column : dispensable)
    if (page.terminal && width_of(rows) > page.width)
      for (auto& row : rows) row.at(column).text.clear();
  const std::vector<int> widths = widths_of(rows);
  std::string text;
  for (const auto& row : rows) {
    std::string line, blanks;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (widths[i] == 0) continue;
      const std::string cell = core::printable(row[i].text);
      if (!cell.empty()) line += blanks + painted(page, row[i].color, cell);
      if (!cell.empty()) blanks.clear();
      blanks.append(static_cast<std::size_t>(widths[i] - core::display_width(cell) + k_gap), ' ');
    }
    text += line + '\n';
  }
  return text;
}

int width_of(const Rows& rows) {
  int sum = 0;
  for (const int width : widths_of(rows))
    if (width > 0) sum += width + k_gap;
  return std::max(sum - k_gap, 0);
}

std::string noted(std::string_view mark, Color color, std::string_view text, const Page& page) {
  const int indent = core::display_width(mark) + 1;
  std::string all;
  for (const std::string& line :
       report::wrapped(core::printable(text), page.terminal ? page.width - indent - 1 : report::k_any_width))
    all += (all.empty() ? painted(page, color, mark) + " "
                        : std::string(static_cast<std::size_t>(indent), ' ')) +
           line + '\n';
  return all;
}

std::string fitted(std::string_view text, const Page& page) {
  if (!page.terminal) return std::string(text);
  std::string all;
  for (const std::string& line : core::split_lines(text)) {
    const std::size_t begin = std::min(line.find_first_not_of(' '), line.size());
    std::string indent(begin, ' ');
    // The first line has the room of what the others are indented by.
    const int room = std::max(page.width - static_cast<int>(begin) - k_gap, 8);
    for (const std::string& part : report::wrapped(std::string_view(line).substr(begin), room, -k_gap)) {
      all += indent + part + '\n';
      indent.assign(begin + k_gap, ' ');
    }
  }
  return all;
}

std::string short_age(core::SystemTime then, core::SystemTime now) {
  const auto seconds =
      std::max<std::int64_t>(std::chrono::duration_cast<std::chrono::seconds>(now - then).count(), 0);
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m", seconds / 60);
  if (seconds < 86400) return fmt::format("{}h", seconds / 3600);
  return fmt::format("{}d", seconds / 86400);
}

std::string local_time(core::SystemTime time) {
  const std::time_t seconds =
      std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
  std::tm local{};
  ::localtime_r(&seconds, &local);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}", local.tm_year + 1900, local.tm_mon + 1, local.tm_mday,
                     local.tm_hour, local.tm_min);
}

}  // namespace bgdeploy::cli
