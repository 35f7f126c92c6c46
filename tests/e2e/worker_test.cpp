// Services without requests: no port, no proxy; what may not run twice; and who is told how it ended.
#include <algorithm>
#include <csignal>
#include <fstream>

#include "scenario.hpp"
#include "webhook.hpp"

namespace e2e {
namespace {

class Worker : public Scenario {
protected:
  void SetUp() override {
    Scenario::SetUp();
    for (const char* tag : {"0.9", "1.0", "1.1"}) lab().image(tag);
    lab().image("dies", {{"APP_EXIT_AFTER_MS", "300"}});
  }
  void write_worker(const std::string& order = "start_first", Sections more = {}) {
    Sections sections = {{"slots", "slots: [blue, green]"},
                         {"docker", "docker: {stop_grace_period: 10s}"},
                         {"health", "health: {running: {for: 1s}, interval: 100ms, deadline: 15s}"},
                         {"proxy", "proxy: none"},
                         {"order", "order: " + order}};
    for (const auto& [key, text] : more) sections[key] = text;
    write_spec(sections);
  }
  std::string inspected(const std::string& slot, const std::string& format) const {
    return lab().docker({"inspect", "-f", format, k_service + ("-" + slot)});
  }
  // "blue=1.0 running", sorted.
  Words slots() const {
    Words found;
    for (const auto& name : containers())
      found.push_back(name.substr(name.rfind('-') + 1) + "=" +
                      lab().docker({"inspect", "-f",
                                    "{{index .Config.Labels \"bgdeploy.tag\"}} {{.State.Status}}", name}));
    std::ranges::sort(found);
    return found;
  }
  Finished deploy_json(const std::string& tag) const {
    return bgdeploy({"--progress", "json", "deploy", "--tag", tag});
  }
  // SIGKILL when the old one has stopped; the new one may run already.
  void die_in_the_gap_of(const std::string& tag) const {
    auto dying = start_bgdeploy({"--progress", "json", "deploy", "--tag", tag});
    EXPECT_TRUE(dying.wait_for_line(std::chrono::seconds{30}, [](std::string_view line) {
      const auto event = parse_event(line);
      return event && event->name == "step.finished" && event->step == "stop-first";
    })) << dying.err();
    dying.signal(SIGKILL);
    dying.wait();
  }
  static std::int64_t gap_of(const Finished& finished) {
    return last_event(finished).all.value("gap_ms", std::int64_t{-1});
  }
};

TEST_F(Worker, IsReplacedWithoutAPortAndComesBack) {
  write_worker();
  const auto first = deploy_json("1.0");
  ASSERT_EQ(first.exit_code, 0) << first;
  EXPECT_EQ(inspected("blue", "{{.HostConfig.PortBindings}} {{.NetworkSettings.Ports}}").find("80"),
            std::string::npos);
  const auto second = deploy_json("1.1");
  ASSERT_EQ(second.exit_code, 0) << second;
  EXPECT_EQ(slots(), (Words{"blue=1.0 exited", "green=1.1 running"}));
  EXPECT_EQ(gap_of(second), -1) << "both ran for a while";
  const auto same = deploy_json("1.1");
  EXPECT_EQ(last_event(same).all.value("result", ""), "unchanged") << same;
  const auto status = bgdeploy({"status", "--exit-code"});
  EXPECT_EQ(status.exit_code, 0) << status;
  EXPECT_EQ(bgdeploy({"check"}).exit_code, 0);
  const auto back = bgdeploy({"rollback"});
  EXPECT_EQ(back.exit_code, 0) << back;
  EXPECT_EQ(slots(), (Words{"blue=1.0 running", "green=1.1 exited"}));
}

TEST_F(Worker, OneThatEndsFailsAndTheOldOneNeverStopped) {
  write_worker();
  ASSERT_EQ(deploy("1.0").exit_code, 0);
  const auto started = inspected("blue", "{{.State.StartedAt}}");
  const auto failed = deploy_json("dies");
  EXPECT_EQ(failed.exit_code, 1) << failed;
  EXPECT_EQ(slots(), (Words{"blue=1.0 running"})) << failed;
  EXPECT_EQ(inspected("blue", "{{.State.StartedAt}}"), started);
}

TEST_F(Worker, WhatMustNotRunTwiceStopsFirstAndItsGapIsTold) {
  write_worker("stop_first");
  ASSERT_EQ(deploy("1.0").exit_code, 0);
  const auto second = deploy_json("1.1");
  ASSERT_EQ(second.exit_code, 0) << second;
  EXPECT_EQ(slots(), (Words{"blue=1.0 exited", "green=1.1 running"}));
  EXPECT_LE(inspected("blue", "{{.State.FinishedAt}}"), inspected("green", "{{.State.StartedAt}}"));
  EXPECT_GT(gap_of(second), 0) << second;
  const auto shown = bgdeploy({"--progress", "plain", "rollback"});
  EXPECT_EQ(shown.exit_code, 0) << shown;
  EXPECT_NE(shown.err.find("nothing ran for"), std::string::npos) << shown;
  EXPECT_EQ(slots(), (Words{"blue=1.0 running", "green=1.1 exited"}));
}

TEST_F(Worker, WhereTheNewOneFailsTheOldOneIsStartedAgain) {
  write_worker("stop_first");
  ASSERT_EQ(deploy("1.0").exit_code, 0);
  const auto id = container_id("blue");
  const auto failed = deploy_json("dies");
  EXPECT_EQ(failed.exit_code, 1) << failed;
  EXPECT_EQ(slots(), (Words{"blue=1.0 running"})) << failed;
  EXPECT_EQ(container_id("blue"), id);
  EXPECT_GT(gap_of(failed), 0) << failed;

  auto interrupted = start_bgdeploy({"--progress", "json", "deploy", "--tag", "1.1"});
  ASSERT_TRUE(interrupted.wait_for_line(std::chrono::seconds{30}, [](std::string_view line) {
    const auto event = parse_event(line);
    return event && event->name == "step.started" && event->step == "health";
  }));
  interrupted.signal(SIGINT);
  EXPECT_EQ(interrupted.wait().exit_code, 130);
  EXPECT_EQ(slots(), (Words{"blue=1.0 running"}));
}

// The simulated world kills at every effect. Here the death may come a little late: then the new one runs.
TEST_F(Worker, AfterADeathInTheGapTheNextCommandNeedsNoRepair) {
  write_worker("stop_first");
  ASSERT_EQ(deploy("0.9").exit_code, 0);
  for (const Words& next : {Words{"abort"}, Words{"rollback"}, Words{"deploy", "--tag", "1.1"}}) {
    SCOPED_TRACE(next.front());
    ASSERT_EQ(deploy("1.0").exit_code, 0);
    const Words before = slots();
    die_in_the_gap_of("1.1");
    const auto status = bgdeploy({"status"});
    const bool gap = containers(true).empty();
    if (gap) {
      EXPECT_NE(status.out.find("nothing runs: `bgdeploy rollback` starts 1.0 "), std::string::npos)
          << status;
    }
    const auto finished = bgdeploy(next);
    EXPECT_EQ(finished.exit_code, 0) << finished;
    EXPECT_EQ(containers(true).size(), 1U) << finished;
    const auto now = slots();
    if (next.front() == "deploy") {
      EXPECT_TRUE(std::ranges::any_of(now, [](const auto& s) { return s.ends_with("=1.1 running"); }));
      EXPECT_TRUE(std::ranges::any_of(now, [](const auto& s) { return s.ends_with("=1.0 exited"); }))
          << "the way back";
    } else if (gap) {
      EXPECT_EQ(now, before) << finished;
    }
  }
}

TEST_F(Worker, ThoseWhoAreToBeToldAreToldAndTheUrlIsNowhere) {
  Webhook slack({503, 500}), hook, failures({404});
  set_environment("SLACK_URL", slack.url("/T0/slack-secret"));
  set_environment("HOOK_URL", hook.url("/hook-secret"));
  set_environment("FAILURES", failures.url("/failure-secret"));
  write_worker("start_first",
               {{"notify",
                 "notify: [{slack: {env: SLACK_URL}}, {webhook: {env: HOOK_URL}, on: succeeded}, "
                 "{webhook: {env: FAILURES}, on: [failed, rolled_back]}]"}});
  const auto checked = bgdeploy({"check"});
  EXPECT_NE(checked.out.find("notify 3 (webhook)"), std::string::npos) << checked;
  EXPECT_TRUE(slack.bodies().empty()) << "check sends nothing";
  const auto good = deploy_json("1.0");
  ASSERT_EQ(good.exit_code, 0) << good;
  ASSERT_EQ(slack.bodies().size(), 3U) << "two tries that failed, and one that did not";
  EXPECT_EQ(nlohmann::json::parse(slack.bodies().back())["text"].get<std::string>().find("shop: 1.0 serves"),
            0U);
  ASSERT_EQ(hook.bodies().size(), 1U);
  const auto told = nlohmann::json::parse(hook.bodies()[0]);
  for (const char* key : {"event", "result", "exit_code", "to", "duration_ms"})
    EXPECT_EQ(told[key], last_event(good).all[key]) << key;
  EXPECT_EQ(told["service"], k_service);
  EXPECT_TRUE(failures.bodies().empty());

  const auto bad = deploy_json("dies");
  EXPECT_EQ(bad.exit_code, 1) << bad;
  EXPECT_EQ(hook.bodies().size(), 1U);
  EXPECT_EQ(failures.bodies().size(), 1U);
  EXPECT_NE(bad.err.find("notify 3 (webhook): nobody was told: HTTP 404"), std::string::npos) << bad;
  EXPECT_EQ(last_event(bad).name, "deploy.finished");
  for (const auto* run : {&checked, &good, &bad})
    for (const char* secret : {"slack-secret", "hook-secret", "failure-secret"})
      EXPECT_EQ(run->both().find(secret), std::string::npos) << *run;
  EXPECT_EQ(bgdeploy({"config"}).both().find("-secret"), std::string::npos);
}

TEST_F(Worker, OfComposeNeedsNoPortEither) {
  lab().add_compose_v2();
  std::ofstream(workspace() + "/compose.yml")
      << "services:\n  job:\n    image: x\n    environment: {SLOT: \"${BGDEPLOY_SLOT}\"}\n";
  write_worker("stop_first", {{"docker", ""}, {"compose", "compose: {file: compose.yml}"}});
  const auto first = deploy_json("1.0");
  ASSERT_EQ(first.exit_code, 0) << first;
  const auto second = deploy_json("1.1");
  ASSERT_EQ(second.exit_code, 0) << second;
  EXPECT_GT(gap_of(second), 0) << second;
  EXPECT_EQ(containers(true), Words{"shop-green-job-1"});
  const auto failed = deploy_json("dies");
  EXPECT_EQ(failed.exit_code, 1) << failed;
  EXPECT_EQ(containers(true), Words{"shop-green-job-1"});
}

}  // namespace
}  // namespace e2e
