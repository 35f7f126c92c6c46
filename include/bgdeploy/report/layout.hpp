// Lines that fit a terminal, as pure functions: columns, and text cut or wrapped between words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bgdeploy::report {

// No limit: a log, a file, a pipe.
inline constexpr int k_any_width = 0;

// Cut to `width` columns, between words where there is one to keep; "…" stands for what is missing.
std::string cut(std::string_view text, int width);
// The text in lines of at most `width` columns, broken between words. The first one has `first` columns less
// than the others. A word that is wider than a line is broken.
std::vector<std::string> wrapped(std::string_view text, int width, int first = 0);
// Padded with blanks to `width` columns.
std::string padded(std::string_view text, int width);

// What a run does, beside each other: "web-1  health  FAILED  8.0s  shop-blue exited with code 3".
struct Row {
  std::string host, step;  // printable; empty where it is about none
  std::string result;      // "ok", "FAILED"
  std::string took;        // "8.0s"
  std::string what;
};

// The widths of a run's columns.
struct Columns {
  int host = 0, step = 6;
  bool result = true;  // false: a mark before the line says it
};
std::string laid_out(const Row& row, const Columns& columns, int width = k_any_width);

}  // namespace bgdeploy::report
