#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/deploy/inspect.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "command.hpp"
#include "state_text.hpp"

namespace bgdeploy::cli {
namespace {

// What serves now, as far as the history tells.
const deploy::HistoryEntry* last_served(const std::vector<deploy::HistoryEntry>& entries) {
  const auto found = std::ranges::find_if(entries.rbegin(), entries.rend(), &deploy::HistoryEntry::served);
  return found == entries.rend() ? nullptr : &*found;
}

// A deploy can fail after the switch, and serve.
std::string outcome_of(const deploy::HistoryEntry& entry, bool serves) {
  if (entry.result == "succeeded" || !entry.served) return entry.result;
  return entry.result + (serves ? ", but serves" : " after the switch");
}

std::string as_text(const std::vector<deploy::HistoryEntry>& entries) {
  if (entries.empty()) return "nothing was deployed yet\n";
  std::vector<std::vector<std::string>> rows = {
      {"WHEN", "COMMAND", "FROM", "TO", "SLOT", "RESULT", "TOOK", "WHO"}};
  const auto shown = [](const plan::Release& release) {
    return release == plan::Release{} ? std::string("-") : plan::describe(release);
  };
  const auto* last = last_served(entries);
  for (const deploy::HistoryEntry& entry : entries)
    rows.push_back({core::format_time(entry.time), entry.command, shown(entry.from), shown(entry.to),
                    entry.slot, outcome_of(entry, &entry == last), core::format_duration(entry.took),
                    entry.who});
  return table(rows);
}

std::string as_json(const std::vector<deploy::HistoryEntry>& entries) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  const auto* last = last_served(entries);
  for (const deploy::HistoryEntry& entry : entries)
    list.push_back({{"time", core::format_time(entry.time)},
                    {"command", entry.command},
                    {"from", release_json(entry.from)},
                    {"to", release_json(entry.to)},
                    {"slot", entry.slot},
                    {"hosts", entry.hosts},
                    {"result", entry.result},
                    {"served", entry.served},
                    {"serves", &entry == last},
                    {"message", entry.message},
                    {"duration_ms", entry.took.count()},
                    {"who", entry.who}});
  return list.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

int run(const Globals& globals) {
  auto session = Session::open(globals);
  if (!session) return print_error(session.error());
  const auto entries = deploy::past_deploys((*session)->context());
  if (!entries) return print_error(entries.error());
  globals.output == "json" ? print_json(as_json(*entries)) : print(as_text(*entries));
  return 0;
}

}  // namespace

void add_history(const Registration& registration) {
  CLI::App* command = registration.app.add_subcommand("history", "List past deploys, oldest first");
  command->footer("Example: bgdeploy history");
  add_output_option(*command, registration.globals);
  command->callback(
      [=] { registration.action = [&globals = registration.globals] { return run(globals); }; });
}

}  // namespace bgdeploy::cli
