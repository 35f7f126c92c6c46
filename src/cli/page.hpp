// Tables and lines on stdout that fit it. Colours only repeat what the words say.
#pragma once

#include <initializer_list>
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
Page page_of_stderr(bool no_color);

// Those that can be read on a dark background and on a light one.
enum class Color { none, green, red, blue, magenta };

struct Cell {
  std::string text;
  Color color = Color::none;
};
using Rows = std::vector<std::vector<Cell>>;

std::string painted(const Page& page, Color color, std::string_view text);
// Columns padded to the widest cell; the first row is the heading. Cells are made printable, and columns that
// are empty but for their heading are left out. On a terminal that is too narrow, so are those of
// `dispensable`, one after the other until the rest fits.
std::string table(Rows rows, const Page& page, std::initializer_list<std::size_t> dispensable = {});
int width_of(const Rows& rows);
// "! text", in lines that fit a terminal.
std::string noted(std::string_view mark, Color color, std::string_view text, const Page& page);

// The lines of a text, as they fit a terminal: what goes on with a line is indented below it.
std::string fitted(std::string_view text, const Page& page);

// "12s", "5m", "3h", "2d".
std::string short_age(core::SystemTime then, core::SystemTime now);
// "2026-11-28 18:20", in local time.
std::string local_time(core::SystemTime time);

}  // namespace bgdeploy::cli
