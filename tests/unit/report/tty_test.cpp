#include <gmock/gmock.h>
#include <pty.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <thread>

#include "bgdeploy/report/live_view.hpp"
#include "bgdeploy/report/words.hpp"
#include "fake.hpp"

namespace bgdeploy::report {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using namespace std::chrono_literals;

const core::SteadyTime k_begin = core::SteadyTime{} + 1h;

Event progress(std::string layer, std::int64_t current, std::int64_t total) {
  return {
      .name = "pull.progress",
      .message = "",
      .host = "web-1",
      .step = "pull",
      .fields = {
          {"layer", std::move(layer)}, {"status", "Downloading"}, {"current", current}, {"total", total}}};
}

Event begun(std::string host, std::string name, std::string message) {
  return {.name = "step.started",
          .message = std::move(message),
          .host = std::move(host),
          .step = std::move(name)};
}

TEST(LiveView, ShowsRunningStepsWithTheirTime) {
  LiveView view(false, false, false);
  EXPECT_THAT(view.apply(begun("web-1", "start", "start auction-green"), k_begin, {}), ElementsAre());
  view.apply(begun("web-2", "start", "start auction-green"), k_begin + 400ms, {});
  EXPECT_THAT(view.region(k_begin + 1234ms, {}),
              ElementsAre("⠹ web-1  start auction-green  1.2s", "⠹ web-2  start auction-green  800ms"));
}

TEST(LiveView, AFinishedStepStaysAndLeavesTheRegion) {
  LiveView view(false, false, false);
  view.apply(step("started", "wait for health"), k_begin, {});
  EXPECT_THAT(view.apply(step("finished", "wait for health"), k_begin + 1s, {}),
              ElementsAre("✓ web-1  wait for health  1.2s"));
  EXPECT_THAT(view.region(k_begin + 1s, {}), ElementsAre());
}

TEST(LiveView, SumsUpTheLayersOfAPull) {
  LiveView view(false, false, false);
  view.apply(begun("web-1", "pull", "pull app:1.2.3"), k_begin, {});
  view.apply(progress("aa", 1'000'000, 4'000'000), k_begin, {});
  view.apply(progress("bb", 500'000, 2'000'000), k_begin, {});
  view.apply(progress("aa", 3'000'000, 4'000'000), k_begin, {});
  EXPECT_THAT(view.region(k_begin, {}), ElementsAre("⠋ web-1  pull app:1.2.3  3.5 MB of 6.0 MB  0ms"));
  view.apply(progress("aa", 0, 0), k_begin, {});  // "Pull complete"
  EXPECT_THAT(view.region(k_begin, {}), ElementsAre(HasSubstr("4.5 MB of 6.0 MB")));
}

TEST(LiveView, ShowsTheLastHealthAnswerBesideItsStep) {
  LiveView view(false, false, false);
  view.apply(step("started", "wait for health"), k_begin, {});
  const Event probe{.name = "health.probe", .message = "HTTP 503", .host = "web-1", .slot = "green"};
  EXPECT_THAT(view.apply(probe, k_begin, {}), ElementsAre());
  EXPECT_THAT(view.region(k_begin, {}), ElementsAre("⠋ web-1  wait for health  HTTP 503  0ms"));
}

TEST(LiveView, AFailureIsNotCutHoweverNarrowTheTerminal) {
  LiveView view(false, false, false);
  EXPECT_THAT(
      view.apply(failed_step(), k_begin, {.width = 30}),
      ElementsAre("✗ web-1  wait until a…  20.0s", "  web-1    | exit code 1, not killed for lack of memory",
                  "  web-1    never became healthy within 20s: HTTP 503: starting"));
  EXPECT_THAT(view.apply(finished(1, "failed"), k_begin, {.width = 30}),
              ElementsAre("✗ deploy of 1.2.3 FAILED after 2.4s (1.2.2 serves as before): web-1: never became "
                          "healthy within 20s: HTTP 503: starting"));
}

TEST(LiveView, NoLineOfTheRegionIsWiderThanTheTerminal) {
  LiveView view(false, false, false);
  view.apply(begun("web-1", "pull", "pull 이미지/옥션-백엔드:1.2.3 from a registry far away"), k_begin, {});
  view.apply(progress("aa", 1'000'000, 4'000'000), k_begin, {});
  for (int width = 1; width < 90; ++width) {
    for (const auto& line : view.region(k_begin, {.width = width}))
      EXPECT_LE(display_width(line), std::max(width - 1, 2)) << line;
  }
}

TEST(LiveView, ARegionHigherThanTheTerminalSaysHowManyMore) {
  LiveView view(false, false, false);
  for (int i = 0; i < 10; ++i) view.apply(begun("web-" + std::to_string(i), "pull", "pull"), k_begin, {});
  const auto region = view.region(k_begin, {.width = 80, .height = 6});
  EXPECT_THAT(region,
              ElementsAre(HasSubstr("web-0"), HasSubstr("web-1"), HasSubstr("web-2"), "  … and 7 more"));
}

TEST(LiveView, ColoursOnlyWhenAsked) {
  LiveView plain(false, false, false), colourful(true, false, false);
  EXPECT_THAT(plain.apply(finished(0, "succeeded"), k_begin, {}).front(), Not(HasSubstr("\x1b")));
  EXPECT_THAT(colourful.apply(finished(0, "succeeded"), k_begin, {}).front(),
              StartsWith("\x1b[32m✓\x1b[0m deployed 1.2.3"));
}

TEST(LiveView, QuietShowsNoRegion) {
  LiveView view(false, true, false);
  view.apply(step("started", "wait for health"), k_begin, {});
  EXPECT_THAT(view.region(k_begin, {}), ElementsAre());
  EXPECT_THAT(view.apply(step("finished", "wait for health"), k_begin, {}), ElementsAre());
}

TEST(TtyRenderer, LeavesTheCursorVisibleAndNothingThatRan) {
  Paper paper;
  StillClock clock;
  {
    auto sink = pick("tty", {.stream = paper.stream(), .is_tty = true}, clock);
    sink->emit(step("started", "wait for health"));
    sink->emit(event("info", "hello"));
    EXPECT_THAT(paper.text(), HasSubstr("\x1b[?25l"));
    EXPECT_THAT(paper.text(), HasSubstr("  hello\n"));
  }
  EXPECT_THAT(paper.text(), EndsWith("\r\x1b[1A\x1b[J\x1b[?25h"));
}

TEST(TtyRenderer, ForeignTextCannotSpeakToTheTerminal) {
  const auto text = rendered("tty", {.is_tty = true}, output("\x1b]0;title\x07"), event("info", "\x1b[2J"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b]")));
  EXPECT_THAT(text, Not(HasSubstr("\x1b[2J")));
}

TEST(TtyRenderer, SurvivesEventsFromManyThreads) {
  Paper paper;
  StillClock clock;
  {
    auto sink = pick("tty", {.stream = paper.stream(), .is_tty = true}, clock);
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        const auto host = "web-" + std::to_string(i);
        for (int n = 0; n < 50; ++n) {
          sink->emit(begun(host, "step", "work"));
          sink->emit({.name = "step.finished", .message = "work", .host = host, .step = "step"});
        }
      });
    }
  }
  std::size_t finished = 0;
  const auto text = paper.text();
  for (std::size_t at = 0; (at = text.find("✓ web-", at)) != std::string::npos; ++at) ++finished;
  EXPECT_EQ(finished, 200u);
}

TEST(LookAt, AFileIsNoTerminal) {
  Paper paper;
  const auto terminal = look_at(paper.stream(), false, true, false);
  EXPECT_FALSE(terminal.is_tty);
  EXPECT_FALSE(terminal.color);
  EXPECT_TRUE(terminal.quiet);
}

class OnTerminal : public testing::Test {
protected:
  void SetUp() override {
    winsize size{.ws_row = 30, .ws_col = 132};
    ASSERT_EQ(::openpty(&m_master, &m_slave, nullptr, nullptr, &size), 0);
    m_stream = ::fdopen(m_slave, "w");
    ::setenv("TERM", "xterm", 1);
    ::unsetenv("NO_COLOR");
  }
  void TearDown() override {
    std::fclose(m_stream);
    ::close(m_master);
    ::unsetenv("NO_COLOR");
  }
  int m_master = -1, m_slave = -1;
  std::FILE* m_stream = nullptr;
};

TEST_F(OnTerminal, ItsWidthAndColoursAreSeen) {
  const auto terminal = look_at(m_stream, false, false, false);
  EXPECT_TRUE(terminal.is_tty);
  EXPECT_TRUE(terminal.color);
  EXPECT_EQ(terminal.width, 132);
}

TEST_F(OnTerminal, ColoursCanBeTurnedOff) {
  EXPECT_FALSE(look_at(m_stream, true, false, false).color);
  ::setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(look_at(m_stream, false, false, false).color);
  EXPECT_TRUE(look_at(m_stream, false, false, false).is_tty);
  ::setenv("TERM", "dumb", 1);
  EXPECT_FALSE(look_at(m_stream, false, false, false).is_tty);
}

TEST(Words, DurationsAndSizes) {
  EXPECT_EQ(short_duration(0ms), "0ms");
  EXPECT_EQ(short_duration(999ms), "999ms");
  EXPECT_EQ(short_duration(1000ms), "1.0s");
  EXPECT_EQ(short_duration(59'999ms), "59.9s");
  EXPECT_EQ(short_duration(133s), "2m13s");
  EXPECT_EQ(short_duration(62min), "1h02m");
  EXPECT_EQ(short_bytes(999), "999 B");
  EXPECT_EQ(short_bytes(12'345), "12.3 kB");
  EXPECT_EQ(short_bytes(999'960), "1.0 MB");
}

TEST(Words, WidthIsInColumns) {
  EXPECT_EQ(display_width("abc"), 3);
  EXPECT_EQ(display_width("é✓…"), 3);
  EXPECT_EQ(display_width("e\u0301"), 1);
  EXPECT_EQ(display_width("옥션"), 4);
  EXPECT_EQ(fit("abcdef", 6), "abcdef");
  EXPECT_EQ(fit("abcdef", 5), "abcd…");
  EXPECT_EQ(fit("옥션옥션", 6), "옥션…");
  EXPECT_EQ(fit("abc", 0), "");
}

}  // namespace
}  // namespace bgdeploy::report
