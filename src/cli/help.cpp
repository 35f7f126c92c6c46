#include "help.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "bgdeploy/core/display_width.hpp"
#include "bgdeploy/core/text.hpp"

namespace bgdeploy::cli {
namespace {

constexpr int k_least_width = 40;  // below it lines break somewhere anyway
constexpr int k_most_width = 100;  // longer lines are hard to read
constexpr int k_most_left = 26;    // columns; what is longer has a line of its own
constexpr int k_margin = 2;

struct Row {
  std::string left, right;
};

// `text` from column `from` on, where it is now.
std::string wrapped(std::string_view text, int from, int width) {
  std::string out;
  int column = from;
  for (const std::string& line : core::split_lines(text)) {
    if (!out.empty()) out += '\n' + std::string(static_cast<std::size_t>(from), ' ');
    column = from;
    for (std::string_view rest = core::trim(line); !rest.empty();) {
      const auto end = std::min(rest.find(' '), rest.size());
      const std::string_view word = rest.substr(0, end);
      const int wide = core::display_width(word);
      if (column > from && column + 1 + wide > width) {
        out += '\n' + std::string(static_cast<std::size_t>(from), ' ');
        column = from;
      }
      if (column > from) {
        out += ' ';
        ++column;
      }
      out += word;
      column += wide;
      rest = core::trim(rest.substr(end));
    }
  }
  return out;
}

std::string paragraph(std::string_view text, int width) {
  return wrapped(text, 0, width) + "\n";
}

std::string rows(std::string_view heading, const std::vector<Row>& all, int width) {
  if (all.empty()) return "";
  int left = 0;
  for (const Row& row : all) {
    const int wide = core::display_width(row.left);
    if (wide <= k_most_left) left = std::max(left, wide);
  }
  const int from = k_margin + left + k_margin;
  std::string text = fmt::format("\n{}:\n", heading);
  for (const Row& row : all) {
    text += "  " + row.left;
    const int at = k_margin + core::display_width(row.left);
    const bool fits = at + k_margin <= from;
    text += fits ? std::string(static_cast<std::size_t>(from - at), ' ')
                 : "\n" + std::string(static_cast<std::size_t>(from), ' ');
    text += wrapped(row.right, from, width) + "\n";
  }
  return text;
}

std::vector<Row> rows_of(const std::vector<Option>& options) {
  std::vector<Row> all;
  for (const Option& option : options) {
    const auto comma = option.names.find(',');
    const std::string names = comma == std::string::npos
                                  ? option.names
                                  : option.names.substr(0, comma) + ", " + option.names.substr(comma + 1);
    const std::string except = option.excludes.empty() ? "" : fmt::format(" (not with {})", option.excludes);
    const std::string value = takes_value(option) ? " " + value_name(option) : "";
    all.push_back({names + value, option.help + except});
  }
  return all;
}

std::string examples(const std::vector<std::string>& lines) {
  std::string text = lines.size() == 1 ? "\nExample:\n" : "\nExamples:\n";
  for (const std::string& line : lines) text += "  " + line + "\n";
  return text;
}

std::vector<Row> own_options() {
  auto all = rows_of(global_options());
  all.push_back({"-h, --help", "Show this, or what a command takes"});
  return all;
}

std::string of_command(const Command& command, int width) {
  std::string text = paragraph(command.help, width);
  const std::string word = command.word ? " " + command.word->name : "";
  text += fmt::format("\nUsage: bgdeploy {}{} [OPTIONS]{}\n", command.name, word,
                      command.takes_words ? " -- CMD…" : "");
  text += rows("Options", rows_of(command.options), width);
  text += rows("Options of every command", own_options(), width);
  text += examples(command.examples);
  return command.note.empty() ? text : text + "\n" + paragraph(command.note, width);
}

std::string of_program(int width) {
  std::string text =
      paragraph("Puts a new version of a containerised service live without losing a request.", width);
  text += "\nUsage: bgdeploy [OPTIONS] COMMAND\n";
  std::vector<Row> all;
  for (const Command& command : commands())
    if (is_shown(command)) all.push_back({command.name, command.help});
  text += rows("Commands", all, width);
  auto options = own_options();
  options.push_back({"-V, --version", "Show the version"});
  text += rows("Options", options, width);
  text += examples({"bgdeploy deploy --tag 1.2.3"});
  std::vector<Row> codes;
  for (const ExitCode& code : exit_codes())
    codes.push_back({std::to_string(code.code), std::string(code.meaning)});
  return text + rows("Exit codes", codes, width);
}

}  // namespace

std::string help_text(const Command* command, int width) {
  width = std::clamp(width, k_least_width, k_most_width);
  return command == nullptr ? of_program(width) : of_command(*command, width);
}

}  // namespace bgdeploy::cli
