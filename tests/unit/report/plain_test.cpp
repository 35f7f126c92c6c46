#include <gmock/gmock.h>

#include "fake.hpp"

namespace bgdeploy::report {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

Event undone() {
  return {.name = "step.undone", .message = "start auction-green", .host = "web-1", .step = "start"};
}

TEST(PlainRenderer, TellsADeployThatSucceeds) {
  EXPECT_EQ(rendered("plain", {}, event("deploy.started", "deploy auction 1.2.3"),
                     step("started", "wait until auction-green is healthy"),
                     step("finished", "wait until auction-green is healthy"), finished(0, "succeeded")),
            "05:07:10  deploy auction 1.2.3\n"
            "05:07:10  web-1: wait until auction-green is healthy ...\n"
            "05:07:10  web-1: wait until auction-green is healthy: done in 1.2s\n"
            "05:07:10  deployed 1.2.3: green serves (was 1.2.2) in 2.4s\n");
}

TEST(PlainRenderer, AFailureEndsWithItsCause) {
  EXPECT_EQ(
      rendered("plain", {}, failed_step(), output("panic: no database"), finished(1, "failed")),
      "05:07:10  web-1: wait until auction-green is healthy: FAILED after 20.0s\n"
      "05:07:10  web-1:   | exit code 1, not killed for lack of memory\n"
      "05:07:10  web-1:   never became healthy within 20s: HTTP 503: starting\n"
      "05:07:10  web-1: | panic: no database\n"
      "05:07:10  deploy of 1.2.3 FAILED after 2.4s (1.2.2 serves as before): web-1: never became healthy "
      "within 20s: HTTP 503: starting\n");
}

TEST(PlainRenderer, TheCauseIsToldAgainWhenUndoingScrolledItAway) {
  EXPECT_EQ(
      rendered("plain", {}, output("panic: no database"), failed_step(), undone(), finished(1, "failed")),
      "05:07:10  web-1: | panic: no database\n"
      "05:07:10  web-1: wait until auction-green is healthy: FAILED after 20.0s\n"
      "05:07:10  web-1:   | exit code 1, not killed for lack of memory\n"
      "05:07:10  web-1:   never became healthy within 20s: HTTP 503: starting\n"
      "05:07:10  web-1: undone: start auction-green\n"
      "05:07:10  web-1: | panic: no database\n"
      "05:07:10  web-1:   | exit code 1, not killed for lack of memory\n"
      "05:07:10  web-1:   never became healthy within 20s: HTTP 503: starting\n"
      "05:07:10  deploy of 1.2.3 FAILED after 2.4s (1.2.2 serves as before): web-1: never became healthy "
      "within 20s: HTTP 503: starting\n");
}

TEST(PlainRenderer, ALongOutputIsRepeatedByItsLastLinesOnly) {
  Paper paper;
  StillClock clock;
  {
    auto sink = pick("plain", {.stream = paper.stream()}, clock);
    sink->emit(failed_step());
    for (int i = 0; i < 50; ++i) sink->emit(output("line " + std::to_string(i)));
    sink->emit(undone());
    sink->emit(finished(1, "failed"));
  }
  const auto text = paper.text();
  const auto recap = text.substr(text.find("undone"));
  EXPECT_THAT(recap, Not(HasSubstr("| line 34\n")));
  EXPECT_THAT(recap, HasSubstr("| line 35\n"));
  EXPECT_THAT(recap, HasSubstr("| line 49\n"));
}

TEST(PlainRenderer, AnErrorOfTheLastEventIsExplainedAboveIt) {
  auto last = finished(4, "failed");
  last.error = core::Error{core::ErrorKind::locked, "locked by bob@ci (pid 7)", {"wait for it"}};
  EXPECT_EQ(rendered("plain", {}, last),
            "05:07:10    | wait for it\n"
            "05:07:10  deploy of 1.2.3 FAILED after 2.4s (nothing was changed): locked by bob@ci (pid 7)\n");
}

TEST(PlainRenderer, ForeignTextCannotSpeakToTheTerminal) {
  auto evil = failed_step();
  evil.host = "web\x1b]0;x\x07";
  evil.message = "a\x1b[2Jb\nforged line";
  evil.error = core::Error{core::ErrorKind::refused,
                           "\x1b[31mred\xFF",
                           {"one\n\x9b"
                            "31mtwo",
                            "\rthree"}};
  auto last = finished(1, "failed", "\x1b[1mmessage");
  last.fields["to"] = "1\x1b[1m";
  const auto text = rendered("plain", {}, evil, output("\x1b[31mlog\r\nforged"), last);
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("\r")));
  EXPECT_THAT(text, Not(HasSubstr("\nforged")));
  EXPECT_THAT(text, HasSubstr("\\x1b[31mlog\\x0d\\x0aforged"));
  EXPECT_THAT(text, HasSubstr("\\x1b[31mred\uFFFD"));
}

TEST(PlainRenderer, ProbesAndProgressOnlyWhenVerbose) {
  const Event probe{.name = "health.probe",
                    .message = "HTTP 503",
                    .host = "web-1",
                    .fields = {{"ok", false}, {"attempt", std::int64_t{3}}}};
  const Event pull{.name = "pull.progress",
                   .message = "",
                   .host = "web-1",
                   .fields = {{"layer", "1f3a"},
                              {"status", "Downloading"},
                              {"current", std::int64_t{1'234'567}},
                              {"total", std::int64_t{45'600'000}}}};
  EXPECT_EQ(rendered("plain", {}, probe, pull), "");
  EXPECT_EQ(rendered("plain", {.verbose = true}, probe, pull),
            "05:07:10  web-1: probe 3: HTTP 503\n"
            "05:07:10  web-1: 1f3a: Downloading 1.2 MB of 45.6 MB\n");
}

TEST(PlainRenderer, QuietKeepsWarningsFailuresAndTheLastLine) {
  EXPECT_EQ(rendered("plain", {.quiet = true}, event("deploy.started", "deploy auction 1.2.3"),
                     step("started", "x"), step("finished", "x"), event("info", "hello"),
                     event("warning", "2 connections were cut"), finished(0, "succeeded")),
            "05:07:10  warning: 2 connections were cut\n"
            "05:07:10  deployed 1.2.3: green serves (was 1.2.2) in 2.4s\n");
  EXPECT_THAT(rendered("plain", {.quiet = true}, failed_step()), HasSubstr("HTTP 503: starting"));
}

std::string last_line(Event last) {
  return rendered("plain", {}, std::move(last)).substr(10);
}

TEST(PlainRenderer, TheLastLineSaysWhatServes) {
  auto first = finished(0, "succeeded");
  first.fields["from"] = "";
  EXPECT_EQ(last_line(first), "deployed 1.2.3: green serves in 2.4s\n");
  auto rollback = finished(0, "succeeded");
  rollback.name = "rollback.finished";
  EXPECT_EQ(last_line(rollback), "rolled back to 1.2.3: green serves (was 1.2.2) in 2.4s\n");
  EXPECT_EQ(last_line(finished(0, "unchanged")), "nothing to do, 1.2.3 serves already\n");
  EXPECT_EQ(last_line(finished(130, "interrupted")), "deploy of 1.2.3 interrupted after 2.4s\n");
  EXPECT_EQ(last_line(finished(5, "inconsistent", "lb-1 sends to blue, lb-2 to green")),
            "A HUMAN IS NEEDED after deploy of 1.2.3: lb-1 sends to blue, lb-2 to green\n");
  EXPECT_EQ(last_line(finished(6, "succeeded", "retire: lost web-1")),
            "1.2.3 serves, but not all that comes after the switch was done: retire: lost web-1\n");
  EXPECT_EQ(last_line(finished(0, "succeeded", "drained")),
            "deployed 1.2.3: green serves (was 1.2.2) in 2.4s: drained\n");
}

TEST(PlainRenderer, NamesDigestsWhereTheTagDoesNotTellReleasesApart) {
  Event last = finished(0, "succeeded");
  last.fields["from"] = last.fields["to"] = std::string("latest");
  last.fields["from_digest"] = "sha256:" + std::string(64, 'a');
  last.fields["to_digest"] = "sha256:" + std::string(64, 'b');
  const auto text = rendered("plain", {}, last);
  EXPECT_NE(
      text.find("deployed latest (sha256:bbbbbbbbbbbb): green serves (was latest (sha256:aaaaaaaaaaaa))"),
      std::string::npos)
      << text;
}

}  // namespace
}  // namespace bgdeploy::report
