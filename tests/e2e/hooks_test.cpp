// Hooks on a real host: what they are told, what becomes of a run when they fail, hang or are killed, and a
// migration that runs once.
#include <csignal>
#include <fstream>
#include <sstream>

#include "scenario.hpp"

namespace e2e {
namespace {

constexpr Duration k_patience = std::chrono::seconds{60};
constexpr const char* k_secret = "correct-horse-battery";

class Hooks : public Scenario {
protected:
  void SetUp() override {
    Scenario::SetUp();
    for (const char* tag : {"1.0", "1.1", "1.2"}) lab().image(tag);
    lab().exec({"mkdir", "-p", "/srv/data"});
    lab().exec({"sh", "-c", "rm -f /srv/data/*"});
    set_environment("MIGRATION", "0000");
    set_environment("PASSWORD", k_secret);
    use_hooks("");
    deploy_well("1.0");
    lab().exec({"sh", "-c", "rm -f /srv/data/*"});
  }

  void use_hooks(const std::string& hooks) {
    write_spec({{"docker",
                 "docker: {container_port: 8080, stop_grace_period: 10s, volumes: ['/srv/data:/data'], "
                 "environment: {APP_MIGRATE_LOG: /data/migrated, APP_MIGRATE_WHILE: /data/busy, "
                 "APP_SICK_FILE: /data/sick}}"},
                {"secrets", "secrets: {APP_MIGRATE_CODE: {env: MIGRATION}, PASSWORD: {env: PASSWORD}}"},
                {"hooks", hooks.empty() ? "" : "hooks:\n" + hooks}});
  }
  void write_script(const std::string& name, const std::string& text) const {
    std::ofstream(workspace() + "/" + name) << text;
  }
  std::string here(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(workspace() + "/" + name).rdbuf();
    return text.str();
  }
  static std::string migrated() { return lab().read("/srv/data/migrated").value_or(""); }

  Process start_deploy(const std::string& tag) const {
    return start_bgdeploy({"--progress", "json", "deploy", "--tag", tag});
  }
  static bool await(Process& run, const std::string& name, const std::string& step) {
    return run.wait_for_line(k_patience, [&](std::string_view line) {
      const auto event = parse_event(line);
      return event && event->name == name && event->step == step;
    });
  }
};

std::string hook(const std::string& position, const std::string& entry) {
  return "  " + position + ": [" + entry + "]\n";
}

TEST_F(Hooks, AreToldWhatTheyNeedAndRunInOrder) {
  write_script(
      "tell.sh",
      "printf '%s %s %s %s %s %s %s\\n' \"$1\" \"$BGDEPLOY_COMMAND\" \"$BGDEPLOY_TAG\" \"$BGDEPLOY_SLOT\" "
      "\"$BGDEPLOY_FROM_TAG\" \"$BGDEPLOY_HOSTS\" \"$BGDEPLOY_RESULT\" >>told\n");
  write_script("smoke.sh",
               "curl -fsS \"$BGDEPLOY_URL/version\" >>smoke\n[ \"$BGDEPLOY_URLS\" = \"$BGDEPLOY_URL\" ]\n"
               "echo \"the password is $PASSWORD\"\nps -eww -o args >ps\n");
  use_hooks(
      hook("before_deploy", "{run: 'sh ./tell.sh before_deploy # " + std::string(k_secret) + "'}") +
      "  before_start:\n    - container: [--migrate]\n    - run: sh ./tell.sh before_start\n" +
      hook("before_switch", "{run: sh ./smoke.sh}") +
      "  after_switch:\n    - host: 'echo \"$BGDEPLOY_TAG $BGDEPLOY_URL\" >/srv/data/there; ps -eww -o args "
      ">/srv/data/ps; sleep 300 & echo $! >/srv/data/daemon'\n" +
      hook("after_deploy", "{run: sh ./tell.sh after_deploy}") + hook("on_failure", "{run: touch failed}"));
  const auto plan = bgdeploy({"plan", "--tag", "1.1"});
  EXPECT_NE(plan.out.find("before_start hook 1: --migrate (in a container)"), std::string::npos) << plan;
  EXPECT_EQ(migrated(), "") << "a plan runs nothing";

  start_load();
  const auto done = bgdeploy({"--progress", "json", "deploy", "--tag", "1.1"});
  stop_load();
  ASSERT_EQ(done.exit_code, 0) << done;
  const std::string address = lab().env("LAB_ADDRESS");
  EXPECT_EQ(here("told"), "before_deploy deploy 1.1 green 1.0 " + address +
                              " \nbefore_start deploy 1.1 green 1.0 " + address +
                              " \nafter_deploy deploy 1.1 green 1.0 " + address + " succeeded\n");
  EXPECT_EQ(here("smoke"), "version=1.1\n") << "of the slot that nobody used yet" << done;
  EXPECT_EQ(migrated(), "1.1\n");
  EXPECT_EQ(lab().read("/srv/data/there"), "1.1 http://127.0.0.1:8082\n");
  EXPECT_LT(done.took, std::chrono::seconds{60}) << "nobody waits for a daemon" << done;
  lab().sh("kill \"$(cat /srv/data/daemon)\"");
  EXPECT_NE(done.err.find("the password is ***"), std::string::npos) << done;
  for (const auto& text : {done.both(), here("ps"), lab().read("/srv/data/ps").value_or(""), plan.both()})
    EXPECT_EQ(text.find(k_secret), std::string::npos) << text;
  const auto history = bgdeploy({"history"});
  EXPECT_NE(history.out.find("succeeded: before_start hook 1: --migrate"), std::string::npos) << history;
  EXPECT_EQ(containers(), (Words{"shop-blue", "shop-green"})) << "no one-off container is left";

  const auto back = bgdeploy({"rollback"});
  EXPECT_EQ(back.exit_code, 0) << back;
  EXPECT_NE(back.err.find("skipped: before_start hook 1: --migrate"), std::string::npos) << back;
  EXPECT_EQ(migrated(), "1.1\n");
  EXPECT_NE(here("told").find("after_deploy rollback 1.0 blue 1.1"), std::string::npos) << here("told");
  EXPECT_EQ(here("failed"), "");
  EXPECT_FALSE(std::ifstream(workspace() + "/failed"));
}

TEST_F(Hooks, OnesThatFailHangOrAreKilledLeaveTheOldRelease) {
  struct Way {
    std::string entry, says;
  };
  const Way fails{"{run: 'echo its last words; exit 3'}", "failed with exit code 3"};
  const Way hangs{"{run: 'sleep 300', timeout: 500ms}", "did not end within 500ms"};
  const Way killed{"{run: 'kill -KILL $$'}", "SIGKILL"};
  const std::vector<std::pair<std::string, std::vector<Way>>> cases{
      {"before_deploy", {fails, hangs}},
      {"before_start", {killed}},
      {"before_switch", {hangs, killed}},
      {"after_switch", {fails, hangs, killed}},
  };
  start_load();
  const World before = world();
  for (const auto& [position, ways] : cases)
    for (const auto& [entry, says] : ways) {
      SCOPED_TRACE(position + " " + entry);
      use_hooks(hook(position, entry) +
                hook("on_failure", "{run: 'echo \"$BGDEPLOY_RESULT: $BGDEPLOY_ERROR\" >result; exit 7'}"));
      const auto run = bgdeploy({"--progress", "json", "deploy", "--tag", "1.1"});
      EXPECT_EQ(run.exit_code, 1) << run;
      EXPECT_NE(run.err.find(says), std::string::npos) << run;
      const std::string result = position == "after_switch" ? "rolled_back" : "failed";
      EXPECT_EQ(last_event(run).all["result"], result) << run;
      EXPECT_TRUE(here("result").starts_with(result + ": " + position + " hook 1 (")) << here("result");
      EXPECT_EQ(served(), "1.0");
      EXPECT_EQ(containers(), before.all);
      if (says == fails.says) {
        EXPECT_NE(run.err.find("its last words"), std::string::npos) << run;
      }
    }
  use_hooks(hook("after_deploy", "{run: exit 3}"));
  const auto late = deploy("1.1");
  EXPECT_EQ(late.exit_code, 6) << late;
  EXPECT_EQ(served(), "1.1");
  stop_load();
}

TEST_F(Hooks, AMigrationThatFailsStartsNothing) {
  set_environment("MIGRATION", "0003");
  use_hooks(hook("before_start", "{container: [--migrate]}"));
  const auto before = world();
  const auto run = deploy("1.1");
  EXPECT_EQ(run.exit_code, 1) << run;
  EXPECT_NE(run.err.find("already exists"), std::string::npos) << "its output is told" << run;
  EXPECT_EQ(world(), before);
  EXPECT_EQ(bgdeploy({"history"}).out.find("succeeded: before_start"), std::string::npos)
      << "it did not run to its end";
}

TEST_F(Hooks, CtrlCEndsWhatRunsOnTheHost) {
  use_hooks(hook("before_switch", "{host: 'echo $$ >/srv/data/pid; echo hangs; sleep 300'}"));
  const auto before = world();
  auto run = start_deploy("1.1");
  ASSERT_TRUE(await(run, "hook.output", "hook")) << run.err();
  run.signal(SIGINT);
  const auto finished = run.wait();
  EXPECT_EQ(finished.exit_code, 130) << finished;
  EXPECT_EQ(world(), before);
  EXPECT_TRUE(eventually(k_patience, [] {
    return lab().exec({"sh", "-c", "kill -0 \"$(cat /srv/data/pid)\""}).exit_code != 0;
  })) << "the hook still runs there";
}

// Each of the two that come after the death begins from the same.
TEST_F(Hooks, KilledWhileMigrating) {
  use_hooks(hook("before_start", "{container: [--migrate]}"));
  start_load();
  for (const bool deploys : {true, false}) {
    SCOPED_TRACE(deploys ? "then a deploy" : "then a rollback");
    lab().write("/srv/data/busy", "");
    const std::string tag = deploys ? "1.1" : "1.2";
    auto run = start_deploy(tag);
    ASSERT_TRUE(await(run, "hook.output", "hook")) << run.err();
    run.signal(SIGKILL);
    run.wait();
    EXPECT_FALSE(served().empty());
    if (deploys) {
      lab().remove("/srv/data/busy");
    } else {
      const auto promoted = bgdeploy({"promote"});
      EXPECT_EQ(promoted.exit_code, 2) << "nothing waits" << promoted;
      const auto aborted = bgdeploy({"abort"});
      EXPECT_EQ(aborted.exit_code, 0) << aborted;
      EXPECT_EQ(served(), "1.1");
    }
    const auto next = deploys ? deploy(tag) : bgdeploy({"rollback"});
    EXPECT_EQ(next.exit_code, 0) << next;
    EXPECT_EQ(served(), deploys ? "1.1" : "1.0");
    EXPECT_EQ(containers(), (Words{"shop-blue", "shop-green"})) << "the one-off container is gone";
  }
  stop_load();
}

TEST_F(Hooks, AMigrationThatWasRecordedIsNotRunAgain) {
  use_hooks(hook("before_start", "{container: [--migrate]}"));
  lab().write("/srv/data/sick", "");
  auto run = start_deploy("1.1");
  ASSERT_TRUE(await(run, "step.started", "health")) << run.err();
  run.signal(SIGKILL);
  run.wait();
  EXPECT_EQ(migrated(), "1.1\n");
  lab().remove("/srv/data/sick");
  // Also where nothing was created yet.
  lab().docker({"rm", "-f", "shop-green"});
  const auto next = deploy("1.1");
  EXPECT_EQ(next.exit_code, 0) << next;
  EXPECT_NE(next.err.find("it ran for this release already"), std::string::npos) << next;
  EXPECT_EQ(migrated(), "1.1\n") << "once";
  const auto again = bgdeploy({"deploy", "--tag", "1.1", "--force"});
  EXPECT_EQ(again.exit_code, 0) << again;
  EXPECT_EQ(migrated(), "1.1\n1.1\n") << "a deploy of its own";
}

}  // namespace
}  // namespace e2e
