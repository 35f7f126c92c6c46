// The switch on a real nginx: that it works under load, and that whatever fails is put back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
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
using testing::NginxLab;
using testing::soon;
namespace fs = std::filesystem;

class NginxSwitch : public testing::NginxTest {};

TEST_F(NginxSwitch, SwitchesUnderLoadWithoutAFailure) {
  std::list<testing::Client> clients;
  for (int i = 0; i < 4; ++i) clients.emplace_back(lab.port);
  ASSERT_TRUE(eventually([&] { return clients.front().done() > 20; }));
  for (const std::size_t slot : {1, 0, 1}) {
    ASSERT_EQ(observed().live(), 1 - slot);
    ASSERT_TRUE(proxy->check(soon()));
    auto staged = proxy->stage(slot, lab.text_for(slot), soon());
    ASSERT_TRUE(staged) << staged.error().message;
    EXPECT_EQ(lab.read(lab.include), lab.text_for(1 - slot));
    ASSERT_TRUE((*staged)->commit(soon()));
    expect_serving(slot == 1 ? "green" : "blue");
    ASSERT_TRUE((*staged)->accept(soon()));
    const auto drained = (*staged)->drain(10s, lab.slots()[1 - slot], soon());
    ASSERT_TRUE(drained);
    EXPECT_TRUE(drained->complete);
    EXPECT_THAT(lab.leftovers(), IsEmpty());
    EXPECT_EQ(lab.read(lab.include), lab.text_for(slot));
    EXPECT_THAT(observed().leaving, IsEmpty());
  }
  for (auto& client : clients) {
    client.stop();
    EXPECT_EQ(client.failed(), 0);
    EXPECT_GT(client.done(), 20);
  }
}

TEST_F(NginxSwitch, TheSameContentIsASwitchToo) {
  const auto before = lab.read("/proc/" + std::to_string(lab.master()) + "/task/" +
                               std::to_string(lab.master()) + "/children");
  auto staged = proxy->stage(0, lab.text_for(0), soon());
  ASSERT_TRUE(staged) << staged.error().message;
  ASSERT_TRUE((*staged)->commit(soon()));
  ASSERT_TRUE((*staged)->accept(soon()));
  ASSERT_TRUE((*staged)->drain(10s, lab.slots()[1], soon()));
  EXPECT_NE(lab.read("/proc/" + std::to_string(lab.master()) + "/task/" + std::to_string(lab.master()) +
                     "/children"),
            before);
  expect_untouched();
}

TEST_F(NginxSwitch, RefusesABadConfigurationBeforeTheLiveFileIsTouched) {
  const auto staged = proxy->stage(1, "set $service_url;\n", soon());
  ASSERT_FALSE(staged);
  EXPECT_EQ(staged.error().kind, ErrorKind::refused);
  EXPECT_THAT(staged.error().details, Contains(HasSubstr("invalid number of arguments in \"set\"")));
  expect_untouched();
}

TEST_F(NginxSwitch, PutsBackWhatNginxTakesInTheTestAndRefusesInTheReload) {
  int taken = testing::free_port();
  testing::Backend squatter("squatter");
  taken = squatter.port();
  auto staged =
      proxy->stage(1, lab.text_for(1) + "listen 127.0.0.1:" + std::to_string(taken) + ";\n", soon());
  ASSERT_TRUE(staged) << staged.error().message;
  const auto committed = (*staged)->commit(soon());
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().kind, ErrorKind::refused) << committed.error().message;
  EXPECT_THAT(committed.error().details, Contains(HasSubstr("Address already in use")));
  expect_untouched();
}

TEST_F(NginxSwitch, RestoresAfterTheCommit) {
  auto staged = proxy->stage(1, lab.text_for(1), soon());
  ASSERT_TRUE(staged);
  ASSERT_TRUE((*staged)->commit(soon()));
  expect_serving("green");
  const auto restored = (*staged)->restore(soon());
  ASSERT_TRUE(restored) << restored.error().message;
  expect_untouched();
}

TEST_F(NginxSwitch, IsUndoneWhenItIsDroppedBeforeTheCommit) {
  { ASSERT_TRUE(proxy->stage(1, lab.text_for(1), soon())); }
  ASSERT_TRUE(eventually([&] { return lab.leftovers().empty(); }));
  expect_untouched();
}

TEST_F(NginxSwitch, IsUndoneWhenTheDeployerDiesAfterTheRename) {
  for (const std::string point : {"-t", "-s"}) {
    SCOPED_TRACE(point);
    auto staged = proxy->stage(1, lab.text_for(1), soon());
    ASSERT_TRUE(staged);
    lab.gate(point);
    std::stop_source deployer;
    std::thread death([&] {
      EXPECT_TRUE(eventually([&] { return lab.at_gate(point); }));
      EXPECT_EQ(lab.read(lab.include), lab.text_for(1));
      deployer.request_stop();
      lab.open(point);
    });
    const auto committed = (*staged)->commit(core::Wait::for_at_most(60s, deployer.get_token()));
    death.join();
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error().kind, ErrorKind::cancelled) << committed.error().message;
    expect_untouched();
  }
}

TEST_F(NginxSwitch, WhatWasBeforeStaysUntilItIsAccepted) {
  for (const bool keep : {false, true}) {
    SCOPED_TRACE(keep);
    {
      auto staged = proxy->stage(1, lab.text_for(1), soon());
      ASSERT_TRUE(staged);
      ASSERT_TRUE((*staged)->commit(soon()));
    }
    EXPECT_EQ(lab.read(lab.include), lab.text_for(1));
    expect_serving("green");
    EXPECT_TRUE(observed().unfinished);
    // Nobody else's switch may lose it.
    const auto next = proxy->stage(0, lab.text_for(0), soon());
    ASSERT_FALSE(next);
    EXPECT_THAT(next.error().message, HasSubstr("has not been ended"));
    EXPECT_TRUE(observed().unfinished);
    ASSERT_TRUE(proxy->recover(keep, soon()));
    EXPECT_FALSE(observed().unfinished);
    EXPECT_THAT(lab.leftovers(), IsEmpty());
    EXPECT_EQ(lab.read(lab.include), lab.text_for(keep ? 1 : 0));
    expect_serving(keep ? "green" : "blue");
  }
}

TEST_F(NginxSwitch, ADrainSeesWhatSomebodyElseWroteMeanwhile) {
  std::jthread held([&] { EXPECT_EQ(get(lab.port, "/hold"), "blue"); });
  ASSERT_TRUE(eventually([&] { return lab.blue.held() == 1; }));
  auto staged = proxy->stage(1, lab.text_for(1), soon());
  ASSERT_TRUE(staged);
  ASSERT_TRUE((*staged)->commit(soon()));
  ASSERT_TRUE((*staged)->accept(soon()));
  const auto drained = [&](core::Duration timeout) {
    const auto result = (*staged)->drain(timeout, lab.slots()[0], soon());
    EXPECT_TRUE(result);
    return result.value_or(Drained{});
  };
  EXPECT_TRUE(drained(0s).still_ours);
  // An editor makes another file of the same words.
  fs::rename(lab.include, lab.folder / "tmp" / "was.inc");
  lab.write(lab.include, lab.text_for(1));
  EXPECT_TRUE(drained(0s).still_ours);

  auto waiting = std::async(std::launch::async, [&] { return drained(20s); });
  lab.write(lab.include, lab.text_for(0));
  ASSERT_EQ(::kill(lab.master(), SIGHUP), 0);
  EXPECT_TRUE(eventually([&] { return get(lab.port) == "blue"; }));
  lab.blue.let_go();
  const auto changed = waiting.get();
  EXPECT_TRUE(changed.complete);
  EXPECT_FALSE(changed.still_ours);
  fs::remove(lab.include);
  EXPECT_FALSE(drained(0s).still_ours);
}

}  // namespace
}  // namespace bgdeploy::proxy
