// The step `watch` in the simulated world.
#include <gmock/gmock.h>

#include "../plan/spec_for_tests.hpp"
#include "bgdeploy/deploy/execute/execute.hpp"
#include "bgdeploy/deploy/observe/observe.hpp"
#include "deploy/parallel.hpp"
#include "simulated_world.hpp"

namespace bgdeploy::deploy {
namespace {

using namespace std::chrono_literals;
using plan::Container;
using test::Fault;
using test::SimulatedWorld;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Optional;
using testing::StrEq;

plan::Release watched_release(const std::string& tag) {
  return {"id-" + tag, tag, "shop", "sha256:" + tag};
}

struct Hosts {
  std::size_t apps, proxies;
};

class Watched : public testing::TestWithParam<Hosts> {
protected:
  Watched() : spec(test::small_spec(GetParam().apps, GetParam().proxies)) {
    spec.watch = spec::Watch{.for_at_least = 5s};
    spec.parallel = 1;
  }

  static void set_up(SimulatedWorld& world) {
    world.run(0, watched_release("1.0"));
    world.run(1, watched_release("0.9"), Container::Status::exited);
    world.put_live(0);
  }
  Outcome run(SimulatedWorld& simulated, const std::string& tag,
              plan::Request::Kind kind = plan::Request::Kind::deploy, const Stops& stops = {}) const {
    World world = simulated.world();
    const plan::Launch launch{watched_release(tag), {}};
    auto state = guarded([&] { return observe(spec, world, launch, simulated.wait()); });
    if (state)
      state = guarded([&] { return recover(spec, world, std::move(*state), launch, simulated.wait()); });
    if (!state) return {Verdict::failed, 3, false, state.error()};
    auto plan = plan::make_plan(spec, *state, {kind, launch, false});
    if (!plan) return {Verdict::failed, 5, false, plan.error()};
    return execute(spec, *state, *plan, world, stops);
  }
  static std::string words(const Outcome& outcome) {
    if (!outcome.error) return "";
    std::string text = outcome.error->message;
    for (const auto& detail : outcome.error->details) text += "\n" + detail;
    return text;
  }

  spec::Spec spec;
};

TEST_P(Watched, GoesOnWhenAllIsWell) {
  SimulatedWorld world(spec, GetParam().apps);
  set_up(world);
  const Outcome outcome = run(world, "2.0");
  EXPECT_EQ(outcome.exit_code, 0) << words(outcome);
  EXPECT_THAT(world.answers(), Each(Optional(StrEq("2.0"))));
  EXPECT_THAT(world.containers(0), ElementsAre("shop-blue=1.0 stopped", "shop-green=2.0 running"));
  EXPECT_EQ(world.failed_requests(), 0);
  EXPECT_TRUE(world.kept_logs().empty());
}

TEST_P(Watched, WhatIsBadIsTakenBack) {
  SimulatedWorld world(spec, GetParam().apps);
  set_up(world);
  world.souring_tag = "2.0";
  const Outcome outcome = run(world, "2.0");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.verdict, Verdict::rolled_back);
  EXPECT_THAT(words(outcome), HasSubstr("health: HTTP 503, 3 times in a row"));
  EXPECT_THAT(world.answers(), Each(Optional(StrEq("1.0"))));
  EXPECT_THAT(world.containers(0), ElementsAre("shop-blue=1.0 running", "shop-green=0.9 stopped"));
  EXPECT_EQ(world.failed_requests(), 0);
  ASSERT_EQ(world.kept_logs().size(), 1U);
  EXPECT_EQ(world.kept_logs()[0].hosts.size(), GetParam().apps);
  EXPECT_THAT(world.kept_logs()[0].hosts[0].lines, ElementsAre("its last words"));
  EXPECT_THAT(world.steps<report::LogLine>(), Contains("restore"));
}

TEST_P(Watched, ACommandOfTheUsersDecides) {
  // The clock jumps whenever another look sleeps, however long the machine lets this one wait.
  spec.watch->runs = {{.command = "./burn-rate.sh", .timeout = 24h * 365}};
  for (const bool fails : {false, true}) {
    SimulatedWorld world(spec, GetParam().apps);
    set_up(world);
    if (fails) world.failing_hook = "./burn-rate.sh";
    const Outcome outcome = run(world, "2.0");
    EXPECT_EQ(outcome.verdict, fails ? Verdict::rolled_back : Verdict::succeeded) << words(outcome);
    EXPECT_EQ(world.told()["BGDEPLOY_TAG"], "2.0");
    if (fails) {
      EXPECT_THAT(words(outcome), HasSubstr("run ./burn-rate.sh: exit code 3: this, 3 times in a row"));
    }
    EXPECT_EQ(world.failed_requests(), 0);
  }
}

TEST_P(Watched, AnEndedContainerCountsAtOnce) {
  spec.watch->failures = 1000;
  spec.watch->health = false;
  spec.watch->urls = {{.url = "http://shop.example.com/"}};
  spec.watch->for_at_least = 24h;
  spec.verify.reset();
  SimulatedWorld world(spec, GetParam().apps);
  set_up(world);
  world.dying_tag = "2.0";
  const Outcome outcome = run(world, "2.0");
  EXPECT_EQ(outcome.verdict, Verdict::rolled_back);
  EXPECT_THAT(words(outcome), HasSubstr("container: exited with exit code 3"));
  EXPECT_THAT(world.answers(), Each(Optional(StrEq("1.0"))));
}

TEST_P(Watched, NothingIsSwitchedBackToWhatDoesNotAnswer) {
  SimulatedWorld world(spec, GetParam().apps);
  set_up(world);
  world.souring_tag = "2.0";
  world.dying_old_tag = "1.0";
  const Outcome outcome = run(world, "2.0");
  EXPECT_EQ(outcome.exit_code, 5) << words(outcome);
  EXPECT_THAT(words(outcome), HasSubstr("nothing was switched back: blue does not answer"));
  EXPECT_THAT(world.answers(), Each(Optional(StrEq("2.0"))));
  EXPECT_THAT(world.containers(0), Contains("shop-green=2.0 running"));
}

TEST_P(Watched, ARollbackIsNotTakenBack) {
  SimulatedWorld world(spec, GetParam().apps);
  set_up(world);
  int asked = 0;
  spec.watch->health = false;
  spec.watch->urls = {{.url = "http://shop.example.com/"}};
  world.on_url = [&] { return health::Answer{++asked < 0, "HTTP 500"}; };
  const Outcome outcome = run(world, "0.9", plan::Request::Kind::rollback);
  EXPECT_EQ(outcome.exit_code, 6) << words(outcome);
  EXPECT_THAT(words(outcome), HasSubstr("a rollback is not taken back by itself"));
  EXPECT_THAT(world.answers(), Each(Optional(StrEq("0.9"))));
  EXPECT_THAT(world.containers(0), Contains("shop-blue=1.0 running")) << "the way forward stays open";
  EXPECT_EQ(world.failed_requests(), 0);
}

TEST_P(Watched, WithoutAVerdictTheSpecSaysWhatFollows) {
  spec.watch->responses = spec::WatchResponses{.log = "/var/log/nginx/access.log"};
  for (const bool returns : {false, true}) {
    spec.watch->return_when_inconclusive = returns;
    SimulatedWorld world(spec, GetParam().apps);
    set_up(world);
    const Outcome outcome = run(world, "2.0");
    EXPECT_EQ(outcome.verdict, returns ? Verdict::rolled_back : Verdict::succeeded) << words(outcome);
    EXPECT_THAT(world.answers(), Each(Optional(StrEq(returns ? "1.0" : "2.0"))));
    bool warned = returns;
    for (const report::Event& event : world.events())
      if (const auto* warning = std::get_if<report::Warning>(&event))
        warned = warned ||
                 warning->message.find("the watch came to no verdict, and green stays") != std::string::npos;
    EXPECT_TRUE(warned);
  }
}

TEST_P(Watched, ASignalLeavesTheNewRelease) {
  std::stop_source user;
  spec.watch->urls = {{.url = "http://shop.example.com/"}};
  spec.watch->for_at_least = 24h * 365;
  SimulatedWorld world(spec, GetParam().apps);
  set_up(world);
  world.on_url = [&] {
    user.request_stop();
    return health::Answer{true, "HTTP 200"};
  };
  const Outcome outcome = run(world, "2.0", plan::Request::Kind::deploy, {user.get_token(), {}});
  EXPECT_EQ(outcome.exit_code, 6) << words(outcome);
  EXPECT_EQ(outcome.verdict, Verdict::interrupted);
  EXPECT_TRUE(outcome.committed);
  EXPECT_THAT(world.answers(), Each(Optional(StrEq("2.0"))));
  EXPECT_THAT(world.containers(0), Contains("shop-blue=1.0 running"));
  EXPECT_EQ(world.failed_requests(), 0);
  spec.watch->for_at_least = 5s;
  EXPECT_EQ(run(world, "3.0").exit_code, 0);
}

// The deployer dies anywhere, the watch and the way back included: the next deploy needs no help.
TEST_P(Watched, WhicheverEffectFailsNoRequestIsLost) {
  for (const bool sour : {false, true})
    for (const Fault fault : {Fault::refused, Fault::lost, Fault::dead, Fault::thrown})
      for (int at = 0;; ++at) {
        SimulatedWorld world(spec, GetParam().apps);
        set_up(world);
        if (sour) world.souring_tag = "2.0";
        world.fault_at(at, fault);
        const Outcome outcome = run(world, "2.0");
        if (!world.fault_hit()) break;
        SCOPED_TRACE(testing::Message()
                     << "effect " << at << ", exit code " << outcome.exit_code << ": " << words(outcome));
        EXPECT_EQ(world.failed_requests(), 0);
        if (outcome.exit_code == 0 || outcome.exit_code == 6) {
          EXPECT_THAT(world.answers(), Each(Optional(StrEq("2.0"))));
        }
        if (outcome.exit_code == 1) {
          EXPECT_THAT(world.answers(), Each(Optional(StrEq("1.0"))));
        }
        world.heal();
        world.souring_tag = "";
        const Outcome again = run(world, "3.0");
        EXPECT_EQ(again.exit_code, 0) << words(again);
        EXPECT_EQ(world.failed_requests(), 0);
      }
}

INSTANTIATE_TEST_SUITE_P(Hosts, Watched, testing::Values(Hosts{1, 0}, Hosts{2, 0}, Hosts{2, 2}));

}  // namespace
}  // namespace bgdeploy::deploy
