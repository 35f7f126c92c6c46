// The parts that pages of HTML are made of. What is called html is HTML; any other text is escaped here.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/report/html.hpp"

namespace bgdeploy::report {

// One printable line, in an element or in an attribute with quotes.
std::string as_html(std::string_view text);
// <tag class="kind">text</tag>
std::string element(std::string_view tag, std::string_view text, std::string_view kind = "");

// From 0 to 1 of the width. `kind`: good, bad, odd or plain; a colour only repeats what a word says.
struct Bar {
  double from = 0, to = 0;
  std::string_view kind = "plain";
  std::optional<double> mark{};  // a line across
};
std::string html_of(const Bar& bar);

// A section with a table. The first cell of a row is its heading.
class Table {
public:
  Table(std::string_view title, std::initializer_list<std::string_view> columns);
  void row(std::initializer_list<std::string_view> html_cells);
  bool empty() const { return m_rows.empty(); }
  // Nothing where there is no row. `note`: stands above it.
  std::string html(std::string_view note = "") const;

private:
  std::string m_title, m_head, m_rows;
};

std::string html_page(std::string_view title, std::string_view html_body);

// Of these that succeeded, each step's and the whole's usual time.
struct Usual {
  std::string step;  // empty: all of it
  core::Duration median{};
  std::size_t runs = 0;
};
std::vector<Usual> usual_times(std::span<const PastRun> runs);
// When which release served, and what each run came to: newest first. `own`: the run that is told of, which
// the history has not got yet.
std::string past_runs_html(std::span<const PastRun> runs, core::SystemTime now, const PastRun* own = nullptr);
// "67 ms", "2.4s"
std::string exact(core::Duration duration);
// "2026-11-28 18:20:05 UTC"
std::string utc(core::SystemTime time);

}  // namespace bgdeploy::report
