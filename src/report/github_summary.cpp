#include "github_summary.hpp"

#include <fmt/format.h>

#include "bgdeploy/report/words.hpp"

namespace bgdeploy::report {
namespace {

std::string table_row(const Row& row) {
  return fmt::format("| {} | {} | {} | {} | {} |\n", for_markdown(row.host), for_markdown(row.step),
                     for_markdown(row.result), for_markdown(row.took), for_markdown(row.what));
}

}  // namespace

std::string for_markdown(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == ' ' || static_cast<unsigned char>(c) >= 0x80;
    safe += plain ? std::string(1, c) : fmt::format("&#{};", static_cast<int>(static_cast<unsigned char>(c)));
  }
  return safe;
}

std::string github_summary(const Finished& event, const std::vector<Row>& steps) {
  const char* mark = event.exit_code == 0 ? "✅" : event.exit_code == 6 ? "⚠️" : "❌";
  const std::string service = event.service.empty() ? "" : one_line(event.service) + ": ";
  std::string text = fmt::format("### {} {}\n\n", mark, for_markdown(service + headline(event)));
  if (!steps.empty()) {
    text += "| Host | Step | Result | Took | |\n|---|---|---|--:|---|\n";
    for (const Row& row : steps) text += table_row(row);
    text += "\n";
  }
  const auto below = parts(event);
  if (below.empty()) return text;
  text += "<pre>\n";
  for (const Part& part : below) {
    std::string key = part.key;
    const auto add = [&](const std::string& line) {
      text += for_markdown(fmt::format("{}{}", padded(key, 8), line)) + "\n";
      key.clear();
    };
    for (const std::string& line : part.lines) add(line);
    for (const std::string& line : part.quoted) add("| " + line);
  }
  return text + "</pre>\n\n";
}

std::string github_outputs(const Finished& event) {
  return fmt::format("result={}\nfrom={}\nto={}\nurl={}\n", to_string(event.verdict),
                     one_line(event.from.name), one_line(event.to.name), one_line(event.url));
}

}  // namespace bgdeploy::report
