// Somebody else changes the routing while a deploy is under way.
#include "held.hpp"
#include "scenario.hpp"

namespace e2e {
namespace {

class ForeignChange : public Scenario {
protected:
  static void expect_drain_begins(Process& run) {
    ASSERT_TRUE(run.wait_for_line(std::chrono::seconds{30}, [](std::string_view line) {
      const auto event = parse_event(line);
      return event && event->name == "step.started" && event->step == "drain";
    })) << run.err();
  }
};

TEST_F(ForeignChange, BackToTheOldSlotDuringTheDrainKeepsItRunning) {
  for (const char* tag : {"1.0", "1.1"}) lab().image(tag);
  write_spec({{"drain", "drain: {timeout: 5s}"}});
  deploy_well("1.0");
  const auto before = include();
  const auto old = live_slot();
  start_load({.slow_ms = 1000});
  {
    Held held(lab());  // keeps the drain waiting until its cap
    ASSERT_TRUE(held.open());
    auto run = start_bgdeploy({"--progress", "json", "deploy", "--tag", "1.1"});
    expect_drain_begins(run);
    ASSERT_EQ(served(), "1.1");
    lab().write(k_include, before);
    lab().exec({"nginx", "-s", "reload"});
    ASSERT_TRUE(eventually(std::chrono::seconds{4}, [&] { return served() == "1.0"; }));
    const auto finished = run.wait();
    EXPECT_EQ(finished.exit_code, 5) << finished;
    EXPECT_NE(finished.both().find("was changed by somebody else"), std::string::npos) << finished;
    EXPECT_EQ(container_state(old), "running");
    EXPECT_TRUE(held.echoes("still here"));
  }
  EXPECT_EQ(include(), before);
  EXPECT_EQ(served(), "1.0");
  // What stands in the include counts, and the next deploy begins there.
  deploy_well("1.1");
  EXPECT_EQ(container_state(old), "exited");
  stop_load();
}

// The slot that the include does not name is the one that serves: it is not touched before nginx has read it.
TEST_F(ForeignChange, AnIncludeThatNginxHasNotReadIsReadBeforeAnythingStops) {
  for (const char* tag : {"1.0", "1.1", "1.2"}) lab().image(tag);
  write_spec({{"retire", "retire: keep"}});
  deploy_well("1.0");
  const auto before = include();
  deploy_well("1.1");
  start_load({.slow_ms = 1000});
  lab().write(k_include, before);
  // As if nginx had been reloaded long ago.
  lab().exec({"touch", "-d", "10 seconds", k_include});
  ASSERT_EQ(served(), "1.1");
  const auto status = bgdeploy({"status"});
  EXPECT_NE(status.out.find("nginx may send elsewhere"), std::string::npos) << status;
  const auto finished = deploy("1.2");
  EXPECT_EQ(finished.exit_code, 0) << finished;
  EXPECT_NE(finished.err.find("after nginx last read its configuration"), std::string::npos) << finished;
  EXPECT_EQ(served(), "1.2");
  stop_load();
}

}  // namespace
}  // namespace e2e
