#include "bgdeploy/deploy/execute/execute.hpp"

#include <gmock/gmock.h>

#include <condition_variable>
#include <mutex>

#include "../plan/spec_for_tests.hpp"
#include "bgdeploy/deploy/observe/observe.hpp"
#include "deploy/parallel.hpp"
#include "simulated_world.hpp"

namespace bgdeploy::deploy {
namespace {

using plan::Container;
using test::Fault;
using test::SimulatedWorld;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::Optional;
using testing::StrEq;

plan::Release release(const std::string& tag) {
  return {"id-" + tag, tag, "shop", "sha256:" + tag};
}

// Observe, settle, plan, execute: what the program does under its lock.
Outcome deploy(const spec::Spec& spec, SimulatedWorld& simulated, const std::string& tag,
               const Stops& stops = {}) {
  World world = simulated.world();
  const plan::Launch launch{release(tag), {}};
  auto state = guarded([&] { return observe(spec, world, launch, simulated.wait()); });
  if (state)
    state = guarded([&] { return recover(spec, world, std::move(*state), launch, simulated.wait()); });
  if (!state) return {Verdict::failed, 3, false, state.error()};
  auto plan = plan::make_plan(spec, *state, {plan::Request::Kind::deploy, launch, false});
  if (!plan) return {Verdict::failed, 5, false, plan.error()};
  return execute(spec, *state, *plan, world, stops);
}

// Blue runs 1.0 and serves, green keeps 0.9 stopped.
void set_up(SimulatedWorld& simulated) {
  simulated.run(0, release("1.0"));
  simulated.run(1, release("0.9"), Container::Status::exited);
  simulated.put_live(0);
}

struct Shape {
  std::size_t hosts, proxies;  // no proxies: each host fronts itself
};

class Execute : public testing::TestWithParam<Shape> {
protected:
  Execute() : spec(test::small_spec(GetParam().hosts, GetParam().proxies)), world(spec, GetParam().hosts) {
    // All hosts share one clock, and what one waits for must not use up another's time for a request.
    spec.health.deadline = std::chrono::seconds(1);
    set_up(world);
  }
  spec::Spec spec;
  SimulatedWorld world;
};

TEST_P(Execute, DeploysAndRetires) {
  const Outcome outcome = deploy(spec, world, "2.0");
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.verdict, Verdict::succeeded);
  EXPECT_THAT(world.answers(), Each(Optional(StrEq("2.0"))));
  EXPECT_THAT(world.containers(0), ElementsAre("shop-blue=1.0 stopped", "shop-green=2.0 running"));
  EXPECT_EQ(world.failed_requests(), 0);
}

TEST_P(Execute, AnotherEnvironmentsContainerIsNeverTouched) {
  for (const auto status : {Container::Status::running, Container::Status::exited}) {
    SimulatedWorld shared(spec, GetParam().hosts);
    shared.run(0, release("1.0"));
    shared.put_live(0);
    shared.run_foreign(1, status);
    const auto before = shared.containers(0);
    const Outcome outcome = deploy(spec, shared, "2.0");
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->kind, core::ErrorKind::usage) << outcome.error->message;
    EXPECT_EQ(shared.containers(0), before);
    EXPECT_EQ(shared.foreign_touched(), 0);
    EXPECT_THAT(shared.answers(), Each(Optional(StrEq("1.0"))));
    EXPECT_EQ(shared.failed_requests(), 0);
  }
}

TEST_P(Execute, WhatDockerLeftHalfStartedIsMadeAnew) {
  SimulatedWorld crashed(spec, GetParam().hosts);
  crashed.run(0, release("1.0"));
  crashed.run(1, release("2.0"), Container::Status::exited);
  crashed.leave_half_started(1);
  crashed.put_live(0);
  EXPECT_EQ(deploy(spec, crashed, "2.0").exit_code, 0);
  EXPECT_THAT(crashed.answers(), Each(Optional(StrEq("2.0"))));
  EXPECT_EQ(crashed.failed_requests(), 0);
  EXPECT_EQ(deploy(spec, crashed, "3.0").exit_code, 0) << "nothing is in the way afterwards";
  EXPECT_EQ(deploy(spec, crashed, "4.0").exit_code, 0);
  EXPECT_THAT(crashed.containers(0), ElementsAre("shop-blue=3.0 stopped", "shop-green=4.0 running"));
}

TEST(Observe, WhatTheIncludeShouldSayIsWhereTheLiveSlotIsPublished) {
  spec::Spec spec = test::small_spec();
  SimulatedWorld world(spec, 1);
  set_up(world);
  ASSERT_TRUE(observe(spec, world.world(), std::nullopt, world.wait()));
  EXPECT_EQ(world.asked_address(0), "127.0.0.1");
  world.publish(0, "10.0.0.5");
  ASSERT_TRUE(observe(spec, world.world(), std::nullopt, world.wait()));
  EXPECT_EQ(world.asked_address(0), "10.0.0.5");
}

// What serves is then the slot that the include does not name.
TEST_P(Execute, AnIncludeThatNginxHasNotReadIsReadFirst) {
  world.run(1, release("0.9"));
  world.edit(1);
  EXPECT_EQ(deploy(spec, world, "2.0").exit_code, 0);
  EXPECT_THAT(world.answers(), Each(Optional(StrEq("2.0"))));
  EXPECT_EQ(world.failed_requests(), 0);
}

TEST_P(Execute, AnIncludeThatNginxHasNotReadIsNotReadWhereItNamesASickOne) {
  world.unhealthy_tag = "0.9";
  world.run(1, release("0.9"));
  world.edit(1);
  const auto before = world.containers(0);
  const Outcome outcome = deploy(spec, world, "2.0");
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->kind, core::ErrorKind::inconsistent);
  EXPECT_THAT(world.answers(), Each(Optional(StrEq("1.0"))));
  EXPECT_EQ(world.containers(0), before);
  EXPECT_EQ(world.failed_requests(), 0);
}

TEST_P(Execute, AnIncludeThatNginxHasNotReadIsNotReadWhereTheProxiesDisagree) {
  world.run(1, release("0.9"));
  world.edit(1, false);
  if (spec::proxies(spec).size() == 1) return;
  EXPECT_EQ(deploy(spec, world, "2.0").exit_code, 5);
  EXPECT_THAT(world.answers(), Each(Optional(StrEq("1.0"))));
}

// Whatever fails meanwhile: what serves is not touched, and the next deploy of the same tag gets there.
TEST_P(Execute, AnIncludeInOtherWordsIsWrittenAnewWithTheSameTag) {
  const auto containers = world.containers(0);
  for (const Fault fault : {Fault::none, Fault::refused, Fault::lost, Fault::dead})
    for (int at = 0; at < 100; ++at) {
      SimulatedWorld one(spec, GetParam().hosts);
      set_up(one);
      one.write_otherwise(at % 2 == 0);
      one.fault_at(at, fault);
      const Outcome outcome = deploy(spec, one, "1.0");
      if (fault == Fault::none) {
        EXPECT_EQ(outcome.verdict, Verdict::succeeded);
      }
      if (outcome.exit_code == 1) {
        EXPECT_GT(one.written_otherwise(), 0) << "the old one is back, effect " << at;
      }
      EXPECT_EQ(one.containers(0), containers);
      one.heal();
      EXPECT_EQ(deploy(spec, one, "1.0").exit_code, 0) << "effect " << at;
      EXPECT_EQ(one.written_otherwise(), 0);
      EXPECT_EQ(deploy(spec, one, "1.0").verdict, Verdict::unchanged);
      EXPECT_EQ(one.containers(0), containers);
      EXPECT_THAT(one.answers(), Each(Optional(StrEq("1.0"))));
      EXPECT_EQ(one.failed_requests(), 0);
      if (!one.fault_hit()) break;
    }
}

TEST_P(Execute, StartsWithTheFirstSlotAndLeavesNothingOfAFirstReleaseThatFails) {
  SimulatedWorld empty(spec, GetParam().hosts);
  empty.put_live(0);
  empty.unhealthy_tag = "1.0";
  EXPECT_EQ(deploy(spec, empty, "1.0").exit_code, 1);
  EXPECT_THAT(empty.containers(0), testing::IsEmpty());
  empty.unhealthy_tag.clear();
  EXPECT_EQ(deploy(spec, empty, "1.0").exit_code, 0);
  EXPECT_THAT(empty.containers(0), ElementsAre("shop-blue=1.0 running"));
  EXPECT_THAT(empty.answers(), Each(Optional(StrEq("1.0"))));
}

TEST_P(Execute, LeavesNothingBehindWhenTheReleaseNeverGetsHealthy) {
  world.unhealthy_tag = "2.0";
  const Outcome outcome = deploy(spec, world, "2.0");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.error->kind, core::ErrorKind::unhealthy);
  EXPECT_THAT(world.containers(0), ElementsAre("shop-blue=1.0 running", "shop-green=0.9 stopped"));
  EXPECT_THAT(world.steps<report::LogLine>(), Contains("health"));
  EXPECT_EQ(world.failed_requests(), 0);
}

TEST_P(Execute, ASingleHostThatGotSickWhileTheOthersWereAwaitedEndsIt) {
  world.faltering_tag = "2.0";
  const Outcome outcome = deploy(spec, world, "2.0");
  EXPECT_EQ(outcome.exit_code, 1);
  const bool alone = GetParam().hosts == 1;  // there is nobody to wait for, so that it shows after the switch
  EXPECT_EQ(outcome.verdict, alone ? Verdict::rolled_back : Verdict::failed);
  EXPECT_THAT(outcome.error->message,
              testing::HasSubstr("shop-green on web-1 was healthy and is not any more: HTTP 503"));
  EXPECT_THAT(world.answers(), Each(Optional(StrEq("1.0"))));
  EXPECT_THAT(world.containers(0), ElementsAre("shop-blue=1.0 running", "shop-green=0.9 stopped"));
}

TEST_P(Execute, SaysWhatToDoWhenNoImageFits) {
  world.full_disk = true;
  const Outcome outcome = deploy(spec, world, "2.0");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.error->next, testing::HasSubstr(": docker system df shows what takes it"));
}

TEST_P(Execute, GivesUpAtOnceWhenTheContainerExits) {
  world.crashing_tag = "2.0";
  spec.health.deadline = std::chrono::hours(1);
  const Outcome outcome = deploy(spec, world, "2.0");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.error->message, testing::HasSubstr("shop-green exited with exit code 3"));
  EXPECT_EQ(outcome.error->next, "mend what its log says, then deploy again");
  const auto events = world.events();
  const auto probes = std::ranges::count_if(
      events, [](const report::Event& event) { return std::holds_alternative<report::HealthProbe>(event); });
  EXPECT_LT(probes, spec.health.deadline / spec.health.interval) << "it waited for the deadline";
  EXPECT_THAT(world.containers(0), ElementsAre("shop-blue=1.0 running", "shop-green=0.9 stopped"));
}

TEST_P(Execute, SaysHowAContainerEndedThatHadNoAddressAnyMore) {
  for (const bool between_lives : {false, true}) {
    world.crashing_tag = "2.0";
    world.crashes_at_once = true;
    world.between_lives = between_lives;
    const Outcome outcome = deploy(spec, world, "2.0");
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_EQ(outcome.error->kind, core::ErrorKind::unhealthy);
    EXPECT_THAT(outcome.error->message, testing::HasSubstr("shop-green exited with exit code 3"));
    EXPECT_THAT(world.steps<report::LogLine>(), Contains("health"));
  }
}

TEST_P(Execute, PutsEveryProxyBackWhenOneRefuses) {
  world.refusing_proxy = spec::proxies(spec).back().name;
  const Outcome outcome = deploy(spec, world, "2.0");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(world.answers(), Each(Optional(StrEq("1.0"))));
  EXPECT_THAT(world.containers(0), ElementsAre("shop-blue=1.0 running", "shop-green=0.9 stopped"));
  EXPECT_EQ(world.failed_requests(), 0);
}

TEST_P(Execute, StopsNothingWhenSomebodyElsePutTheOldSlotBack) {
  world.changed_proxy = spec::proxies(spec).back().name;
  const Outcome outcome = deploy(spec, world, "2.0");
  EXPECT_EQ(outcome.exit_code, 5);
  EXPECT_THAT(world.answers().back(), Optional(StrEq("1.0")));
  for (std::size_t host = 0; host < GetParam().hosts; ++host)
    EXPECT_THAT(world.containers(host),
                ::testing::IsSupersetOf({"shop-blue=1.0 running", "shop-green=2.0 running"}));
  EXPECT_EQ(world.failed_requests(), 0);
}

TEST_P(Execute, UndoesWhenInterruptedBeforeTheSwitch) {
  std::stop_source stop;
  stop.request_stop();
  const Outcome outcome = deploy(spec, world, "2.0", {stop.get_token(), {}});
  EXPECT_EQ(outcome.exit_code, 130);
  EXPECT_EQ(outcome.verdict, Verdict::interrupted);
  EXPECT_THAT(world.containers(0), ElementsAre("shop-blue=1.0 running", "shop-green=0.9 stopped"));
}

TEST_P(Execute, TouchesNothingMoreOnceTheLockIsLost) {
  std::stop_source lost;
  lost.request_stop();
  const int before = world.effects();
  const Outcome outcome = deploy(spec, world, "2.0", {{}, lost.get_token()});
  EXPECT_EQ(outcome.exit_code, 1) << "the old release serves: that was looked at";
  const auto places = world.containers(0).size() == 2 ? GetParam().hosts + spec::proxies(spec).size() : 0;
  EXPECT_EQ(world.effects() - before, 2 * static_cast<int>(places));  // it only looked, before and after
}

// A deployer that slept through the end of its lock.
TEST_P(Execute, SaysWhoDeployedMeanwhileWhereTheLockIsLost) {
  for (const std::size_t slot : {0U, 1U}) {
    World effects = world.world();
    std::stop_source lost;
    effects.revive = [&](World&, const core::Wait&) {
      world.run(slot, release("3.0"));
      world.put_live(slot);
    };
    const plan::Launch launch{release("2.0"), {}};
    const auto state = observe(spec, effects, launch, world.wait());
    ASSERT_TRUE(state);
    const auto plan = plan::make_plan(spec, *state, {plan::Request::Kind::deploy, launch, true});
    ASSERT_TRUE(plan) << plan.error().message;
    lost.request_stop();
    const Outcome outcome = execute(spec, *state, *plan, effects, {{}, lost.get_token()});
    EXPECT_EQ(outcome.exit_code, 5);
    EXPECT_THAT(outcome.error->message, testing::StartsWith("another run has deployed meanwhile: 3.0"));
    EXPECT_FALSE(outcome.checked);
  }
}

// As where one cut ends the connection of a commit and, a moment later, that of the lock.
TEST_P(Execute, ALockThatIsLostWhileTheWayBackIsTakenLeavesOnlyLooking) {
  world.refusing_proxy = spec::proxies(spec).back().name;
  World effects = world.world();
  std::stop_source lost;
  int revived = 0;
  effects.revive = [&](World&, const core::Wait& wait) {
    EXPECT_FALSE(wait.stop.stop_requested());
    if (revived++ > 0) return world.heal();
    lost.request_stop();
    world.fault_at(0, Fault::dead);
  };
  const plan::Launch launch{release("2.0"), {}};
  const auto state = observe(spec, effects, launch, world.wait());
  ASSERT_TRUE(state);
  const auto plan = plan::make_plan(spec, *state, {plan::Request::Kind::deploy, launch, false});
  ASSERT_TRUE(plan);
  const Outcome outcome = execute(spec, *state, *plan, effects, {{}, lost.get_token()});
  EXPECT_EQ(outcome.exit_code, 1) << outcome.error->message;
  EXPECT_EQ(revived, 2);
  EXPECT_THAT(world.answers(), Each(Optional(StrEq("1.0"))));
  EXPECT_EQ(world.failed_requests(), 0);
}

TEST_P(Execute, SaysThatAHumanIsNeededWhenTheOldReleaseDiedMeanwhile) {
  world.unhealthy_tag = "1.0";
  World effects = world.world();
  auto state = observe(spec, effects, plan::Launch{release("2.0"), {}}, world.wait());
  ASSERT_TRUE(state);
  world.unhealthy_tag = "2.0";
  for (plan::AppHost& host : state->app_hosts) host.slots[0].answers = true;
  auto plan = plan::make_plan(spec, *state, {plan::Request::Kind::deploy, {release("2.0"), {}}, false});
  ASSERT_TRUE(plan);
  world.crashing_tag = "2.0";
  world.unhealthy_tag = "1.0";
  const Outcome outcome = execute(spec, *state, *plan, effects, {});
  EXPECT_EQ(outcome.exit_code, 5);
}

// Each phase has a deadline of its own, and each host of a phase.
TEST_P(Execute, AFailureOnManySlowHostsIsStillExitCode1) {
  spec.parallel = 1;
  world.unhealthy_tag = "2.0";
  world.on_launch = [&] { world.effect_takes = std::chrono::seconds(12); };
  const Outcome outcome = deploy(spec, world, "2.0");
  EXPECT_EQ(outcome.exit_code, 1) << outcome.error->message;
  EXPECT_THAT(outcome.error->details, testing::Not(Contains(testing::HasSubstr("could not"))));
  EXPECT_THAT(world.containers(0), ElementsAre("shop-blue=1.0 running", "shop-green=0.9 stopped"));
}

TEST_P(Execute, UndoesTheHostsSideBySide) {
  const std::size_t hosts = GetParam().hosts;
  world.refusing_proxy = spec::proxies(spec).back().name;  // when every host runs the new release
  std::mutex mutex;
  std::condition_variable_any changed;
  std::size_t undoing = 0;
  world.on_stop = [&](const core::Wait&) -> core::Result<void> {
    std::unique_lock lock(mutex);
    ++undoing;
    changed.notify_all();
    const bool all = changed.wait_for(lock, std::chrono::seconds(20), [&] { return undoing >= hosts; });
    return all ? core::Result<void>{} : core::fail(core::ErrorKind::timeout, "the others were not undone");
  };
  const Outcome outcome = deploy(spec, world, "2.0");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.error->details, testing::Not(Contains(testing::HasSubstr("could not"))));
}

TEST_P(Execute, AnUndoThatIsGivenUpEndsWithWhatIsNotUndone) {
  std::stop_source user, hurry;
  world.unhealthy_tag = "2.0";
  world.on_launch = [&] { user.request_stop(); };
  std::mutex mutex;  // a second request returns before the first has told everybody
  world.on_stop = [&](const core::Wait& wait) -> core::Result<void> {
    const std::scoped_lock lock(mutex);
    hurry.request_stop();
    EXPECT_TRUE(wait.stop.stop_requested()) << "whoever waits for docker is told";
    return core::fail(core::ErrorKind::cancelled, "interrupted");
  };
  const Outcome outcome = deploy(spec, world, "2.0", {user.get_token(), {}, hurry.get_token()});
  EXPECT_EQ(outcome.exit_code, 5);
  EXPECT_EQ(outcome.verdict, Verdict::inconsistent);
  EXPECT_EQ(outcome.error->message, "the undo was given up");
  EXPECT_THAT(outcome.error->details, Contains("it began with: interrupted"));
  EXPECT_THAT(outcome.error->details, Contains(testing::HasSubstr("not done: stop and remove shop-green")));
  EXPECT_THAT(outcome.error->details, Contains(testing::HasSubstr("not done: put shop-green (0.9")));
  EXPECT_EQ(world.failed_requests(), 0);
}

TEST_P(Execute, StagesTheSwitchWhileTheContainersGetHealthy) {
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t staged = 0;
  world.on_stage = [&] {
    const std::scoped_lock lock(mutex);
    ++staged;
    changed.notify_all();
  };
  std::atomic<bool> launched = false;
  world.on_launch = [&] { launched = true; };
  world.on_probe = [&] {
    std::unique_lock lock(mutex);
    EXPECT_TRUE(changed.wait_for(lock, std::chrono::seconds(20), [&] { return !launched || staged > 0; }));
  };
  EXPECT_EQ(deploy(spec, world, "2.0").exit_code, 0);
  EXPECT_EQ(staged, spec::proxies(spec).size()) << "and once only";
}

TEST_P(Execute, BeginsTheRecordBeforeTheOldSlotStops) {
  std::atomic<int> begun = 0;
  world.on_stop = [&](const core::Wait&) -> core::Result<void> {
    EXPECT_GT(begun, 0);
    return {};
  };
  world.on_commit = [&](const std::string&) { EXPECT_EQ(begun, 0); };
  world.begin_record = [&] { ++begun; };
  EXPECT_EQ(deploy(spec, world, "2.0").exit_code, 0);
  EXPECT_GT(begun, 0);
}

TEST_P(Execute, StagesTheSwitchAfterwardsWhereTheHostsHaveNoPlaceForIt) {
  world.roomy = false;
  world.on_stage = [&] {
    EXPECT_THAT(world.steps<report::StepFinished>(),
                Contains("health").Times(static_cast<int>(GetParam().hosts)));
  };
  EXPECT_EQ(deploy(spec, world, "2.0").exit_code, 0);
}

INSTANTIATE_TEST_SUITE_P(Hosts, Execute,
                         testing::Values(Shape{1, 0}, Shape{2, 0}, Shape{5, 0}, Shape{1, 1}, Shape{2, 1},
                                         Shape{2, 2}));

struct Case {
  Fault fault;
  std::size_t hosts, proxies = 0;
};

// Every single effect of a deploy fails once, in every way: no request is lost, all backends run one release,
// and the next deploy works without repair.
class FaultEverywhere : public testing::TestWithParam<Case> {};

TEST_P(FaultEverywhere, LosesNothingAndTheNextDeployWorks) {
  const auto [fault, hosts, proxies] = GetParam();
  spec::Spec spec = test::small_spec(hosts, proxies);
  spec.parallel = 1;  // the same order of effects in every run
  spec.verify = spec::Verify{};
  int hits = 0;
  for (int at = 0;; ++at) {
    SimulatedWorld world(spec, hosts);
    set_up(world);
    world.fault_at(at, fault);
    const Outcome outcome = deploy(spec, world, "2.0");
    if (!world.fault_hit()) break;
    ++hits;
    SCOPED_TRACE(testing::Message() << "effect " << at << ", exit code " << outcome.exit_code);
    EXPECT_EQ(world.failed_requests(), 0);
    const auto answers = world.answers();
    // Only a deployer that died between the commits of two proxies leaves them apart; the next one ends that.
    if (fault != Fault::dead) {
      EXPECT_THAT(answers, Each(Optional(StrEq(**answers.begin())))) << "a mixed fleet";
    }
    if (outcome.exit_code != 5) {
      EXPECT_THAT(answers, Each(Optional(StrEq(outcome.committed ? "2.0" : "1.0")))) << "other than it said";
    }

    world.heal();
    const Outcome again = deploy(spec, world, "3.0");
    EXPECT_EQ(again.exit_code, 0) << (again.error ? again.error->message : "");
    EXPECT_THAT(world.answers(), Each(Optional(StrEq("3.0"))));
    EXPECT_EQ(world.failed_requests(), 0);
    for (std::size_t host = 0; host < hosts; ++host) EXPECT_EQ(world.containers(host).size(), 2U);
  }
  EXPECT_GT(hits, 10);
}

INSTANTIATE_TEST_SUITE_P(
    Faults, FaultEverywhere,
    testing::Values(Case{Fault::refused, 1}, Case{Fault::lost, 1}, Case{Fault::dead, 1},
                    Case{Fault::refused, 2}, Case{Fault::lost, 2}, Case{Fault::dead, 2},
                    Case{Fault::refused, 3}, Case{Fault::lost, 3}, Case{Fault::dead, 3},
                    Case{Fault::refused, 2, 1}, Case{Fault::lost, 2, 1}, Case{Fault::dead, 2, 1},
                    Case{Fault::refused, 2, 2}, Case{Fault::lost, 2, 2}, Case{Fault::dead, 2, 2},
                    Case{Fault::refused, 1, 3}, Case{Fault::lost, 1, 3}, Case{Fault::dead, 1, 3},
                    Case{Fault::thrown, 1}, Case{Fault::thrown, 2}, Case{Fault::thrown, 3},
                    Case{Fault::thrown, 2, 1}, Case{Fault::thrown, 2, 2}, Case{Fault::thrown, 1, 3}));

// Every proxy was switched, and clients are worse off: while the old slot still runs it is one step back.
class Verified : public Execute {
protected:
  Verified() { spec.verify = spec::Verify{}; }
  void expect_all_as_before() const {
    EXPECT_THAT(world.answers(), Each(Optional(StrEq("1.0"))));
    for (std::size_t host = 0; host < GetParam().hosts; ++host)
      EXPECT_THAT(world.containers(host), ElementsAre("shop-blue=1.0 running", "shop-green=0.9 stopped"));
  }
};

TEST_P(Verified, DeploysAndRetires) {
  EXPECT_EQ(deploy(spec, world, "2.0").exit_code, 0);
  EXPECT_THAT(world.answers(), Each(Optional(StrEq("2.0"))));
  EXPECT_EQ(world.failed_requests(), 0);
  EXPECT_EQ(std::ranges::count(world.steps<report::StepFinished>(), "verify"), 2);
}

TEST_P(Verified, TakesBackWhatClientsDoNotGetThroughTo) {
  world.unreachable_slot = 1;
  const Outcome outcome = deploy(spec, world, "2.0");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_FALSE(outcome.committed);
  EXPECT_THAT(outcome.error->message, testing::HasSubstr("GET http://shop.example.com/: HTTP 502"));
  expect_all_as_before();
}

TEST_P(Verified, OneCallLeadsBackFromASwitchThatIsNotAccepted) {
  world.unreachable_slot = 1;
  deploy(spec, world, "2.0");
  EXPECT_THAT(world.steps<report::StepUndone>(), Contains("switch"));
  EXPECT_THAT(world.steps<report::StepStarted>(), testing::Not(Contains("accept")));
}

TEST_P(Verified, SeesBeforeTheSwitchThatAProxyDoesNotGetToABackend) {
  world.unreachable_slot = 1;
  world.shows_before = true;
  const Outcome outcome = deploy(spec, world, "2.0");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.error->message, testing::HasSubstr("nginx would not get to shop-green at "));
  expect_all_as_before();
  EXPECT_EQ(world.failed_requests(), 0) << "nothing was switched";
}

TEST_P(Verified, StartsTheOldSlotAgainWhenItShowsOnlyThenThatRequestsWentThere) {
  world.pinned_slot = 0;
  for (const spec::Retire how : {spec::Retire::stop, spec::Retire::remove}) {
    spec.retire = how;
    const Outcome outcome = deploy(spec, world, "2.0");
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.error->message, testing::HasSubstr("nobody was served once blue had stopped"));
    expect_all_as_before();
  }
}

TEST_P(Verified, AnAnswerThatWasThereBeforeIsNoFailure) {
  world.login_page = true;
  EXPECT_EQ(deploy(spec, world, "2.0").exit_code, 0);
}

TEST_P(Verified, AFirstReleaseThatNobodyGetsThroughToIsTakenBack) {
  SimulatedWorld empty(spec, GetParam().hosts);
  empty.put_live(0);
  empty.unreachable_slot = 0;
  EXPECT_EQ(deploy(spec, empty, "1.0").exit_code, 1);
  EXPECT_THAT(empty.containers(0), testing::IsEmpty());
}

TEST_P(Verified, ASignalDoesNotEndItHalfway) {
  std::stop_source stop;
  const std::string last = spec::proxies(spec).back().name;
  world.on_commit = [&](const std::string& proxy) {
    if (proxy == last) stop.request_stop();
  };
  const Outcome outcome = deploy(spec, world, "2.0", {stop.get_token(), {}});
  EXPECT_EQ(outcome.exit_code, 6);
  EXPECT_THAT(world.answers(), Each(Optional(StrEq("2.0"))));
}

TEST_P(Verified, NginxThatEndedMeansThatNobodyIsServed) {
  world.unhealthy_tag = "2.0";
  world.on_launch = [&] { world.nginx_down = true; };
  const Outcome outcome = deploy(spec, world, "2.0");
  EXPECT_EQ(outcome.exit_code, 5);
  EXPECT_THAT(outcome.error->message, testing::HasSubstr("nobody is served"));
}

INSTANTIATE_TEST_SUITE_P(Hosts, Verified,
                         testing::Values(Shape{1, 0}, Shape{2, 0}, Shape{1, 1}, Shape{2, 2}));

// As a canary does: the first switch is not accepted when the second one comes, and the way back leads past
// both.
class SeveralSwitches : public Verified {
protected:
  // The plan of a deploy, with its switch made twice. `last`: a step before the acceptance.
  Outcome deploy_in_two_parts(SimulatedWorld& simulated, int fault_at = -1, Fault fault = Fault::none,
                              const std::optional<plan::Step>& last = {}) const {
    World effects = simulated.world();
    const plan::Launch launch{release("2.0"), {}};
    const auto state = observe(spec, effects, launch, simulated.wait());
    auto plan = plan::make_plan(spec, state.value(), {plan::Request::Kind::deploy, launch, false}).value();
    auto first = std::ranges::find_if(
        plan.steps, [](const plan::Step& step) { return std::holds_alternative<plan::Switch>(step); });
    std::vector<plan::Step> more = {*(first + 1), *first};  // verify, switch
    if (last) more.push_back(*last);
    plan.steps.insert(first + 1, more.begin(), more.end());
    if (fault != Fault::none) simulated.fault_at(fault_at, fault);
    return execute(spec, *state, plan, effects, {});
  }
};

TEST_P(SeveralSwitches, AreAcceptedOnce) {
  EXPECT_EQ(deploy_in_two_parts(world).exit_code, 0);
  EXPECT_THAT(world.answers(), Each(Optional(StrEq("2.0"))));
  EXPECT_EQ(world.failed_requests(), 0);
  EXPECT_EQ(std::ranges::count(world.steps<report::StepFinished>(), "switch"), 2);
  EXPECT_EQ(std::ranges::count(world.steps<report::StepFinished>(), "accept"), 1);
}

TEST_P(SeveralSwitches, AreTakenBackTogether) {
  const plan::Step fails = plan::PutBack{0, 1, "not there", release("2.0")};
  const Outcome outcome = deploy_in_two_parts(world, -1, Fault::none, fails);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_FALSE(outcome.committed);
  expect_all_as_before();
  EXPECT_EQ(world.failed_requests(), 0);
}

TEST_P(SeveralSwitches, LoseNothingWhicheverEffectFails) {
  spec.parallel = 1;
  for (const Fault fault : {Fault::refused, Fault::lost, Fault::dead, Fault::thrown}) {
    int hits = 0;
    for (int at = 0;; ++at) {
      SimulatedWorld one(spec, GetParam().hosts);
      set_up(one);
      const Outcome outcome = deploy_in_two_parts(one, at, fault);
      if (!one.fault_hit()) break;
      ++hits;
      SCOPED_TRACE(testing::Message() << "effect " << at << ", exit code " << outcome.exit_code);
      EXPECT_EQ(one.failed_requests(), 0);
      if (outcome.exit_code != 5) {
        EXPECT_THAT(one.answers(), Each(Optional(StrEq(outcome.committed ? "2.0" : "1.0"))));
      }
      if (fault != Fault::dead) {
        EXPECT_NE(outcome.exit_code, 5) << outcome.error->message;
      }
      one.heal();
      EXPECT_EQ(deploy(spec, one, "3.0").exit_code, 0);
      EXPECT_EQ(one.failed_requests(), 0);
    }
    EXPECT_GT(hits, 10);
  }
}

INSTANTIATE_TEST_SUITE_P(Hosts, SeveralSwitches,
                         testing::Values(Shape{1, 0}, Shape{2, 0}, Shape{1, 1}, Shape{2, 2}));

// Without a proxy whatever runs gets requests: a new release is healthy before the old one stops, in every
// case.
class WithoutProxy : public testing::TestWithParam<std::size_t> {
protected:
  WithoutProxy() : spec(test::small_spec(GetParam())), world(make(), GetParam()) {
    world.run(0, release("1.0"));
    world.run(1, release("0.9"), Container::Status::exited);
    world.put_live(0);
  }
  const spec::Spec& make() {
    spec.proxied = false;
    spec.parallel = 1;
    return spec;
  }
  spec::Spec spec;
  SimulatedWorld world;
};

TEST_P(WithoutProxy, DeploysAndRetires) {
  EXPECT_EQ(deploy(spec, world, "2.0").exit_code, 0);
  EXPECT_THAT(world.containers(0), ElementsAre("shop-blue=1.0 stopped", "shop-green=2.0 running"));
  EXPECT_EQ(deploy(spec, world, "3.0").exit_code, 0);
  EXPECT_THAT(world.answers(), Each(Optional(StrEq("3.0"))));
  EXPECT_EQ(world.failed_requests(), 0);
}

TEST_P(WithoutProxy, KeepsTheOldReleaseWhenTheNewOneNeverGetsHealthy) {
  world.unhealthy_tag = "2.0";
  EXPECT_EQ(deploy(spec, world, "2.0").exit_code, 1);
  EXPECT_THAT(world.containers(0), ElementsAre("shop-blue=1.0 running", "shop-green=0.9 stopped"));
  EXPECT_EQ(world.failed_requests(), 0);
}

TEST_P(WithoutProxy, SurvivesADeployerThatDiesAnywhere) {
  for (int at = 0;; ++at) {
    SimulatedWorld dying(spec, GetParam());
    set_up(dying);
    dying.fault_at(at, Fault::dead);
    deploy(spec, dying, "2.0");
    if (!dying.fault_hit()) break;
    SCOPED_TRACE(at);
    dying.heal();
    const Outcome again = deploy(spec, dying, "3.0");
    EXPECT_EQ(again.exit_code, 0) << (again.error ? again.error->message : "");
    EXPECT_THAT(dying.answers(), Each(Optional(StrEq("3.0"))));
    EXPECT_EQ(dying.failed_requests(), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Hosts, WithoutProxy, testing::Values(1, 2));

}  // namespace
}  // namespace bgdeploy::deploy
