// Pages of HTML: what they show, and that no text of others becomes a part of them.
#include "bgdeploy/report/html.hpp"

#include <gmock/gmock.h>

#include <regex>

#include "every_event.hpp"

namespace bgdeploy::report {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

const core::SystemTime k_run_begin{std::chrono::hours(24 * 365 * 50)};

// The elements as they open and close, and whether each is closed by its own name; attributes have quotes.
bool is_well_formed(const std::string& page) {
  std::vector<std::string> open;
  static const std::regex element(R"re(^<(/?)([a-z0-9]+)((?: [a-z-]+="[^"<>]*")*)(/?)>|^<!DOCTYPE html>)re");
  for (std::size_t at = page.find('<'); at != std::string::npos; at = page.find('<', at + 1)) {
    std::smatch match;
    const std::string rest = page.substr(at, page.find('>', at) - at + 1);
    if (!std::regex_search(rest, match, element)) return false;
    if (match[2].str().empty() || match[4] == "/") continue;
    if (match[1] != "/") {
      open.push_back(match[2]);
      continue;
    }
    if (open.empty() || open.back() != match[2]) return false;
    open.pop_back();
  }
  return open.empty();
}

PastRun past(int hours, const std::string& from, const std::string& to, milliseconds health) {
  return {.time = k_run_begin - std::chrono::hours(hours),
          .took = health + seconds(1),
          .command = "deploy",
          .result = "succeeded",
          .from = {from},
          .to = {to},
          .slot = "green",
          .served = true,
          .who = "ci@runner",
          .steps = {{"health", health}}};
}

std::vector<TimedEvent> failed_events() {
  const StepName health{"web-1", "green", "health"}, create{"web-1", "green", "create"};
  const core::Error error{core::ErrorKind::unhealthy, "never became healthy: HTTP 503", {}};
  Finished last{.command = Command::deploy,
                .verdict = Verdict::failed,
                .exit_code = 1,
                .from = {"1.2.2"},
                .to = {"1.2.3"},
                .slot = "blue",
                .took = seconds(10),
                .error = error,
                .service = "shop"};
  return {
      {k_run_begin, Started{Command::deploy, "shop deploy 1.2.3", "shop", "1.2.3"}},
      {k_run_begin, PastRuns{{past(48, "1.2.0", "1.2.1", seconds(2)), past(24, "1.2.1", "1.2.2", seconds(4)),
                              past(12, "1.2.1", "1.2.2", seconds(3))}}},
      {k_run_begin, PlanMade{.from = {"1.2.2"}, .to = {"1.2.3"}, .live = "blue", .target = "green"}},
      {k_run_begin + seconds(2), StepFinished{create, "create", seconds(1), "shop-green"}},
      {k_run_begin + seconds(3), HealthProbe{health, false, 1, "HTTP 503", "GET /health", milliseconds(4)}},
      {k_run_begin + seconds(4), HealthProbe{health, false, 2, "HTTP 503", "GET /health", milliseconds(8)}},
      {k_run_begin + seconds(7), StepFailed{health, "health", seconds(5), error, "shop-green"}},
      {k_run_begin + seconds(8), StepUndone{create, "remove", milliseconds(500), "shop-green removed"}},
      {k_run_begin + seconds(9), Warning{"something <odd>", "web-1"}},
      {k_run_begin + seconds(10), last}};
}

TEST(RunPage, ShowsWhatHappenedAndWhen) {
  const std::string page = run_page(failed_events());
  EXPECT_TRUE(is_well_formed(page)) << page;
  for (const char* words :
       {"1.2.3 was NOT deployed", "failed (exit code 1)", "never became healthy: HTTP 503",
        "something &#60;odd&#62;",
        "left:20.00%;width:50.00%",                         // health, from 2 s to 7 s of 10
        "<td>4 to 8 ms, mean 6 ms</td>", "<td>never</td>",  // the probes
        "<td>5.0s</td><td>3.0s</td><td>3</td>",             // this health, the median of three, three runs
        "Releases over time", "shop-green removed"})
    EXPECT_THAT(page, HasSubstr(words));
}

// What the page says at its head has to be what its tables say.
TEST(RunPage, TheReleaseOfTheRunItselfServesSinceThenUnlessItWasUndone) {
  const auto page_of = [](Verdict verdict, int exit_code, Command command, const std::string& undone) {
    const StepName change{"lb-1, lb-2", "", "switch"};
    std::vector<TimedEvent> events = {
        {k_run_begin, Started{command, "", "shop", "1.0"}},
        {k_run_begin, PastRuns{{past(48, "", "1.0", seconds(2)), past(24, "1.0", "1.1", seconds(2))}}},
        {k_run_begin, PlanMade{.from = {"1.1"}, .to = {"1.0"}, .live = "green", .target = "blue"}},
        {k_run_begin + seconds(1), StepFinished{change, "switch", seconds(1), "green -> blue"}}};
    if (!undone.empty())
      events.emplace_back(k_run_begin + seconds(2), StepUndone{change, undone, {}, undone});
    events.emplace_back(k_run_begin + seconds(3),
                        Finished{.command = command, .verdict = verdict, .exit_code = exit_code});
    return run_page(events);
  };
  const auto since = [](const std::string& page) {
    const auto at = page.find("<td>since then</td>");
    return page.substr(page.rfind("<tr>", at), at - page.rfind("<tr>", at));
  };
  for (const Command command : {Command::deploy, Command::rollback, Command::promote})
    EXPECT_THAT(since(page_of(Verdict::succeeded, 0, command, "")), HasSubstr(">1.0<")) << to_string(command);
  EXPECT_THAT(since(page_of(Verdict::interrupted, 6, Command::deploy, "")), HasSubstr(">1.0<"));
  for (const auto& [verdict, code] :
       {std::pair(Verdict::failed, 1), std::pair(Verdict::rolled_back, 1),
        std::pair(Verdict::interrupted, 130), std::pair(Verdict::inconsistent, 5)})
    EXPECT_THAT(since(page_of(verdict, code, Command::deploy, "nginx sends to green again")),
                HasSubstr(">1.1<"));
  EXPECT_THAT(since(page_of(Verdict::succeeded, 0, Command::abort, "")), HasSubstr(">1.1<"));

  const auto page = page_of(Verdict::rolled_back, 1, Command::deploy, "nginx sends to green again");
  EXPECT_TRUE(is_well_formed(page)) << page;
  for (const char* proxy : {"lb-1", "lb-2"}) {
    EXPECT_THAT(page, HasSubstr(std::string("<th scope=\"row\">") + proxy +
                                "</th><td>+1.0s</td><td>all to 1.1 (green)</td><td>all to 1.0 (blue)</td>"));
    EXPECT_THAT(page, HasSubstr(std::string("<th scope=\"row\">") + proxy +
                                "</th><td>+2.0s</td><td>all to 1.0 (blue)</td><td>all to 1.1 (green)</td>"));
  }
  EXPECT_THAT(page, Not(HasSubstr("<td>0 ms</td>"))) << "nobody measured the undo";
}

TEST(RunPage, OnlyAFailureHasACause) {
  auto events = failed_events();
  EXPECT_THAT(run_page(events), HasSubstr("<h2>Cause</h2>"));
  auto& last = std::get<Finished>(events.back().second);
  last.verdict = Verdict::held;
  last.exit_code = 0;
  last.error.reset();
  EXPECT_THAT(run_page(events), HasSubstr("<h2>Next</h2>"));
  EXPECT_THAT(run_page(events), Not(HasSubstr("<h2>Cause</h2>")));
}

TEST(RunPage, NeedsNothingElse) {
  for (const std::string& page :
       {run_page(failed_events()), history_page("shop", {past(1, "1", "2", seconds(1))}, k_run_begin)})
    for (const char* outside : {"<script", "<link", "<img", "src=", "url(", "@import", "href=", "onload"})
      EXPECT_THAT(page, Not(HasSubstr(outside)));
}

TEST(RunPage, HasEveryEventInIt) {
  std::vector<TimedEvent> events;
  for (const Event& event : every_event()) events.emplace_back(k_run_begin, event);
  EXPECT_TRUE(is_well_formed(run_page(events))) << run_page(events);
  EXPECT_TRUE(is_well_formed(run_page({})));
}

TEST(HistoryPage, ShowsReleasesAndWhereTheTimeGoes) {
  const auto page = history_page("shop",
                                 {past(48, "", "1.0", seconds(2)), past(24, "1.0", "1.1", seconds(4)),
                                  past(12, "1.1", "1.2", seconds(9))},
                                 k_run_begin);
  EXPECT_TRUE(is_well_formed(page)) << page;
  EXPECT_LT(page.find(">1.2<"), page.find(">1.0<")) << "the newest first";
  EXPECT_THAT(page, HasSubstr("<th scope=\"row\">health</th><td>4.0s</td><td>3</td>"));
  EXPECT_THAT(page, HasSubstr("<td>24h00m</td>")) << "how long 1.0 served";
  EXPECT_TRUE(is_well_formed(history_page("shop", {}, k_run_begin)));
}

TEST(Pages, NoTextBecomesAPartOfThem) {
  const std::string hostile =
      "</style><script>alert(1)</script>\" onload='x' <!-- &amp; ]]> \x1b[31m \xe2\x80\xae";
  std::vector<TimedEvent> events = failed_events();
  const StepName step{hostile, hostile, hostile};
  PastRun run = past(1, hostile, hostile + "2", seconds(1));
  run.command = run.result = run.message = run.who = run.slot = hostile;
  run.steps = {{hostile, seconds(1)}};
  const core::Error error{core::ErrorKind::refused, hostile, {hostile}, hostile};
  Finished last = std::get<Finished>(events.back().second);
  last.remark = last.service = last.url = last.slot = hostile;
  last.from = last.to = {hostile, hostile};
  last.error = error;
  last.serving = Serving{{hostile, hostile}, hostile, {hostile}, true};
  last.cause = Cause{step, hostile, {{hostile, {hostile}}}, Asked{hostile, hostile, 2}};
  events = {{k_run_begin, Started{Command::deploy, hostile, hostile, hostile}},
            {k_run_begin, PastRuns{{run}}},
            {k_run_begin, PlanMade{{step}, {hostile, hostile}, {hostile, hostile}, hostile, hostile}},
            {k_run_begin, StepFinished{step, hostile, seconds(1), hostile}},
            {k_run_begin, StepFinished{{hostile, hostile, "switch"}, hostile, seconds(1), hostile}},
            {k_run_begin, StepFailed{step, hostile, seconds(1), error, hostile}},
            {k_run_begin, HealthProbe{step, false, 1, hostile, hostile, seconds(1)}},
            {k_run_begin, WatchSeen{step, hostile, hostile, false, hostile}},
            {k_run_begin, Info{hostile, hostile}},
            {k_run_begin, Warning{hostile, hostile}},
            {k_run_begin, last}};
  for (const std::string& page : {run_page(events), history_page(hostile, {run}, k_run_begin)}) {
    EXPECT_TRUE(is_well_formed(page)) << page;
    EXPECT_THAT(page, Not(HasSubstr("<script")));
    EXPECT_THAT(page, Not(HasSubstr("<!--")));
    EXPECT_EQ(page.find("</style>"), page.rfind("</style>"));
    EXPECT_EQ(page.find('\x1b'), std::string::npos);
    EXPECT_EQ(page.find("\xe2\x80\xae"), std::string::npos);
  }
}

// A watch may go on for hours.
TEST(RunPage, OfManyMessagesTheFirstAreShownAndTheRestIsCounted) {
  RunPage page;
  page.add(k_run_begin, Started{.service = "shop"});
  for (int i = 0; i < 1000; ++i)
    page.add(k_run_begin + seconds(i), Warning{"message " + std::to_string(i), "web-1"});
  const std::string html = page.html();
  EXPECT_TRUE(is_well_formed(html)) << html;
  EXPECT_TRUE(html.contains("message 199<"));
  EXPECT_FALSE(html.contains("message 200<"));
  EXPECT_TRUE(html.contains("The first 200 of 1000."));
}

}  // namespace
}  // namespace bgdeploy::report
