#include "bgdeploy/deploy/logs.hpp"

#include <gtest/gtest.h>

namespace bgdeploy::deploy {
namespace {

TEST(Exec, SaysInWhatNoCommandCanRun) {
  using enum plan::Container::Status;
  plan::Container container;
  container.exit_code = 3;
  const auto why = [&](plan::Container::Status status) {
    container.status = status;
    return why_no_exec(container);
  };
  EXPECT_EQ(why(running), "");
  EXPECT_EQ(why(restarting), "restarting, exited with code 3");
  for (const auto status : {created, paused, exited, dead}) EXPECT_EQ(why(status), "not running");
  container.oom_killed = true;
  EXPECT_EQ(why(restarting), "restarting, exited with code 3 (out of memory)");
}

TEST(Logs, AreFollowedUntilTheirEnd) {
  const core::SystemTime now{std::chrono::hours(1000)};
  const auto until = [&](std::optional<core::SystemTime> end, bool follow = true) {
    return time_to_follow({.follow = follow, .until = end}, now);
  };
  EXPECT_GT(until({}), std::chrono::hours(24));
  EXPECT_EQ(until({}, false), core::Duration());
  EXPECT_EQ(until(now + std::chrono::hours(1), false), core::Duration());
  EXPECT_EQ(until(now - std::chrono::hours(1)), core::Duration());
  EXPECT_EQ(until(now), core::Duration());
  EXPECT_GE(until(now + std::chrono::hours(1)), std::chrono::hours(1));
  EXPECT_LT(until(now + std::chrono::hours(1)), std::chrono::hours(1) + std::chrono::minutes(1));
  EXPECT_EQ(until(core::SystemTime::max()), until({}));
}

}  // namespace
}  // namespace bgdeploy::deploy
