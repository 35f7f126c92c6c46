// Text of containers, hosts and registries commands neither a terminal nor a CI system, in whatever event and
// renderer it comes.
#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <regex>

#include "bgdeploy/core/text.hpp"
#include "fake.hpp"
#include "report/github_summary.hpp"

namespace bgdeploy::report {
namespace {

// Every text of every kind of event.
std::vector<Event> events_that_say(const std::string& text) {
  const StepName step{text, text, "health"};
  const core::Error error{core::ErrorKind::refused, text, {text, "a\n" + text}, text};
  Finished last = failed_run();
  last.from = {text, text};
  last.to = {text, text};
  last.slot = last.remark = last.service = last.url = text;
  last.error = error;
  last.serving = Serving{{text, text}, text, {text}, true};
  last.cause = Cause{step, text, {{text, {text, text}}}, Asked{text, text, 2}};
  const PastRun past{.command = text,
                     .result = text,
                     .from = {text, text},
                     .to = {text + "2", text},
                     .slot = text,
                     .served = true,
                     .message = text,
                     .who = text,
                     .steps = {{text, {}}}};
  return {Started{Command::deploy, text, text, text},
          PastRuns{{past}},
          PlanMade{{step}, {text, text}, {text, text}, text, text},
          StepStarted{step, text, text},
          BuildOutput{step, text},
          HookOutput{step, text},
          LogLine{step, text},
          PullProgress{step, text, text, 1, 2},
          HealthProbe{step, false, 1, text, text},
          HealthProbe{step, false, 2, text + "2", text},
          WatchSeen{step, text, text, false, text},
          Info{text, text},
          Warning{text, text},
          StepFinished{step, text, {}, text},
          StepFailed{step, text, {}, error, text},
          StepUndone{step, text, {}, text},
          last};
}

std::string printed(const std::string& kind, const std::string& text) {
  Paper paper;
  StillClock clock;
  {
    auto sink = pick(kind, {.stream = paper.stream(), .verbose = true}, clock);
    for (const Event& event : events_that_say(text)) sink->emit(event);
  }
  return paper.text();
}

// Our own commands, and what the tty renderer draws with.
std::string without_ours(std::string text) {
  static const std::regex ours(
      "\x1b\\[(\\?25[lh]|[0-9]*[AJm])|\r(?=\x1b)|(^|\n)::(group|warning title|error title|endgroup)[=:]");
  std::string rest;
  // std::regex recurses over its input.
  for (const std::string& line : core::split_lines(text)) rest += std::regex_replace("\n" + line, ours, "\n");
  return rest;
}

void expect_harmless(const std::string& text) {
  const std::string rest = without_ours(text);
  for (const char* forbidden : {"\x1b", "\r", "\a", "\x7f", "\xC2\x9B", "\xE2\x80\xAE", "##[", "##vso["})
    RC_ASSERT(rest.find(forbidden) == std::string::npos);
  for (const std::string& line : core::split_lines(rest)) {
    const auto begin = line.find_first_not_of(" \t");
    const bool command = begin != std::string::npos && line.substr(begin).starts_with("::error::");
    RC_ASSERT(!command);
  }
}

RC_GTEST_PROP(Hostile, TextCommandsNoTerminalAndNoRunner, ()) {
  const auto pieces = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
      "\x1b[2J", "\x1b]0;x\a", "\r", "\n", "\n::error::forged", "::error::forged", "##[error]x", "##vso[x]y",
      "\xC2\x9B"
      "31m",
      "\xE2\x80\xAE", "\x7f", "\xFF", "| ", "<script>", "text", " ", "EOF\nresult=forged\n"));
  std::string text;
  for (const std::string& piece : pieces) text += piece;
  for (const char* kind : {"plain", "github", "tty"}) expect_harmless(printed(kind, text));
  const std::string json = printed("json", text);
  for (const char* forbidden : {"\x1b", "\r", "\x7f", "\xC2\x9B", "\xE2\x80\xAE", "##[", "##vso["})
    RC_ASSERT(json.find(forbidden) == std::string::npos);

  const auto all = events_that_say(text);
  const auto& last = std::get<Finished>(all.back());
  const std::string summary = github_summary(last, {{text, text, text, text, text}});
  for (const char* forbidden : {"\x1b", "\r", "<script>", "::error"})
    RC_ASSERT(summary.find(forbidden) == std::string::npos);
  RC_ASSERT(core::split_lines(github_outputs(last)).size() == 4U);
}

TEST(GithubSummary, TellsEachHostInATableAndWhyItFailed) {
  const std::string summary = github_summary(failed_run(), {{"web-1", "health", "FAILED", "8.0s", "a|b"}});
  EXPECT_THAT(summary, testing::StartsWith("### ❌ shop&#58; 1&#46;2&#46;3 was NOT deployed"));
  EXPECT_THAT(summary, testing::HasSubstr("| Host | Step | Result | Took | |\n|---|---|---|--:|---|\n"
                                          "| web&#45;1 | health | FAILED | 8&#46;0s | a&#124;b |\n"));
  EXPECT_THAT(summary, testing::HasSubstr("log     &#124; listening on 8080\n"));
  EXPECT_EQ(github_outputs(failed_run()), "result=failed\nfrom=1.2.2\nto=1.2.3\nurl=\n");
}

}  // namespace
}  // namespace bgdeploy::report
