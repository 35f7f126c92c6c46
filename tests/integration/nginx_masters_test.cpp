// nginx that is upgraded (SIGUSR2), started anew or ended beside a switch and in the middle of it.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <future>
#include <list>

#include "support/nginx_test.hpp"

namespace bgdeploy::proxy {
namespace {

using namespace std::chrono_literals;
using core::ErrorKind;
using ::testing::Contains;
using testing::eventually;
using testing::get;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::soon;
namespace fs = std::filesystem;

class NginxMasters : public testing::NginxTest {
protected:
  std::unique_ptr<Switch> staged(std::size_t slot) {
    auto result = proxy->stage(slot, lab.text_for(slot), soon());
    EXPECT_TRUE(result) << (result ? "" : result.error().message);
    return result ? std::move(*result) : nullptr;
  }
  // Commits, and does something when the switch has come to nginx's test (-t) or reload (-s).
  Result<void> commit_with(Switch& switched, const std::string& point, const std::function<void()>& meanwhile,
                           std::stop_token deployer = {}) {
    lab.gate(point);
    auto committed = std::async(std::launch::async, [&] {
      return switched.commit(core::Wait::for_at_most(60s, std::move(deployer)));
    });
    EXPECT_TRUE(eventually([&] { return lab.at_gate(point); }));
    EXPECT_EQ(lab.read(lab.include), lab.text_for(1));
    meanwhile();
    lab.open(point);
    return committed.get();
  }
  void switch_to(std::size_t slot) {
    const auto switched = staged(slot);
    ASSERT_TRUE(switched);
    const auto committed = switched->commit(soon());
    ASSERT_TRUE(committed) << committed.error().message;
    ASSERT_TRUE(switched->accept(soon()));
    expect_serving(slot == 1 ? "green" : "blue");
  }
};

TEST_F(NginxMasters, NothingIsSwitchedWhileTwoMayAccept) {
  EXPECT_EQ(observed().masters.size(), 1);
  auto before = staged(1);
  const auto old = lab.upgrade();
  // Also while the old one has no workers: it starts them again when the new one ends.
  for (const bool winched : {false, true}) {
    SCOPED_TRACE(winched);
    if (winched) {
      ASSERT_EQ(::kill(old, SIGWINCH), 0);
      ASSERT_TRUE(eventually([&] { return !lab.has_workers(old); }));
    }
    const auto seen = observed();
    EXPECT_TRUE(seen.running);
    ASSERT_EQ(seen.masters.size(), 2);
    EXPECT_EQ(seen.masters.front().pid, old);
    EXPECT_EQ(seen.masters.back().pid, lab.master());
  }
  auto committed = std::async(std::launch::async, [&] { return before->commit(soon()); });
  auto next = std::async(std::launch::async, [&] {
    const auto result = nginx_on(*host, lab.around(lab.spec))->stage(1, lab.text_for(1), soon());
    return result ? std::string() : result.error().message;
  });
  const auto checked = proxy->check(soon());
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().kind, ErrorKind::refused);
  EXPECT_THAT(checked.error().message, HasSubstr("is being upgraded"));
  EXPECT_THAT(checked.error().next, HasSubstr(fmt::format("kill -QUIT {}", old)));
  const auto refused = committed.get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::refused);
  EXPECT_THAT(refused.error().message, HasSubstr(fmt::format("kill -QUIT {}", old)));
  EXPECT_THAT(next.get(), HasSubstr("is being upgraded"));
  expect_untouched();
  // Taken back: the old one starts workers again, with what it read long ago.
  lab.end(lab.master());
  ASSERT_TRUE(eventually([&] { return lab.master() == old && lab.has_workers(old); }));
  EXPECT_EQ(observed().masters.size(), 1);
  switch_to(1);
}

TEST_F(NginxMasters, AnUpgradeThatEndsIsWaitedFor) {
  std::list<testing::Client> clients;
  for (int i = 0; i < 4; ++i) clients.emplace_back(lab.port);
  auto old = lab.upgrade();
  ASSERT_EQ(observed().masters.size(), 2);
  auto waiting = std::async(std::launch::async, [&] { return proxy->check(soon()); });
  lab.end(old);
  EXPECT_TRUE(waiting.get());
  auto switched = staged(1);
  ASSERT_TRUE(switched);
  old = lab.upgrade();
  auto committed = std::async(std::launch::async, [&] { return switched->commit(soon()); });
  lab.end(old);
  const auto done = committed.get();
  ASSERT_TRUE(done) << done.error().message;
  expect_serving("green");
  // What begins after the commit has read what it switched to.
  old = lab.upgrade();
  ASSERT_TRUE(switched->accept(soon()));
  const auto drained = switched->drain(10s, lab.slots()[0], soon());
  ASSERT_TRUE(drained);
  EXPECT_TRUE(drained->complete);
  EXPECT_TRUE(drained->running);
  expect_serving("green");
  lab.end(old);
  expect_serving("green");
  for (auto& client : clients) {
    client.stop();
    EXPECT_EQ(client.failed(), 0);
    EXPECT_GT(client.done(), 20);
  }
}

TEST_F(NginxMasters, AnUpgradeInTheMiddleOfASwitchTakesItBack) {
  for (const std::string point : {"-t", "-s"}) {
    SCOPED_TRACE(point);
    pid_t old = 0;
    testing::Client client(lab.port);
    const auto switched = staged(1);
    ASSERT_TRUE(switched);
    const auto committed = commit_with(*switched, point, [&] { old = lab.upgrade(); });
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error().kind, ErrorKind::refused) << committed.error().message;
    EXPECT_THAT(committed.error().message, HasSubstr(fmt::format("kill -QUIT {}", old)));
    expect_untouched();
    lab.end(old);
    expect_untouched();
    client.stop();
    EXPECT_EQ(client.failed(), 0);
  }
  switch_to(1);
}

TEST_F(NginxMasters, AnUpgradeAfterTheCommitCannotBeTakenBackUnseen) {
  const auto switched = staged(1);
  ASSERT_TRUE(switched);
  ASSERT_TRUE(switched->commit(soon()));
  const auto old = lab.upgrade();
  const auto restored = switched->restore(soon());
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().kind, ErrorKind::inconsistent);
  EXPECT_TRUE(observed().unfinished);
  lab.end(old);
  ASSERT_TRUE(proxy->recover(false, soon()));
  expect_untouched();
}

// It is no upgrade any more, and its workers are waited for.
TEST_F(NginxMasters, AnOldMasterThatOnlyFinishesRequestsIsDrained) {
  std::jthread held([&] { EXPECT_EQ(get(lab.port, "/hold"), "blue"); });
  ASSERT_TRUE(eventually([&] { return lab.blue.held() == 1; }));
  const auto old = lab.upgrade();
  ASSERT_EQ(::kill(old, SIGQUIT), 0);
  EXPECT_TRUE(eventually([&] { return observed().masters.size() == 1; }));
  EXPECT_EQ(observed().leaving.size(), 1);
  EXPECT_TRUE(proxy->check(soon()));
  const auto switched = staged(1);
  ASSERT_TRUE(switched);
  const auto committed = switched->commit(soon());
  ASSERT_TRUE(committed) << committed.error().message;
  ASSERT_TRUE(switched->accept(soon()));
  const auto drained = switched->drain(200ms, lab.slots()[0], soon());
  ASSERT_TRUE(drained);
  EXPECT_FALSE(drained->complete);
  EXPECT_EQ(drained->connections, 1);
  lab.blue.let_go();
}

TEST_F(NginxMasters, AnUpgradeThatFailsIsNone) {
  lab.write(lab.sites / "broken.conf", "listne 1;\n");
  const auto master = lab.master();
  ASSERT_EQ(::kill(master, SIGUSR2), 0);
  ASSERT_TRUE(eventually([&] {
    return lab.read(lab.folder / "error.log").find("listne") != std::string::npos &&
           !fs::exists(lab.folder / "nginx.pid.oldbin");
  }));
  fs::remove(lab.sites / "broken.conf");
  ASSERT_TRUE(eventually([&] { return lab.master() == master; }));
  EXPECT_EQ(observed().masters.size(), 1);
  switch_to(1);
}

TEST_F(NginxMasters, OneThatIsStartedAnewInTheMiddleIsFoundAgain) {
  for (const std::string point : {"-t", "-s"}) {
    SCOPED_TRACE(point);
    auto switched = staged(1);
    ASSERT_TRUE(switched);
    const auto done = commit_with(*switched, point, [&] { lab.restart(); });
    ASSERT_TRUE(done) << done.error().message;
    expect_serving("green");
    lab.restart();
    const auto restored = switched->restore(soon());
    ASSERT_TRUE(restored) << restored.error().message;
    expect_untouched();

    switched = staged(1);
    ASSERT_TRUE(switched);
    std::stop_source deployer;
    const auto undone = commit_with(
        *switched, point,
        [&] {
          lab.restart();
          expect_serving("green");  // it has read the new file
          deployer.request_stop();
        },
        deployer.get_token());
    ASSERT_FALSE(undone);
    EXPECT_EQ(undone.error().kind, ErrorKind::cancelled) << undone.error().message;
    expect_untouched();
  }
}

TEST_F(NginxMasters, OneThatEndsInTheMiddleIsSaidToBeDown) {
  const auto switched = staged(1);
  ASSERT_TRUE(switched);
  const auto committed = commit_with(*switched, "-s", [&] { lab.end(lab.master()); });
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().kind, ErrorKind::inconsistent);
  EXPECT_THAT(committed.error().message, HasSubstr("nginx is not running"));
  EXPECT_THAT(committed.error().message, HasSubstr("nobody is served"));
  EXPECT_EQ(lab.read(lab.include), lab.text_for(0));
  EXPECT_THAT(lab.leftovers(), IsEmpty());
  const auto seen = observed();
  EXPECT_FALSE(seen.running);
  EXPECT_THAT(seen.masters, IsEmpty());
  EXPECT_EQ(seen.live(), 0);
  lab.start();
  expect_untouched();
}

// What a script that was killed left is ended also where nginx does not run: it starts with the right files.
TEST_F(NginxMasters, SettlesFilesWhileNginxIsDown) {
  for (const bool keep : {true, false}) {
    SCOPED_TRACE(keep);
    const auto switched = staged(1);
    ASSERT_TRUE(switched);
    const auto committed = commit_with(*switched, "-s", [&] {
      EXPECT_TRUE(lab.kill_script());
      lab.end(lab.master());
    });
    ASSERT_FALSE(committed);
    ASSERT_TRUE(observed().unfinished);
    const auto recovered = proxy->recover(keep, soon());
    ASSERT_TRUE(recovered) << recovered.error().message;
    EXPECT_FALSE(observed().unfinished);
    EXPECT_EQ(lab.read(lab.include), lab.text_for(keep ? 1 : 0));
    lab.start();
    expect_serving(keep ? "green" : "blue");
    if (keep) switch_to(0);
  }
}

TEST_F(NginxMasters, WhatEndsAfterTheCommitIsSeenByTheDrain) {
  const auto switched = staged(1);
  ASSERT_TRUE(switched);
  ASSERT_TRUE(switched->commit(soon()));
  ASSERT_TRUE(switched->accept(soon()));
  lab.end(lab.master());
  const auto drained = switched->drain(10s, lab.slots()[0], soon());
  ASSERT_TRUE(drained);
  EXPECT_FALSE(drained->running);
}

// Two services' deployers keep each other out, whatever becomes of the pid file.
TEST_F(NginxMasters, TheLockStaysWhenThePidFileIsReplaced) {
  const int folder = ::open(lab.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ASSERT_GE(folder, 0);
  const auto locked = [&] { return ::flock(folder, LOCK_EX | LOCK_NB) != 0; };
  const auto switched = staged(1);
  ASSERT_TRUE(switched);
  const auto committed = commit_with(*switched, "-t", [&] {
    EXPECT_TRUE(locked());
    lab.end(lab.upgrade());
    EXPECT_TRUE(locked());
    lab.restart();
    EXPECT_TRUE(locked());
  });
  EXPECT_TRUE(committed) << committed.error().message;
  EXPECT_FALSE(locked());
  ::close(folder);
}

}  // namespace
}  // namespace bgdeploy::proxy
