#include <gmock/gmock.h>

#include "bgdeploy/report/story.hpp"
#include "fake.hpp"

namespace bgdeploy::report {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

template <class... Events>
std::optional<Cause> told(Events&&... events) {
  Story story;
  for (Event event : {Event(std::forward<Events>(events))...}) story.see(event);
  Event last = finished(1, Verdict::failed);
  story.see(last);
  return std::get<Finished>(last).cause;
}

HealthProbe probe(std::string answer, bool healthy = false) {
  return {k_health, healthy, 1, std::move(answer), "GET /health"};
}

TEST(Story, TellsTheLogOfTheHostThatFailed) {
  const auto cause = told(LogLine{{"web-2", "green", "restore"}, "all well"}, output("panic"), failed_step());
  ASSERT_TRUE(cause);
  EXPECT_EQ(cause->host, "web-1");
  ASSERT_THAT(cause->logs, SizeIs(1));
  EXPECT_EQ(cause->logs.front().host, "web-1");
  EXPECT_THAT(cause->logs.front().lines, ElementsAre("panic"));
}

TEST(Story, KnowsWhatEachStepTookOnTheSlowestHost) {
  Story story;
  for (const int ms : {300, 700, 500}) {
    Event event = StepFinished{k_health, "wait", core::Duration(ms)};
    story.see(event);
  }
  EXPECT_EQ(story.step_times(), (std::map<std::string, core::Duration>{{"health", core::Duration(700)}}));
}

TEST(Story, AHostThatGaveUpIsNoCause) {
  StepFailed other = failed_step();
  other.step.host = "web-2";
  other.error.kind = core::ErrorKind::cancelled;
  EXPECT_EQ(told(other, failed_step())->host, "web-1");
  EXPECT_EQ(told(failed_step(), other)->host, "web-1");
  EXPECT_EQ(told(other)->host, "web-2");
}

TEST(Story, CountsTheSameAnswerInARow) {
  const auto cause = told(probe("refused"), probe("HTTP 503"), probe("HTTP 503"), failed_step());
  ASSERT_TRUE(cause->asked);
  EXPECT_EQ(cause->asked->question, "GET /health");
  EXPECT_EQ(cause->asked->answer, "HTTP 503");
  EXPECT_EQ(cause->asked->times, 2);
  EXPECT_FALSE(told(probe("HTTP 503"), probe("HTTP 200", true), failed_step())->asked);
}

TEST(Story, AWatchTellsTheCheckThatFoundItBad) {
  const StepName watch{"lb-1, lb-2", "green", "watch", 2};
  const auto cause =
      told(WatchSeen{watch, "health", "web-2", false, "HTTP 500"},
           WatchSeen{watch, "url", "", true, "HTTP 200"}, StepFailed{watch, "", {}, {}},
           LogLine{{"web-1", "green", "restore"}, "well"}, LogLine{{"web-2", "green", "restore"}, "panic"});
  EXPECT_EQ(cause->host, "web-2");
  ASSERT_THAT(cause->logs, SizeIs(1));
  EXPECT_THAT(cause->logs.front().lines, ElementsAre("panic"));
  EXPECT_EQ(cause->asked->question, "health");
}

TEST(Story, KeepsTheLastLinesOfALongLog) {
  Story story;
  for (int i = 0; i < 50; ++i) {
    Event line = output("line " + std::to_string(i));
    story.see(line);
  }
  Event failed = failed_step(), last = finished(1, Verdict::failed);
  story.see(failed);
  story.see(last);
  const auto& lines = std::get<Finished>(last).cause->logs.front().lines;
  EXPECT_THAT(lines, SizeIs(15));
  EXPECT_EQ(lines.back(), "line 49");
}

TEST(Story, ASuccessHasNoCause) {
  Story story;
  Event failed = failed_step(), last = finished(0, Verdict::succeeded);
  story.see(failed);
  story.see(last);
  EXPECT_FALSE(std::get<Finished>(last).cause);
}

}  // namespace
}  // namespace bgdeploy::report
