#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/deploy/inspect.hpp"
#include "command.hpp"

namespace bgdeploy::cli {
namespace {

std::string as_text(const std::vector<deploy::CheckItem>& items) {
  std::string text;
  for (const deploy::CheckItem& item : items) {
    if (!item.error) {
      text += fmt::format("ok      {}{}{}\n", core::printable(item.what), item.note.empty() ? "" : ": ",
                          core::printable(item.note));
      continue;
    }
    text += fmt::format("FAILED  {}: {}\n", core::printable(item.what), core::printable(item.error->message));
    for (const std::string& detail : item.error->details)
      for (const std::string& line : core::split_lines(detail))
        text += "          " + core::printable(line) + "\n";
  }
  return text;
}

std::string as_json(const std::vector<deploy::CheckItem>& items) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const deploy::CheckItem& item : items) {
    nlohmann::ordered_json entry = {{"check", item.what}, {"ok", !item.error}, {"note", item.note}};
    if (item.error)
      entry["error"] = {{"kind", core::to_string(item.error->kind)},
                        {"message", item.error->message},
                        {"details", item.error->details}};
    list.push_back(std::move(entry));
  }
  return list.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

int run(const Globals& globals) {
  auto session = Session::open(globals);
  if (!session) return print_error(session.error());
  auto items = deploy::check_all((*session)->context());
  for (deploy::CheckItem& item : items) {
    if (item.error) item.error = (*session)->context().sink.veiled(std::move(*item.error));
    item.note = (*session)->context().sink.veiled(std::move(item.note));
  }
  globals.output == "json" ? print_json(as_json(items)) : print(as_text(items));
  for (const deploy::CheckItem& item : items)
    if (item.error) return deploy::exit_code(item.error->kind);
  return 0;
}

}  // namespace

void add_check(const Registration& registration) {
  CLI::App* command =
      registration.app.add_subcommand("check", "Try everything a deploy needs, changing nothing");
  command->footer("Example: bgdeploy check");
  refuse_planned(*command, {"--tag", "--preflight"});
  add_output_option(*command, registration.globals);
  command->callback(
      [=] { registration.action = [&globals = registration.globals] { return run(globals); }; });
}

}  // namespace bgdeploy::cli
