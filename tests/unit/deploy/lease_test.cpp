// Against the real script, shell and flock on this machine.
#include "bgdeploy/deploy/lock/lease.hpp"

#include <gmock/gmock.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <semaphore>
#include <thread>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/timestamp.hpp"

namespace bgdeploy::deploy {
namespace {

using core::ErrorKind;
using testing::HasSubstr;
using namespace std::chrono_literals;

const LockOwner k_owner{"jenkins@ci-7 (pid 4242)", "deploy 1.2.3", *core::parse_time("2026-11-21T05:07:10Z")};

class Lock : public testing::Test {
protected:
  void SetUp() override {
    std::string folder = (std::filesystem::temp_directory_path() / "bgdeploy-lease-XXXXXX").string();
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    m_folder = folder;
    m_path = folder + "/.it's a lock";
    m_host = connected();
  }
  void TearDown() override { std::filesystem::remove_all(m_folder); }

  static std::unique_ptr<host::Host> connected() {
    return std::move(*host::connect({.name = "local", .local = true}, wait()));
  }
  static Wait wait(core::Duration most = 30s) { return Wait::for_at_most(most); }

  // Forks a deployer that takes the lock and then waits for signals.
  pid_t deployer_that_holds_the_lock() {
    int ready[2];
    if (::pipe(ready) != 0) return -1;
    const pid_t pid = ::fork();
    if (pid == 0) {
      const auto host = connected();
      const auto lease = acquire(*host, m_path, k_owner, wait());
      const char answer = lease ? 'y' : 'n';
      if (::write(ready[1], &answer, 1) == 1) ::pause();
      ::_exit(0);
    }
    char answer = 'n';
    EXPECT_EQ(::read(ready[0], &answer, 1), 1);
    EXPECT_EQ(answer, 'y');
    ::close(ready[0]);
    ::close(ready[1]);
    return pid;
  }

  // How long until the lock can be taken by somebody else.
  core::Duration until_free(core::Duration most) {
    const auto began = std::chrono::steady_clock::now();
    for (;;) {
      const auto lease = acquire(*m_host, m_path, k_owner, wait());
      const auto took = std::chrono::ceil<core::Duration>(std::chrono::steady_clock::now() - began);
      if (lease || took > most) return took;
      EXPECT_EQ(lease.error().kind, ErrorKind::locked) << lease.error().message;
    }
  }

  std::filesystem::path m_folder;
  std::string m_path;
  std::unique_ptr<host::Host> m_host;
};

TEST_F(Lock, OneHoldsItTheOtherIsToldWho) {
  auto first = acquire(*m_host, m_path, k_owner, wait());
  ASSERT_TRUE(first) << first.error().message;
  const auto began = std::chrono::steady_clock::now();
  const auto second = acquire(*m_host, m_path, {"bob", "deploy 9", {}}, wait());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::locked);
  EXPECT_THAT(
      second.error().message,
      testing::MatchesRegex("locked by jenkins@ci-7 \\(pid 4242\\) on local since 2026-11-21T05:07:10Z "
                            "\\(.*[hms] ago\\): deploy 1.2.3"));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 4s);
  EXPECT_FALSE((*first)->lost().stop_requested());
  EXPECT_TRUE((*first)->release(wait()));
  EXPECT_TRUE(acquire(*m_host, m_path, k_owner, wait()));
}

TEST_F(Lock, StatusNamesTheHolderAndDoesNotDisturbIt) {
  EXPECT_EQ(lock_status(*m_host, m_path, wait())->holder, std::nullopt);
  auto lease = acquire(*m_host, m_path, k_owner, wait());
  ASSERT_TRUE(lease);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(lock_status(*m_host, m_path, wait())->holder, k_owner);
  EXPECT_FALSE((*lease)->lost().stop_requested());
  ASSERT_TRUE((*lease)->release(wait()));
  EXPECT_EQ(lock_status(*m_host, m_path, wait())->holder, std::nullopt);
}

TEST_F(Lock, ManyThatAskForStatusKeepNobodyFromTakingIt) {
  std::vector<std::jthread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&](std::stop_token stop) {
      const auto host = connected();
      while (!stop.stop_requested()) EXPECT_TRUE(lock_status(*host, m_path, wait()));
    });
  }
  for (int i = 0; i < 5; ++i) {
    auto lease = acquire(*m_host, m_path, k_owner, wait());
    ASSERT_TRUE(lease) << lease.error().message;
    EXPECT_TRUE((*lease)->release(wait()));
  }
}

TEST_F(Lock, AFreezeIsQuotedUntilItIsTakenAway) {
  const std::string text = "audit until 17:00 'o'clock, \\n and \t \\c";
  ASSERT_TRUE(freeze(*m_host, m_path, {"ann@desk (pid 1)", text, k_owner.since}, wait()));
  const auto refused = acquire(*m_host, m_path, k_owner, wait());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::frozen);
  EXPECT_THAT(refused.error().message,
              HasSubstr("frozen by ann@desk (pid 1) on local since 2026-11-21T05:07:10Z"));
  EXPECT_THAT(refused.error().message, HasSubstr(": " + core::printable(text)));
  EXPECT_EQ(lock_status(*m_host, m_path, wait())->freeze->what, core::printable(text));
  EXPECT_EQ(*unfreeze(*m_host, m_path, wait()), true);
  EXPECT_EQ(*unfreeze(*m_host, m_path, wait()), false);
  EXPECT_TRUE(acquire(*m_host, m_path, k_owner, wait()));
}

TEST_F(Lock, AFreezeLeavesARunningDeployItsLock) {
  auto lease = acquire(*m_host, m_path, k_owner, wait());
  ASSERT_TRUE(lease);
  ASSERT_TRUE(freeze(*m_host, m_path, k_owner, wait()));
  EXPECT_EQ(lock_status(*m_host, m_path, wait())->holder, k_owner);
  ASSERT_TRUE(unfreeze(*m_host, m_path, wait()));
  EXPECT_EQ(lock_status(*m_host, m_path, wait())->holder, k_owner);
  EXPECT_FALSE((*lease)->lost().stop_requested());
}

TEST_F(Lock, AFreezeMayEndByItself) {
  const auto until = freeze(*m_host, m_path, k_owner, wait(), core::Duration(1h));
  ASSERT_TRUE(until) << until.error().message;
  ASSERT_TRUE(*until);
  EXPECT_GT(**until, std::chrono::system_clock::now() + 50min);
  EXPECT_LT(**until, std::chrono::system_clock::now() + 70min);
  EXPECT_EQ(lock_status(*m_host, m_path, wait())->freeze->until, *until);
  const auto refused = acquire(*m_host, m_path, k_owner, wait());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::frozen);
  EXPECT_THAT(refused.error().message, HasSubstr(", until " + core::format_time(**until) + ": deploy 1.2.3"));
  EXPECT_EQ(*unfreeze(*m_host, m_path, wait()), true);
  const auto at = core::parse_time("2101-02-03T04:05:06Z");
  EXPECT_EQ(*freeze(*m_host, m_path, k_owner, wait(), *at), at);
  EXPECT_EQ(lock_status(*m_host, m_path, wait())->freeze->until, at);
  EXPECT_EQ(*freeze(*m_host, m_path, k_owner, wait()), std::nullopt) << "one without an end replaces it";
}

TEST_F(Lock, AFreezeThatIsOverIsNone) {
  const auto past = freeze(*m_host, m_path, k_owner, wait(), core::SystemTime(std::chrono::hours(1)));
  ASSERT_FALSE(past);
  EXPECT_THAT(past.error().message, HasSubstr("ended already, by the clock there"));
  std::ofstream(m_path + ".freeze") << "{\"who\":\"ann\"}\n3600\n";
  EXPECT_EQ(lock_status(*m_host, m_path, wait())->freeze, std::nullopt);
  EXPECT_TRUE(acquire(*m_host, m_path, k_owner, wait()));
  EXPECT_EQ(*unfreeze(*m_host, m_path, wait()), false);
  EXPECT_FALSE(std::filesystem::exists(m_path + ".freeze"));
  // What is no time ends nothing.
  for (const std::string end : {"soon", "-5", "99999999999999999999999", "$(touch x)"}) {
    std::ofstream(m_path + ".freeze") << "{\"who\":\"ann\"}\n" << end << "\n";
    EXPECT_EQ(acquire(*m_host, m_path, k_owner, wait()).error().kind, ErrorKind::frozen) << end;
  }
}

// One that stands in line, in a thread.
struct InLine {
  InLine(const std::string& path, const std::string& name, std::function<void()> done)
      : thread([this, path, name, done](std::stop_token end) {
          const auto host =
              std::move(*host::connect({.name = "local", .local = true}, Wait::for_at_most(30s)));
          auto lease = acquire(*host, path, {name, "deploy", {}}, Wait::for_at_most(60s, std::move(end)),
                               {50s, [this](const std::string& whom) {
                                  const std::scoped_lock lock(mutex);
                                  told.push_back(whom);
                                }});
          kind = lease ? ErrorKind::internal : lease.error().kind;
          if (lease) done();
          if (lease) {
            EXPECT_TRUE((*lease)->release(Wait::for_at_most(30s)));
          }
        }) {}
  void await_told(const std::string& words) {
    for (int i = 0; i < 300; ++i, std::this_thread::sleep_for(100ms)) {
      const std::scoped_lock lock(mutex);
      if (!told.empty() && told.back().find(words) != std::string::npos) return;
    }
    ADD_FAILURE() << "nobody waits for " << words;
  }
  std::mutex mutex;
  std::vector<std::string> told;
  std::atomic<ErrorKind> kind = ErrorKind::timeout;
  std::jthread thread;  // last
};

TEST_F(Lock, IsWaitedForInTheOrderOfArrival) {
  auto first = acquire(*m_host, m_path, k_owner, wait());
  ASSERT_TRUE(first) << first.error().message;
  std::mutex mutex;
  std::vector<std::string> order;
  std::vector<std::unique_ptr<InLine>> waiting;
  for (const std::string name : {"ann", "bob", "cem"}) {
    waiting.push_back(std::make_unique<InLine>(m_path, name, [&, name] {
      const std::scoped_lock lock(mutex);
      order.push_back(name);
    }));
    waiting.back()->await_told("jenkins@ci-7 (pid 4242) on local since 2026-11-21T05:07:10Z");
  }
  EXPECT_EQ(acquire(*m_host, m_path, {"dan", "deploy", {}}, wait()).error().kind, ErrorKind::locked);
  ASSERT_TRUE((*first)->release(wait()));
  for (auto& one : waiting) one->thread.join();
  EXPECT_THAT(order, testing::ElementsAre("ann", "bob", "cem"));
  for (const auto& entry : std::filesystem::directory_iterator(m_folder))
    EXPECT_EQ(entry.path().string().find(".wait."), std::string::npos) << "a ticket stays";
}

TEST_F(Lock, WaitingForItEndsInTimeAtASignalAndByAFreeze) {
  auto first = acquire(*m_host, m_path, k_owner, wait());
  ASSERT_TRUE(first) << first.error().message;
  const auto tired = acquire(*m_host, m_path, {"ann", "deploy", {}}, wait(), {3s});
  ASSERT_FALSE(tired);
  EXPECT_EQ(tired.error().kind, ErrorKind::locked);
  EXPECT_THAT(tired.error().message,
              HasSubstr("waited 3s, and still locked by jenkins@ci-7 (pid 4242) on local"));
  InLine interrupted(m_path, "bob", [] {}), frozen(m_path, "cem", [] {});
  interrupted.await_told("jenkins");
  frozen.await_told("jenkins");
  interrupted.thread.request_stop();
  interrupted.thread.join();
  EXPECT_EQ(interrupted.kind.load(), ErrorKind::cancelled);
  ASSERT_TRUE(freeze(*m_host, m_path, k_owner, wait()));
  frozen.thread.join();
  EXPECT_EQ(frozen.kind.load(), ErrorKind::frozen);
  ASSERT_TRUE(unfreeze(*m_host, m_path, wait()));
  ASSERT_TRUE((*first)->release(wait()));
  EXPECT_TRUE(acquire(*m_host, m_path, k_owner, wait(), {20s})) << "those who gave up are in nobody's way";
}

TEST_F(Lock, SaysWhatIsMissing) {
  const auto missing = acquire(*m_host, m_folder / "none/.lock", k_owner, wait());
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::refused);
  EXPECT_EQ(missing.error().message, "local: cannot lock: no folder " + (m_folder / "none").string());
  EXPECT_EQ(missing.error().next, "");
  EXPECT_FALSE(freeze(*m_host, m_folder / "none/.lock", k_owner, wait()));
}

TEST_F(Lock, WhatSomebodyElseWroteIntoTheFilesIsPrintable) {
  std::ofstream(m_path + ".freeze") << R"({"who":"\u001b[31mmallory","what":7,"since":"never"})";
  const auto refused = acquire(*m_host, m_path, k_owner, wait());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "frozen by \\x1b[31mmallory on local");
  std::ofstream(m_path + ".freeze") << "garbage\nlocked {}";
  EXPECT_EQ(acquire(*m_host, m_path, k_owner, wait()).error().message, "frozen by somebody on local");
}

// What it takes until the lease is known to be lost.
bool is_lost(const Lease& lease, core::Duration most) {
  std::binary_semaphore noticed(0);
  const std::stop_callback callback(lease.lost(), [&] { noticed.release(); });
  return noticed.try_acquire_for(most);
}

TEST_F(Lock, WhoseFileIsRemovedIsLostBeforeAnotherHasIt) {
  auto first = acquire(*m_host, m_path, k_owner, wait());
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_TRUE(std::filesystem::remove(m_path + ".lock"));
  auto second = acquire(*m_host, m_path, k_owner, wait());
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_TRUE((*first)->lost().stop_requested()) << "two held it at once";
  const auto released = (*first)->release(wait());
  ASSERT_FALSE(released);
  EXPECT_EQ(released.error().kind, ErrorKind::lost);
  EXPECT_FALSE(is_lost(**second, 4s)) << "the one that lost it took the other's mark";
  EXPECT_EQ(lock_status(*m_host, m_path, wait())->holder, k_owner);
}

TEST_F(Lock, WhoseFileIsReplacedIsLost) {
  auto lease = acquire(*m_host, m_path, k_owner, wait());
  ASSERT_TRUE(lease) << lease.error().message;
  std::filesystem::rename(m_path + ".lock", m_path + ".moved");
  std::filesystem::create_symlink(m_path + ".moved", m_path + ".lock");
  EXPECT_TRUE(is_lost(**lease, 10s));
}

TEST_F(Lock, APausedDeployerWhoseFileIsRemovedNeverWakesBesideItsSuccessor) {
  const pid_t pid = deployer_that_holds_the_lock();
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  ASSERT_TRUE(std::filesystem::remove(m_path + ".lock"));
  const auto second = acquire(*m_host, m_path, k_owner, wait());
  ASSERT_TRUE(second) << second.error().message;
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, WNOHANG), pid) << "two held it at once";
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  ::kill(pid, SIGKILL);
}

TEST_F(Lock, WhatIsNoRegularFileIsNamedAndNeverOpened) {
  const std::map<std::string, std::function<void(const std::string&)>> kinds = {
      {"a fifo", [](const std::string& path) { ASSERT_EQ(::mkfifo(path.c_str(), 0666), 0); }},
      {"a symbolic link",
       [&](const std::string& path) { std::filesystem::create_symlink(m_folder / "x", path); }},
      {"a directory", [](const std::string& path) { std::filesystem::create_directory(path); }},
  };
  std::ofstream(m_folder / "x") << "{}";
  for (const auto& [kind, make] : kinds)
    for (const auto& suffix :
         std::vector<std::string>{".lock", ".freeze", ".info." + std::to_string(::getuid())}) {
      SCOPED_TRACE(kind + " as " + suffix);
      std::filesystem::remove(m_path + ".lock");
      make(m_path + suffix);
      const auto lease = acquire(*m_host, m_path, k_owner, wait(10s));
      ASSERT_FALSE(lease);
      EXPECT_EQ(lease.error().kind, ErrorKind::refused);
      EXPECT_EQ(lease.error().message, "local: cannot lock: " + m_path + suffix +
                                           " is not a regular file but " + kind + ": remove it");
      const auto status = lock_status(*m_host, m_path, wait(10s));
      if (suffix == ".lock" || suffix == ".freeze")
        EXPECT_FALSE(status);
      else
        EXPECT_TRUE(status) << "who holds it is all that is not known";
      std::filesystem::remove_all(m_path + suffix);
    }
  EXPECT_TRUE(acquire(*m_host, m_path, k_owner, wait()));
}

// Needs root, as all tests here that give a file to somebody else.
TEST_F(Lock, WhereEverybodyMayWriteTheFilesOfOthersDoNotCount) {
  constexpr uid_t k_nobody = 65534;
  std::filesystem::permissions(m_folder, std::filesystem::perms(01777));
  for (const auto& suffix :
       std::vector<std::string>{".lock", ".freeze", ".info." + std::to_string(::getuid())}) {
    std::ofstream(m_path + suffix) << R"({"who":"mallory"})";
    ASSERT_EQ(::chown((m_path + suffix).c_str(), k_nobody, k_nobody), 0);
    const auto lease = acquire(*m_host, m_path, k_owner, wait());
    ASSERT_FALSE(lease);
    EXPECT_EQ(lease.error().message, "local: cannot lock: " + m_path + suffix +
                                         " belongs to nobody, and everybody may write in " +
                                         m_folder.string() + ": remove it");
    std::filesystem::permissions(m_folder, std::filesystem::perms(0755));
    const auto trusting = acquire(*m_host, m_path, k_owner, wait());
    EXPECT_NE(trusting.has_value(), suffix == ".freeze") << "who may write here may do all the rest too";
    // Its holder removes its mark as it ends, which must not be the one that comes next.
    if (trusting) {
      EXPECT_TRUE((*trusting)->release(wait()));
    }
    std::filesystem::permissions(m_folder, std::filesystem::perms(01777));
    std::filesystem::remove(m_path + suffix);
  }
  // A mark of somebody else's tells nothing of who holds it.
  std::ofstream(m_path + ".info.65534") << R"({"who":"mallory"})";
  ASSERT_EQ(::chown((m_path + ".info.65534").c_str(), k_nobody, k_nobody), 0);
  auto lease = acquire(*m_host, m_path, k_owner, wait());
  ASSERT_TRUE(lease) << lease.error().message;
  EXPECT_EQ(lock_status(*m_host, m_path, wait())->holder, k_owner);
}

// Of flock, which has sysexits.h's EX_NOINPUT for it.
constexpr int k_cannot_open = 66;

// What one of another account's commands ends with.
int as_nobody(host::Host& host, const std::string& command, const std::string& path,
              const std::string& group = "65534") {
  const auto output = host.run({{"setpriv", "--reuid", "65534", "--regid", "65534", "--groups", group, "sh",
                                 "-c", command, "sh", path},
                                host::Tool::other,
                                {}},
                               Wait::for_at_most(30s));
  EXPECT_TRUE(output);
  return output ? output->exit_code : -1;
}

TEST_F(Lock, WhoMayNotWriteInItsFolderCanNeitherHoldItNorFreeze) {
  std::filesystem::permissions(m_folder, std::filesystem::perms(0755));
  ASSERT_TRUE(acquire(*m_host, m_path, k_owner, wait()));
  // As an earlier version left it.
  std::filesystem::permissions(m_path + ".lock", std::filesystem::perms(0644));
  ASSERT_EQ(as_nobody(*m_host, "flock -w 5 \"$1\" true", m_path + ".lock"), 0) << "the test tries nothing";
  ASSERT_TRUE(acquire(*m_host, m_path, k_owner, wait()));
  EXPECT_EQ(k_cannot_open, as_nobody(*m_host, "flock -w 5 \"$1\" true", m_path + ".lock"));
  EXPECT_NE(as_nobody(*m_host, ": >\"$1\"", m_path + ".freeze"), 0);
  EXPECT_TRUE(acquire(*m_host, m_path, k_owner, wait()));
}

TEST_F(Lock, OfAGroupsFolderItIsTheGroups) {
  ASSERT_EQ(::chown(m_folder.c_str(), 0, 4242), 0);
  std::filesystem::permissions(m_folder, std::filesystem::perms(02770));
  ASSERT_TRUE(acquire(*m_host, m_path, k_owner, wait()));
  EXPECT_EQ(k_cannot_open, as_nobody(*m_host, "flock -w 5 \"$1\" true", m_path + ".lock"));
  EXPECT_EQ(as_nobody(*m_host, "flock -w 5 \"$1\" true", m_path + ".lock", "4242"), 0);
}

TEST_F(Lock, MakesAFolderOfItsOwnThatNobodyElseGetsInto) {
  const LockPath own(m_folder / "state/bgdeploy/.shop.bgdeploy", true);
  EXPECT_EQ(lock_status(*m_host, own, wait())->holder, std::nullopt);
  EXPECT_FALSE(std::filesystem::exists(m_folder / "state")) << "looking changes nothing";
  ASSERT_TRUE(freeze(*m_host, own, k_owner, wait()));
  EXPECT_EQ(acquire(*m_host, own, k_owner, wait()).error().kind, ErrorKind::frozen);
  ASSERT_TRUE(unfreeze(*m_host, own, wait()));
  auto lease = acquire(*m_host, own, k_owner, wait());
  ASSERT_TRUE(lease) << lease.error().message;
  EXPECT_EQ(lock_status(*m_host, own, wait())->holder, k_owner);
  std::filesystem::permissions(m_folder, std::filesystem::perms(0755));
  EXPECT_NE(as_nobody(*m_host, "ls \"$1\"", m_folder / "state/bgdeploy"), 0);
}

TEST_F(Lock, AHolderThatIsKilledIsNoticedAtOnce) {
  auto lease = acquire(*m_host, m_path, k_owner, wait());
  ASSERT_TRUE(lease);
  std::binary_semaphore noticed(0);
  const std::stop_callback callback((*lease)->lost(), [&] { noticed.release(); });
  const auto killed = m_host->run({{"sh", "-c", R"(for p in /proc/[0-9]*; do
          tr '\000' ' ' <$p/cmdline 2>/dev/null | grep -qF "bgdeploy $1 {" && kill -9 ${p#/proc/}; done; :)",
                                    "kill", m_path}},
                                  wait());
  ASSERT_TRUE(killed);
  EXPECT_TRUE(noticed.try_acquire_for(10s));
  const auto released = (*lease)->release(wait());
  ASSERT_FALSE(released);
  EXPECT_EQ(released.error().kind, ErrorKind::lost);
  EXPECT_TRUE(acquire(*m_host, m_path, k_owner, wait()));
}

TEST_F(Lock, ADeployerThatWasKilledLetsGoAtOnce) {
  const pid_t pid = deployer_that_holds_the_lock();
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  EXPECT_LT(until_free(20s), 2s);
  ::waitpid(pid, nullptr, 0);
}

TEST_F(Lock, ADeployerThatWasPausedNeverWakesBesideItsSuccessor) {
  const pid_t pid = deployer_that_holds_the_lock();
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  const auto took = until_free(20s);
  EXPECT_LT(took, 20s);
  EXPECT_GT(took, 5s) << "a short pause must not lose the lock";
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

TEST_F(Lock, AHeldLockOutlivesItsTimeToLive) {
  auto lease = acquire(*m_host, m_path, k_owner, wait());
  ASSERT_TRUE(lease);
  std::binary_semaphore noticed(0);
  const std::stop_callback callback((*lease)->lost(), [&] { noticed.release(); });
  EXPECT_FALSE(noticed.try_acquire_for(12s));
  EXPECT_EQ(lock_status(*m_host, m_path, wait())->holder, k_owner);
}

}  // namespace
}  // namespace bgdeploy::deploy
