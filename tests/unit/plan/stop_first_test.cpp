// Workers, and what must not run twice.
#include <gmock/gmock.h>

#include "bgdeploy/plan/plan.hpp"
#include "spec_for_tests.hpp"

namespace bgdeploy::plan {
namespace {

using testing::ElementsAre;

spec::Spec worker_spec(std::size_t hosts) {
  spec::Spec spec = test::small_spec(hosts);
  spec.proxied = false;
  spec.slots = {spec::Slot{"blue", 0, "shop-blue"}, spec::Slot{"green", 0, "shop-green"}};
  spec.health.probe = spec::HealthRunning{};
  return spec;
}

Release release_of(const std::string& tag) {
  return {"id-" + tag, tag, "registry.example.com/shop", "sha256:" + tag};
}

// Blue runs 1.0, green has 0.9 stopped.
State running(std::size_t hosts) {
  State state;
  for (std::size_t i = 0; i < hosts; ++i) {
    AppHost host{.host = "web-" + std::to_string(i + 1)};
    host.slots[0].container = Container{.id = "b" + std::to_string(i),
                                        .name = "shop-blue",
                                        .release = release_of("1.0"),
                                        .managed = true,
                                        .status = Container::Status::running};
    host.slots[0].answers = true;
    host.slots[1].container = Container{.id = "g" + std::to_string(i),
                                        .name = "shop-green",
                                        .release = release_of("0.9"),
                                        .managed = true,
                                        .status = Container::Status::exited};
    state.app_hosts.push_back(std::move(host));
  }
  return state;
}

std::vector<std::string> names_of(const Plan& plan) {
  std::vector<std::string> steps;
  for (const Step& step : plan.steps) {
    const auto host = app_host(step);
    steps.push_back(std::string(step_name(step)) + (host ? std::to_string(*host) : ""));
  }
  return steps;
}

std::vector<std::string> words(const spec::Spec& spec, const State& state, Leftovers leftovers = {}) {
  Request request{.launch = {release_of("2.0"), {}}};
  request.leftovers = std::move(leftovers);
  const auto plan = make_plan(spec, state, request);
  return plan ? names_of(*plan) : std::vector<std::string>{plan.error().message};
}

TEST(Worker, StartsFirstAndDrainsNothing) {
  const auto spec = worker_spec(1);
  EXPECT_THAT(words(spec, running(1)), ElementsAre("pull0", "set-aside0", "start0", "health0", "switch",
                                                   "accept", "retire0", "remove0"));
  const auto plan = make_plan(spec, running(1), {.launch = {release_of("2.0"), {}}});
  EXPECT_EQ(describe(spec, plan->steps[2]), "start shop-green 2.0 (sha256:2.0)");
  EXPECT_EQ(describe(spec, plan->steps[4]), "leave the work to green");
}

TEST(StopFirst, StopsTheOldOneRightBeforeTheNewOneStarts) {
  auto spec = worker_spec(1);
  spec.order = spec::Order::stop_first;
  EXPECT_THAT(words(spec, running(1)), ElementsAre("pull0", "set-aside0", "stop-first0", "start0", "health0",
                                                   "switch", "accept", "remove0"));
  spec.retire = spec::Retire::remove;
  EXPECT_THAT(words(spec, running(1)), ElementsAre("pull0", "set-aside0", "stop-first0", "start0", "health0",
                                                   "switch", "accept", "retire0", "remove0"));
}

TEST(StopFirst, WaitsForAllHostsToBeReady) {
  auto spec = worker_spec(2);
  spec.order = spec::Order::stop_first;
  EXPECT_THAT(words(spec, running(2)),
              ElementsAre("pull0", "set-aside0", "pull1", "set-aside1", "stop-first0", "start0", "health0",
                          "stop-first1", "start1", "health1", "switch", "accept", "remove0", "remove1"));
}

TEST(StopFirst, IsUndoneByStartingTheOldOneUntilItIsHealthy) {
  auto spec = worker_spec(1);
  spec.order = spec::Order::stop_first;
  auto state = running(1);
  const auto undo = [&]() -> std::optional<Step> {
    const auto plan = make_plan(spec, state, {.launch = {release_of("2.0"), {}}});
    for (const Step& step : plan->steps)
      if (std::holds_alternative<StopFirst>(step)) return inverse(step);
    return {};
  };
  EXPECT_EQ(undo(), Step(Start{0, 0, "b0", release_of("1.0"), {}, spec.health}));
  state.app_hosts[0].slots[0].answers = false;  // what was sick before need not get well
  EXPECT_EQ(undo(), Step(Start{0, 0, "b0", release_of("1.0"), {}, {}}));
}

// A deployer died when blue had stopped, and before anything of green ran.
State in_the_gap(std::size_t hosts) {
  State state = running(hosts);
  for (AppHost& host : state.app_hosts) {
    host.slots[0].container->status = Container::Status::exited;
    host.slots[0].answers.reset();
    host.slots[1].aside = std::exchange(host.slots[1].container, std::nullopt);
  }
  state.last_served = LastServed{0, release_of("1.0")};
  return state;
}

TEST(StopFirst, ARollbackAfterADeathInTheGapStartsWhatServedLast) {
  auto spec = worker_spec(1);
  spec.order = spec::Order::stop_first;
  const auto plan =
      make_plan(spec, in_the_gap(1),
                {.kind = Request::Kind::rollback, .launch = {.release = release_of("1.0"), .with = {}}});
  ASSERT_TRUE(plan);
  EXPECT_THAT(names_of(*plan), ElementsAre("put-back0", "start0", "health0", "switch", "accept"));
  EXPECT_EQ(std::get<PutBack>(plan->steps[0]).slot, 1U);
  EXPECT_EQ(std::get<Start>(plan->steps[1]).container, "b0");
  EXPECT_EQ(plan->from, release_of("1.0"));
}

TEST(StopFirst, AnAbortAfterADeathInTheGapUndoesIt) {
  auto spec = worker_spec(1);
  spec.order = spec::Order::stop_first;
  const auto plan = make_plan(spec, in_the_gap(1), {.launch = {}, .abort = true});
  ASSERT_TRUE(plan);
  EXPECT_THAT(names_of(*plan), ElementsAre("put-back0", "start0", "health0"));
  EXPECT_EQ(std::get<Start>(plan->steps[1]).container, "b0");
}

TEST(StopFirst, ADeployAfterADeathInTheGapLeavesTheWayBackOpen) {
  auto spec = worker_spec(1);
  spec.order = spec::Order::stop_first;
  const auto plan = make_plan(spec, in_the_gap(1), {.launch = {release_of("2.0"), {}}});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->target, 1U);
  EXPECT_EQ(plan->from, release_of("1.0"));
  for (const Step& step : plan->steps)
    if (const auto* stop = std::get_if<StopFirst>(&step)) {
      EXPECT_TRUE(stop->stopped);
      EXPECT_EQ(inverse(step), Step(Start{0, 0, "b0", release_of("1.0"), {}, spec.health}));
      return;
    }
  FAIL() << "a deploy that fails has to start the old one again";
}

TEST(StopFirst, HasNothingToStopAtFirst) {
  auto spec = worker_spec(1);
  spec.order = spec::Order::stop_first;
  State empty;
  empty.app_hosts.push_back({.host = "web-1"});
  EXPECT_THAT(words(spec, empty), ElementsAre("pull0", "start0", "health0", "switch", "accept"));
}

TEST(PruneStep, StandsLastAndOnlyWhereSomethingIsOld) {
  const auto spec = worker_spec(1);
  const auto steps = words(spec, running(1), {"shop", {release_of("0.1")}, {}});
  EXPECT_EQ(steps.back(), "prune0");
  EXPECT_NE(words(spec, running(1), {"shop", {}, {"sha256:2.0"}}).back(), "prune0");
}

}  // namespace
}  // namespace bgdeploy::plan
