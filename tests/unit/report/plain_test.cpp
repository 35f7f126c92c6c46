#include <gmock/gmock.h>

#include "bgdeploy/report/narrator.hpp"
#include "fake.hpp"

namespace bgdeploy::report {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using namespace std::chrono_literals;

TEST(PlainRenderer, TellsADeployThatSucceeds) {
  Finished last = finished(0, Verdict::succeeded);
  last.serving = Serving{{"1.2.3"}, "green", {"web-1"}, false};
  EXPECT_EQ(rendered("plain", {}, started(), LockAcquired{}, plan_made(), begun("shop-green"),
                     HealthProbe{k_health, false, 1, "HTTP 503"}, HealthProbe{k_health, true, 2, "HTTP 200"},
                     done("shop-green"), LockReleased{}, last),
            "05:07:10  shop: deploy 1.2.3 (sha256:bbbbbbbbbbbb); 1.2.2 serves on blue\n"
            "05:07:10  web-1  health  ok      1.2s  shop-green: HTTP 200 (probe 2)\n"
            "1.2.3 serves (green on web-1), was 1.2.2. 2.4s. Back: bgdeploy rollback\n");
}

TEST(PlainRenderer, AFailureIsToldOnceAtTheEnd) {
  EXPECT_EQ(
      rendered(
          "plain", {}, started(), plan_made(), output("listening on 8080"), output("panic: no database"),
          failed_step(),
          StepUndone{{"web-1", "green", "start"}, "stop and remove shop-green", 2100ms, "shop-green removed"},
          failed_run()),
      "05:07:10  shop: deploy 1.2.3 (sha256:bbbbbbbbbbbb); 1.2.2 serves on blue\n"
      "05:07:10  web-1  health  FAILED 20.0s  shop-green on web-1 exited with code 3\n"
      "05:07:10  web-1  undone          2.1s  shop-green removed\n"
      "\n"
      "1.2.3 was NOT deployed (2.4s). 1.2.2 serves as before, checked just now.\n"
      "  why     shop-green on web-1 exited with code 3\n"
      "          | docker says: no space left\n"
      "  log     | listening on 8080\n"
      "          | panic: no database\n"
      "  asked   GET http://127.0.0.1:8082/health: connection refused (3 times)\n"
      "  next    all of the log: bgdeploy logs --failed; mend it, then run this again\n");
}

TEST(PlainRenderer, AHostThatGaveUpBecauseOfAnotherDidNotFail) {
  StepFailed other = failed_step();
  other.step.host = "web-2";
  other.error = {core::ErrorKind::cancelled, "given up, because another host failed", {}};
  EXPECT_EQ(rendered("plain", {}, plan_made(), other),
            "05:07:10  web-2  health  halted 20.0s  given up, because another host failed\n");
}

TEST(PlainRenderer, TheWayOnIsTheErrorsOwn) {
  auto last = finished(4, Verdict::failed);
  last.nothing_changed = true;
  last.error =
      core::Error{core::ErrorKind::locked, "locked by bob@ci (pid 7)", {"since 05:00"}, "wait for it"};
  EXPECT_EQ(rendered("plain", {}, last),
            "\n"
            "1.2.3 was NOT deployed (2.4s); nothing was changed. 1.2.2 serves.\n"
            "  why     locked by bob@ci (pid 7)\n"
            "          | since 05:00\n"
            "  next    wait for it\n");
}

TEST(PlainRenderer, WithSeveralHostsEachLogStandsUnderItsOwn) {
  Finished last = failed_run();
  last.cause->host = "";
  last.cause->logs.push_back({"web-2", {"all well"}});
  EXPECT_THAT(rendered("plain", {}, last), HasSubstr("  log     web-1:\n"
                                                     "          | listening on 8080\n"
                                                     "          | panic: no database\n"
                                                     "  log     web-2:\n"
                                                     "          | all well\n"));
}

TEST(PlainRenderer, ForeignTextCannotSpeakToTheTerminal) {
  auto evil = failed_step();
  evil.step.host = "web\x1b]0;x\x07";
  evil.error = core::Error{core::ErrorKind::refused, "\x1b[31mred\xFF", {}};
  auto last = failed_run();
  last.to.name = "1\x1b[1m";
  last.error = core::Error{core::ErrorKind::refused,
                           "a\x1b[2Jb\nforged line",
                           {"one\n\x9b"
                            "31mtwo",
                            "\rthree"},
                           "type\nthis"};
  last.cause->logs.front().lines = {"\x1b[31mlog\r\nforged"};
  const auto text = rendered("plain", {}, evil, last);
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("\r")));
  EXPECT_THAT(text, Not(HasSubstr("\nforged")));
  EXPECT_THAT(text, HasSubstr("\\x1b[31mlog\\x0d\\x0aforged"));
  EXPECT_THAT(text, HasSubstr("\\x1b[31mred\uFFFD"));
}

TEST(PlainRenderer, ARepeatedProbeIsToldOnceAndOnlyWhenVerbose) {
  const HealthProbe probe{k_health, false, 3, "HTTP 503"};
  const PullProgress pull{{"web-1", "", "pull"}, "1f3a", "Downloading", 1'234'567, 45'600'000};
  EXPECT_EQ(rendered("plain", {}, probe, pull), "");
  EXPECT_EQ(rendered("plain", {.verbose = true}, plan_made(), probe, probe, pull, pull,
                     HealthProbe{k_health, true, 5, "HTTP 200"}, done("shop-green")),
            "05:07:10  web-1  pull                  1f3a: Downloading of 45.6 MB\n"
            "05:07:10  web-1  health                HTTP 503 × 2\n"
            "05:07:10  web-1  health                HTTP 200\n"
            "05:07:10  web-1  health  ok      1.2s  shop-green\n");
}

TEST(PlainRenderer, QuietKeepsWarningsAndHowItEnded) {
  EXPECT_EQ(
      rendered("plain", {.quiet = true}, started(), plan_made(), begun("x"), done("x"), failed_step(),
               Info{"hello"}, Warning{"2 connections were cut", "web-1"}, finished(0, Verdict::succeeded)),
      "05:07:10  web-1  warning: 2 connections were cut\n"
      "shop: 1.2.3 serves (green), was 1.2.2. 2.4s. Back: bgdeploy rollback\n");
  EXPECT_THAT(rendered("plain", {.quiet = true}, failed_run()),
              StartsWith("shop: 1.2.3 was NOT deployed (2.4s)."));
}

TEST(PlainRenderer, WhatAHookPrintedIsNotToldTwice) {
  Finished last = finished(1, Verdict::failed);
  last.error =
      core::Error{core::ErrorKind::refused, "before_switch hook 1 failed with exit code 1", {"no route"}};
  const HookOutput said{{"web-1", "green", "hook"}, "no route"};
  EXPECT_EQ(rendered("plain", {}, said, last),
            "05:07:10  web-1  hook                  | no route\n"
            "\n"
            "1.2.3 was NOT deployed (2.4s). 1.2.2 serves as before.\n"
            "  why     before_switch hook 1 failed with exit code 1\n");
  EXPECT_THAT(rendered("plain", {.quiet = true}, said, last), HasSubstr("          | no route\n"));
}

// With -q nothing was told while it ran. The command is a part of the message, and no place for its output.
TEST(PlainRenderer, WhatAHookPrintedIsToldInTheEndWhereNothingElseIs) {
  Finished last = finished(1, Verdict::failed);
  last.error =
      core::Error{core::ErrorKind::refused,
                  "before_switch hook 1 (echo why-it-failed; echo 2nd >&2; exit 9) failed with exit code 9",
                  {"why-it-failed", "2nd"}};
  const HookOutput said{{"", "green", "hook"}, "why-it-failed"};
  EXPECT_THAT(rendered("plain", {.quiet = true}, said, last),
              HasSubstr("failed with exit code 9\n          | why-it-failed\n          | 2nd\n"));
  last.error = core::Error{core::ErrorKind::refused, "web-1: docker: no space left", {"no space left"}};
  EXPECT_THAT(rendered("plain", {.quiet = true}, last), Not(HasSubstr("| no space left")));
}

std::string ended(Event last) {
  return rendered("plain", {}, std::move(last));
}

TEST(PlainRenderer, TheEndSaysWhatServes) {
  auto first = finished(0, Verdict::succeeded);
  first.from.name = "";
  EXPECT_EQ(ended(first), "1.2.3 serves (green). 2.4s.\n");
  auto rollback = finished(0, Verdict::succeeded);
  rollback.command = Command::rollback;
  EXPECT_EQ(ended(rollback), "1.2.3 serves (green), was 1.2.2. 2.4s. Back: bgdeploy rollback --to 1.2.2\n");
  EXPECT_EQ(ended(finished(0, Verdict::unchanged)), "1.2.3 serves already (green): nothing to do.\n");
  EXPECT_EQ(ended(finished(0, Verdict::succeeded, "leftovers were removed")),
            "1.2.3 serves (green): leftovers were removed. 2.4s.\n");
  auto gap = finished(0, Verdict::succeeded);
  gap.gap = 1300ms;
  EXPECT_THAT(ended(gap), HasSubstr("2.4s, nothing ran for 1.3s. Back:"));
}

TEST(PlainRenderer, TheEndOfWhatDidNotSucceedSaysWhatServesToo) {
  EXPECT_THAT(
      ended(finished(130, Verdict::interrupted)),
      StartsWith("\nThe deploy of 1.2.3 was INTERRUPTED and undone (2.4s). 1.2.2 serves as before.\n"));
  EXPECT_THAT(ended(finished(1, Verdict::rolled_back)),
              StartsWith("1.2.3 served, and was taken back (2.4s). 1.2.2 serves again.\n"));
  auto human = finished(5, Verdict::inconsistent);
  human.error = core::Error{core::ErrorKind::inconsistent, "lb-1 sends to blue, lb-2 to green", {}};
  EXPECT_EQ(ended(human),
            "\n"
            "A HUMAN IS NEEDED: the deploy of 1.2.3 stopped (2.4s).\n"
            "  why     lb-1 sends to blue, lb-2 to green\n"
            "  next    look with: bgdeploy status\n");
  auto late = finished(6, Verdict::failed);
  late.error = core::Error{core::ErrorKind::lost, "retire: lost web-1", {}};
  EXPECT_EQ(ended(late),
            "\n"
            "1.2.3 serves (green), but what comes after the switch FAILED (2.4s).\n"
            "  why     retire: lost web-1\n"
            "  next    look with: bgdeploy status; bgdeploy rollback goes back\n");
  late.from = {};
  EXPECT_THAT(ended(late), EndsWith("  next    look with: bgdeploy status\n"))
      << "nothing is there to go back to";
}

TEST(PlainRenderer, NamesDigestsWhereTheTagDoesNotTellReleasesApart) {
  Finished last = finished(0, Verdict::succeeded);
  last.from = {"latest", "sha256:" + std::string(64, 'a')};
  last.to = {"latest", "sha256:" + std::string(64, 'b')};
  EXPECT_THAT(rendered("plain", {}, last),
              StartsWith("latest (sha256:bbbbbbbbbbbb) serves (green), was latest (sha256:aaaaaaaaaaaa)."));
}

TEST(Narrator, AStepThatTakesLongIsToldWhenItBegan) {
  Narrator narrator({});
  const core::SteadyTime begin = core::SteadyTime{} + 1h;
  narrator.tell(started(), begin, k_any_width);
  narrator.tell(plan_made(), begin, k_any_width);
  narrator.tell(begun("shop-green"), begin, k_any_width);
  EXPECT_TRUE(narrator.late(begin + 1999ms, k_any_width).empty());
  const auto lines = narrator.late(begin + 2s, k_any_width);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines.front().text, "web-1  health  ...           shop-green");
  EXPECT_TRUE(narrator.late(begin + 4s, k_any_width).empty());
}

// An image may have to be fetched before there is a plan.
TEST(Narrator, AStepBeforeThePlanNamesItsHostToo) {
  Narrator narrator({});
  const auto lines = narrator.tell(done("shop-green"), core::SteadyTime{}, k_any_width);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_THAT(lines.front().text, StartsWith("web-1  health"));
}

}  // namespace
}  // namespace bgdeploy::report
