// Connections that outlive the switch.
#include "held.hpp"
#include "scenario.hpp"

namespace e2e {
namespace {

class Drain : public Scenario {};

TEST_F(Drain, EndsAtItsCapAndSaysWhatItCut) {
  for (const char* tag : {"1.0", "1.1"}) lab().image(tag);
  write_spec({{"drain", "drain: {timeout: 4s}"},
              {"docker", "docker: {container_port: 8080, stop_grace_period: 1s}"}});
  deploy_well("1.0");
  Held held(lab());
  ASSERT_TRUE(held.open());
  start_load({.slow_ms = 1000});
  auto run = start_bgdeploy({"--progress", "json", "deploy", "--tag", "1.1"});
  ASSERT_TRUE(run.wait_for_line(std::chrono::seconds{60}, [](std::string_view line) {
    const auto event = parse_event(line);
    return event && event->name == "step.started" && event->step == "drain";
  })) << run.err();
  EXPECT_TRUE(held.echoes("still here")) << "an open connection survives the switch until the cap";
  const auto finished = run.wait();
  EXPECT_EQ(finished.exit_code, 0) << finished;
  EXPECT_GE(finished.took, std::chrono::seconds{4}) << finished;
  EXPECT_LT(finished.took, std::chrono::seconds{15}) << finished;
  EXPECT_NE(finished.both().find("1 connection"), std::string::npos)
      << "it does not say what it cut" << finished;
  EXPECT_EQ(served(), "1.1");
  EXPECT_FALSE(held.echoes("gone"));
  stop_load();
}

TEST_F(Drain, EndsAsSoonAsNothingUsesTheOldSlot) {
  for (const char* tag : {"1.0", "1.1"}) lab().image(tag);
  write_spec({{"drain", "drain: {timeout: 1m}"}});
  deploy_well("1.0");
  const auto finished = deploy("1.1");
  EXPECT_EQ(finished.exit_code, 0) << finished;
  EXPECT_LT(finished.took, std::chrono::seconds{30}) << finished;
}

TEST_F(Drain, AnApplicationDeafToSigtermIsKilledAfterItsGracePeriod) {
  lab().image("deaf", {{"APP_IGNORE_SIGTERM", "1"}, {"VERSION", "deaf"}});
  lab().image("1.1");
  write_spec({{"docker", "docker: {container_port: 8080, stop_grace_period: 1s}"}});
  deploy_well("deaf");
  start_load({.slow_ms = 1000});
  const auto finished = deploy("1.1");
  EXPECT_EQ(finished.exit_code, 0) << finished;
  EXPECT_EQ(served(), "1.1");
  EXPECT_EQ(container_state("blue"), "exited");
  stop_load();
}

}  // namespace
}  // namespace e2e
