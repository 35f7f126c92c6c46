// What people read fits their terminal: no line is wider, and no word is cut in the middle where the line has
// room for it.
#include <gmock/gmock.h>

#include <algorithm>
#include <iterator>
#include <sstream>

#include "bgdeploy/core/display_width.hpp"
#include "bgdeploy/report/layout.hpp"
#include "bgdeploy/report/live_view.hpp"
#include "bgdeploy/report/words.hpp"
#include "every_event.hpp"
#include "fake.hpp"

namespace bgdeploy::report {
namespace {

using testing::ElementsAre;

TEST(Layout, CutsBetweenWords) {
  EXPECT_EQ(cut("all of it", 9), "all of it");
  EXPECT_EQ(cut("shop-green was not healthy", 20), "shop-green was not …");
  EXPECT_EQ(cut("shop-green was not healthy", 19), "shop-green was …");
  EXPECT_EQ(cut("a sha256:0123456789abcdef", 12), "a sha256:01…");
  EXPECT_EQ(cut("anything", k_any_width), "anything");
}

TEST(Layout, WrapsBetweenWords) {
  EXPECT_THAT(wrapped("one two three", 7), ElementsAre("one two", "three"));
  EXPECT_THAT(wrapped("one two three", 7, 4), ElementsAre("one", "two", "three"));
  EXPECT_THAT(wrapped("0123456789", 4), ElementsAre("0123", "4567", "89"));
  EXPECT_THAT(wrapped("", 4), ElementsAre(""));
}

std::vector<Event> long_run() {
  const StepName health{"a-host-with-a-long-name.eu-central-1.compute.internal", "green", "health"};
  const core::Error error{
      core::ErrorKind::unhealthy,
      "shop-green on a-host-with-a-long-name.eu-central-1.compute.internal was not healthy within 20s",
      {"docker started shop-green again 3 times, last after exit code 3"},
      "raise health.timeout (2s), where /health takes longer to answer"};
  PlanMade plan = plan_made();
  plan.steps = {health, {"lb-1, lb-2", "green", "switch", 2}};
  Finished last = failed_run();
  last.error = error;
  last.cause->logs.front().lines.assign(3,
                                        "FATAL: cannot reach the database at db.internal:5432, and gave up");
  return {
      started(),
      plan,
      StepStarted{health, "wait until shop-green is healthy", "shop-green"},
      HealthProbe{health, false, 1, "HTTP 503: starting up, which may take up to a minute on this machine"},
      Warning{"shop-blue did not stop within 30s and was killed, which cut 12 connections", "web-1"},
      Info{"the requests of an earlier configuration are still being finished by 3 old workers"},
      StepFailed{health, "wait until shop-green is healthy", std::chrono::seconds(20), error, "shop-green"},
      StepUndone{health, "", std::chrono::milliseconds(2100), "shop-blue (1.0.0) back in its place"},
      last};
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

// Only a word that is long itself may be broken, and the mark that stands for what is missing.
void expect_whole_words(const std::string& line, const std::string& all) {
  constexpr std::size_t k_long = 20;
  for (const std::string& word : words_of(line)) {
    if (word.ends_with("…")) continue;
    const bool whole = std::ranges::any_of(words_of(all), [&](const std::string& of) {
      return of == word || of == word + ":" || (of.size() > k_long && of.find(word) != std::string::npos);
    });
    EXPECT_TRUE(whole) << word << " in: " << line;
  }
}

class Widths : public testing::TestWithParam<int> {};

TEST_P(Widths, NoLineOfARunIsWiderThanTheTerminal) {
  const Screen screen{.width = GetParam(), .height = 24};
  const core::SteadyTime begin = core::SteadyTime{} + std::chrono::hours(1);
  LiveView wide(false, false, true), view(false, false, true);
  for (const Event& event : long_run()) {
    std::string all;
    for (const std::string& line : wide.apply(event, begin, {.width = 1000})) all += line + " ";
    for (const std::string& line : wide.region(begin, {.width = 1000})) all += line + " ";
    auto lines = view.apply(event, begin, screen);
    for (std::string& line : view.region(begin, screen)) lines.push_back(std::move(line));
    for (const std::string& line : lines) {
      EXPECT_LT(core::display_width(line), screen.width) << line;
      expect_whole_words(line, all);
    }
  }
}

TEST_P(Widths, NoLineOfAnyEventIsWiderThanTheTerminal) {
  const Screen screen{.width = GetParam(), .height = 24};
  LiveView view(false, false, true);
  for (const Event& event : every_event())
    for (const std::string& line : view.apply(event, core::SteadyTime{}, screen))
      EXPECT_LT(core::display_width(line), screen.width) << line;
}

INSTANTIATE_TEST_SUITE_P(Layout, Widths, testing::Values(40, 60, 80, 120));

}  // namespace
}  // namespace bgdeploy::report
