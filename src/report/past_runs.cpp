// What the history says, as HTML.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <ranges>

#include "bgdeploy/report/words.hpp"
#include "html.hpp"

namespace bgdeploy::report {
namespace {

bool went_well(const PastRun& run) {
  return run.result == "succeeded" || run.result == "promoted";
}

std::string_view kind_of(const PastRun& run) {
  if (went_well(run)) return "good";
  return run.served || run.result == "held" || run.result == "aborted" || run.result == "rehearsed" ||
                 run.result == "unchanged"
             ? "odd"
             : "bad";
}

double seconds(core::SystemTime::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

core::SystemTime end_of(const PastRun& run) {
  return run.time + run.took;
}

// One row for each time that another release began to serve.
std::string releases_html(std::span<const PastRun> runs, core::SystemTime now, const PastRun* own) {
  std::vector<const PastRun*> served;
  const auto add = [&](const PastRun& run) {
    if (run.served && run.from != run.to) served.push_back(&run);
  };
  std::ranges::for_each(runs, add);
  if (own != nullptr) add(*own);
  Table table("Releases over time", {"Release", "Slot", "Served from", "For", "When"});
  if (served.empty()) return "";
  const auto begin = end_of(*served.front()), end = now;
  const double all = std::max(seconds(end - begin), 1.);
  for (std::size_t i = served.size(); i-- > 0;) {
    const bool last = i + 1 == served.size();
    const auto from = end_of(*served[i]), to = last ? end : end_of(*served[i + 1]);
    const auto lasted = std::chrono::duration_cast<core::Duration>(to - from);
    table.row({as_html(shown(served[i]->to)), as_html(served[i]->slot), as_html(utc(from)),
               last ? "since then" : as_html(short_duration(lasted)),
               html_of({seconds(from - begin) / all, seconds(to - begin) / all, last ? "good" : "plain"})});
  }
  return table.html();
}

}  // namespace

std::vector<Usual> usual_times(std::span<const PastRun> runs) {
  std::map<std::string, std::vector<core::Duration>> times;
  for (const PastRun& run : runs) {
    if (!went_well(run)) continue;
    times[""].push_back(run.took);
    for (const auto& [step, took] : run.steps) times[step].push_back(took);
  }
  std::vector<Usual> usual;
  for (auto& [step, all] : times) {
    std::ranges::sort(all);
    usual.push_back({step, all[all.size() / 2], all.size()});
  }
  return usual;
}

std::string past_runs_html(std::span<const PastRun> runs, core::SystemTime now, const PastRun* own) {
  Table table("Past runs", {"When", "Command", "From", "To", "Result", "Took", "Time"});
  core::Duration longest{1};
  for (const PastRun& run : runs) longest = std::max(longest, run.took);
  for (const PastRun& run : runs | std::views::reverse) {
    const bool same = run.from.name == run.to.name;
    const auto name = [&](const ReleaseName& release) { return same ? shown(release) : release.name; };
    table.row({as_html(utc(run.time)) + element("span", run.who.substr(0, run.who.rfind(" (pid ")), "soft"),
               as_html(run.command), as_html(name(run.from)), as_html(name(run.to)),
               element("span", run.result, kind_of(run)) +
                   (run.message.empty() ? "" : element("span", run.message, "soft")),
               as_html(short_duration(run.took)),
               html_of({0, static_cast<double>(run.took.count()) / static_cast<double>(longest.count()),
                        kind_of(run)})});
  }
  return table.html() + releases_html(runs, now, own);
}

std::string history_page(const std::string& service, const std::vector<PastRun>& runs, core::SystemTime now) {
  std::string body =
      fmt::format("<header><h1>{}: history</h1>{}</header>\n<main>\n", as_html(service),
                  element("p",
                          runs.empty() ? "nothing was deployed yet"
                                       : fmt::format("{} runs, {} to {}", runs.size(), utc(runs.front().time),
                                                     utc(runs.back().time)),
                          "soft"));
  Table times("Where the time usually goes", {"Step", "Median", "Runs", "Share"});
  auto usual = usual_times(runs);
  std::ranges::sort(usual, std::ranges::greater(), &Usual::median);
  for (const Usual& one : usual)
    times.row(
        {one.step.empty() ? "all" : as_html(one.step), as_html(exact(one.median)),
         as_html(std::to_string(one.runs)),
         html_of({0, static_cast<double>(one.median.count()) /
                         static_cast<double>(std::max<std::int64_t>(usual.front().median.count(), 1))})});
  body += past_runs_html(runs, now) +
          times.html("Of runs that succeeded. Steps of several hosts run side by side; the slowest counts.");
  return html_page(service + ": history", body + "</main>\n");
}

}  // namespace bgdeploy::report
