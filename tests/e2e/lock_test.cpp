// One deploy at a time, and a lock that cannot get stuck.
#include <unistd.h>

#include <csignal>

#include "scenario.hpp"

namespace e2e {
namespace {

constexpr Duration k_patience = std::chrono::seconds{60};

class Lock : public Scenario {
protected:
  void SetUp() override {
    Scenario::SetUp();
    for (const char* tag : {"1.0", "1.1"}) lab().image(tag);
    lab().image("slow-boot", {{"APP_BOOT_MS", "60000"}});
    write_spec({{"health", "health: {http: {path: /health}, interval: 100ms, deadline: 2m}"}});
    deploy_well("1.0");
    start_load();
  }

  void TearDown() override {
    lab().exec({"sh", "-c", "iptables -F INPUT; iptables -F OUTPUT"});
    Scenario::TearDown();
  }

  // A deploy that holds the lock and waits for a release that does not become healthy.
  Process start_holder() const {
    auto holder = start_bgdeploy({"--progress", "json", "deploy", "--tag", "slow-boot"});
    EXPECT_TRUE(holder.wait_for_line(k_patience, [](std::string_view line) {
      const auto event = parse_event(line);
      return event && event->name == "health.probe";
    })) << holder.err();
    return holder;
  }

  // How long it took until a deploy got the lock; every try before must say that it is held.
  Duration time_until_deployed(const std::string& tag, Duration deadline) const {
    const auto start = Clock::now();
    Finished last;
    const bool done = eventually(deadline, [&] {
      last = deploy(tag);
      EXPECT_TRUE(last.exit_code == 0 || last.exit_code == 4) << last;
      return last.exit_code != 4;
    });
    EXPECT_TRUE(done) << last;
    EXPECT_EQ(last.exit_code, 0) << last;
    return std::chrono::duration_cast<Duration>(Clock::now() - start) - last.took;
  }

  // Silences every SSH connection that is open now, as a dead line does: no FIN, no RST. New ones get
  // through.
  void silence_open_connections() const {
    const auto done = lab().exec({"sh", "-c", R"(
      for port in $(ss -Htn state established '( sport = :22 )' | awk '{sub(/.*:/, "", $4); print $4}'); do
        iptables -I INPUT -p tcp --dport 22 --sport "$port" -j DROP &&
        iptables -I OUTPUT -p tcp --sport 22 --dport "$port" -j DROP && echo "$port"
      done)"});
    EXPECT_NE(done.out, "") << "no connection to silence" << done;
  }
};

TEST_F(Lock, OfTwoDeploysOneDoesItAndTheOtherNamesTheHolder) {
  auto holder = start_holder();
  const auto second = deploy("1.1");
  EXPECT_EQ(second.exit_code, 4) << second;
  char name[256];
  ASSERT_EQ(::gethostname(name, sizeof name), 0);
  EXPECT_NE(second.both().find(name), std::string::npos) << "the holder's machine is not named" << second;
  EXPECT_NE(second.both().find("root"), std::string::npos) << "the holder is not named" << second;
  EXPECT_EQ(served(), "1.0");
  holder.signal(SIGINT);
  EXPECT_EQ(holder.wait().exit_code, 130);
  stop_load();
}

// A registry that is silent takes docker 15 s and more.
TEST_F(Lock, IsRefusedAtOnceWhateverTheRegistryIsAskedMeanwhile) {
  auto holder = start_holder();
  lab().exec({"iptables", "-I", "OUTPUT", "-p", "tcp", "--dport", "5000", "-j", "DROP"});
  const auto second = deploy("1.1");
  EXPECT_EQ(second.exit_code, 4) << second;
  EXPECT_LT(second.took, std::chrono::seconds{10}) << second;
  holder.signal(SIGINT);
  EXPECT_EQ(holder.wait().exit_code, 130);
  stop_load();
}

TEST_F(Lock, NamesTheUserAndTheAgeToOthersAndStopsRollbacksToo) {
  set_environment("USER", "alice");
  auto holder = start_holder();
  set_environment("USER", "bob");
  for (const Words& arguments : {Words{"deploy", "--tag", "1.1"}, Words{"rollback"}}) {
    const auto refused = bgdeploy(arguments);
    EXPECT_EQ(refused.exit_code, 4) << refused;
    for (const std::string& words : {std::string("alice@"), lab().env("LAB_ADDRESS"), std::string(" ago)"),
                                     std::string("deploy slow-boot")})
      EXPECT_NE(refused.both().find(words), std::string::npos) << "does not say: " << words << refused;
  }
  holder.signal(SIGINT);
  EXPECT_EQ(holder.wait().exit_code, 130);
  stop_load();
}

TEST_F(Lock, FreezeAndUnlockLeaveARunningDeployAlone) {
  auto holder = start_holder();
  ASSERT_EQ(bgdeploy({"lock", "-m", "not now"}).exit_code, 0);
  EXPECT_EQ(deploy("1.1").exit_code, 4);
  ASSERT_EQ(bgdeploy({"unlock"}).exit_code, 0);
  const auto still = deploy("1.1");
  EXPECT_EQ(still.exit_code, 4) << "unlock took the lock of a running deploy" << still;
  EXPECT_NE(still.both().find("deploy slow-boot"), std::string::npos) << still;
  EXPECT_EQ(bgdeploy({"unlock"}).exit_code, 0) << "nothing to do is done";
  // Its switch is staged already.
  const auto status = bgdeploy({"status"});
  EXPECT_NE(status.out.find("nginx ok"), std::string::npos) << status;
  EXPECT_EQ(status.out.find("cut short"), std::string::npos) << status;
  holder.signal(SIGINT);
  EXPECT_EQ(holder.wait().exit_code, 130);
  stop_load();
}

TEST_F(Lock, TwoAtOnceNeverInterleave) {
  const auto other_slot = idle_slot();
  auto first = start_bgdeploy({"deploy", "--tag", "1.1"});
  auto second = start_bgdeploy({"deploy", "--tag", "1.1"});
  const auto one = first.wait();
  const auto two = second.wait();
  EXPECT_TRUE(one.exit_code == 0 || two.exit_code == 0) << one << two;
  for (const auto* each : {&one, &two}) EXPECT_TRUE(each->exit_code == 0 || each->exit_code == 4) << *each;
  EXPECT_EQ(served(), "1.1");
  EXPECT_EQ(live_slot(), other_slot) << "deployed once";
  stop_load();
}

TEST_F(Lock, IsFreeWithinTwoSecondsAfterTheHolderWasKilled) {
  auto holder = start_holder();
  holder.signal(SIGKILL);
  holder.wait();
  EXPECT_LT(time_until_deployed("1.1", std::chrono::seconds{20}), std::chrono::seconds{2});
  EXPECT_EQ(served(), "1.1");
  stop_load();
}

TEST_F(Lock, IsFreeWithinTwentySecondsAfterTheHoldersNetworkWentSilent) {
  auto holder = start_holder();
  silence_open_connections();
  EXPECT_LT(time_until_deployed("1.1", std::chrono::seconds{40}), std::chrono::seconds{20});
  EXPECT_EQ(served(), "1.1");
  const auto ended = holder.wait(std::chrono::seconds{90});
  EXPECT_NE(ended.exit_code, 0) << ended;
  EXPECT_NE(ended.exit_code, 137) << "it hung" << ended;
  EXPECT_EQ(served(), "1.1");
  stop_load();
}

TEST_F(Lock, ADeployerThatWasPausedAndLostItDoesNoMoreHarm) {
  auto holder = start_holder();
  holder.signal(SIGSTOP);
  EXPECT_LT(time_until_deployed("1.1", std::chrono::seconds{40}), std::chrono::seconds{20});
  const auto before = world();
  holder.signal(SIGCONT);
  const auto woken = holder.wait();
  EXPECT_NE(woken.exit_code, 0) << woken;
  EXPECT_EQ(world(), before) << woken;
  stop_load();
}

TEST_F(Lock, ADeployerWhoseLockFileIsRemovedEndsBeforeAnotherOneBegins) {
  auto holder = start_holder();
  lab().remove("/etc/nginx/conf.d/.shop.bgdeploy.lock");
  const auto second = deploy("1.1");
  EXPECT_EQ(second.exit_code, 0) << second;
  EXPECT_EQ(served(), "1.1");
  const auto first = holder.wait();
  EXPECT_NE(first.exit_code, 0) << first;
  EXPECT_NE(first.both().find("the lock was lost"), std::string::npos) << first;
  EXPECT_EQ(served(), "1.1");
  stop_load();
}

// Where no proxy has a folder for it, the lock lies where only those who deploy get to.
class LockWithoutAProxy : public Lock {
protected:
  static constexpr const char* k_folder = "/root/.local/state/bgdeploy";

  void SetUp() override {
    Lock::SetUp();
    write_spec({{"proxy", "proxy: none"}});
  }
  Finished as_nobody(const Words& command) const {
    Words words = {"setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"};
    words.insert(words.end(), command.begin(), command.end());
    return lab().exec(words);
  }
};

TEST_F(LockWithoutAProxy, AnotherUserCanNeitherHoldItNorFreeze) {
  ASSERT_EQ(bgdeploy({"lock", "-m", "not now"}).exit_code, 0);
  ASSERT_EQ(bgdeploy({"unlock"}).exit_code, 0);
  ASSERT_EQ(lab().exec({"test", "-d", k_folder}).exit_code, 0);
  const std::string base = std::string(k_folder) + "/.shop.bgdeploy";
  EXPECT_NE(as_nobody({"sh", "-c", ": >" + base + ".freeze"}).exit_code, 0);
  EXPECT_NE(as_nobody({"sh", "-c", "flock -n " + base + ".lock true"}).exit_code, 0);
  // What is not there counts for nothing, whatever it is called.
  for (const char* name : {"lock", "freeze", "info.0"})
    ASSERT_EQ(as_nobody({"mkfifo", std::string("/tmp/.shop.bgdeploy.") + name}).exit_code, 0);
  const auto again = deploy("1.0");
  EXPECT_EQ(again.exit_code, 0) << again;
  EXPECT_EQ(lab().exec({"sh", "-c", "flock -n " + base + ".lock true"}).exit_code, 0) << "that is the lock";
  EXPECT_NE(as_nobody({"sh", "-c", "flock -n " + base + ".lock true"}).exit_code, 0);
  for (const char* name : {"lock", "freeze", "info.0"})
    lab().remove(std::string("/tmp/.shop.bgdeploy.") + name);
  stop_load();
}

// What stands in the way is said at once, and nothing waits for it on the host.
TEST_F(LockWithoutAProxy, WhatIsNoFileInItsPlaceIsNamedAndNotWaitedFor) {
  ASSERT_EQ(lab().exec({"mkdir", "-p", "-m", "700", k_folder}).exit_code, 0);
  for (const std::string& name : {std::string("lock"), std::string("freeze"), std::string("info.0")}) {
    const auto path = std::string(k_folder) + "/.shop.bgdeploy." + name;
    lab().remove(path);
    ASSERT_EQ(lab().exec({"mkfifo", path}).exit_code, 0);
    for (const Words& words : {Words{"deploy", "--tag", "1.1"}, Words{"status"}}) {
      const auto finished = bgdeploy(words, std::chrono::seconds{20});
      EXPECT_EQ(finished.exit_code, words[0] == "deploy" ? 1 : 0) << name << finished;
      EXPECT_EQ(finished.both().find(path) != std::string::npos, name != "info.0" || words[0] == "deploy")
          << finished;
    }
    EXPECT_EQ(lab().exec({"sh", "-c", "pgrep -f '[b]gdeploy ~/'"}).out, "") << "left on the host";
    lab().remove(path);
  }
  stop_load();
}

TEST_F(Lock, AFreezeStopsDeploysUntilUnlock) {
  const auto frozen = bgdeploy({"lock", "-m", "black friday; $(no deploys)"});
  ASSERT_EQ(frozen.exit_code, 0) << frozen;
  const auto refused = deploy("1.1");
  EXPECT_EQ(refused.exit_code, 4) << refused;
  EXPECT_NE(refused.both().find("black friday; $(no deploys)"), std::string::npos) << refused;
  EXPECT_EQ(served(), "1.0");
  const auto status = bgdeploy({"status"});
  EXPECT_NE(status.out.find("black friday; $(no deploys)"), std::string::npos) << status;
  const auto again = bgdeploy({"lock", "-m", "until monday"});
  EXPECT_NE(again.out.find("replaces the freeze by"), std::string::npos) << again;
  EXPECT_NE(again.out.find("black friday; $(no deploys)"), std::string::npos) << again;
  EXPECT_NE(deploy("1.1").both().find("until monday"), std::string::npos);
  EXPECT_EQ(bgdeploy({"unlock"}).exit_code, 0);
  deploy_well("1.1");
  stop_load();
}

}  // namespace
}  // namespace e2e
