// sshd as hardening guides have it: few sessions a connection, nothing forwarded.
#include <csignal>

#include "scenario.hpp"

namespace e2e {
namespace {

class Hardened : public Scenario {
protected:
  void SetUp() override {
    Scenario::SetUp();
    m_before = lab().read(k_config).value();
    for (const char* tag : {"1.0", "1.1"}) lab().image(tag);
    write_spec();
  }
  void TearDown() override {
    lab().write(k_config, m_before);
    reload();
    Scenario::TearDown();
  }
  void harden(const std::string& lines) {
    lab().write(k_config, m_before + lines + "\n");
    reload();
  }
  static void reload() {
    // It listens again once the new process has written its pid.
    lab().sh(
        "pid=/run/sshd.pid; rm -f $pid.was; mv $pid $pid.was; kill -HUP $(cat $pid.was); "
        "i=0; until [ -s $pid ] || [ $i = 200 ]; do i=$((i + 1)); sleep 0.05; done");
  }
  // Of whoever logged in.
  static std::string left_over() {
    return lab().sh("ps -eo args= | grep -E 'dial-stdio|/dev/tcp|sshd: root|IFS= read' | grep -v grep || :");
  }

  static void expect_nothing_left(const std::string& where) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!left_over().empty() && std::chrono::steady_clock::now() < deadline) {
    }
    EXPECT_EQ(left_over(), "") << where;
  }

private:
  static constexpr const char* k_config = "/run/lab/sshd_config";
  std::string m_before;
};

TEST_F(Hardened, WithEnoughSessionsADeployIsAsEverAndLeavesNoProcess) {
  std::string tag = "1.0";
  for (const std::string lines :
       {"MaxSessions 2", "MaxSessions 3\nAllowTcpForwarding no", "MaxSessions 3\nDisableForwarding yes"}) {
    harden(lines);
    const auto checked = bgdeploy({"check"});
    EXPECT_EQ(checked.exit_code, 0) << lines << checked;
    deploy_well(tag);
    EXPECT_EQ(served(), tag) << lines;
    EXPECT_EQ(bgdeploy({"status"}).exit_code, 0) << lines;
    tag = tag == "1.0" ? "1.1" : "1.0";
    expect_nothing_left(lines);
  }
}

// Docker and probes go through commands, which know nothing of a SIGKILL here.
TEST_F(Hardened, AKilledDeployLeavesNoProcess) {
  deploy_well("1.0");
  harden("DisableForwarding yes");
  auto killed = start_bgdeploy({"--progress", "json", "deploy", "--tag", "1.1"});
  EXPECT_TRUE(killed.wait_for_line(std::chrono::minutes{1}, [](std::string_view line) {
    return line.find("health.probe") != std::string_view::npos;
  }));
  killed.signal(SIGKILL);
  killed.wait();
  expect_nothing_left("SIGKILL");
  EXPECT_EQ(served(), "1.0");
  deploy_well("1.1");
}

TEST_F(Hardened, WithTooFewItSaysSoAtOnceAndChangesNothing) {
  deploy_well("1.0");
  const auto before = world();
  for (const std::string lines : {"MaxSessions 1", "MaxSessions 2\nDisableForwarding yes"}) {
    harden(lines);
    const auto began = std::chrono::steady_clock::now();
    const auto failed = deploy("1.1");
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(30)) << lines;
    EXPECT_EQ(failed.exit_code, 3) << lines << failed;
    EXPECT_NE(failed.both().find("(MaxSessions)"), std::string::npos) << failed;
    EXPECT_NE(failed.both().find("nothing was changed"), std::string::npos) << failed;
    EXPECT_EQ(world(), before) << lines;
    const auto checked = bgdeploy({"check"});
    EXPECT_EQ(checked.exit_code, 3) << lines << checked;
    EXPECT_NE(checked.out.find("(MaxSessions)"), std::string::npos) << checked;
    EXPECT_EQ(bgdeploy({"status"}).exit_code, 0) << lines;
  }
}

}  // namespace
}  // namespace e2e
