// The way back: from each state that the release before this one can be in.
#include <csignal>

#include "scenario.hpp"

namespace e2e {
namespace {

class Rollback : public Scenario {
protected:
  void two_releases(const Sections& sections = {}) {
    lab().image("1.0");
    lab().image("1.1");
    write_spec(sections);
    deploy_well("1.0");
    deploy_well("1.1");
    start_load();
  }

  Finished rollback_well(const std::string& expected, const Words& more = {}) {
    Words arguments{"--progress", "json", "rollback"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    auto finished = bgdeploy(arguments);
    EXPECT_EQ(finished.exit_code, 0) << finished;
    EXPECT_EQ(last_event(finished).name, "rollback.finished") << finished;
    EXPECT_EQ(last_event(finished).all.value("to", ""), expected) << finished;
    EXPECT_EQ(served(), expected);
    return finished;
  }
};

TEST_F(Rollback, StartsTheStoppedContainer) {
  two_releases();
  const auto slot = idle_slot();
  const auto old = container_id(slot);
  ASSERT_EQ(container_state(slot), "exited");
  rollback_well("1.0");
  EXPECT_EQ(container_id(slot), old);
  EXPECT_EQ(container_state(idle_slot()), "exited");
  stop_load();
}

TEST_F(Rollback, SwitchesToTheContainerThatWasKeptRunning) {
  two_releases({{"retire", "retire: keep"}});
  const auto slot = idle_slot();
  const auto old = container_id(slot);
  ASSERT_EQ(container_state(slot), "running");
  rollback_well("1.0");
  EXPECT_EQ(container_id(slot), old);
  stop_load();
}

TEST_F(Rollback, PullsTheRecordedDigestWhenTheContainerAndItsImageAreGone) {
  two_releases({{"retire", "retire: remove"}});
  lab().docker({"image", "prune", "-af"});
  lab().push_again("1.0", {{"VERSION", "moved"}});  // the tag now means something else: the digest does not
  rollback_well("1.0");
  stop_load();
}

TEST_F(Rollback, NeedsNoRegistry) {
  two_releases();
  lab().registry("stop");
  rollback_well("1.0");
  lab().registry("start");
  stop_load();
}

TEST_F(Rollback, NeedsNoRegistryWhileTheImageIsStillThere) {
  two_releases({{"retire", "retire: remove"}});
  lab().registry("stop");
  rollback_well("1.0");
  lab().registry("start");
  stop_load();
}

TEST_F(Rollback, TwiceInARowGoesForwardAgain) {
  two_releases();
  rollback_well("1.0");
  rollback_well("1.1");
  stop_load();
}

TEST_F(Rollback, AfterAFailedDeployGoesToTheReleaseBeforeTheLiveOne) {
  two_releases();
  lab().image("crash", {{"APP_EXIT_AFTER_MS", "0"}});
  const auto failed = deploy("crash");
  ASSERT_EQ(failed.exit_code, 1) << failed;
  rollback_well("1.0");
  stop_load();
}

TEST_F(Rollback, AfterADeployThatAskedTheWrongThingGoesBackAndTheMendedOneGoesThrough) {
  two_releases();
  const auto health = [](const std::string& path) {
    return Sections{{"health", "health: {http: {path: " + path + "}, interval: 100ms, deadline: 2s}"}};
  };
  write_spec(health("/helth"));
  const auto failed = deploy("1.0");
  ASSERT_EQ(failed.exit_code, 1) << failed;
  write_spec(health("/health"));
  rollback_well("1.0");
  write_spec(health("/helth"));
  EXPECT_EQ(deploy("1.1").exit_code, 1);
  write_spec(health("/health"));
  deploy_well("1.1");
  stop_load();
}

TEST_F(Rollback, ToATagFurtherBack) {
  lab().image("1.2");
  two_releases();
  deploy_well("1.2");
  rollback_well("1.0", {"--to", "1.0"});
  stop_load();
}

TEST_F(Rollback, RunsWithTheConfigurationOfThen) {
  lab().image("1.0");
  lab().image("1.1");
  const auto docker = [](const std::string& greeting) {
    return Sections{{"docker", "docker: {container_port: 8080, environment: {GREETING: " + greeting + "}}"},
                    {"retire", "retire: remove"}};
  };
  write_spec(docker("then"));
  deploy_well("1.0");
  start_load();
  write_spec(docker("now"));
  deploy_well("1.1");
  EXPECT_EQ(lab().get("/env?name=GREETING").body, "now");
  rollback_well("1.0");
  EXPECT_EQ(lab().get("/env?name=GREETING").body, "then");
  stop_load();
}

TEST_F(Rollback, WithNothingToGoBackToIsExitTwo) {
  lab().image("1.0");
  write_spec();
  deploy_well("1.0");
  const auto before = world();
  const auto finished = bgdeploy({"rollback"});
  EXPECT_EQ(finished.exit_code, 2) << finished;
  EXPECT_EQ(world(), before);
}

TEST_F(Rollback, ToAReleaseThatNeverWasIsExitTwo) {
  two_releases();
  const auto before = world();
  const auto finished = bgdeploy({"rollback", "--to", "0.9"});
  EXPECT_EQ(finished.exit_code, 2) << finished;
  EXPECT_NE(finished.both().find("0.9"), std::string::npos) << finished;
  EXPECT_EQ(world(), before);
  stop_load();
}

TEST_F(Rollback, FromAReleaseThatDied) {
  for (const char* tag : {"1.0", "1.1"}) lab().image(tag);
  write_spec();
  deploy_well("1.0");
  deploy_well("1.1");
  lab().docker({"kill", "shop-" + live_slot()});
  ASSERT_EQ(served(), "");
  rollback_well("1.0");
}

TEST_F(Rollback, FromAReleaseWhoseContainerIsGone) {
  for (const char* tag : {"1.0", "1.1"}) lab().image(tag);
  write_spec();
  deploy_well("1.0");
  deploy_well("1.1");
  lab().docker({"rm", "-f", "shop-" + live_slot()});
  rollback_well("1.0");
}

// The release that is to come back can be spoilt from outside: here its way to the network is.
TEST_F(Rollback, ToAReleaseThatDoesNotComeUpLeavesTrafficWhereItIs) {
  two_releases({{"health", "health: {http: {path: /health}, interval: 100ms, deadline: 8s}"}});
  lab().docker({"network", "disconnect", "bridge", "shop-" + idle_slot()});
  const auto before = world();
  const auto finished = bgdeploy({"--progress", "json", "rollback"});
  EXPECT_EQ(finished.exit_code, 1) << finished;
  EXPECT_EQ(last_event(finished).all.value("result", ""), "failed") << finished;
  EXPECT_EQ(world(), before) << finished;
  stop_load();
}

TEST_F(Rollback, InterruptedBeforeTheSwitchIsUndoneAndStaysPossible) {
  lab().image("slow-boot", {{"APP_BOOT_MS", "3000"}});
  lab().image("1.1");
  write_spec();
  ASSERT_EQ(deploy("slow-boot").exit_code, 0);
  deploy_well("1.1");
  start_load();
  const auto before = world();
  auto run = start_bgdeploy({"--progress", "json", "rollback"});
  ASSERT_TRUE(run.wait_for_line(std::chrono::seconds{60}, [](std::string_view line) {
    const auto event = parse_event(line);
    return event && event->name == "health.probe";
  })) << run.err();
  run.signal(SIGTERM);
  const auto finished = run.wait();
  EXPECT_EQ(finished.exit_code, 130) << finished;
  EXPECT_EQ(last_event(finished).all.value("result", ""), "interrupted") << finished;
  EXPECT_EQ(world(), before) << finished;
  rollback_well("slow-boot");
  stop_load();
}

}  // namespace
}  // namespace e2e
