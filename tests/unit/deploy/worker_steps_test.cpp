// Workers, what must not run twice, and the end of old images, in the simulated world.
#include <gmock/gmock.h>

#include "../plan/spec_for_tests.hpp"
#include "bgdeploy/deploy/execute/execute.hpp"
#include "bgdeploy/deploy/observe/observe.hpp"
#include "bgdeploy/deploy/release/rollback_target.hpp"
#include "deploy/parallel.hpp"
#include "simulated_world.hpp"

namespace bgdeploy::deploy {
namespace {

using plan::Container;
using test::Fault;
using test::SimulatedWorld;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

plan::Release worker_release(const std::string& tag) {
  return {"id-" + tag, tag, "shop", "sha256:" + tag};
}

class Workers : public testing::TestWithParam<std::size_t> {
protected:
  Workers() : spec(test::small_spec(GetParam())) {
    spec.proxied = false;
    spec.nginx = {};
    spec.slots = {spec::Slot{"blue", 0, "shop-blue"}, spec::Slot{"green", 0, "shop-green"}};
    spec.health.probe = spec::HealthDocker{};
    spec.order = spec::Order::stop_first;
    spec.parallel = 1;
  }
  static void start(SimulatedWorld& world) {
    world.run(0, worker_release("1.0"));
    world.run(1, worker_release("0.9"), Container::Status::exited);
  }
  Outcome deploy(SimulatedWorld& world, const std::string& tag, plan::Leftovers leftovers = {}) const {
    World effects = world.world();
    plan::Request request{.launch = {worker_release(tag), {}}};
    request.leftovers = std::move(leftovers);
    auto state = guarded([&] { return observe(spec, effects, request.launch, world.wait()); });
    if (!state) return {Verdict::failed, 3, false, state.error()};
    auto plan = plan::make_plan(spec, *state, request);
    if (!plan) return {Verdict::failed, 5, false, plan.error()};
    return execute(spec, *state, *plan, effects, {});
  }
  spec::Spec spec;
};

TEST_P(Workers, TheOldOneStopsFirstAndTheGapIsTold) {
  SimulatedWorld world(spec, GetParam());
  start(world);
  world.effect_takes = std::chrono::milliseconds(100);
  const Outcome outcome = deploy(world, "2.0");
  EXPECT_EQ(outcome.exit_code, 0) << (outcome.error ? outcome.error->message : "");
  ASSERT_TRUE(outcome.gap);
  EXPECT_GE(*outcome.gap, std::chrono::milliseconds(100));
  EXPECT_THAT(world.containers(0), ElementsAre("shop-blue=1.0 stopped", "shop-green=2.0 running"));
  spec.order = spec::Order::start_first;
  EXPECT_FALSE(deploy(world, "3.0").gap);
}

TEST_P(Workers, TheOldOneIsStartedAgainWhereTheNewOneFails) {
  for (const bool crashes : {true, false}) {
    SimulatedWorld world(spec, GetParam());
    start(world);
    (crashes ? world.crashing_tag : world.unhealthy_tag) = "2.0";
    const Outcome outcome = deploy(world, "2.0");
    EXPECT_EQ(outcome.exit_code, 1) << outcome.error->message;
    EXPECT_TRUE(outcome.gap);
    EXPECT_THAT(world.containers(0), ElementsAre("shop-blue=1.0 running", "shop-green=0.9 stopped"));
  }
}

TEST_P(Workers, NeverRunTwiceWhateverFails) {
  for (const Fault fault : {Fault::refused, Fault::lost, Fault::dead, Fault::thrown})
    for (int at = 0; at < 100; ++at) {
      SimulatedWorld world(spec, GetParam());
      start(world);
      bool twice = false;
      world.on_launch = [&] {
        for (const auto& name : world.containers(0)) twice = twice || name == "shop-blue=1.0 running";
      };
      world.fault_at(at, fault);
      const Outcome outcome = deploy(world, "2.0");
      SCOPED_TRACE(testing::Message() << "effect " << at << ", exit code " << outcome.exit_code);
      EXPECT_FALSE(twice && GetParam() == 1);
      if (outcome.exit_code == 1) {
        EXPECT_THAT(world.containers(0), Contains("shop-blue=1.0 running"));
      }
      if (outcome.exit_code == 0) {
        EXPECT_THAT(world.containers(0), Contains("shop-green=2.0 running"));
      }
      world.heal();
      const Outcome again = deploy(world, "3.0");
      EXPECT_EQ(again.exit_code, 0) << (again.error ? again.error->message : "");
      for (std::size_t host = 0; host < GetParam(); ++host) {
        EXPECT_THAT(world.containers(host), Contains(HasSubstr("=3.0 running")));
        EXPECT_THAT(world.containers(host), Not(Contains(HasSubstr("=1.0 running"))));
        EXPECT_THAT(world.containers(host), Not(Contains(HasSubstr("=2.0 running"))));
      }
      if (!world.fault_hit()) break;
    }
}

std::vector<std::string> running_in(const SimulatedWorld& world, std::size_t host) {
  std::vector<std::string> releases;
  for (const std::string& name : world.containers(host))
    if (name.ends_with(" running"))
      releases.push_back(name.substr(name.find('=') + 1, name.rfind(' ') - name.find('=') - 1));
  return releases;
}

HistoryEntry served(const std::string& from, const std::string& to, const std::string& slot) {
  return {.command = "deploy",
          .result = "succeeded",
          .served = true,
          .from = from.empty() ? plan::Release{} : worker_release(from),
          .to = worker_release(to),
          .slot = slot};
}

// As the program does it.
Outcome go_on(const spec::Spec& spec, SimulatedWorld& world, bool abort) {
  const std::vector<HistoryEntry> history = {served("", "0.9", "green"), served("0.9", "1.0", "blue")};
  World effects = world.world();
  auto state = observe(spec, effects, std::nullopt, world.wait()).value();
  state.last_served = find_last_served(spec, state, history);
  plan::Request request{.launch = {}, .abort = abort};
  if (!abort) {
    const auto target =
        find_rollback_target(spec, state, plan::live_slot(spec, state).value().value(), history, {});
    if (!target) return {Verdict::failed, 2, false, target.error()};
    request.kind = plan::Request::Kind::rollback;
    request.launch.release = target->release;
  }
  const auto plan = plan::make_plan(spec, state, request);
  if (!plan) return {Verdict::failed, 5, false, plan.error()};
  return execute(spec, state, *plan, effects, {});
}

// The deployer dies at every effect; the next command needs no repair.
TEST_P(Workers, AfterADeathARollbackOrAnAbortLeavesOneReleaseRunning) {
  for (const bool abort : {false, true}) {
    int gaps = 0;
    for (int at = 0;; ++at) {
      SimulatedWorld world(spec, GetParam());
      start(world);
      world.fault_at(at, Fault::dead);
      deploy(world, "2.0");
      if (!world.fault_hit()) break;
      world.heal();
      bool gap = true;
      for (std::size_t host = 0; host < GetParam(); ++host) gap = gap && running_in(world, host).empty();
      gaps += gap ? 1 : 0;
      const Outcome outcome = go_on(spec, world, abort);
      SCOPED_TRACE(testing::Message() << (abort ? "abort" : "rollback") << " after effect " << at);
      EXPECT_EQ(outcome.exit_code, 0) << (outcome.error ? outcome.error->message : "");
      const auto first = running_in(world, 0);
      EXPECT_EQ(first.size(), 1U);
      if (gap) {
        EXPECT_THAT(first, ElementsAre("1.0"));
      }
      for (std::size_t host = 1; host < GetParam() && !abort; ++host)
        EXPECT_EQ(running_in(world, host), first);
      if (gap) {
        EXPECT_THAT(world.containers(0), ElementsAre("shop-blue=1.0 running", "shop-green=0.9 stopped"));
      }
    }
    EXPECT_EQ(gaps > 0, GetParam() == 1) << "with two, one stops after the other";
  }
}

TEST_P(Workers, WhereNothingRunsAFailedDeployStartsWhatServedLast) {
  SimulatedWorld world(spec, GetParam());
  world.run(0, worker_release("1.0"), Container::Status::exited);
  world.crashing_tag = "2.0";
  World effects = world.world();
  plan::Request request{.launch = {worker_release("2.0"), {}}};
  auto state = observe(spec, effects, request.launch, world.wait()).value();
  state.last_served = find_last_served(spec, state, {served("", "1.0", "blue")});
  const Outcome outcome = execute(spec, state, plan::make_plan(spec, state, request).value(), effects, {});
  EXPECT_EQ(outcome.exit_code, 1) << (outcome.error ? outcome.error->message : "");
  EXPECT_THAT(world.containers(0), ElementsAre("shop-blue=1.0 running"));
}

INSTANTIATE_TEST_SUITE_P(Hosts, Workers, testing::Values(1, 2));

TEST(PruneInADeploy, ComesLastAndItsFailureIsExitSix) {
  const spec::Spec spec = test::small_spec();
  const auto run = [&](SimulatedWorld& world) {
    world.run(0, worker_release("1.0"));
    world.put_live(0);
    World effects = world.world();
    plan::Request request{.launch = {worker_release("2.0"), {}}};
    request.leftovers = {"shop", {worker_release("0.1"), worker_release("1.0")}, {}};
    const auto state = observe(spec, effects, request.launch, world.wait());
    return execute(spec, *state, plan::make_plan(spec, *state, request).value(), effects, {});
  };
  int last = 0;
  {
    SimulatedWorld world(spec, 1);
    EXPECT_EQ(run(world).exit_code, 0);
    last = world.effects() - 1;
    EXPECT_EQ(world.steps<report::StepFinished>().back(), "prune");
    std::vector<std::string> told;
    for (const auto& event : world.events())
      if (const auto* info = std::get_if<report::Info>(&event)) told.push_back(info->message);
    EXPECT_THAT(told, Contains("removed image 0.1, 1.0 kB")) << "and not what a container uses";
    EXPECT_THAT(told, Not(Contains(HasSubstr("image 1.0"))));
  }
  for (int at = last; at >= 0; --at) {
    SimulatedWorld one(spec, 1);
    one.fault_at(at, Fault::refused);
    const Outcome outcome = run(one);
    const auto failed = one.steps<report::StepFailed>();
    if (failed.empty() || failed.back() != "prune") continue;
    EXPECT_EQ(outcome.exit_code, 6);
    EXPECT_TRUE(outcome.committed);
    EXPECT_EQ(one.failed_requests(), 0);
    return;
  }
  FAIL() << "no fault hit the step";
}

}  // namespace
}  // namespace bgdeploy::deploy
