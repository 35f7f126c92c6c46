// deploy --hold, promote, abort and rollback --rehearse in the simulated world.
#include "bgdeploy/deploy/release/held.hpp"

#include <gmock/gmock.h>

#include "../plan/spec_for_tests.hpp"
#include "bgdeploy/deploy/execute/execute.hpp"
#include "bgdeploy/deploy/observe/observe.hpp"
#include "bgdeploy/deploy/release/rollback_target.hpp"
#include "bgdeploy/deploy/way_back.hpp"
#include "bgdeploy/plan/held.hpp"
#include "deploy/parallel.hpp"
#include "deploy/run_events.hpp"
#include "simulated_world.hpp"

namespace bgdeploy::deploy {
namespace {

using plan::Container;
using test::Fault;
using test::SimulatedWorld;
using testing::Each;
using testing::ElementsAre;
using testing::Optional;
using testing::StrEq;

plan::Release held_release(const std::string& tag) {
  return {"id-" + tag, tag, "shop", "sha256:" + tag};
}

HistoryEntry past(const std::string& command, const std::string& from, const std::string& to,
                  const std::string& result) {
  return {.command = command,
          .result = result,
          .served = result == "succeeded" || result == "promoted",
          .from = held_release(from),
          .to = held_release(to)};
}

// What the program does under its lock, with a history.
class Runs {
public:
  Runs(const spec::Spec& spec, std::size_t hosts) : world(spec, hosts), m_spec(spec) {
    world.run(0, held_release("1.0"));
    world.run(1, held_release("0.9"), Container::Status::exited);
    world.put_live(0);
    history = {past("deploy", "0.9", "1.0", "succeeded")};
  }

  Outcome deploy(const std::string& tag) { return run("deploy", asked(tag)); }
  Outcome hold(const std::string& tag) {
    plan::Request request = asked(tag);
    request.hold = true;
    return run("deploy", request);
  }
  Outcome promote() {
    plan::Request request;
    request.promote = true;
    return run("promote", request);
  }
  Outcome abort() { return run("abort", {.launch = {}, .abort = true}); }
  Outcome rollback(bool rehearse = false) {
    return run(rehearse ? "rehearse" : "rollback",
               {.kind = plan::Request::Kind::rollback, .launch = {}, .rehearse = rehearse});
  }
  Outcome again(const std::string& command) {
    if (command == "promote") return promote();
    if (command == "abort") return abort();
    if (command == "rollback") return rollback();
    if (command == "rehearse") return rollback(true);
    return command == "hold" ? hold("2.0") : deploy(command);
  }

  plan::State state() {
    World effects = world.world();
    auto seen = observe(m_spec, effects, std::nullopt, world.wait()).value();
    seen.held = find_held(m_spec, seen, history);
    return seen;
  }

  SimulatedWorld world;
  std::vector<HistoryEntry> history;
  std::string last_remark;

private:
  static plan::Request asked(const std::string& tag) {
    return {.kind = plan::Request::Kind::deploy, .launch = {held_release(tag), {}}};
  }

  core::Result<plan::Plan> planned(plan::Request request, plan::State& state) const {
    state.held = find_held(m_spec, state, history);
    if (request.promote) {
      const auto release = to_promote(m_spec, state, history);
      if (!release) return std::unexpected(nothing_waits(m_spec, state, history));
      request.launch.release = *release;
    }
    if (request.kind == plan::Request::Kind::rollback) {
      BGDEPLOY_ASSIGN(const auto live, plan::live_slot(m_spec, state));
      BGDEPLOY_ASSIGN(const auto target, find_rollback_target(m_spec, plan::without_held(m_spec, state),
                                                              live.value(), history, std::nullopt));
      request.launch.release = target.release;
    }
    return plan::make_plan(m_spec, state, request);
  }

  Outcome run(const std::string& command, const plan::Request& request) {
    World effects = world.world();
    const bool fresh = request.kind == plan::Request::Kind::deploy && !request.promote && !request.abort;
    const auto launch = fresh ? std::optional(request.launch) : std::nullopt;
    auto seen = guarded([&] { return observe(m_spec, effects, launch, world.wait()); });
    if (seen)
      seen = guarded([&] { return recover(m_spec, effects, std::move(*seen), launch, world.wait()); });
    if (!seen) return {Verdict::failed, 3, false, seen.error()};
    auto plan = planned(request, *seen);
    if (!plan)
      return {Verdict::failed, plan.error().kind == core::ErrorKind::nothing ? 2 : 5, false, plan.error()};
    const Outcome outcome = execute(m_spec, *seen, *plan, effects, {});
    last_remark = remark(m_spec, Prepared{.state = *seen, .plan = *plan});
    const bool lets_go = plan->aim == plan::Plan::Aim::abort && seen->held;
    if ((!plan->steps.empty() || lets_go) && !died) record(command, *plan, outcome);
    return outcome;
  }

  // As run() does.
  void record(const std::string& command, const plan::Plan& plan, const Outcome& outcome) {
    std::string result(to_string(outcome.verdict));
    if (outcome.verdict == Verdict::succeeded && command != "deploy" && command != "rollback")
      result = command == "promote" ? "promoted" : command + (command == "abort" ? "ed" : "d");
    HistoryEntry entry = past(command, plan.from.tag, plan.to.tag, result);
    const bool serves_on = plan.aim == plan::Plan::Aim::serve && !(plan.switches() && !plan.rewrites());
    entry.served = outcome.committed || (serves_on && outcome.verdict != Verdict::inconsistent);
    history.push_back(std::move(entry));
  }

  const spec::Spec& m_spec;

public:
  bool died = false;  // the run that is under way never gets to its record
};

struct Size {
  std::size_t hosts, proxies;
};

class HeldRun : public testing::TestWithParam<Size> {
protected:
  HeldRun() : spec(test::small_spec(GetParam().hosts, GetParam().proxies)), runs(make(), GetParam().hosts) {}
  const spec::Spec& make() {
    spec.parallel = 1;
    spec.verify = spec::Verify{};
    return spec;
  }
  void expect(const std::string& serves, const std::string& blue, const std::string& green) const {
    EXPECT_THAT(runs.world.answers(), Each(Optional(StrEq(serves))));
    for (std::size_t host = 0; host < GetParam().hosts; ++host)
      EXPECT_THAT(runs.world.containers(host),
                  testing::IsSupersetOf({"shop-blue=" + blue, "shop-green=" + green}));
    EXPECT_EQ(runs.world.failed_requests(), 0);
  }
  spec::Spec spec;
  Runs runs;
};

TEST_P(HeldRun, WaitsAndIsPromoted) {
  const Outcome held = runs.hold("2.0");
  EXPECT_EQ(held.verdict, Verdict::held);
  EXPECT_EQ(held.exit_code, 0);
  expect("1.0", "1.0 running", "2.0 running");
  ASSERT_TRUE(runs.state().held);
  EXPECT_EQ(runs.state().held->release.tag, "2.0");
  EXPECT_FALSE(runs.state().held->served);
  const Outcome promoted = runs.promote();
  EXPECT_EQ(promoted.exit_code, 0);
  EXPECT_TRUE(promoted.committed);
  expect("2.0", "1.0 stopped", "2.0 running");
  EXPECT_FALSE(runs.state().held);
  EXPECT_EQ(runs.promote().exit_code, 2);
  EXPECT_EQ(runs.rollback().exit_code, 0);
  expect("1.0", "1.0 running", "2.0 stopped");
}

TEST_P(HeldRun, IsAbortedAndAllIsAsBefore) {
  runs.hold("2.0");
  EXPECT_EQ(runs.abort().exit_code, 0);
  expect("1.0", "1.0 running", "0.9 stopped");
  EXPECT_EQ(runs.world.containers(0).size(), 2U);
  const Outcome again = runs.abort();
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_EQ(again.verdict, Verdict::unchanged);
  EXPECT_EQ(runs.promote().exit_code, 2);
  EXPECT_EQ(runs.rollback().exit_code, 0);
  expect("0.9", "1.0 stopped", "0.9 running");
}

TEST_P(HeldRun, IsReplacedByAnotherDeploy) {
  runs.hold("2.0");
  EXPECT_EQ(runs.hold("3.0").verdict, Verdict::held);
  expect("1.0", "1.0 running", "3.0 running");
  EXPECT_EQ(runs.deploy("4.0").exit_code, 0);
  expect("4.0", "1.0 stopped", "4.0 running");
  EXPECT_EQ(runs.world.containers(0).size(), 2U);
}

TEST_P(HeldRun, ADeployThatFailsPutsTheWayBackBackThatItWasSetAsideFor) {
  runs.hold("2.0");
  runs.world.unhealthy_tag = "3.0";
  EXPECT_EQ(runs.deploy("3.0").exit_code, 1);
  expect("1.0", "1.0 running", "0.9 stopped");
  EXPECT_EQ(runs.world.containers(0).size(), 2U);
}

TEST_P(HeldRun, ADeployOfTheSameTagGoesOnWithIt) {
  runs.hold("2.0");
  EXPECT_EQ(runs.hold("2.0").verdict, Verdict::held);
  EXPECT_EQ(runs.deploy("2.0").exit_code, 0);
  expect("2.0", "1.0 stopped", "2.0 running");
}

TEST_P(HeldRun, ARollbackGoesToTheReleaseBeforeTheLiveOne) {
  runs.hold("2.0");
  EXPECT_EQ(runs.rollback().exit_code, 0);
  expect("0.9", "1.0 stopped", "0.9 running");
  EXPECT_EQ(runs.world.containers(0).size(), 2U);
}

TEST_P(HeldRun, APromotionThatFailsLeavesItWaiting) {
  runs.hold("2.0");
  runs.world.unhealthy_tag = "2.0";
  EXPECT_EQ(runs.promote().exit_code, 1);
  expect("1.0", "1.0 running", "2.0 running");
  ASSERT_TRUE(runs.state().held);
  runs.world.unhealthy_tag.clear();
  runs.world.unreachable_slot = 1;
  EXPECT_EQ(runs.promote().exit_code, 1);
  runs.world.unreachable_slot.reset();
  ASSERT_TRUE(runs.state().held);
  EXPECT_EQ(runs.promote().exit_code, 0);
  EXPECT_THAT(runs.world.answers(), Each(Optional(StrEq("2.0"))));
}

TEST_P(HeldRun, AReleaseThatServedBeforeIsStoppedByAnAbortAndNotRemoved) {
  runs.history.insert(runs.history.begin(), past("deploy", "0.8", "0.9", "succeeded"));
  EXPECT_EQ(runs.hold("0.9").verdict, Verdict::held);
  expect("1.0", "1.0 running", "0.9 running");
  EXPECT_TRUE(runs.state().held->served);
  EXPECT_EQ(runs.abort().exit_code, 0);
  expect("1.0", "1.0 running", "0.9 stopped");
  EXPECT_FALSE(runs.state().held);
}

TEST_P(HeldRun, AWayBackThatIsKeptRunningWaitsNoMoreAfterAnAbort) {
  runs.history.insert(runs.history.begin(), past("deploy", "0.8", "0.9", "succeeded"));
  spec.retire = spec::Retire::keep;
  runs.hold("0.9");
  EXPECT_EQ(runs.abort().verdict, Verdict::succeeded);
  expect("1.0", "1.0 running", "0.9 running");
  EXPECT_FALSE(runs.state().held);
  EXPECT_EQ(runs.abort().verdict, Verdict::unchanged);
}

TEST_P(HeldRun, ARehearsalOfWhatIsKeptRunningSaysThatItGoesOn) {
  EXPECT_EQ(runs.rollback(true).exit_code, 0);
  EXPECT_EQ(runs.last_remark, "") << "it was stopped again";
  spec.retire = spec::Retire::keep;
  EXPECT_EQ(runs.rollback().exit_code, 0);
  EXPECT_EQ(runs.rollback(true).exit_code, 0);
  EXPECT_EQ(runs.last_remark, "is healthy, and goes on running");
  expect("0.9", "1.0 running", "0.9 running");
}

TEST_P(HeldRun, ThatNeverGetsHealthyIsUndone) {
  runs.world.unhealthy_tag = "2.0";
  EXPECT_EQ(runs.hold("2.0").exit_code, 1);
  expect("1.0", "1.0 running", "0.9 stopped");
  EXPECT_FALSE(runs.state().held);
}

TEST_P(HeldRun, ARehearsalLeavesAllAsItWas) {
  const auto before = runs.world.containers(0);
  EXPECT_EQ(runs.rollback(true).exit_code, 0);
  EXPECT_EQ(runs.world.containers(0), before);
  EXPECT_THAT(runs.world.steps<report::StepStarted>(), testing::Not(testing::Contains("switch")));
  expect("1.0", "1.0 running", "0.9 stopped");
  const auto back = find_way_back(spec, runs.world.world(), runs.state(), runs.history, runs.world.wait());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->release.tag, "0.9");
  EXPECT_EQ(back->container, WayBack::Container::stopped);
  ASSERT_TRUE(back->rehearsed);
  EXPECT_TRUE(back->rehearsed->succeeded);

  runs.world.unhealthy_tag = "0.9";
  EXPECT_EQ(runs.rollback(true).exit_code, 1);
  EXPECT_EQ(runs.world.containers(0), before);
  expect("1.0", "1.0 running", "0.9 stopped");
  const auto failed = find_way_back(spec, runs.world.world(), runs.state(), runs.history, runs.world.wait());
  EXPECT_FALSE(failed->rehearsed->succeeded);
}

INSTANTIATE_TEST_SUITE_P(Sizes, HeldRun, testing::Values(Size{1, 0}, Size{2, 0}, Size{1, 1}, Size{2, 2}));

struct Dying {
  std::string command;
  Fault fault;
  std::size_t hosts, proxies = 0;
};

// Each effect of each of these commands fails once. Then every other command works without repair.
class HeldFaults : public testing::TestWithParam<Dying> {
protected:
  static void expect_after(const std::string& next, const Outcome& outcome, Runs& runs) {
    SCOPED_TRACE("then " + next);
    const std::string words = outcome.error ? outcome.error->message : "";
    if (next == "promote")
      EXPECT_TRUE(outcome.exit_code == 0 || outcome.exit_code == 2) << outcome.exit_code << words;
    else
      EXPECT_EQ(outcome.exit_code, 0) << words;
    EXPECT_EQ(runs.world.failed_requests(), 0);
    const auto answers = runs.world.answers();
    EXPECT_THAT(answers, Each(Optional(StrEq(answers.front().value_or("nothing"))))) << "a mixed fleet";
    if (next == "3.0" || next == "2.0") {
      EXPECT_EQ(answers.front(), next);
    }
    EXPECT_FALSE(next != "hold" && runs.state().held) << "nothing waits any more";
    const Outcome last = runs.deploy("4.0");
    EXPECT_EQ(last.exit_code, 0) << (last.error ? last.error->message : "");
    EXPECT_THAT(runs.world.answers(), Each(Optional(StrEq("4.0"))));
    EXPECT_EQ(runs.world.containers(0).size(), 2U);
    EXPECT_EQ(runs.world.failed_requests(), 0);
  }
};

TEST_P(HeldFaults, NeedNoRepair) {
  const auto& [command, fault, hosts, proxies] = GetParam();
  spec::Spec spec = test::small_spec(hosts, proxies);
  spec.parallel = 1;
  spec.verify = spec::Verify{};
  for (const std::string next : {"3.0", "2.0", "hold", "promote", "abort", "rollback"}) {
    int hits = 0;
    for (int at = 0;; ++at) {
      Runs runs(spec, hosts);
      if (command != "hold" && command != "rehearse") {
        ASSERT_EQ(runs.hold("2.0").exit_code, 0);
      }
      runs.world.fault_at(at, fault);
      runs.died = fault == Fault::dead;
      const Outcome outcome = runs.again(command);
      if (!runs.world.fault_hit()) break;
      ++hits;
      SCOPED_TRACE(testing::Message() << command << ", effect " << at << ", exit code " << outcome.exit_code);
      EXPECT_EQ(runs.world.failed_requests(), 0);
      if (outcome.exit_code != 5 && fault != Fault::dead) {
        EXPECT_THAT(runs.world.answers(), Each(Optional(StrEq(outcome.committed ? "2.0" : "1.0"))));
      }
      runs.world.heal();
      runs.died = false;
      expect_after(next, runs.again(next), runs);
    }
    EXPECT_GT(hits, 3);
  }
}

std::vector<Dying> dying() {
  std::vector<Dying> all;
  for (const std::string command : {"hold", "promote", "abort", "rehearse"})
    for (const Fault fault : {Fault::refused, Fault::lost, Fault::dead, Fault::thrown})
      for (const auto& [hosts, proxies] : {Size{1, 0}, Size{2, 1}, Size{1, 2}})
        all.push_back({command, fault, hosts, proxies});
  return all;
}

INSTANTIATE_TEST_SUITE_P(Faults, HeldFaults, testing::ValuesIn(dying()));

class FindHeld : public testing::Test {
protected:
  FindHeld() {
    state.app_hosts.resize(1);
    for (std::size_t slot = 0; slot < 2; ++slot) {
      Container container;
      container.id = slot == 0 ? "c1" : "c2";
      container.release = held_release(slot == 0 ? "1.0" : "2.0");
      container.managed = true;
      container.status = Container::Status::running;
      state.app_hosts[0].slots[slot].container = container;
    }
    state.proxies.push_back({.host = "web-1", .written = true, .traffic = plan::Traffic::all_to(0)});
  }
  std::optional<plan::Held> found() const { return find_held(spec, state, history); }
  spec::Spec spec = test::small_spec();
  plan::State state;  // blue is live with 1.0, green runs 2.0
  std::vector<HistoryEntry> history = {past("deploy", "0.9", "1.0", "succeeded")};
};

TEST_F(FindHeld, IsWhatTheHistorySaysLastOfIt) {
  EXPECT_FALSE(found()) << "an interrupted run left it";
  history.push_back(past("deploy", "1.0", "2.0", "held"));
  history.back().who = "ann";
  history.back().took = std::chrono::seconds(2);
  history.push_back(past("deploy", "1.0", "2.0", "held"));
  ASSERT_TRUE(found());
  EXPECT_EQ(found()->who, "ann") << "the first one that let it wait";
  EXPECT_EQ(found()->since, core::SystemTime(std::chrono::seconds(2)));
  history.push_back(past("promote", "1.0", "2.0", "failed"));
  history.push_back(past("deploy", "1.0", "2.0", "interrupted"));
  EXPECT_TRUE(found());
  for (const auto& end : {past("abort", "1.0", "2.0", "aborted"), past("promote", "1.0", "2.0", "promoted"),
                          past("deploy", "2.0", "1.0", "succeeded")}) {
    auto before = history;
    history.push_back(end);
    EXPECT_FALSE(found()) << end.command;
    history.push_back(past("deploy", "1.0", "2.0", "held"));
    EXPECT_TRUE(found()) << "and once more";
    history = before;
  }
}

TEST_F(FindHeld, IsInASlotThatDoesNotServeAndOfOurs) {
  history.push_back(past("deploy", "1.0", "2.0", "held"));
  state.app_hosts[0].slots[1].container->managed = false;
  EXPECT_FALSE(found());
  state.app_hosts[0].slots[1].container->managed = true;
  state.proxies[0].traffic = plan::Traffic::all_to(1);
  EXPECT_FALSE(found());
  EXPECT_EQ(to_promote(spec, state, history)->tag, "2.0")
      << "a promotion that was cut short after the switch";
  state.proxies[0].traffic.reset();
  EXPECT_FALSE(found()) << "nobody knows what serves";
}

TEST_F(FindHeld, SaysThatADeployWasCutShortBeforeItHeldAnything) {
  const auto says = [&](const std::string& message, const std::string& next) {
    const auto error = nothing_waits(spec, state, history);
    EXPECT_EQ(error.kind, core::ErrorKind::nothing);
    EXPECT_EQ(error.message, message);
    EXPECT_EQ(error.next, next);
  };
  const std::string cut =
      "nothing waits to be promoted: the deploy of 2.0 (sha256:2.0) to green was cut short";
  const std::string next = "bgdeploy deploy --hold --tag 2.0, which goes on with it, or bgdeploy abort";
  auto& green = state.app_hosts[0].slots[1];
  says(cut, next);
  green.container->status = Container::Status::exited;
  green.aside = green.container;
  green.aside->release = held_release("0.9");
  says(cut, next);
  green.container.reset();
  says("nothing waits to be promoted: a deploy to green was cut short",
       "the same deploy again, or bgdeploy abort");
  green.container = std::exchange(green.aside, {});
  says("nothing waits to be promoted", "bgdeploy deploy --hold --tag TAG lets a release wait");
  spec.proxied = false;
  says("nothing waits to be promoted", "");
}

}  // namespace
}  // namespace bgdeploy::deploy
