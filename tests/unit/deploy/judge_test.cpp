#include "deploy/watch/judge.hpp"

#include <gmock/gmock.h>

#include <latch>

#include "deploy/watch/look_after.hpp"

namespace bgdeploy::deploy {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using Kind = WatchVerdict::Kind;

const Sight k_good{.good = true, .answer = "HTTP 200"};
const Sight k_bad{.good = false, .answer = "HTTP 503"};
const Sight k_none{.good = {}, .answer = "3 of 100 responses were seen"};

class JudgeTest : public testing::Test {
protected:
  Judge judge(std::vector<WatchCheck> checks) const { return {settings, checks, start}; }
  static std::optional<Kind> kind(const Judge& judge, core::SteadyTime now) {
    const auto verdict = judge.verdict(now);
    return verdict ? std::optional(verdict->kind) : std::nullopt;
  }
  spec::Watch settings{.for_at_least = 30s, .failures = 3};
  core::SteadyTime start{};
};

TEST_F(JudgeTest, GoodOnlyWhenTheTimeIsOver) {
  Judge one = judge({{"health", "web-1"}});
  one.see(0, k_good, start + 1s);
  EXPECT_EQ(kind(one, start + 29s), std::nullopt);
  EXPECT_EQ(kind(one, start + 30s), Kind::good);
}

TEST_F(JudgeTest, BadAfterAsManyInARowOfOneCheckOnOneHost) {
  Judge two = judge({{"health", "web-1"}, {"health", "web-2"}});
  for (int i = 0; i < 2; ++i) {
    two.see(0, k_bad, start + 1s);
    two.see(1, k_bad, start + 1s);
  }
  EXPECT_EQ(kind(two, start + 1s), std::nullopt);
  two.see(0, k_good, start + 2s);
  two.see(0, k_bad, start + 3s);
  EXPECT_EQ(kind(two, start + 3s), std::nullopt);
  two.see(1, k_bad, start + 3s);
  const auto verdict = two.verdict(start + 3s);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->kind, Kind::bad);
  EXPECT_THAT(verdict->why, ElementsAre("web-2: health: HTTP 503, 3 times in a row"));
}

TEST_F(JudgeTest, ALookWithoutAVerdictNeitherEndsARowNorGoesOnWithIt) {
  Judge one = judge({{"run ./x", ""}});
  for (int i = 0; i < 2; ++i) {
    one.see(0, k_bad, start + 1s);
    one.see(0, k_none, start + 2s);
  }
  EXPECT_EQ(kind(one, start + 2s), std::nullopt);
  one.see(0, k_bad, start + 3s);
  EXPECT_EQ(kind(one, start + 3s), Kind::bad);
}

TEST_F(JudgeTest, AnEndedContainerIsBadAtOnce) {
  Judge two = judge({{"health", "web-1"}, {.name = "container", .host = "web-1", .only_bad = true}});
  two.see(0, k_good, start + 1s);
  EXPECT_EQ(kind(two, start + 30s), Kind::good) << "one that never ends says nothing";
  two.see(1, {.good = false, .answer = "exited with exit code 137: it ran out of memory", .at_once = true},
          start + 2s);
  const auto verdict = two.verdict(start + 2s);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->kind, Kind::bad);
  EXPECT_THAT(verdict->why, ElementsAre("web-1: container: exited with exit code 137: it ran out of memory"));
}

TEST_F(JudgeTest, NoTrafficIsNoSuccess) {
  Judge two = judge({{"health", "web-1"}, {.name = "responses", .host = "nginx-1", .one_is_enough = true}});
  two.see(0, k_good, start + 1s);
  two.see(1, k_none, start + 30s);
  const auto verdict = two.verdict(start + 30s);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->kind, Kind::inconclusive);
  EXPECT_THAT(verdict->why, ElementsAre("nginx-1: responses: 3 of 100 responses were seen"));
}

TEST_F(JudgeTest, OneProxyWithTrafficIsEnough) {
  Judge two = judge({{.name = "responses", .host = "nginx-1", .one_is_enough = true},
                     {.name = "responses", .host = "nginx-2", .one_is_enough = true}});
  two.see(0, k_good, start + 1s);
  two.see(1, k_none, start + 30s);
  EXPECT_EQ(kind(two, start + 30s), Kind::good);
}

TEST_F(JudgeTest, AHostThatCannotBeAskedAnyMoreIsNoSuccess) {
  Judge one = judge({{"health", "web-1"}});
  one.see(0, k_good, start + 1s);
  one.see(0, {.good = {}, .answer = "the connection is gone", .lost = true}, start + 30s);
  EXPECT_EQ(kind(one, start + 30s), Kind::inconclusive);
}

TEST_F(JudgeTest, WhatIsBadWhenTheTimeIsOverGetsTheLooksThatTell) {
  Judge one = judge({{"health", "web-1"}});
  one.see(0, k_good, start + 28s);
  one.see(0, k_bad, start + 29s);
  EXPECT_EQ(kind(one, start + 30s), std::nullopt);
  one.see(0, k_good, start + 31s);
  EXPECT_EQ(kind(one, start + 31s), Kind::good);

  Judge other = judge({{"health", "web-1"}});
  other.see(0, k_bad, start + 30s);
  other.see(0, k_bad, start + 31s);
  EXPECT_EQ(kind(other, start + 31s), std::nullopt);
  other.see(0, k_bad, start + 32s);
  EXPECT_EQ(kind(other, start + 32s), Kind::bad);

  Judge silent = judge({{"run ./x", ""}});
  silent.see(0, k_bad, start + 29s);
  for (int i = 0; i < 3; ++i) silent.see(0, k_none, start + 30s);
  EXPECT_EQ(kind(silent, start + 33s), Kind::inconclusive) << "it does not go on for ever";
}

TEST_F(JudgeTest, WaitsForTheFirstLookOfEach) {
  Judge two = judge({{"health", "web-1"}, {"run ./slow", ""}});
  two.see(0, k_good, start + 1s);
  EXPECT_EQ(kind(two, start + 40s), std::nullopt);
  two.see(1, k_good, start + 41s);
  EXPECT_EQ(kind(two, start + 41s), Kind::good);
}

TEST(LookAfter, ASlowCheckDoesNotHoldUpAQuickOne) {
  const spec::Watch settings{.for_at_least = 1h, .interval = 1ms, .failures = 3};
  std::latch begun(1);
  std::atomic<bool> ended = false;
  const std::vector<Looker> lookers = {
      {.check = {"run ./slow"},
       .longest = 1h,
       .look = [&](const core::Wait& wait) -> Sight {
         begun.count_down();
         core::system_clock().sleep_for(1h, wait.stop);
         ended = true;
         return {};
       }},
      {.check = {"health", "web-1"}, .longest = 1s, .look = [&](const core::Wait&) {
         begun.wait();
         return k_bad;
       }}};
  const auto verdict =
      look_after(settings, lookers, core::system_clock(), {}, [](const WatchCheck&, const Sight&) {});
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->kind, Kind::bad);
  EXPECT_TRUE(ended);
}

TEST(LookAfter, ASignalIsNoVerdict) {
  const spec::Watch settings{.for_at_least = 1h, .interval = 1ms};
  std::stop_source stop;
  const std::vector<Looker> lookers = {
      {.check = {"health", "web-1"}, .longest = 1s, .look = [&](const core::Wait&) {
         stop.request_stop();
         return k_bad;
       }}};
  int seen = 0;
  EXPECT_EQ(look_after(settings, lookers, core::system_clock(), stop.get_token(),
                       [&](const WatchCheck&, const Sight&) { ++seen; }),
            std::nullopt);
  EXPECT_EQ(seen, 0) << "a look that was called off says nothing";
}

TEST(LookAfter, AnExceptionIsNoVerdict) {
  const spec::Watch settings{.for_at_least = 1ms, .interval = 1ms};
  const std::vector<Looker> lookers = {
      {.check = {"health", "web-1"}, .longest = 1s, .look = [](const core::Wait&) -> Sight {
         throw std::runtime_error("out of luck");
       }}};
  const auto verdict =
      look_after(settings, lookers, core::system_clock(), {}, [](const WatchCheck&, const Sight&) {});
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->kind, Kind::inconclusive);
}

}  // namespace
}  // namespace bgdeploy::deploy
