// The loop, on a clock that jumps.
#include <gmock/gmock.h>

#include <vector>

#include "bgdeploy/health/health.hpp"

namespace bgdeploy::health {
namespace {

using core::Duration;
using core::ErrorKind;
using namespace std::chrono_literals;

class JumpingClock final : public core::Clock {
public:
  core::SteadyTime now() const override { return m_now; }
  core::SystemTime wall() const override { return {}; }
  bool sleep_for(Duration duration, std::stop_token stop) override {
    m_now += duration;
    return !stop.stop_requested();
  }
  void pass(Duration duration) { m_now += duration; }
  Duration since_start() const { return std::chrono::duration_cast<Duration>(m_now - k_start); }

  static constexpr core::SteadyTime k_start = core::SteadyTime{} + 1h;

private:
  core::SteadyTime m_now = k_start;
};

// An application that is healthy in a given span of time, and takes a while to answer.
struct App final : Prober {
  explicit App(JumpingClock& with_clock) : clock(with_clock) {}
  Answer probe(const core::Wait& wait) override {
    asked.push_back(clock.since_start());
    // Goes by the machine's clock, so it is as good as exact.
    using HalfSeconds = std::chrono::duration<Duration::rep, std::ratio<1, 2>>;
    allowed.push_back(std::chrono::round<HalfSeconds>(wait.left()));
    if (takes > allowed.back()) {
      clock.pass(allowed.back());
      return {.text = "timed out after 2s", .timed_out = true};
    }
    clock.pass(takes);
    if (asked.back() >= lost_at) return {false, "web-1: connection lost", true};
    if (asked.back() >= final_at) return {.text = "no such check", .is_final = true};
    if (asked.back() >= healthy_from && asked.back() < healthy_until) return {true, "HTTP 200"};
    return {.text = "HTTP 503", .asked = asks};
  }
  JumpingClock& clock;
  Duration healthy_from = 1h, healthy_until = 2h, lost_at = 9h, final_at = 9h, takes = 1ms;
  std::vector<Duration> asked, allowed;
  std::string asks;
};

class Await : public testing::Test {
protected:
  core::Result<void> run() {
    const Waiting waiting{health, JumpingClock::k_start, exited,
                          [this](const Answer&, int attempt) { attempts.push_back(attempt); }};
    return await_healthy(app, waiting, clock, stop.get_token());
  }

  JumpingClock clock;
  App app{clock};
  spec::Health health;
  std::function<bool()> exited;
  std::stop_source stop;
  std::vector<int> attempts;
};

TEST_F(Await, AsksAtOnce) {
  app.healthy_from = 0ms;
  EXPECT_TRUE(run());
  EXPECT_EQ(app.asked, std::vector<Duration>{0ms});
  EXPECT_EQ(attempts, std::vector<int>{1});
}

TEST_F(Await, AsksMoreOftenAtFirstAndThenEveryInterval) {
  app.healthy_from = 2s;
  EXPECT_TRUE(run());
  EXPECT_EQ(app.asked,
            (std::vector<Duration>{0ms, 50ms, 125ms, 237ms, 405ms, 657ms, 1035ms, 1535ms, 2035ms}));
}

TEST_F(Await, AShorterIntervalIsKept) {
  health.interval = 20ms;
  app.healthy_from = 50ms;
  EXPECT_TRUE(run());
  EXPECT_EQ(app.asked, (std::vector<Duration>{0ms, 20ms, 40ms, 60ms}));
}

TEST_F(Await, ASlowAnswerDoesNotAddToTheInterval) {
  app.takes = 300ms;
  app.healthy_from = 1500ms;
  EXPECT_TRUE(run());
  EXPECT_EQ(app.asked, (std::vector<Duration>{0ms, 300ms, 600ms, 900ms, 1200ms, 1500ms}));
}

TEST_F(Await, ConsecutiveAnswersAreSpacedByTheWholeInterval) {
  health.success_threshold = 3;
  app.healthy_from = 0ms;
  EXPECT_TRUE(run());
  EXPECT_EQ(app.asked, (std::vector<Duration>{0ms, 500ms, 1000ms}));
}

TEST_F(Await, AFailureBetweenStartsTheCountAgain) {
  health.success_threshold = 2;
  app.healthy_from = 0ms;
  app.healthy_until = 1ms;
  health.deadline = 10s;
  const auto result = run();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::unhealthy);
}

TEST_F(Await, GivesUpAtTheDeadlineQuotingTheLastAnswer) {
  health.deadline = 10s;
  const auto result = run();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::unhealthy);
  EXPECT_EQ(result.error().message, "the container was not healthy within 10s, last answer: HTTP 503");
  EXPECT_EQ(app.asked.back(), 10s) << "the whole time is the application's";
}

TEST_F(Await, TheDeadlineCountsFromTheContainersStartButOneProbeIsAlwaysMade) {
  clock.pass(10min);
  app.healthy_from = 0ms;
  EXPECT_TRUE(run());
  app.healthy_from = 1h;
  EXPECT_EQ(run().error().kind, ErrorKind::unhealthy);
  EXPECT_EQ(app.asked.size(), 2u);
}

TEST_F(Await, TheDeadlineBoundsTheProbeThatItComesUponButLeavesItAMoment) {
  health.timeout = health.interval = 4s;
  health.deadline = 10s;
  app.takes = 3300ms;
  const auto result = run();
  ASSERT_FALSE(result);
  EXPECT_EQ(app.asked, (std::vector<Duration>{0ms, 3300ms, 6600ms, 9900ms}));
  EXPECT_EQ(app.allowed, (std::vector<Duration>{4s, 4s, 3500ms, 500ms}));
  EXPECT_EQ(clock.since_start(), 10400ms);
  EXPECT_EQ(result.error().message, "the container was not healthy within 10s, last answer: HTTP 503")
      << "not that the last one had no time";
}

TEST_F(Await, TheFirstProbeHasItsWholeTimeoutHoweverLate) {
  clock.pass(10min);
  app.healthy_from = 0ms;
  app.takes = 1900ms;
  EXPECT_TRUE(run());
  EXPECT_EQ(app.allowed, std::vector<Duration>{2s});
}

TEST_F(Await, GivesUpAtOnceWhenTheContainerExits) {
  exited = [this] { return clock.since_start() >= 400ms; };
  const auto result = run();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::unhealthy);
  EXPECT_EQ(result.error().message, "the container exited before it was healthy, last answer: HTTP 503");
  EXPECT_LT(clock.since_start(), 1s);
}

TEST_F(Await, GivesUpAtOnceWhenTheAnswerIsFinal) {
  app.final_at = 50ms;
  const auto result = run();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::unhealthy);
  EXPECT_EQ(result.error().message, "the container: no such check");
  EXPECT_EQ(app.asked.size(), 2u);
}

TEST_F(Await, DoesNotAskAContainerThatHasExited) {
  exited = [] { return true; };
  EXPECT_EQ(run().error().message, "the container exited before it was healthy");
  EXPECT_TRUE(app.asked.empty());
}

TEST_F(Await, SaysWhatWasAskedAndWhatIsKnownOfIt) {
  health.deadline = 10s;
  app.asks = "GET http://127.0.0.1:8081/health";
  const Waiting waiting{health,
                        JumpingClock::k_start,
                        exited,
                        [](const Answer&, int) {},
                        "shop-blue",
                        [](Answer& answer) {
                          answer.text = "nothing listens on 9090";
                          answer.next = "set docker.container_port: 8080";
                        }};
  const auto result = await_healthy(app, waiting, clock, stop.get_token());
  ASSERT_FALSE(result);
  EXPECT_EQ(
      result.error().message,
      "shop-blue was not healthy within 10s: GET http://127.0.0.1:8081/health: nothing listens on 9090");
  EXPECT_EQ(result.error().next, "set docker.container_port: 8080");
}

TEST_F(Await, IsCancelled) {
  stop.request_stop();
  EXPECT_EQ(run().error().kind, ErrorKind::cancelled);
  EXPECT_TRUE(app.asked.empty());
}

TEST_F(Await, ALostHostIsNoUnhealthyContainer) {
  app.lost_at = 200ms;
  const auto result = run();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::lost);
  EXPECT_EQ(result.error().message, "web-1: connection lost");
}

}  // namespace
}  // namespace bgdeploy::health
