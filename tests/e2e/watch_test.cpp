// The watch after the switch: every verdict under load, the way back and how long it takes, and what ends a
// watch early.
#include <csignal>

#include "scenario.hpp"

namespace e2e {
namespace {

constexpr Duration k_patience = std::chrono::seconds{60};
constexpr const char* k_log = "/var/log/nginx/shop.access.log";
constexpr const char* k_sick = "/run/shop/sick";

class Watch : public Scenario {
protected:
  void SetUp() override {
    Scenario::SetUp();
    lab().image("1.0");
    lab().image("1.1", {{"APP_SICK_FILE", k_sick}});
    lab().sh("mkdir -p /run/shop && rm -f " + std::string(k_sick));
    write_watched("for: 2s");
    deploy_well("1.0");
  }

  void write_watched(const std::string& keys) {
    write_spec({{"docker",
                 "docker: {container_port: 8080, stop_grace_period: 10s, volumes: ['/run/shop:/run/shop']}"},
                {"watch", "watch: {interval: 100ms, " + keys + "}"}});
  }

  Process start(const Words& command) const {
    Words all{"--progress", "json"};
    all.insert(all.end(), command.begin(), command.end());
    return start_bgdeploy(all);
  }
  // Until the watch has seen that something is well.
  static void wait_for_watch(Process& run) {
    EXPECT_TRUE(run.wait_for_line(k_patience, [](std::string_view line) {
      const auto event = parse_event(line);
      return event && event->name == "watch.seen" && event->all.value("ok", false);
    })) << run.err();
  }
  static void make_sick() { lab().write(k_sick, ""); }

  static std::string result_of(const Finished& finished) {
    return last_event(finished).all.value("result", "");
  }
  static void expect_says(const Finished& finished, const std::string& words) {
    EXPECT_NE(finished.both().find(words), std::string::npos) << "does not say: " << words << finished;
  }
  static bool has_step(const Finished& finished, const std::string& step) {
    for (const Event& event : events_in(finished.err))
      if (event.name == "step.started" && event.step == step) return true;
    return false;
  }
  static long long milliseconds(const Event& event) {
    const auto time = event.all.value("time", "");  // 2026-11-21T05:07:10.042Z
    return time.size() < 23 ? 0
                            : ((std::stoll(time.substr(11, 2)) * 60 + std::stoll(time.substr(14, 2))) * 60 +
                               std::stoll(time.substr(17, 2))) *
                                      1000 +
                                  std::stoll(time.substr(20, 3));
  }
  // From the look that decided until all proxies are seen to send to the old slot again.
  static long long way_back(const Finished& finished) {
    long long failing = 0, back = 0;
    for (const Event& event : events_in(finished.err)) {
      if (event.name == "watch.seen" && !event.all.value("ok", true)) failing = milliseconds(event);
      if (event.name == "step.undone" && event.step == "switch") back = milliseconds(event);
    }
    EXPECT_NE(failing, 0) << finished;
    EXPECT_NE(back, 0) << finished;
    return back - failing;
  }
};

TEST_F(Watch, AGoodReleaseStays) {
  start_load();
  write_watched("for: 1s, url: 'http://" + lab().env("LAB_ADDRESS") + "/health'");
  const auto finished = bgdeploy({"--progress", "json", "deploy", "--tag", "1.1"});
  EXPECT_EQ(finished.exit_code, 0) << finished;
  expect_says(finished, "Ctrl-C");
  expect_says(finished, "\"check\":\"url http://");
  EXPECT_EQ(served(), "1.1");
  EXPECT_EQ(containers(true).size(), 1U);
  stop_load();
}

TEST_F(Watch, ABadReleaseIsTakenBackWithinTwoSecondsAndItsLogIsKept) {
  lab().image("1.1");
  start_load();
  write_watched("for: 1m");
  auto run = start({"deploy", "--tag", "1.1"});
  wait_for_watch(run);
  EXPECT_EQ(served(), "1.1");
  make_sick();
  const auto finished = run.wait();
  EXPECT_EQ(finished.exit_code, 1) << finished;
  EXPECT_EQ(result_of(finished), "rolled_back") << finished;
  expect_says(finished, "health: HTTP 503: starting, 3 times in a row");
  EXPECT_EQ(served(), "1.0");
  EXPECT_EQ(containers(), Words{"shop-blue"});
  stop_load();
  const auto took = way_back(finished);
  RecordProperty("way_back_ms", std::to_string(took));
  std::printf("the way back took %lld ms\n", took);
  EXPECT_LT(took, 2000);
  const auto log = bgdeploy({"logs", "--failed"});
  EXPECT_EQ(log.exit_code, 0) << log;
  EXPECT_NE(log.err.find("1.1"), std::string::npos) << log;
  EXPECT_NE(log.out.find(" | "), std::string::npos) << log;
  const auto history = bgdeploy({"history"});
  expect_says(history, "rolled_back");
  deploy_well("1.0");
}

TEST_F(Watch, WhatNginxLogsDecides) {
  lab().sh("sed -i '0,/server {/s||server { access_log " + std::string(k_log) +
           ";|' /etc/nginx/sites-enabled/app.conf && nginx -s reload");
  ASSERT_TRUE(eventually(k_patience, [] { return lab().get("/").status == 200 && lab().read(k_log); }));
  const std::string responses =
      "health: false, responses: {log: " + std::string(k_log) + ", ratio: 2%, requests: 20}";

  // Without traffic there is no verdict.
  write_watched("for: 1s, inconclusive: return, " + responses);
  auto finished = bgdeploy({"--progress", "json", "deploy", "--tag", "1.1"});
  EXPECT_EQ(finished.exit_code, 1) << finished;
  EXPECT_EQ(result_of(finished), "rolled_back") << finished;
  expect_says(finished, "came to no verdict");
  expect_says(finished, "of 20 responses were seen");

  start_load();
  write_watched("for: 1m, " + responses);
  auto run = start({"deploy", "--tag", "1.1"});
  wait_for_watch(run);
  lab().exec({"mv", k_log, std::string(k_log) + ".1"});
  lab().exec({"nginx", "-s", "reopen"});
  make_sick();
  EXPECT_TRUE(eventually(k_patience, [&] {
    for (int i = 0; i < 20; ++i) lab().get("/health");
    return served() == "1.0";
  }));
  finished = run.wait();
  EXPECT_EQ(finished.exit_code, 1) << finished;
  EXPECT_EQ(result_of(finished), "rolled_back") << finished;
  expect_says(finished, "responses were bad");
  stop_load();

  write_watched("for: 1s, " + responses);
  lab().exec({"rm", "-f", k_sick});
  start_load();
  finished = bgdeploy({"--progress", "json", "deploy", "--tag", "1.1"});
  EXPECT_EQ(finished.exit_code, 0) << finished;
  EXPECT_EQ(served(), "1.1");
  stop_load();
}

TEST_F(Watch, ALogThatCannotBeReadIsSaidBeforeAnythingStarts) {
  write_watched("for: 1s, responses: {log: /var/log/nginx/no-such.log}");
  const auto before = world();
  const auto finished = bgdeploy({"--progress", "json", "deploy", "--tag", "1.1"});
  EXPECT_EQ(finished.exit_code, 1) << finished;
  expect_says(finished, "/var/log/nginx/no-such.log cannot be read: it does not exist");
  EXPECT_FALSE(has_step(finished, "pull")) << finished;
  EXPECT_EQ(world(), before);
}

TEST_F(Watch, ACommandOfTheUsersDecides) {
  start_load();
  write_watched("for: 1s, health: false, run: [{run: 'test \"$BGDEPLOY_TAG\" = 1.1 && exit 75'}]");
  auto finished = bgdeploy({"--progress", "json", "deploy", "--tag", "1.1"});
  EXPECT_EQ(finished.exit_code, 0) << finished;
  expect_says(finished, "came to no verdict, and green stays: run test");
  EXPECT_EQ(served(), "1.1");

  write_watched("for: 1m, run: [{run: 'echo too many errors; exit 1'}]");
  finished = bgdeploy({"--progress", "json", "deploy", "--tag", "1.0"});
  EXPECT_EQ(finished.exit_code, 1) << finished;
  EXPECT_EQ(result_of(finished), "rolled_back") << finished;
  expect_says(finished, "exit code 1: too many errors, 3 times in a row");
  EXPECT_EQ(served(), "1.1");
  stop_load();
}

TEST_F(Watch, ACrashCountsAtOnce) {
  lab().image("crash", {{"APP_EXIT_AFTER_MS", "4000"}, {"APP_EXIT_CODE", "42"}});
  write_watched("for: 1m, failures: 1000");
  const auto finished = bgdeploy({"--progress", "json", "deploy", "--tag", "crash"});
  EXPECT_EQ(finished.exit_code, 1) << finished;
  EXPECT_EQ(result_of(finished), "rolled_back") << finished;
  EXPECT_TRUE(finished.both().find("container: exited with exit code 42") != std::string::npos ||
              finished.both().find("container: ended, and docker started it again") != std::string::npos)
      << finished;
  expect_says(finished, "FATAL: cannot reach the database at db.internal:5432");
  EXPECT_LT(finished.took, std::chrono::seconds{25});
  EXPECT_EQ(served(), "1.0");
  const auto log = bgdeploy({"logs", "--failed"});
  EXPECT_NE(log.out.find("FATAL: cannot reach the database at db.internal:5432"), std::string::npos) << log;
}

TEST_F(Watch, RunningOutOfMemoryCountsAtOnceAndIsNamed) {
  // Docker forgets why a container ended that it has started again.
  write_spec(
      {{"docker", "docker: {container_port: 8080, stop_grace_period: 10s, mem_limit: 32m, restart: \"no\"}"},
       {"watch", "watch: {interval: 100ms, for: 1m, failures: 1000}"}});
  auto run = start({"deploy", "--tag", "1.1"});
  wait_for_watch(run);
  lab().get("/eat");
  const auto finished = run.wait();
  EXPECT_EQ(finished.exit_code, 1) << finished;
  EXPECT_EQ(result_of(finished), "rolled_back") << finished;
  expect_says(finished, "container: exited with exit code 137");
  expect_says(finished, "(OOM)");
  EXPECT_LT(finished.took, std::chrono::seconds{30});
  EXPECT_EQ(served(), "1.0");
  EXPECT_EQ(containers(), Words{"shop-blue"});
}

TEST_F(Watch, WhereTheOldSlotDoesNotAnswerNothingIsTouched) {
  write_watched("for: 1m");
  start_load();
  auto run = start({"deploy", "--tag", "1.1"});
  wait_for_watch(run);
  lab().docker({"stop", "shop-blue"});
  make_sick();
  const auto finished = run.wait();
  EXPECT_EQ(finished.exit_code, 5) << finished;
  expect_says(finished, "nothing was switched back: blue does not answer");
  EXPECT_EQ(served(), "1.1");
  EXPECT_EQ(containers(), (Words{"shop-blue", "shop-green"}));
  EXPECT_EQ(containers(true), Words{"shop-green"});
  stop_load();
}

TEST_F(Watch, ARollbackIsWatchedAndNotTakenBack) {
  write_watched("for: 1s");
  lab().image("0.9", {{"APP_SICK_FILE", k_sick}});
  deploy_well("0.9");
  deploy_well("1.0");
  start_load();
  write_watched("for: 1m");
  auto run = start({"rollback"});
  wait_for_watch(run);
  make_sick();
  const auto finished = run.wait();
  // Its own health check says that it does not answer.
  EXPECT_TRUE(finished.exit_code == 5 || finished.exit_code == 6) << finished;
  expect_says(finished, "a rollback is not taken back by itself");
  EXPECT_EQ(served(), "0.9");
  EXPECT_EQ(containers(true).size(), 2U) << "the way forward stays open";
  stop_load();
}

TEST_F(Watch, CtrlCLeavesTheNewRelease) {
  write_watched("for: 1h");
  start_load();
  auto run = start({"deploy", "--tag", "1.1"});
  wait_for_watch(run);
  run.signal(SIGINT);
  const auto finished = run.wait(std::chrono::seconds{30});
  EXPECT_EQ(finished.exit_code, 6) << finished;
  EXPECT_EQ(result_of(finished), "interrupted") << finished;
  EXPECT_EQ(served(), "1.1");
  EXPECT_EQ(containers(true).size(), 2U);
  write_watched("for: 500ms");
  const auto back = bgdeploy({"rollback"});
  EXPECT_EQ(back.exit_code, 0) << back;
  EXPECT_EQ(served(), "1.0");
  stop_load();
}

TEST_F(Watch, ByARunThatWasKilledNobodyKnowsSinceWhenTheReleaseServes) {
  const auto since = [this] {
    return nlohmann::json::parse(bgdeploy({"status", "-o", "json"}).out).value("since", nlohmann::json{});
  };
  EXPECT_FALSE(since().is_null());
  write_watched("for: 1h");
  auto run = start({"deploy", "--tag", "1.1"});
  wait_for_watch(run);
  run.signal(SIGKILL);
  run.wait();
  EXPECT_TRUE(since().is_null());
}

TEST_F(Watch, KilledWhileWatching) {
  start_load();
  for (const Words& next :
       {Words{"deploy", "--tag", "1.1"}, Words{"rollback"}, Words{"deploy", "--tag", "1.0"}}) {
    write_watched("for: 1h");
    const std::string tag = served() == "1.0" ? "1.1" : "1.0";
    auto run = start({"deploy", "--tag", tag});
    wait_for_watch(run);
    run.signal(SIGKILL);
    run.wait();
    EXPECT_EQ(served(), tag);
    write_watched("for: 500ms");
    const auto finished = bgdeploy(next);
    SCOPED_TRACE(next.front());
    EXPECT_EQ(finished.exit_code, 0) << finished;
    EXPECT_NE(served(), "");
    EXPECT_EQ(containers(true).size(), 1U) << finished;
  }
  stop_load();
}

}  // namespace
}  // namespace e2e
