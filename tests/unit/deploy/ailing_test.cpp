// A release that dies, or gets sick, after its health check: wherever that happens, in the simulated world.
#include <gmock/gmock.h>

#include "../plan/spec_for_tests.hpp"
#include "bgdeploy/deploy/execute/execute.hpp"
#include "bgdeploy/deploy/observe/observe.hpp"
#include "bgdeploy/spec/hooks.hpp"
#include "deploy/parallel.hpp"
#include "simulated_world.hpp"

namespace bgdeploy::deploy {
namespace {

using plan::Container;
using test::SimulatedWorld;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Optional;
using testing::StrEq;
using enum SimulatedWorld::End;

plan::Release some_release(const std::string& tag) {
  return {"id-" + tag, tag, "shop", "sha256:" + tag};
}

struct Machines {
  std::size_t apps, proxies;
};

class Ailing : public testing::TestWithParam<Machines> {
protected:
  Ailing() : spec(test::small_spec(GetParam().apps, GetParam().proxies)) {
    spec.parallel = 1;
    spec.verify = spec::Verify{};
  }
  static void set_up(SimulatedWorld& world) {
    world.run(0, some_release("1.0"));
    world.run(1, some_release("0.9"), Container::Status::exited);
    world.put_live(0);
  }
  void hook(spec::HookPosition at) {
    spec.hooks.at(static_cast<std::size_t>(at)) = {{spec::HookRun{"look"}}};
  }
  Outcome deploy(SimulatedWorld& simulated, const std::string& tag) const {
    World world = simulated.world();
    const plan::Launch launch{some_release(tag), {}};
    auto state = guarded([&] { return observe(spec, world, launch, simulated.wait()); });
    if (!state) return {Verdict::failed, 3, false, state.error()};
    auto plan = plan::make_plan(spec, *state, {plan::Request::Kind::deploy, launch, false});
    if (!plan) return {Verdict::failed, 5, false, plan.error()};
    return execute(spec, *state, *plan, world, {});
  }
  static std::string words(const Outcome& outcome) {
    if (!outcome.error) return "";
    std::string text = outcome.error->message;
    for (const auto& detail : outcome.error->details) text += "\n" + detail;
    return text;
  }
  static std::string how(SimulatedWorld::End end) {
    switch (end) {
      case exits:
        return "it exited with exit code 3";
      case starts_again:
        return "it ended, and was started again";
      case pauses:
        return "it is paused";
      case is_removed:
        return "it was removed";
    }
    return "";
  }
  void expect_taken_back(const SimulatedWorld& world, const Outcome& outcome, const std::string& why) const {
    EXPECT_EQ(outcome.exit_code, 1) << words(outcome);
    EXPECT_EQ(outcome.verdict, Verdict::rolled_back);
    EXPECT_FALSE(outcome.committed);
    EXPECT_TRUE(outcome.checked);
    EXPECT_THAT(words(outcome), HasSubstr("shop-green on web-1 was healthy and is not any more: " + why));
    EXPECT_THAT(world.answers(), Each(Optional(StrEq("1.0"))));
    for (std::size_t host = 0; host < GetParam().apps; ++host)
      EXPECT_THAT(world.containers(host), ElementsAre("shop-blue=1.0 running", "shop-green=0.9 stopped"));
  }

  spec::Spec spec;
};

TEST_P(Ailing, WhatEndedByTheEndOfTheDrainIsTakenBackAndTheOldSlotNeverStopped) {
  for (const auto end : {exits, starts_again, pauses, is_removed})
    for (const auto retire : {spec::Retire::stop, spec::Retire::remove, spec::Retire::keep})
      for (const bool verified : {true, false}) {
        SCOPED_TRACE(testing::Message() << how(end) << static_cast<int>(retire) << verified);
        spec.retire = retire;
        if (!verified) spec.verify.reset();
        if (verified) spec.verify = spec::Verify{};
        SimulatedWorld world(spec, GetParam().apps);
        set_up(world);
        world.on_drained = [&] { world.end("2.0", end); };
        world.on_stop = [&](const core::Wait&) -> core::Result<void> {
          EXPECT_THAT(world.containers(0), Contains("shop-blue=1.0 running"));
          return {};
        };
        const Outcome outcome = deploy(world, "2.0");
        expect_taken_back(world, outcome, how(end));
        EXPECT_THAT(words(outcome), HasSubstr("blue was not stopped, and all proxies send to it again"));
        EXPECT_THAT(world.steps<report::StepStarted>(), Not(Contains("retire")));
        if (end != is_removed) {
          EXPECT_EQ(world.steps<report::LogLine>().size(), GetParam().apps) << "each log is shown, once";
        }
        EXPECT_EQ(world.kept_logs().size(), 1U);
      }
}

TEST_P(Ailing, WhatGotSickByThenIsTakenBackToo) {
  SimulatedWorld world(spec, GetParam().apps);
  set_up(world);
  world.on_drained = [&] { world.unhealthy_tag = "2.0"; };
  expect_taken_back(world, deploy(world, "2.0"), "HTTP 503");
}

TEST_P(Ailing, OneBadAnswerDoesNotDecide) {
  SimulatedWorld world(spec, GetParam().apps);
  set_up(world);
  int asked = 0;
  world.on_drained = [&] {
    world.unhealthy_tag = "2.0";
    world.on_probe = [&] {
      if (++asked > 1) world.unhealthy_tag.clear();
    };
  };
  EXPECT_EQ(deploy(world, "2.0").exit_code, 0);
  EXPECT_EQ(asked, static_cast<int>(GetParam().apps) + 1);
}

TEST_P(Ailing, NothingIsSwitchedBackToWhatDoesNotAnswer) {
  SimulatedWorld world(spec, GetParam().apps);
  set_up(world);
  world.on_drained = [&] {
    world.end("2.0", exits);
    world.unhealthy_tag = "1.0";
  };
  const Outcome outcome = deploy(world, "2.0");
  EXPECT_EQ(outcome.exit_code, 5) << words(outcome);
  EXPECT_THAT(words(outcome), HasSubstr("it exited with exit code 3"));
  EXPECT_THAT(words(outcome), HasSubstr("nothing was switched back: blue does not answer"));
  EXPECT_THAT(world.containers(0), Contains("shop-blue=1.0 running"));
}

TEST_P(Ailing, WhatEndsWhileTheOldSlotStopsIsTakenBack) {
  for (const auto end : {exits, starts_again, is_removed})
    for (const auto retire : {spec::Retire::stop, spec::Retire::remove})
      for (const bool verified : {true, false}) {
        SCOPED_TRACE(testing::Message() << how(end) << static_cast<int>(retire) << verified);
        spec.retire = retire;
        if (!verified) spec.verify.reset();
        if (verified) spec.verify = spec::Verify{};
        SimulatedWorld world(spec, GetParam().apps);
        set_up(world);
        world.on_stop = [&](const core::Wait&) -> core::Result<void> {
          world.on_stop = nullptr;
          world.end("2.0", end);
          return {};
        };
        const Outcome outcome = deploy(world, "2.0");
        expect_taken_back(world, outcome, how(end));
        EXPECT_THAT(words(outcome), HasSubstr("blue was started again, and all proxies send to it"));
      }
}

// An answer between two crashes is a good one.
TEST_P(Ailing, WhatIsStartedAgainByTheLastVerifyIsTakenBack) {
  SimulatedWorld world(spec, GetParam().apps);
  set_up(world);
  world.on_site = [&] {
    const auto now = world.containers(GetParam().apps - 1);
    if (std::ranges::count(now, "shop-blue=1.0 stopped") > 0) world.end("2.0", starts_again);
  };
  const Outcome outcome = deploy(world, "2.0");
  expect_taken_back(world, outcome, "it ended, and was started again");
  EXPECT_THAT(words(outcome), HasSubstr("blue was started again, and all proxies send to it"));
}

TEST_P(Ailing, ThatNobodyIsServedOnceTheOldSlotStoppedSaysWhy) {
  SimulatedWorld world(spec, GetParam().apps);
  set_up(world);
  world.on_site = [&] {
    const auto now = world.containers(GetParam().apps - 1);
    if (std::ranges::count(now, "shop-green=2.0 running") > 0 &&
        std::ranges::count(now, "shop-blue=1.0 stopped") > 0)
      world.end("2.0", exits);
  };
  const Outcome outcome = deploy(world, "2.0");
  expect_taken_back(world, outcome, "it exited with exit code 3");
}

TEST_P(Ailing, WhatAHookBeforeTheSwitchEndedIsNeverSwitchedTo) {
  hook(spec::HookPosition::before_switch);
  for (const auto end : {exits, starts_again, pauses, is_removed}) {
    SimulatedWorld world(spec, GetParam().apps);
    set_up(world);
    world.on_hook = [&](const std::string&) { world.end("2.0", end); };
    const Outcome outcome = deploy(world, "2.0");
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_EQ(outcome.verdict, Verdict::failed) << "it never served";
    EXPECT_THAT(words(outcome),
                HasSubstr("shop-green on web-1 was healthy and is not any more: " + how(end)));
    EXPECT_THAT(world.containers(0), ElementsAre("shop-blue=1.0 running", "shop-green=0.9 stopped"));
    EXPECT_EQ(world.failed_requests(), 0);
  }
}

TEST_P(Ailing, WhatAProxyDoesNotGetToIsNotCalledHealthyUnasked) {
  SimulatedWorld world(spec, GetParam().apps);
  set_up(world);
  world.unreachable_slot = 1;
  world.shows_before = true;
  world.on_connect = [&] { world.end("2.0", exits); };
  const Outcome outcome = deploy(world, "2.0");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(words(outcome), HasSubstr("it exited with exit code 3"));
  EXPECT_THAT(words(outcome), Not(HasSubstr("is healthy")));
  EXPECT_EQ(world.failed_requests(), 0);
}

TEST_P(Ailing, WhatClientsDoNotGetThroughToIsNotCalledHealthyUnasked) {
  SimulatedWorld world(spec, GetParam().apps);
  set_up(world);
  world.on_commit = [&](const std::string& proxy) {
    if (proxy == spec::proxies(spec).back().name) world.end("2.0", exits);
  };
  const Outcome outcome = deploy(world, "2.0");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(words(outcome), HasSubstr("it exited with exit code 3"));
  EXPECT_THAT(words(outcome), HasSubstr("HTTP 502"));
  EXPECT_THAT(words(outcome), Not(HasSubstr("is healthy")));
  EXPECT_THAT(world.answers(), Each(Optional(StrEq("1.0"))));
}

// Whatever the hook has against it: the new release answers, and the old one does not any more.
TEST_P(Ailing, AFailedHookDoesNotSwitchBackToWhatDoesNotAnswer) {
  hook(spec::HookPosition::after_switch);
  for (const bool ends : {true, false}) {
    SimulatedWorld world(spec, GetParam().apps);
    set_up(world);
    world.failing_hook = "look";
    world.on_hook = [&](const std::string&) {
      if (ends) world.end("1.0", exits);
      if (!ends) world.unhealthy_tag = "1.0";
    };
    const Outcome outcome = deploy(world, "2.0");
    EXPECT_EQ(outcome.exit_code, 5) << words(outcome);
    EXPECT_THAT(words(outcome), HasSubstr("failed with exit code 3"));
    EXPECT_THAT(words(outcome), HasSubstr("nothing was switched back: blue does not answer ("));
    EXPECT_THAT(world.answers(), Each(Optional(StrEq("2.0"))));
    for (std::size_t host = 0; host < GetParam().apps; ++host)
      EXPECT_THAT(world.containers(host), Contains("shop-green=2.0 running"));
  }
}

// There is nothing to drain, so that the acceptance is the last moment.
TEST_P(Ailing, AFirstReleaseThatEndedIsNotAccepted) {
  hook(spec::HookPosition::after_switch);
  SimulatedWorld world(spec, GetParam().apps);
  world.on_hook = [&](const std::string&) { world.end("1.0", exits); };
  const Outcome outcome = deploy(world, "1.0");
  EXPECT_EQ(outcome.exit_code, 1) << words(outcome);
  EXPECT_EQ(outcome.verdict, Verdict::failed) << "there is nothing that serves again";
  EXPECT_THAT(words(outcome), HasSubstr("it exited with exit code 3"));
  EXPECT_THAT(world.containers(0), testing::IsEmpty());
}

TEST_P(Ailing, AWorkerThatEndedIsTakenBackInEitherOrder) {
  hook(spec::HookPosition::after_switch);
  spec.proxied = false;
  spec.proxy_hosts.clear();
  spec.nginx = {};
  spec.verify.reset();
  spec.slots = {spec::Slot{"blue", 0, "shop-blue"}, spec::Slot{"green", 0, "shop-green"}};
  spec.health.probe = spec::HealthDocker{};
  for (const auto order : {spec::Order::start_first, spec::Order::stop_first})
    for (const auto retire : {spec::Retire::stop, spec::Retire::remove, spec::Retire::keep}) {
      spec.order = order;
      spec.retire = retire;
      SimulatedWorld world(spec, GetParam().apps);
      world.run(0, some_release("1.0"));
      world.run(1, some_release("0.9"), Container::Status::exited);
      world.on_hook = [&](const std::string&) { world.end("2.0", exits); };
      const Outcome outcome = deploy(world, "2.0");
      expect_taken_back(world, outcome, how(exits));
    }
}

INSTANTIATE_TEST_SUITE_P(Hosts, Ailing, testing::Values(Machines{1, 0}, Machines{2, 0}, Machines{2, 2}));

// A proxy of somebody else's goes to whichever slot answers: the old one goes on, and no request fails.
TEST(AilingWithoutProxy, TheOldSlotIsNotStopped) {
  spec::Spec spec = test::small_spec(2);
  spec.proxied = false;
  for (const auto retire : {spec::Retire::stop, spec::Retire::remove, spec::Retire::keep}) {
    spec.retire = retire;
    spec.hooks.at(static_cast<std::size_t>(spec::HookPosition::after_switch)) = {{spec::HookRun{"look"}}};
    SimulatedWorld simulated(spec, 2);
    simulated.run(0, some_release("1.0"));
    simulated.put_live(0);
    simulated.on_hook = [&](const std::string&) { simulated.end("2.0", exits); };
    World world = simulated.world();
    const plan::Launch launch{some_release("2.0"), {}};
    const auto state = observe(spec, world, launch, simulated.wait());
    ASSERT_TRUE(state);
    const auto plan = plan::make_plan(spec, *state, {plan::Request::Kind::deploy, launch, false});
    ASSERT_TRUE(plan);
    const Outcome outcome = execute(spec, *state, *plan, world, {});
    EXPECT_EQ(outcome.exit_code, 1) << outcome.error->message;
    EXPECT_EQ(outcome.verdict, Verdict::rolled_back);
    EXPECT_THAT(outcome.error->details, Contains("blue was not stopped"));
    EXPECT_THAT(simulated.containers(0), ElementsAre("shop-blue=1.0 running"));
    EXPECT_EQ(simulated.failed_requests(), 0);
  }
}

}  // namespace
}  // namespace bgdeploy::deploy
