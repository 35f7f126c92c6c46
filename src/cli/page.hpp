// Tables and lines on stdout that fit it. Colours only repeat what the words say.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/core/clock.hpp"

namespace bgdeploy::cli {

struct Page {
  int width = 80;         // columns; also where nobody knows
  int height = 0;         // lines; 0: nobody knows
  bool terminal = false;  // else lines are not broken: programs read them
  bool color = false;
};
Page page_of_stdout(bool no_color);

enum class Color { none, green, red, yellow, blue, magenta, cyan };

struct Cell {
  std::string text;
  Color color = Color::none;
};
using Rows = std::vector<std::vector<Cell>>;

std::string painted(const Page& page, Color color, std::string_view text);
// Columns padded to the widest cell; the first row is the heading. Cells are made printable, and columns that
// are empty but for their heading are left out.
std::string table(const Rows& rows, const Page& page);
int width_of(const Rows& rows);
// "! text", in lines that fit a terminal.
std::string noted(std::string_view mark, Color color, std::string_view text, const Page& page);

// "12s", "5m", "3h", "2d".
std::string short_age(core::SystemTime then, core::SystemTime now);
// "2026-11-28 18:20", in local time.
std::string local_time(core::SystemTime time);

}  // namespace bgdeploy::cli
