#include <gmock/gmock.h>
#include <pty.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <thread>

#include "bgdeploy/core/display_width.hpp"
#include "bgdeploy/core/size.hpp"
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

PullProgress progress(std::string layer, std::int64_t current, std::int64_t total) {
  return {{"web-1", "", "pull"}, std::move(layer), "Downloading", current, total};
}

StepStarted begun_on(std::string host, std::string step, std::string about) {
  return {{std::move(host), "", std::move(step)}, "work", std::move(about)};
}

TEST(LiveView, ShowsRunningStepsWithTheirTimeAndWhatServes) {
  LiveView view(false, false, false);
  EXPECT_THAT(view.apply(started(), k_begin, {}), ElementsAre());
  EXPECT_THAT(view.region(k_begin + 300ms, {}), ElementsAre("⠸ shop: deploy 1.2.3  0.3s"));
  EXPECT_THAT(view.apply(plan_made(), k_begin, {}),
              ElementsAre("shop: deploy 1.2.3 (sha256:bbbbbbbbbbbb); 1.2.2 serves on blue"));
  EXPECT_THAT(view.apply(begun_on("web-1", "start", "shop-green :8082"), k_begin, {}), ElementsAre());
  view.apply(begun_on("web-2", "start", "shop-green :8082"), k_begin + 400ms, {});
  EXPECT_THAT(view.region(k_begin + 1234ms, {}), ElementsAre("⠹ web-1  start    1.2s  shop-green :8082",
                                                             "⠹ web-2  start    0.8s  shop-green :8082",
                                                             "  1.2.2 serves on blue   step 1 of 4   1.2s"));
}

TEST(LiveView, WhatServesFollowsTheSwitch) {
  LiveView view(false, false, false);
  const StepName change{"web-1", "green", "switch"};
  view.apply(started(), k_begin, {});
  view.apply(plan_made(), k_begin, {});
  view.apply(StepFinished{change, "", {}, "blue -> green"}, k_begin, {});
  EXPECT_THAT(view.region(k_begin, {}), ElementsAre("  1.2.3 serves on green   step 2 of 4   0.0s"));
  view.apply(StepUndone{change, ""}, k_begin, {});
  EXPECT_THAT(view.region(k_begin, {}), ElementsAre(HasSubstr("1.2.2 serves on blue")));
}

TEST(LiveView, AFinishedStepStaysAndLeavesTheRegion) {
  LiveView view(false, false, false);
  view.apply(begun("shop-green"), k_begin, {});
  EXPECT_THAT(view.apply(done("shop-green"), k_begin + 1s, {}), ElementsAre("✓ web-1  health   1.2s  shop-green"));
  EXPECT_THAT(view.region(k_begin + 1s, {}), ElementsAre());
}

TEST(LiveView, SumsUpTheLayersOfAPull) {
  LiveView view(false, false, false);
  view.apply(begun_on("web-1", "pull", "app:1.2.3"), k_begin, {});
  view.apply(progress("aa", 1'000'000, 4'000'000), k_begin, {});
  view.apply(progress("bb", 500'000, 2'000'000), k_begin, {});
  view.apply(progress("aa", 3'000'000, 4'000'000), k_begin, {});
  EXPECT_THAT(view.region(k_begin, {}), ElementsAre("⠋ pull     0.0s  3.5 MB of 6.0 MB  app:1.2.3"));
  view.apply(progress("aa", 0, 0), k_begin, {});  // "Pull complete"
  EXPECT_THAT(view.region(k_begin, {}), ElementsAre(HasSubstr("4.5 MB of 6.0 MB")));
}

TEST(LiveView, ShowsTheLastHealthAnswerAndHowOftenItCame) {
  LiveView view(false, false, false);
  view.apply(begun("shop-green"), k_begin, {});
  const HealthProbe probe{k_health, false, 1, "HTTP 503"};
  EXPECT_THAT(view.apply(probe, k_begin, {}), ElementsAre());
  EXPECT_THAT(view.region(k_begin, {}), ElementsAre("⠋ health   0.0s  shop-green: HTTP 503"));
  view.apply(probe, k_begin, {});
  EXPECT_THAT(view.region(k_begin, {}), ElementsAre("⠋ health   0.0s  shop-green: HTTP 503 × 2"));
}

TEST(LiveView, ARegionHigherThanTheTerminalSaysHowManyMore) {
  LiveView view(false, false, false);
  view.apply(started(), k_begin, {});
  for (int i = 0; i < 10; ++i) view.apply(begun_on("web-" + std::to_string(i), "pull", "pull"), k_begin, {});
  const auto region = view.region(k_begin, {.width = 80, .height = 6});
  EXPECT_THAT(region,
              ElementsAre(HasSubstr("pull"), HasSubstr("pull"), "  … and 8 more", HasSubstr("shop:")));
}

TEST(LiveView, ColoursOnlyWhenAsked) {
  LiveView plain(false, false, false), colourful(true, false, false);
  EXPECT_THAT(plain.apply(finished(0, Verdict::succeeded), k_begin, {}).front(), Not(HasSubstr("\x1b")));
  EXPECT_THAT(colourful.apply(finished(0, Verdict::succeeded), k_begin, {}).front(),
              StartsWith("\x1b[32m✓\x1b[0m \x1b[1m1.2.3 serves"));
}

TEST(LiveView, QuietShowsNoRegion) {
  LiveView view(false, true, false);
  view.apply(begun("shop-green"), k_begin, {});
  EXPECT_THAT(view.region(k_begin, {}), ElementsAre());
  EXPECT_THAT(view.apply(done("shop-green"), k_begin, {}), ElementsAre());
}

TEST(TtyRenderer, LeavesTheCursorVisibleAndNothingThatRan) {
  Paper paper;
  StillClock clock;
  {
    auto sink = pick("tty", {.stream = paper.stream(), .is_tty = true}, clock);
    sink->emit(begun("wait for health"));
    sink->emit(Info{"hello"});
    EXPECT_THAT(paper.text(), HasSubstr("\x1b[?25l"));
    EXPECT_THAT(paper.text(), HasSubstr("  hello\n"));
  }
  EXPECT_THAT(paper.text(), EndsWith("\r\x1b[1A\x1b[J\x1b[?25h"));
}

TEST(TtyRenderer, ForeignTextCannotSpeakToTheTerminal) {
  const auto text = rendered("tty", {.is_tty = true}, output("\x1b]0;title\x07"), Info{"\x1b[2J"});
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
          sink->emit(begun_on(host, "step", "work"));
          sink->emit(StepFinished{{host, "", "step"}, "work", {}});
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
  EXPECT_EQ(short_duration(40ms), "0.0s");
  EXPECT_EQ(short_duration(999ms), "0.9s");
  EXPECT_EQ(short_duration(1000ms), "1.0s");
  EXPECT_EQ(short_duration(59'999ms), "59.9s");
  EXPECT_EQ(short_duration(133s), "2m13s");
  EXPECT_EQ(short_duration(62min), "1h02m");
  EXPECT_EQ(core::short_bytes(999), "999 B");
  EXPECT_EQ(core::short_bytes(12'345), "12.3 kB");
  EXPECT_EQ(core::short_bytes(999'960), "1.0 MB");
}

}  // namespace
}  // namespace bgdeploy::report
