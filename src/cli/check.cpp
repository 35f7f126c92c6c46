#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/deploy/check.hpp"
#include "command.hpp"
#include "commands.hpp"
#include "page.hpp"
#include "state_text.hpp"
#include "texts.hpp"

namespace bgdeploy::cli {
namespace {

// "11 ok, 1 failed"
std::string tally(const std::vector<deploy::CheckItem>& items) {
  const auto failed = std::ranges::count_if(items, [](const auto& item) { return item.error.has_value(); });
  const auto ok = static_cast<std::ptrdiff_t>(items.size()) - failed;
  return failed == 0 ? fmt::format("{} ok", ok) : fmt::format("{} ok, {} failed", ok, failed);
}

std::string as_json(const std::vector<deploy::CheckItem>& items) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const deploy::CheckItem& item : items) {
    nlohmann::ordered_json entry = {{"check", item.what}, {"ok", !item.error}, {"note", item.note}};
    if (item.error) {
      entry["error"] = {{"kind", core::to_string(item.error->kind)},
                        {"message", item.error->message},
                        {"details", item.error->details}};
      if (!item.error->next.empty()) entry["error"]["next"] = item.error->next;
    }
    list.push_back(std::move(entry));
  }
  return dumped(list);
}

}  // namespace

std::string check_text(const std::vector<deploy::CheckItem>& items, const Page& page) {
  std::string text;
  for (const deploy::CheckItem& item : items) {
    if (!item.error) {
      text += noted("ok     ", Color::none, item.what + (item.note.empty() ? "" : ": " + item.note), page);
      continue;
    }
    text += noted("FAILED ", Color::red, fmt::format("{}: {}", item.what, item.error->message), page);
    for (const std::string& detail : item.error->details)
      for (const std::string& line : core::split_lines(detail))
        text += noted("        |", Color::none, line, page);
    if (!item.error->next.empty()) text += noted("        next:", Color::none, item.error->next, page);
  }
  const bool well = std::ranges::none_of(items, [](const auto& item) { return item.error.has_value(); });
  return text + painted(page, well ? Color::green : Color::red, tally(items)) + "\n";
}

int run_check(const Arguments& arguments) {
  auto session = Session::open(arguments);
  if (!session) return print_error(session.error());
  const deploy::Context& context = (*session)->context();
  if (arguments.preflight && arguments.tag.empty())
    return print_error({core::ErrorKind::usage, "--preflight needs the tag of the deploy", {}, "--tag T"});
  auto items = arguments.preflight ? deploy::check_preflight(context, arguments.tag)
                                   : deploy::check_all(context, arguments.tag);
  for (deploy::CheckItem& item : items) {
    if (item.error) item.error = (*session)->context().sink.redacted(std::move(*item.error));
    item.note = (*session)->context().sink.redacted(std::move(item.note));
  }
  arguments.output == "json" ? print_json(as_json(items))
                             : print(check_text(items, page_of_stdout(arguments.no_color)));
  for (const deploy::CheckItem& item : items)
    if (item.error) return deploy::exit_code(item.error->kind);
  return 0;
}

}  // namespace bgdeploy::cli
