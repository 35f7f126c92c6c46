// A release that waits for its promotion, a way back that is tried, and a lock that is waited for.
#include <csignal>

#include "scenario.hpp"

namespace e2e {
namespace {

constexpr Duration k_patience = std::chrono::seconds{60};

class Hold : public Scenario {
protected:
  void SetUp() override {
    Scenario::SetUp();
    for (const char* tag : {"1.0", "1.1", "1.2", "1.3"}) lab().image(tag);
    write_spec({{"drain", "drain: {timeout: 5s}"}});
    deploy_well("1.0");
    deploy_well("1.1");
    start_load({.rate = 100, .slow_ms = 400});
  }

  Finished well(const Words& arguments, const std::string& result) const {
    Words words{"--progress", "json"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    auto finished = bgdeploy(words);
    EXPECT_EQ(finished.exit_code, 0) << finished;
    EXPECT_EQ(last_event(finished).all.value("result", ""), result) << finished;
    return finished;
  }
  Finished hold(const std::string& tag = "1.2") const {
    return well({"deploy", "--hold", "--tag", tag}, "held");
  }
  Finished status() const {
    auto finished = bgdeploy({"status"});
    EXPECT_EQ(finished.exit_code, 0) << finished;
    return finished;
  }
  void expect_waiting(const std::string& tag) const {
    EXPECT_EQ(served(), "1.1");
    EXPECT_EQ(container_state(idle_slot()), "running");
    const auto shown = status();
    EXPECT_NE(shown.out.find(tag + " (sha256:"), std::string::npos) << shown;
    EXPECT_NE(shown.out.find(" waits in " + idle_slot() + " since "), std::string::npos) << shown;
    EXPECT_NE(shown.out.find("reach it with ssh -L 808"), std::string::npos) << shown;
    EXPECT_EQ(shown.out.find("both slots run"), std::string::npos) << shown;
  }
  void kill_at(const Words& arguments, const std::string& name, const std::string& step) const {
    Words words{"--progress", "json"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    auto run = start_bgdeploy(words);
    EXPECT_TRUE(run.wait_for_line(k_patience, [&](std::string_view line) {
      const auto event = parse_event(line);
      return event && event->name == name && event->step == step;
    })) << run.err();
    run.signal(SIGKILL);
    run.wait();
  }
  std::string history() const { return bgdeploy({"history"}).out; }
};

TEST_F(Hold, WaitsIsPromotedAndTheWayBackIsOpen) {
  const auto held = hold();
  EXPECT_NE(last_event(held).all.value("message", "").find("ssh -L 808"), std::string::npos) << held;
  expect_waiting("1.2");
  hold();
  expect_waiting("1.2");
  well({"promote"}, "succeeded");
  EXPECT_EQ(served(), "1.2");
  EXPECT_EQ(containers(true).size(), 1U);
  const auto nothing = bgdeploy({"promote"});
  EXPECT_EQ(nothing.exit_code, 2) << nothing;
  EXPECT_EQ(status().out.find("waits in"), std::string::npos);
  EXPECT_NE(history().find("held"), std::string::npos) << history();
  EXPECT_NE(history().find("promoted"), std::string::npos) << history();
  EXPECT_EQ(bgdeploy({"rollback"}).exit_code, 0);
  EXPECT_EQ(served(), "1.1");
  stop_load();
}

// The idle slot had 1.0, which a rollback needs.
TEST_F(Hold, IsAbortedReplacedOrPassedOver) {
  const auto before = world();
  hold();
  well({"abort"}, "succeeded");
  EXPECT_EQ(world(), before);
  well({"abort"}, "unchanged");
  EXPECT_NE(history().find("aborted"), std::string::npos) << history();
  hold();
  const auto replaced = hold("1.0");
  EXPECT_NE(replaced.err.find("this deploy replaces it"), std::string::npos) << replaced;
  expect_waiting("1.0");
  well({"abort"}, "succeeded");
  EXPECT_EQ(world(), before) << "1.0 served before, so it is only stopped";
  hold();
  well({"rollback"}, "succeeded");
  EXPECT_EQ(served(), "1.0");
  EXPECT_EQ(containers().size(), 2U);
  stop_load();
}

// The simulated world kills them at every effect.
TEST_F(Hold, SurvivesAKillInEachStateWithoutRepair) {
  struct Kill {
    std::string tag;  // that waits
    Words command;
    std::string event, step;  // where it is killed
    Words then;
  };
  const std::vector<Kill> kills = {
      {"1.2", {"deploy", "--hold", "--tag", "1.2"}, "step.finished", "health", {"promote"}},
      {"1.2", {"deploy", "--hold", "--tag", "1.2"}, "step.started", "health", {"abort"}},
      {"1.2", {"promote"}, "step.started", "switch", {"rollback"}},
      {"1.2", {"promote"}, "step.finished", "switch", {"promote"}},
      {"1.3", {"abort"}, "step.finished", "stop", {"abort"}},
      {"1.3", {"abort"}, "step.finished", "remove", {"deploy", "--tag", "1.2"}},
  };
  for (const auto& [tag, command, event, step, then] : kills) {
    SCOPED_TRACE(command.front() + " killed at " + event + " of " + step + ", then " + then.front());
    if (served() != "1.1") deploy_well("1.1");
    if (command.front() != "deploy") hold(tag);
    kill_at(command, event, step);
    const auto finished = bgdeploy(then);
    // Nobody recorded that it is held.
    EXPECT_TRUE(finished.exit_code == 0 || (then.front() == "promote" && finished.exit_code == 2))
        << finished;
    if (finished.exit_code == 2 && command.front() == "deploy") {
      EXPECT_NE(finished.err.find("the deploy of " + tag + " "), std::string::npos) << finished;
      EXPECT_NE(finished.err.find("bgdeploy deploy --hold --tag " + tag), std::string::npos) << finished;
    }
    EXPECT_NE(served(), "");
    EXPECT_EQ(status().out.find(" waits in "), std::string::npos);
  }
  deploy_well("1.2");
  EXPECT_EQ(containers(true).size(), 1U);
  EXPECT_EQ(containers().size(), 2U);
  stop_load();
}

TEST_F(Hold, ARehearsalLeavesAllAsItWasAndStatusShowsIt) {
  const auto never = status();
  EXPECT_NE(never.out.find("back to 1.0: "), std::string::npos) << never;
  EXPECT_NE(never.out.find("container stopped, image present; never rehearsed"), std::string::npos) << never;
  const auto before = world();
  const auto done = well({"rollback", "--rehearse"}, "succeeded");
  EXPECT_EQ(last_event(done).name, "rollback.finished") << done;
  EXPECT_EQ(world(), before);
  const auto shown = status();
  EXPECT_NE(shown.out.find("container stopped, image present; rehearsed "), std::string::npos) << shown;
  EXPECT_NE(history().find("rehearsed"), std::string::npos) << history();
  EXPECT_EQ(bgdeploy({"rollback"}).exit_code, 0);
  EXPECT_EQ(served(), "1.0") << "a rehearsal is no rollback";
  stop_load();
}

TEST_F(Hold, ALockIsWaitedForUntilItIsFreeASignalOrAFreeze) {
  lab().image("slow-boot", {{"APP_BOOT_MS", "60000"}});
  write_spec({{"health", "health: {http: {path: /health}, interval: 100ms, deadline: 2m}"}});
  const auto wait_for = [](Process& run, const std::string& words) {
    EXPECT_TRUE(run.wait_for_line(k_patience, [&](std::string_view line) {
      return line.find(words) != std::string::npos;
    })) << run.err();
  };
  auto holder = start_bgdeploy({"--progress", "json", "deploy", "--tag", "slow-boot"});
  wait_for(holder, "health.probe");
  auto interrupted = start_bgdeploy({"deploy", "--tag", "1.2", "--lock-wait", "15m"});
  wait_for(interrupted, "waiting for ");
  EXPECT_NE(interrupted.err().find("deploy slow-boot"), std::string::npos) << interrupted.err();
  interrupted.signal(SIGINT);
  EXPECT_EQ(interrupted.wait().exit_code, 130);
  EXPECT_EQ(bgdeploy({"promote", "--lock-wait", "2s"}).exit_code, 4);
  auto frozen = start_bgdeploy({"abort", "--lock-wait", "15m"});
  wait_for(frozen, "waiting for ");
  ASSERT_EQ(bgdeploy({"lock", "-m", "not now", "--for", "2h"}).exit_code, 0);
  EXPECT_EQ(frozen.wait().exit_code, 4);
  EXPECT_NE(status().out.find(", until "), std::string::npos);
  ASSERT_EQ(bgdeploy({"unlock"}).exit_code, 0);
  auto waiting = start_bgdeploy({"deploy", "--tag", "1.2", "--lock-wait", "15m"});
  wait_for(waiting, "waiting for ");
  holder.signal(SIGINT);
  EXPECT_EQ(holder.wait().exit_code, 130);
  const auto done = waiting.wait();
  EXPECT_EQ(done.exit_code, 0) << done;
  EXPECT_EQ(served(), "1.2");
  stop_load();
}

// dockerd ends, and with it all containers, as at a reboot; then it starts again.
class Reboot : public Scenario {
protected:
  static void restart_docker() {
    const auto done = lab().exec({"sh", "-ec", R"(
      pid=$(cat /run/lab/dockerd.pid)
      tr '\000' '\n' <"/proc/$pid/cmdline" >/run/lab/dockerd.words
      kill -TERM "$pid"
      while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
      xargs -d '\n' -a /run/lab/dockerd.words setsid -f >>/run/lab/dockerd.log 2>&1
      until docker version >/dev/null 2>&1; do sleep 0.1; done
      cat /var/run/docker.pid >/run/lab/dockerd.pid)"});
    ASSERT_EQ(done.exit_code, 0) << done;
  }
};

TEST_F(Reboot, WhatWaitsComesUpAgainAndIsPromoted) {
  for (const char* tag : {"1.0", "1.1"}) lab().image(tag);
  write_spec();
  deploy_well("1.0");
  const auto held = bgdeploy({"deploy", "--hold", "--tag", "1.1"});
  ASSERT_EQ(held.exit_code, 0) << held;
  restart_docker();
  EXPECT_TRUE(eventually(k_patience, [&] { return containers(true).size() == 2 && served() == "1.0"; }));
  const auto status = bgdeploy({"status"});
  EXPECT_NE(status.out.find(" waits in green since "), std::string::npos) << status;
  start_load({.rate = 100, .slow_ms = 400});
  const auto promoted = bgdeploy({"promote"});
  EXPECT_EQ(promoted.exit_code, 0) << promoted;
  EXPECT_EQ(served(), "1.1");
  stop_load();
}

}  // namespace
}  // namespace e2e
