// Dying at any instant: the service stays up, and the next run needs no repair.
#include <csignal>
#include <random>
#include <thread>

#include "scenario.hpp"

namespace e2e {
namespace {

constexpr Duration k_patience = std::chrono::seconds{60};

class Death : public Scenario {
protected:
  void SetUp() override {
    Scenario::SetUp();
    for (const char* tag : {"1.0", "1.1"}) lab().image(tag);
    write_spec();
    deploy_well("1.0");
  }

  // The tag that is not served now: each run deploys the other one.
  std::string other() const { return served() == "1.0" ? "1.1" : "1.0"; }

  Process start_deploy(const std::string& tag) const {
    return start_bgdeploy({"--progress", "json", "deploy", "--tag", tag});
  }

  // After a death: one of the two releases answers, and the next deploy gets through without a word of help.
  void expect_next_deploy_works(const std::string& tag, const std::string& died) {
    SCOPED_TRACE(died);
    // Asked once: the switch may be taken back between two questions.
    const auto now = served();
    EXPECT_TRUE(now == "1.0" || now == "1.1") << now << " serves";
    const auto next = deploy(tag);
    EXPECT_EQ(next.exit_code, 0) << next;
    EXPECT_EQ(served(), tag);
    EXPECT_EQ(containers(true).size(), 1U) << "old and new both run";
    for (const auto& name : containers()) EXPECT_TRUE(name == "shop-blue" || name == "shop-green") << name;
  }
};

bool is_step(const Event& event) {
  return event.name == "step.started" || event.name == "step.finished";
}

std::size_t boundaries_in(const Finished& run) {
  std::size_t count = 0;
  for (const auto& event : events_in(run.err)) count += is_step(event) ? 1 : 0;
  return count;
}

// Lets the run get to its step boundary number `at`, and says where that is.
std::string wait_for_boundary(Process& run, std::size_t at) {
  std::size_t seen = 0;
  std::string where = "its end";
  run.wait_for_line(k_patience, [&](std::string_view line) {
    const auto event = parse_event(line);
    if (!event || !is_step(*event) || seen++ != at) return false;
    where = event->all.dump();
    return true;
  });
  return where;
}

std::string kill_at_boundary(Process run, std::size_t at) {
  const auto where = wait_for_boundary(run, at);
  run.signal(SIGKILL);
  run.wait();
  return "killed at " + where;
}

TEST_F(Death, ByKillAtEveryStepBoundary) {
  start_load({.rate = 100, .slow_ms = 400});
  const auto model = bgdeploy({"--progress", "json", "deploy", "--tag", "1.1"});
  ASSERT_EQ(model.exit_code, 0) << model;
  const auto boundaries = boundaries_in(model);
  ASSERT_GE(boundaries, 8U) << "pull, start, health, switch at least, each with two boundaries" << model;
  for (std::size_t at = 0; at < boundaries; ++at) {
    const auto tag = other();
    expect_next_deploy_works(tag, kill_at_boundary(start_deploy(tag), at));
  }
  stop_load();
}

TEST_F(Death, ByKillAtEveryStepBoundaryOfARollback) {
  deploy_well("1.1");
  start_load({.rate = 100, .slow_ms = 400});
  const auto model = bgdeploy({"--progress", "json", "rollback"});
  ASSERT_EQ(model.exit_code, 0) << model;
  const auto boundaries = boundaries_in(model);
  ASSERT_GE(boundaries, 6U) << "start, health, switch at least" << model;
  for (std::size_t at = 0; at < boundaries; ++at) {
    const auto tag = other();
    expect_next_deploy_works(tag, kill_at_boundary(start_bgdeploy({"--progress", "json", "rollback"}), at));
  }
  stop_load();
}

TEST_F(Death, ByKillAtEveryStepBoundaryOfAFirstDeploy) {
  constexpr std::size_t k_boundaries = 8;  // pull, start, health and switch, each with two
  for (std::size_t at = 0; at < k_boundaries; ++at) {
    lab().reset();
    lab().image("1.0");
    const auto died = kill_at_boundary(start_deploy("1.0"), at);
    SCOPED_TRACE(died);
    EXPECT_NE(died, "killed at its end");
    const auto next = deploy("1.0");
    EXPECT_EQ(next.exit_code, 0) << next;
    EXPECT_EQ(served(), "1.0");
    EXPECT_EQ(containers(), Words{"shop-" + live_slot()});
  }
}

// Every SSH connection of the host, cut at once: the deployer lives on and has to say how it ended.
TEST_F(Death, ByACutConnectionAtEveryStepBoundary) {
  start_load({.rate = 100, .slow_ms = 400});
  const auto model = bgdeploy({"--progress", "json", "deploy", "--tag", "1.1"});
  ASSERT_EQ(model.exit_code, 0) << model;
  const auto boundaries = boundaries_in(model);
  for (std::size_t at = 0; at < boundaries; ++at) {
    const auto tag = other();
    const auto before = served();
    auto run = start_deploy(tag);
    const auto where = wait_for_boundary(run, at);
    // The processes of connections are "sshd: root@notty"; the one that listens is not.
    lab().exec(
        {"sh", "-c", "ps -eo pid=,args= | awk '$2 == \"sshd:\" && $3 ~ /@/ {print $1}' | xargs -r kill -9"});
    const auto finished = run.wait();
    SCOPED_TRACE("cut at " + where);
    EXPECT_LT(finished.took, std::chrono::seconds{30}) << finished;
    if (finished.exit_code == 0 || finished.exit_code == 6) {
      EXPECT_EQ(served(), tag) << finished;
    } else {
      EXPECT_EQ(finished.exit_code, 1) << finished;
      EXPECT_EQ(served(), before) << finished;
    }
    EXPECT_EQ(finished.err.find("interrupted"), std::string::npos) << "nobody interrupted it" << finished;
    expect_next_deploy_works(tag, "cut at " + where);
  }
  stop_load();
}

TEST_F(Death, ByKillAtTwentyRandomMoments) {
  constexpr unsigned k_seed = 20'261'121;
  constexpr int k_times = 20;
  start_load({.rate = 100, .slow_ms = 400});
  const auto model = bgdeploy({"deploy", "--tag", "1.1"});
  ASSERT_EQ(model.exit_code, 0) << model;
  std::mt19937 random(k_seed);
  std::uniform_int_distribution<int> moment(0, static_cast<int>(model.took.count()));
  for (int i = 0; i < k_times; ++i) {
    const auto tag = other();
    const Duration after{moment(random)};
    auto run = start_deploy(tag);
    run.wait_for_line(after, [](std::string_view) { return false; });
    run.signal(SIGKILL);
    run.wait();
    expect_next_deploy_works(tag, "killed after " + std::to_string(after.count()) + " ms");
  }
  stop_load();
}

TEST_F(Death, ByKillThenRollback) {
  start_load();
  deploy_well("1.1");
  lab().image("1.2", {{"APP_BOOT_MS", "3000"}});
  auto run = start_deploy("1.2");
  ASSERT_TRUE(run.wait_for_line(k_patience, [](std::string_view line) {
    const auto event = parse_event(line);
    return event && event->name == "step.started" && event->step == "health";
  })) << run.err();
  run.signal(SIGKILL);
  run.wait();
  const auto back = bgdeploy({"rollback"});
  EXPECT_EQ(back.exit_code, 0) << back;
  EXPECT_EQ(served(), "1.0");
  stop_load();
}

TEST_F(Death, ByKillThenDeployOfWhatIsLiveLeavesOnlyTheLiveRelease) {
  start_load();
  lab().image("1.2", {{"APP_BOOT_MS", "3000"}});
  auto run = start_deploy("1.2");
  ASSERT_TRUE(run.wait_for_line(k_patience, [](std::string_view line) {
    const auto event = parse_event(line);
    return event && event->name == "step.started" && event->step == "health";
  })) << run.err();
  run.signal(SIGKILL);
  run.wait();
  const auto tidied = deploy("1.0");
  EXPECT_EQ(tidied.exit_code, 0) << tidied;
  EXPECT_EQ(served(), "1.0");
  EXPECT_EQ(containers(true), Words{"shop-blue"});
  stop_load();
}

// The second run finds the container of the first, which runs.
TEST_F(Death, ByKillThenAnInterruptedRunOrAnAbortLeavesWhatWasBeforeAndSaysWhatWent) {
  start_load();
  deploy_well("1.1");
  lab().image("1.2", {{"APP_BOOT_MS", "60000"}});
  const auto live = containers(true);
  for (const bool again : {true, false}) {
    auto died = start_deploy("1.2");
    const auto asked = [](std::string_view line) {
      const auto event = parse_event(line);
      return event && event->name == "health.probe";
    };
    ASSERT_TRUE(died.wait_for_line(k_patience, asked)) << died.err();
    died.signal(SIGKILL);
    died.wait();
    EXPECT_EQ(containers(true).size(), 2U);
    if (again) {
      auto next = start_deploy("1.2");
      ASSERT_TRUE(next.wait_for_line(k_patience, asked)) << next.err();
      next.signal(SIGINT);
      const auto finished = next.wait();
      EXPECT_EQ(finished.exit_code, 130) << finished;
    } else {
      const auto aborted = bgdeploy({"abort", "--progress", "json"});
      EXPECT_EQ(last_event(aborted).all.value("to", ""), "1.2") << aborted;
      EXPECT_EQ(containers().size(), 2U) << "1.0 is back in its slot";
    }
    EXPECT_EQ(containers(true), live);
  }
  const auto back = bgdeploy({"rollback"});
  EXPECT_EQ(back.exit_code, 0) << back;
  EXPECT_EQ(served(), "1.0");
  stop_load();
}

TEST_F(Death, InterruptedBeforeTheCommitIsUndone) {
  for (const int number : {SIGINT, SIGTERM}) {
    lab().image("slow-boot", {{"APP_BOOT_MS", "8000"}});
    start_load();
    const auto before = world();
    auto run = start_deploy("slow-boot");
    ASSERT_TRUE(run.wait_for_line(k_patience, [](std::string_view line) {
      const auto event = parse_event(line);
      return event && event->name == "health.probe";
    })) << run.err();
    run.signal(number);
    const auto finished = run.wait();
    EXPECT_EQ(finished.exit_code, 130) << finished;
    EXPECT_EQ(last_event(finished).all.value("result", ""), "interrupted") << finished;
    EXPECT_EQ(world(), before);
    stop_load();
  }
}

TEST_F(Death, InterruptedAfterTheCommitKeepsTheNewRelease) {
  start_load({.rate = 100, .slow_ms = 6000});
  auto run = start_deploy("1.1");
  ASSERT_TRUE(run.wait_for_line(k_patience, [](std::string_view line) {
    const auto event = parse_event(line);
    return event && event->name == "step.started" && event->step == "drain";
  })) << run.err();
  run.signal(SIGINT);
  const auto finished = run.wait();
  EXPECT_EQ(finished.exit_code, 6) << finished;
  EXPECT_EQ(served(), "1.1");
  const auto again = deploy("1.1");
  EXPECT_EQ(again.exit_code, 0) << again;
  EXPECT_EQ(containers(true), Words{"shop-" + live_slot()}) << again;
  const auto back = bgdeploy({"rollback"});
  EXPECT_EQ(back.exit_code, 0) << back;
  EXPECT_EQ(served(), "1.0") << "a run that only tidied up is no release to come back from" << back;
  stop_load();
}

// A daemon that answers no more makes the undo hang.
TEST_F(Death, AThirdCtrlCEndsAnUndoThatHangsAndSaysWhatIsNotUndone) {
  const auto daemon = [](const std::string& signal) {
    const auto sent = lab().exec({"sh", "-c", "kill -" + signal + " $(cat /run/lab/dockerd.pid)"});
    EXPECT_EQ(sent.exit_code, 0) << sent;
  };
  lab().image("slow-boot", {{"APP_BOOT_MS", "60000"}});
  start_load();
  auto run = start_deploy("slow-boot");
  const auto wait_for = [&](const std::string& name) {
    return run.wait_for_line(k_patience, [&](std::string_view line) {
      const auto event = parse_event(line);
      return event && event->name == name;
    });
  };
  ASSERT_TRUE(wait_for("health.probe")) << run.err();
  daemon("STOP");
  run.signal(SIGINT);
  EXPECT_TRUE(wait_for("step.failed")) << run.err();
  for (int i = 0; i < 2; ++i) {
    // As fast as nobody presses: signals within 100 ms of each other are one.
    std::this_thread::sleep_for(Duration{300});
    EXPECT_TRUE(run.running()) << run.err();
    run.signal(SIGINT);
  }
  const auto finished = run.wait(std::chrono::seconds{30});
  daemon("CONT");
  EXPECT_EQ(finished.exit_code, 5) << finished;
  const auto last = last_event(finished).all;
  EXPECT_EQ(last.value("result", ""), "inconsistent") << finished;
  EXPECT_NE(last.dump().find("not done: stop and remove shop-green"), std::string::npos) << finished;
  EXPECT_EQ(served(), "1.0");
  stop_load();
  expect_next_deploy_works("1.1", "a third Ctrl-C");
}

// `nohup bgdeploy deploy`
TEST_F(Death, AHangUpThatItWasStartedToIgnoreChangesNothing) {
  lab().image("slow-boot", {{"APP_BOOT_MS", "3000"}});
  start_load();
  auto command = bgdeploy_command({"deploy", "--tag", "slow-boot", "--progress", "json"});
  command.argv.insert(command.argv.begin(), {"sh", "-c", R"(trap '' HUP; exec "$0" "$@")"});
  Process run(command);
  ASSERT_TRUE(run.wait_for_line(k_patience, [](std::string_view line) {
    const auto event = parse_event(line);
    return event && event->name == "health.probe";
  })) << run.err();
  run.signal(SIGHUP);
  const auto finished = run.wait();
  EXPECT_EQ(finished.exit_code, 0) << finished;
  EXPECT_EQ(served(), "slow-boot");
  stop_load();
}

}  // namespace
}  // namespace e2e
