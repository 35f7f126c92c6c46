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

}  // namespace
}  // namespace bgdeploy::deploy
