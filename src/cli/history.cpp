#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ranges>
#include <span>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/core/timestamp.hpp"
#include "bgdeploy/deploy/status.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/report/html.hpp"
#include "bgdeploy/report/layout.hpp"
#include "bgdeploy/report/words.hpp"
#include "command.hpp"
#include "commands.hpp"
#include "known_releases.hpp"
#include "page.hpp"
#include "state_text.hpp"
#include "texts.hpp"

namespace bgdeploy::cli {
namespace {

// The release that serves now, as far as the history tells.
const deploy::HistoryEntry* last_served(const std::vector<deploy::HistoryEntry>& entries) {
  const auto found = std::ranges::find_if(entries.rbegin(), entries.rend(), &deploy::HistoryEntry::served);
  return found == entries.rend() ? nullptr : &*found;
}

// A release can serve although its deploy failed: after the switch.
std::string outcome_of(const deploy::HistoryEntry& entry, bool serves) {
  // It is named: a migration is what nobody wants twice.
  if (!entry.hook.empty()) return entry.result + ": " + entry.message;
  if (entry.result == "succeeded" || entry.result == "promoted" || !entry.served) return entry.result;
  return entry.result + (serves ? ", but serves" : " after the switch");
}

// "jenkins@ci-7": which process it was, nobody asks later.
std::string who_of(const std::string& who) {
  const std::size_t pid = who.rfind(" (pid ");
  return pid == std::string::npos ? who : who.substr(0, pid);
}

std::string release_name(const plan::Release& release, bool verbose) {
  if (release == plan::Release{}) return "-";
  return verbose ? plan::describe(release) : report::cut(plan::short_name(release), 20);
}

bool went_well(const deploy::HistoryEntry& entry) {
  return entry.result != "failed" && entry.result != "inconsistent" && entry.result != "interrupted" &&
         entry.result != "rolled_back";
}

std::vector<Cell> row_of(const deploy::HistoryEntry& entry, bool serves, bool verbose) {
  return {{local_time(entry.time)},
          {entry.command},
          {release_name(entry.from, verbose)},
          {release_name(entry.to, verbose)},
          {outcome_of(entry, serves), went_well(entry) ? Color::none : Color::red},
          {report::short_duration(entry.took)},
          {verbose ? entry.slot : ""},
          {verbose ? entry.who : report::cut(who_of(entry.who), 20)}};
}

// The newest ones that `-n` asks for, oldest first; without it `most` of them.
std::span<const deploy::HistoryEntry> newest_of(const std::vector<deploy::HistoryEntry>& entries,
                                                const Arguments& arguments, std::size_t most) {
  const std::span<const deploy::HistoryEntry> all(entries);
  const int number = arguments.entries.value_or(0);
  if (number < 0) return all;
  if (arguments.entries) most = static_cast<std::size_t>(number);
  return all.last(std::min(all.size(), most));
}

}  // namespace

// Newest first too.
std::string history_json(const std::vector<deploy::HistoryEntry>& entries, const Arguments& arguments) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  const auto* last = last_served(entries);
  for (const deploy::HistoryEntry& entry :
       newest_of(entries, arguments, entries.size()) | std::views::reverse)
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
  return dumped(list);
}

// Newest first.
std::string history_text(const std::vector<deploy::HistoryEntry>& entries, const Arguments& arguments,
                         const Page& page) {
  if (entries.empty()) return "nothing was deployed yet\n";
  constexpr std::size_t k_screenful = 10;
  const auto newest = newest_of(entries, arguments, k_screenful);
  const auto* last = last_served(entries);
  Rows rows = {{{"WHEN"}, {"COMMAND"}, {"FROM"}, {"TO"}, {"RESULT"}, {"TOOK"}, {"SLOT"}, {"WHO"}}};
  std::vector<const deploy::HistoryEntry*> shown;
  for (const auto& entry : newest | std::views::reverse) {
    rows.push_back(row_of(entry, &entry == last, arguments.verbose));
    shown.push_back(&entry);
  }
  // Why one failed stands below it.
  constexpr std::size_t k_took = 5, k_who = 7;
  const auto lines = core::split_lines(table(rows, page, {k_who, k_took}));
  std::string text = lines.front() + "\n";
  for (std::size_t i = 0; i < shown.size(); ++i) {
    text += lines[i + 1] + "\n";
    if (!went_well(*shown[i]) && !shown[i]->message.empty())
      for (const std::string& line :
           report::wrapped("why: " + core::printable(shown[i]->message), page.width - 4))
        text += "    " + line + "\n";
  }
  if (newest.size() < entries.size())
    text += as_typed(fmt::format("{} earlier: bgdeploy history -n all\n", entries.size() - newest.size()));
  return text;
}

int run_history(const Arguments& arguments) {
  auto session = Session::open(arguments);
  if (!session) return print_error(session.error());
  const auto entries = deploy::past_deploys((*session)->context());
  if (!entries) return print_error(entries.error());
  std::vector<std::string> tags;
  for (const deploy::HistoryEntry& entry : *entries | std::views::reverse) tags.push_back(entry.to.tag);
  remember_releases((*session)->spec(), tags);
  if (arguments.html) {
    const auto shown = newest_of(*entries, arguments, entries->size());
    print(report::history_page((*session)->spec().service, deploy::past_runs(shown),
                               core::system_clock().wall()));
    return 0;
  }
  arguments.output == "json" ? print_json(history_json(*entries, arguments))
                             : print(history_text(*entries, arguments, page_of_stdout(arguments.no_color)));
  return 0;
}

}  // namespace bgdeploy::cli
