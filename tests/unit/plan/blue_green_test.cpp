#include <gmock/gmock.h>
#include <rapidcheck.h>

#include "bgdeploy/plan/plan.hpp"
#include "spec_for_tests.hpp"

namespace bgdeploy::plan {
namespace {

using core::ErrorKind;
using test::small_spec;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string k_digest_1 = "sha256:" + std::string(64, '1');
const std::string k_digest_2 = "sha256:" + std::string(64, '2');
const std::string k_digest_3 = "sha256:" + std::string(64, '3');

Release release(const std::string& tag, const std::string& digest) {
  return {"id-" + tag, tag, "registry.example.com/shop", digest};
}

Container container(const std::string& id, const Release& what, Container::Status status) {
  Container c;
  c.id = id;
  c.name = "shop-" + id;
  c.release = what;
  c.managed = true;
  c.status = status;
  c.differences = std::vector<std::string>{"image"};
  return c;
}

// Blue runs 1.0 and serves; green is empty.
State blue_serves() {
  State state;
  AppHost host{.host = "web-1"};
  host.slots[0].container = container("c1", release("1.0", k_digest_1), Container::Status::running);
  host.slots[0].answers = true;
  state.app_hosts.push_back(host);
  ProxyHost proxy{.host = "web-1"};
  proxy.written = true;
  proxy.traffic = Traffic::all_to(0);
  proxy.include = "/etc/nginx/conf.d/service-url.inc";
  state.proxies.push_back(proxy);
  return state;
}

Request deploy(const std::string& tag, const std::string& digest) {
  return {Request::Kind::deploy, {release(tag, digest), {}}, false};
}

std::vector<std::string> names(const Plan& plan) {
  std::vector<std::string> list;
  for (const Step& step : plan.steps) list.emplace_back(step_name(step));
  return list;
}

Plan planned(const State& state, const Request& request) {
  auto plan = make_plan(small_spec(), state, request);
  EXPECT_TRUE(plan) << plan.error().message;
  return plan.value_or(Plan{});
}

TEST(BlueGreen, DeploysIntoTheIdleSlotAndRetiresTheOther) {
  const Plan plan = planned(blue_serves(), deploy("2.0", k_digest_2));
  EXPECT_THAT(names(plan), ElementsAre("pull", "start", "health", "switch", "accept", "drain", "retire"));
  EXPECT_EQ(plan.live, 0U);
  EXPECT_EQ(plan.target, 1U);
  EXPECT_EQ(plan.from.tag, "1.0");
  EXPECT_EQ(std::get<Retire>(plan.steps.back()).container, "c1");
}

TEST(BlueGreen, AStepCarriesWhatBelongsToItsRelease) {
  Request request = deploy("2.0", k_digest_2);
  spec::Health health;
  health.deadline = std::chrono::minutes(9);
  EXPECT_EQ(std::get<AwaitHealth>(planned(blue_serves(), request).steps[2]).health, small_spec().health);
  request.launch.health = health;
  const Plan plan = planned(blue_serves(), request);
  EXPECT_EQ(std::get<AwaitHealth>(plan.steps[2]).health, health);
  EXPECT_EQ(std::get<Retire>(plan.steps.back()).grace, small_spec().docker.stop_grace_period);
  State state = blue_serves();
  state.app_hosts[0].slots[0].container->stop_grace = std::chrono::minutes(3);
  EXPECT_EQ(std::get<Retire>(planned(state, request).steps.back()).grace, std::chrono::minutes(3))
      << "what runs was made with it";
}

State live_and_the_same() {
  State state = blue_serves();
  state.app_hosts[0].slots[0].container->differences->clear();
  return state;
}

TEST(BlueGreen, AnIncludeThatTheSpecWouldWriteOtherwiseIsWrittenAnew) {
  State state = live_and_the_same();
  EXPECT_THAT(names(planned(state, deploy("1.0", k_digest_1))), IsEmpty());
  state.proxies[0].outdated = true;
  const Plan plan = planned(state, deploy("1.0", k_digest_1));
  ASSERT_THAT(names(plan), ElementsAre("switch", "accept"));
  EXPECT_TRUE(plan.rewrites());
  EXPECT_EQ(plan.target, 0U);
  EXPECT_EQ(plan.to, plan.from);
  const auto& change = std::get<Switch>(plan.steps[0]);
  EXPECT_EQ(change.slot, 0U);
  EXPECT_EQ(change.routing.at(0).at(0).port, "8081");
  EXPECT_THAT(describe(small_spec(), plan.steps[0]),
              HasSubstr("write /etc/nginx/conf.d/service-url.inc as the spec has it (blue, 127.0.0.1:8081)"));
  EXPECT_FALSE(planned(blue_serves(), deploy("2.0", k_digest_2)).rewrites());
}

TEST(BlueGreen, WhatIsTidiedUpGoesAfterTheIncludeAndLeavesTheLiveSlotAlone) {
  State state = live_and_the_same();
  state.proxies[0].outdated = true;
  state.app_hosts[0].slots[1].container =
      container("c2", release("0.9", k_digest_2), Container::Status::running);
  const Plan plan = planned(state, deploy("1.0", k_digest_1));
  ASSERT_THAT(names(plan), ElementsAre("switch", "accept", "settle", "retire"));
  EXPECT_EQ(std::get<Retire>(plan.steps[3]).slot, 1U);
}

TEST(BlueGreen, OneProxyOfSeveralIsEnoughToWriteAnew) {
  auto spec = small_spec(1, 2);
  State state = live_and_the_same();
  state.proxies = {state.proxies[0], state.proxies[0]};
  state.proxies[1].outdated = true;
  const auto plan = make_plan(spec, state, deploy("1.0", k_digest_1));
  ASSERT_TRUE(plan);
  EXPECT_THAT(names(*plan), ElementsAre("switch", "accept"));
}

TEST(BlueGreen, WhatDiffersAnywayIsDeployedTheUsualWay) {
  State state = blue_serves();
  state.proxies[0].outdated = true;
  EXPECT_THAT(names(planned(state, deploy("2.0", k_digest_2))),
              ElementsAre("pull", "start", "health", "switch", "accept", "drain", "retire"));
}

TEST(BlueGreen, ASlotThatSomebodyElsesSiteSendsToIsLeftAlone) {
  State state = blue_serves();
  state.proxies[0].claims = {{0, "/etc/nginx/conf.d/production.inc:1"}};
  const auto refused = make_plan(small_spec(), state, deploy("2.0", k_digest_2));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::usage);
  EXPECT_THAT(refused.error().message, HasSubstr("/etc/nginx/conf.d/production.inc:1"));
  EXPECT_THAT(refused.error().details.front(), HasSubstr("a `service`"));
  // Nothing is touched there.
  state = live_and_the_same();
  state.proxies[0].claims = {{0, "/etc/nginx/conf.d/production.inc:1"}};
  EXPECT_TRUE(make_plan(small_spec(), state, deploy("1.0", k_digest_1)));
}

TEST(BlueGreen, WhatIsOddInNginxsConfigurationIsSaid) {
  State state = blue_serves();
  state.proxies[0].notes = {"x sends to y"};
  EXPECT_THAT(planned(state, deploy("2.0", k_digest_2)).notes, ElementsAre("web-1: x sends to y"));
}

TEST(BlueGreen, WhatWasFetchedForItsPortIsNotPulledAgain) {
  State state = blue_serves();
  EXPECT_EQ(names(planned(state, deploy("2.0", k_digest_2))).front(), "pull");
  state.app_hosts[0].image_present = true;
  EXPECT_EQ(names(planned(state, deploy("2.0", k_digest_2))).front(), "start");
}

TEST(BlueGreen, WhatIsInAnArchiveIsSentWhereItIsNotYetAndLookedForOnTheWayBack) {
  const std::string digest = "image:" + std::string(64, 'a');
  State state = blue_serves();
  state.app_hosts[0].image_lacks = 12'300'000;
  const Plan plan = planned(state, deploy("2.0", digest));
  EXPECT_THAT(names(plan), ElementsAre("send", "start", "health", "switch", "accept", "drain", "retire"));
  EXPECT_EQ(describe(small_spec(), plan.steps[0]),
            "send registry.example.com/shop:2.0 (image:aaaaaaaaaaaa) (12.3 MB)");
  state.app_hosts[0].image_present = true;
  EXPECT_EQ(names(planned(state, deploy("2.0", digest))).front(), "start");
  Request back = deploy("2.0", digest);
  back.kind = Request::Kind::rollback;
  EXPECT_EQ(names(planned(blue_serves(), back)).front(), "find");
  EXPECT_EQ(describe(small_spec(), planned(blue_serves(), back).steps[0]),
            "find registry.example.com/shop:2.0 (image:aaaaaaaaaaaa)");
}

TEST(BlueGreen, WhatIsBuiltIsBuiltWhereItIsNotYetAndLookedForOnTheWayBack) {
  const std::string digest = "build:" + std::string(64, 'a');
  State state = blue_serves();
  const Plan plan = planned(state, deploy("2.0", digest));
  EXPECT_THAT(names(plan), ElementsAre("build", "start", "health", "switch", "accept", "drain", "retire"));
  EXPECT_THAT(describe(small_spec(), plan.steps[0]),
              HasSubstr("build registry.example.com/shop:2.0 (build:aaaaaaaaaaaa) from "));
  state.app_hosts[0].image_present = true;
  EXPECT_THAT(names(planned(state, deploy("2.0", digest))),
              ElementsAre("start", "health", "switch", "accept", "drain", "retire"));
  Request back = deploy("2.0", digest);
  back.kind = Request::Kind::rollback;
  EXPECT_EQ(names(planned(blue_serves(), back)).front(), "find");
}

spec::Spec watched_spec() {
  spec::Spec spec = small_spec();
  spec.watch = spec::Watch{.for_at_least = std::chrono::seconds(30)};
  spec.watch->urls = {{.url = "https://shop.example.com/"}};
  return spec;
}

const Watch* watch_of(const core::Result<Plan>& plan) {
  for (const Step& step : plan->steps)
    if (const auto* watch = std::get_if<Watch>(&step)) return watch;
  return nullptr;
}

TEST(BlueGreen, WatchesAfterTheSwitchAndBeforeItIsAccepted) {
  const spec::Spec spec = watched_spec();
  const auto plan = make_plan(spec, blue_serves(), deploy("2.0", k_digest_2));
  ASSERT_TRUE(plan.has_value());
  std::vector<std::string> names;
  for (const Step& step : plan->steps) names.emplace_back(step_name(step));
  EXPECT_THAT(names, ElementsAre("pull", "start", "health", "switch", "watch", "accept", "drain", "retire"));
  EXPECT_TRUE(watch_of(plan)->comes_back);
  EXPECT_EQ(describe(spec, *watch_of(plan)), "watch green for 30s: health, https://shop.example.com/");
}

TEST(BlueGreen, WhatARollbackOrAFirstDeployPutLiveIsWatchedAndNotTakenBack) {
  State state = blue_serves();
  Request back = deploy("2.0", k_digest_2);
  back.kind = Request::Kind::rollback;
  const auto rollback = make_plan(watched_spec(), state, back);
  ASSERT_NE(watch_of(rollback), nullptr);
  EXPECT_FALSE(watch_of(rollback)->comes_back);

  state = blue_serves();
  for (AppHost& host : state.app_hosts) host.slots[0] = {};
  for (ProxyHost& proxy : state.proxies) proxy.written = false, proxy.traffic.reset();
  const auto first = make_plan(watched_spec(), state, deploy("2.0", k_digest_2));
  ASSERT_NE(watch_of(first), nullptr);
  EXPECT_FALSE(watch_of(first)->comes_back);
}

TEST(BlueGreen, FirstDeployUsesTheFirstSlotAndRetiresNothing) {
  State state = blue_serves();
  state.app_hosts[0].slots[0].container.reset();
  state.app_hosts[0].slots[0].answers.reset();
  state.proxies[0].written = false;
  state.proxies[0].traffic.reset();
  const Plan plan = planned(state, deploy("1.0", k_digest_1));
  EXPECT_THAT(names(plan), ElementsAre("pull", "start", "health", "switch", "accept"));
  EXPECT_EQ(plan.target, 0U);
}

TEST(BlueGreen, WhatRunsWithoutAnIncludeCountsAsWhatServes) {
  State state = blue_serves();
  state.app_hosts[0].slots[0].answers.reset();
  state.proxies[0].written = false;
  state.proxies[0].traffic.reset();
  const Plan plan = planned(state, deploy("2.0", k_digest_2));
  EXPECT_THAT(names(plan), ElementsAre("pull", "start", "health", "switch", "accept", "drain", "retire"));
  EXPECT_EQ(plan.live, 0U);
  EXPECT_EQ(plan.target, 1U);

  // A first deploy that died before the switch is picked up.
  state.app_hosts[0].slots[0].container->differences->clear();
  const Plan again = planned(state, deploy("1.0", k_digest_1));
  EXPECT_THAT(names(again), ElementsAre("health", "switch", "accept"));
  EXPECT_EQ(again.target, 0U);

  // Of two the one that was started first, which is not to be known where both are kept running.
  state.app_hosts[0].slots[0].container->differences->push_back("image");
  state.app_hosts[0].slots[1].container =
      container("c2", release("2.0", k_digest_2), Container::Status::running);
  state.app_hosts[0].slots[0].container->started = core::SystemTime(std::chrono::seconds(2));
  state.app_hosts[0].slots[1].container->started = core::SystemTime(std::chrono::seconds(1));
  EXPECT_EQ(planned(state, deploy("3.0", k_digest_3)).live, 1U);
  spec::Spec keeps = small_spec();
  keeps.retire = spec::Retire::keep;
  EXPECT_EQ(make_plan(keeps, state, deploy("3.0", k_digest_3)).error().kind, ErrorKind::inconsistent);
}

TEST(BlueGreen, FirstDeployUsesTheFirstSlotAlsoWhereTheIncludeNamesItAlready) {
  State state = blue_serves();
  state.app_hosts[0].slots[0].container.reset();
  state.app_hosts[0].slots[0].answers.reset();
  state.app_hosts[0].live_listens = false;
  const Plan plan = planned(state, deploy("1.0", k_digest_1));
  EXPECT_THAT(names(plan), ElementsAre("pull", "start", "health", "switch", "accept"));
  EXPECT_EQ(plan.target, 0U);
  EXPECT_THAT(plan.notes, IsEmpty());
}

TEST(BlueGreen, WhatServesWithoutAContainerKeepsItsSlot) {
  State state = blue_serves();
  state.app_hosts[0].slots[0].container.reset();
  state.app_hosts[0].slots[0].answers.reset();
  state.app_hosts[0].live_listens = true;
  EXPECT_EQ(planned(state, deploy("1.0", k_digest_1)).target, 1U);
}

TEST(BlueGreen, AReleaseThatCouldServeAgainKeepsItsSlotWhenTheLiveOneIsGone) {
  State state = blue_serves();
  state.app_hosts[0].slots[1].container = state.app_hosts[0].slots[0].container;
  state.app_hosts[0].slots[0].container.reset();
  state.app_hosts[0].slots[0].answers.reset();
  state.app_hosts[0].live_listens = false;
  const Plan plan = planned(state, deploy("2.0", k_digest_2));
  EXPECT_EQ(plan.target, 1U);
  EXPECT_THAT(plan.notes, ElementsAre(HasSubstr("has no container")));
}

TEST(BlueGreen, WhatComposeMadeIsRemovedSinceItCannotBeMovedAside) {
  State state = blue_serves();
  state.app_hosts[0].slots[1].container =
      container("c2", release("0.9", k_digest_3), Container::Status::running);
  spec::Spec spec = small_spec();
  spec.compose.emplace();
  const auto plan = make_plan(spec, state, deploy("2.0", k_digest_2));
  ASSERT_TRUE(plan);
  EXPECT_THAT(names(*plan), ElementsAre("pull", "stop", "remove", "start", "health", "switch", "accept",
                                        "drain", "retire"));
  // There is nothing left to start again.
  EXPECT_FALSE(std::get<Stop>(plan->steps[1]).restart_on_undo);
}

TEST(BlueGreen, ChangesNothingWhenTheReleaseIsLive) {
  State state = blue_serves();
  state.app_hosts[0].slots[0].container->differences = std::vector<std::string>{};
  EXPECT_THAT(planned(state, deploy("1.0", k_digest_1)).steps, IsEmpty());
}

TEST(BlueGreen, ChangesNothingWhenTheLiveImageIsDeployedByDigestOrByAnotherOfItsTags) {
  State state = blue_serves();
  state.app_hosts[0].slots[0].container->differences = std::vector<std::string>{};
  EXPECT_EQ(planned(state, deploy("", k_digest_1)).steps.size(), 0U);
  const Plan renamed = planned(state, deploy("stable", k_digest_1));
  EXPECT_THAT(renamed.steps, IsEmpty());
  EXPECT_EQ(renamed.to.tag, "1.0");
  EXPECT_THAT(renamed.notes, IsEmpty());
  EXPECT_THAT(renamed.remarks, ElementsAre("stable is the image that serves already as 1.0"));
}

TEST(BlueGreen, AStoppedContainerIsReusedUnderTheNameThatWasAskedFor) {
  State state = blue_serves();
  state.app_hosts[0].slots[1].container =
      container("c2", release("2.0", k_digest_2), Container::Status::exited);
  state.app_hosts[0].slots[1].container->differences = std::vector<std::string>{};
  EXPECT_EQ(names(planned(state, deploy("2.0", k_digest_2))).front(), "start");
  EXPECT_EQ(names(planned(state, deploy("", k_digest_2))).front(), "start");
  EXPECT_EQ(names(planned(state, deploy("stable", k_digest_2))).front(), "pull");
}

TEST(BlueGreen, RedeploysWhatIsLiveWhenForcedOrWhenItDoesNotAnswer) {
  State state = blue_serves();
  state.app_hosts[0].slots[0].container->differences = std::vector<std::string>{};
  Request request = deploy("1.0", k_digest_1);
  request.force = true;
  EXPECT_TRUE(planned(state, request).switches());
  state.app_hosts[0].slots[0].answers = false;
  const Plan plan = planned(state, deploy("1.0", k_digest_1));
  EXPECT_TRUE(plan.switches());
  EXPECT_THAT(plan.notes, ElementsAre(HasSubstr("is not healthy")));
}

TEST(BlueGreen, WaitsForTheHealthOfWhatIsLiveWhereItIsTooEarlyToTell) {
  State state = blue_serves();
  SlotState& live = state.app_hosts[0].slots[0];
  live.container->differences = std::vector<std::string>{};
  live.answers.reset();
  live.answer = "running for 1s";
  const Plan plan = planned(state, deploy("1.0", k_digest_1));
  ASSERT_EQ(names(plan), (std::vector<std::string>{"health"}));
  EXPECT_EQ(std::get<AwaitHealth>(plan.steps[0]).container, "c1");
}

TEST(BlueGreen, MovesAStoppedReleaseAsideAndForgetsItAfterTheSwitch) {
  State state = blue_serves();
  state.app_hosts[0].slots[1].container =
      container("c0", release("0.9", k_digest_3), Container::Status::exited);
  const Plan plan = planned(state, deploy("2.0", k_digest_2));
  EXPECT_THAT(names(plan), ElementsAre("pull", "set-aside", "start", "health", "switch", "accept", "drain",
                                       "retire", "remove"));
  EXPECT_EQ(std::get<Remove>(plan.steps.back()).container, "c0");
}

TEST(BlueGreen, PicksUpWhatAnInterruptedDeployLeft) {
  State state = blue_serves();
  SlotState& green = state.app_hosts[0].slots[1];
  green.container = container("c2", release("2.0", k_digest_2), Container::Status::running);
  green.container->differences = std::vector<std::string>{};
  green.aside = container("c0", release("0.9", k_digest_3), Container::Status::exited);
  EXPECT_THAT(names(planned(state, deploy("2.0", k_digest_2))),
              ElementsAre("health", "switch", "accept", "drain", "retire", "remove"));
  // Another release than the one that was interrupted replaces it, and what is aside stays to go back to.
  EXPECT_THAT(names(planned(state, deploy("3.0", k_digest_3))),
              ElementsAre("pull", "stop", "remove", "start", "health", "switch", "accept", "drain", "retire",
                          "remove"));
}

// Otherwise both slots would go on running, and the run would call itself undone.
TEST(BlueGreen, WhatAnInterruptedDeployLeftIsStoppedAgainUnlessItIsMeantToRun) {
  State state = blue_serves();
  SlotState& green = state.app_hosts[0].slots[1];
  green.container = container("c2", release("2.0", k_digest_2), Container::Status::running);
  green.container->differences = std::vector<std::string>{};
  auto spec = small_spec();
  const auto undo = [&] {
    const auto plan = make_plan(spec, state, deploy("2.0", k_digest_2));
    return plan ? inverse(plan->steps.at(0)) : std::nullopt;
  };
  EXPECT_EQ(undo(), Step(Discard{0, 1, "c2", std::chrono::seconds(5)}));
  state.held = Held{.slot = 1, .release = green.container->release, .who = {}, .since = {}};
  EXPECT_EQ(undo(), std::nullopt) << "it waits";
  state.held.reset();
  spec.retire = spec::Retire::keep;
  EXPECT_EQ(undo(), std::nullopt) << "it served before, and was kept";
  green.aside = container("c0", release("0.9", k_digest_3), Container::Status::exited);
  EXPECT_TRUE(undo());
  state.app_hosts[0].slots[0].container->status = Container::Status::exited;
  EXPECT_EQ(undo(), std::nullopt) << "nothing else runs";
  state.app_hosts[0].slots[0].container->status = Container::Status::running;
  state.proxies[0].traffic.reset();
  state.proxies[0].written = false;
  EXPECT_EQ(undo(), std::nullopt) << "the proxy may send to it";
}

TEST(BlueGreen, TidiesUpWhenTheLiveReleaseIsDeployedAfterAnInterruption) {
  State state = blue_serves();
  state.app_hosts[0].slots[0].container->differences = std::vector<std::string>{};
  SlotState& green = state.app_hosts[0].slots[1];
  green.container = container("c2", release("2.0", k_digest_2), Container::Status::running);
  EXPECT_THAT(names(planned(state, deploy("1.0", k_digest_1))), ElementsAre("retire"));
  green.aside = container("c0", release("0.9", k_digest_3), Container::Status::exited);
  EXPECT_THAT(names(planned(state, deploy("1.0", k_digest_1))), ElementsAre("stop", "remove", "put-back"));
}

TEST(BlueGreen, SaysThatWhatAnInterruptedRunPutLiveIsNotWatchedAgain) {
  State state = blue_serves();
  state.app_hosts[0].slots[0].container->differences = std::vector<std::string>{};
  state.app_hosts[0].slots[1].container =
      container("c2", release("0.9", k_digest_2), Container::Status::running);
  spec::Spec spec = small_spec();
  spec.watch.emplace();
  const auto plan = make_plan(spec, state, deploy("1.0", k_digest_1));
  ASSERT_TRUE(plan);
  EXPECT_EQ(names(*plan), (std::vector<std::string>{"retire"}));
  EXPECT_THAT(plan->notes, ElementsAre(HasSubstr("not watched again")));
}

TEST(BlueGreen, WaitsForOldWorkersBeforeItStopsWhatTheyMayUse) {
  State state = blue_serves();
  state.app_hosts[0].slots[1].container =
      container("c2", release("2.0", k_digest_2), Container::Status::running);
  state.proxies[0].leaving = {Worker{17, 99}};
  EXPECT_THAT(names(planned(state, deploy("3.0", k_digest_3))),
              ElementsAre("settle", "pull", "stop", "set-aside", "start", "health", "switch", "accept",
                          "drain", "retire", "remove"));
}

TEST(BlueGreen, RollbackStartsTheStoppedContainerWithoutAPull) {
  State state = blue_serves();
  state.app_hosts[0].slots[1].container =
      container("c0", release("0.9", k_digest_3), Container::Status::exited);
  Request request{Request::Kind::rollback, {release("0.9", k_digest_3), {}}, false};
  const Plan plan = planned(state, request);
  EXPECT_THAT(names(plan), ElementsAre("start", "health", "switch", "accept", "drain", "retire"));
  EXPECT_TRUE(std::holds_alternative<Start>(plan.steps[0]));
}

TEST(BlueGreen, RollbackStartsWhatAnOlderToolRanAsItWas) {
  State state = blue_serves();
  Release adopted = release("0.9", k_digest_2);
  adopted.id.clear();
  state.app_hosts[0].slots[1].container = container("c2", adopted, Container::Status::exited);
  state.app_hosts[0].slots[1].container->managed = false;
  const Plan plan = planned(state, {Request::Kind::rollback, {adopted, {}}, false});
  EXPECT_THAT(names(plan), ElementsAre("start", "health", "switch", "accept", "drain", "retire"));
}

// Somebody's `docker run` made just what the spec would.
TEST(BlueGreen, WhatSomebodyElseStartedStaysWhereItIsWhatTheSpecWouldStart) {
  State state = blue_serves();
  Container& live = *state.app_hosts[0].slots[0].container;
  live.managed = false;
  live.release = {"", "latest", "shop", ""};
  EXPECT_FALSE(planned(state, deploy("1.0", k_digest_1)).steps.empty()) << "it differs";
  live.differences = std::vector<std::string>{};
  const Plan plan = planned(state, deploy("1.0", k_digest_1));
  EXPECT_TRUE(plan.steps.empty()) << ::testing::PrintToString(names(plan));
  EXPECT_THAT(plan.notes, IsEmpty());
  EXPECT_THAT(plan.remarks, ::testing::Contains(HasSubstr("bgdeploy did not start shop-c1")));
  Request forced = deploy("1.0", k_digest_1);
  forced.force = true;
  EXPECT_FALSE(planned(state, forced).steps.empty());

  // In the idle slot it is somebody's way back, and no release of ours.
  State idle = blue_serves();
  idle.app_hosts[0].slots[1].container = live;
  EXPECT_THAT(names(planned(idle, deploy("2.0", k_digest_2))), ::testing::Contains("set-aside"));
}

TEST(BlueGreen, ReleasesOfSeveralHostsBearOneId) {
  State state = blue_serves();
  state.app_hosts.push_back(state.app_hosts[0]);
  state.app_hosts[1].host = "web-2";
  Release left = release("2.0", k_digest_2);
  left.id = "of-an-interrupted-deploy";
  state.app_hosts[1].slots[1].container = container("c2", left, Container::Status::running);
  state.app_hosts[1].slots[1].container->differences.emplace();
  spec::Spec spec = test::small_spec(2);
  state.proxies.push_back(state.proxies[0]);
  const auto plan = make_plan(spec, state, deploy("2.0", k_digest_2));
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->to.id, left.id);
  const auto created = std::ranges::find_if(
      plan->steps, [](const Step& step) { return std::holds_alternative<Create>(step); });
  ASSERT_NE(created, plan->steps.end());
  EXPECT_EQ(std::get<Create>(*created).launch.release.id, left.id);
}

TEST(BlueGreen, WithoutAProxyWhatRunsIsLive) {
  spec::Spec spec = test::small_spec();
  spec.proxied = false;
  State state = blue_serves();
  state.proxies.clear();
  EXPECT_EQ(*live_slot(spec, state), 0U);
  SlotState& green = state.app_hosts[0].slots[1];
  green.container = container("c2", release("2.0", k_digest_2), Container::Status::running);
  state.app_hosts[0].slots[0].container->started = core::SystemTime(std::chrono::seconds(100));
  green.container->started = core::SystemTime(std::chrono::seconds(200));
  green.answers = true;
  EXPECT_EQ(*live_slot(spec, state), 0U) << "it was there first";
  state.app_hosts[0].slots[0].answers = false;
  EXPECT_EQ(*live_slot(spec, state), 1U) << "it is the one that answers";
  state.app_hosts[0].slots[0].container->status = Container::Status::exited;
  EXPECT_EQ(*live_slot(spec, state), 1U);
  green.container.reset();
  EXPECT_EQ(*live_slot(spec, state), std::nullopt);
}

TEST(BlueGreen, RollbackFindsWhatAnInterruptedDeployMovedAside) {
  State state = blue_serves();
  state.app_hosts[0].slots[1].aside = container("c0", release("0.9", k_digest_3), Container::Status::exited);
  Request request{Request::Kind::rollback, {release("0.9", k_digest_3), {}}, false};
  EXPECT_THAT(names(planned(state, request)),
              ElementsAre("put-back", "start", "health", "switch", "accept", "drain", "retire"));
}

TEST(BlueGreen, RefusesWhenProxiesDisagreeOrNameNeither) {
  State state = blue_serves();
  state.proxies[0].traffic.reset();
  state.proxies[0].text = "set $service_url http://127.0.0.1:9999;\n";
  auto plan = make_plan(small_spec(), state, deploy("2.0", k_digest_2));
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().kind, ErrorKind::inconsistent);
  EXPECT_THAT(plan.error().details, testing::Contains(HasSubstr("9999")));

  state = blue_serves();
  state.proxies.push_back(state.proxies[0]);
  state.proxies[1].host = "web-2";
  state.proxies[1].traffic = Traffic::all_to(1);
  plan = make_plan(small_spec(), state, deploy("2.0", k_digest_2));
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().message, "the proxies disagree");
}

TEST(BlueGreen, SaysWhereRequestsGoWhenBothSlotsGetSome) {
  State state = blue_serves();
  state.proxies[0].traffic = Traffic{{0.9, 0.1}};
  const auto plan = make_plan(small_spec(), state, deploy("2.0", k_digest_2));
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().kind, ErrorKind::inconsistent);
  EXPECT_EQ(plan.error().message,
            "/etc/nginx/conf.d/service-url.inc on web-1 does not name exactly one slot");
  EXPECT_EQ(plan.error().details.front(),
            "web-1: /etc/nginx/conf.d/service-url.inc sends 90% to blue, 10% to green");
  state.proxies[0].traffic = Traffic{{0.75, 0}};
  EXPECT_EQ(make_plan(small_spec(), state, deploy("2.0", k_digest_2))->live, 0U);
  EXPECT_EQ(describe(small_spec(), *state.proxies[0].traffic), "75% to blue, 25% elsewhere");
  EXPECT_EQ(describe(small_spec(), Traffic{{0.1 + 0.2, 0.7}}), "30% to blue, 70% to green");
}

TEST(BlueGreen, RefusesAPortThatSomebodyElsePublishes) {
  State state = blue_serves();
  state.app_hosts[0].slots[1].others = {container("x", {}, Container::Status::running)};
  const auto plan = make_plan(small_spec(), state, deploy("2.0", k_digest_2));
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().kind, ErrorKind::conflict);
  EXPECT_EQ(plan.error().message, "port 8082 of slot green on web-1 is taken by container shop-x");
}

TEST(BlueGreen, RetiresWhatAnOlderToolStartedOnTheLivePort) {
  State state = blue_serves();
  state.app_hosts[0].slots[0].others = {*state.app_hosts[0].slots[0].container};
  state.app_hosts[0].slots[0].container.reset();
  const Plan plan = planned(state, deploy("2.0", k_digest_2));
  EXPECT_EQ(std::get<Retire>(plan.steps.back()).container, "c1");
}

// As after the slots' containers were given other names, and their old ones again.
TEST(BlueGreen, AStoppedContainerThatBearsTheNameDoesNotHideTheOneThatServes) {
  State state = blue_serves();
  SlotState& blue = state.app_hosts[0].slots[0];
  blue.others = {*blue.container};
  blue.container = container("c0", release("0.9", k_digest_3), Container::Status::exited);
  EXPECT_EQ(occupant(blue), &*blue.container) << "the other one may be another environment's";
  blue.container->published = blue.others[0].published = {{"127.0.0.1", 8081, 8081}};
  const Plan plan = planned(state, deploy("2.0", k_digest_2));
  EXPECT_EQ(plan.from.tag, "1.0");
  EXPECT_THAT(plan.notes, IsEmpty());
  const auto& retire = std::get<Retire>(plan.steps.back());
  EXPECT_EQ(retire.container, "c1");
  EXPECT_EQ(retire.name, "shop-c1");
  spec::Spec spec = small_spec();
  spec.order = spec::Order::stop_first;
  const auto stopping = make_plan(spec, state, deploy("2.0", k_digest_2));
  ASSERT_TRUE(stopping);
  EXPECT_THAT(
      stopping->steps,
      Contains(testing::VariantWith<StopFirst>(testing::Field(&StopFirst::name, testing::Eq("shop-c1")))));
  Request back = deploy("1.0", k_digest_1);
  back.kind = Request::Kind::rollback;
  EXPECT_THAT(names(planned(state, back)), IsEmpty()) << "it serves";
  blue.container->status = Container::Status::paused;
  EXPECT_EQ(occupant(blue), &*blue.container) << "it holds the port";
  blue.container->status = Container::Status::exited;
  blue.others[0].managed = false;
  EXPECT_EQ(occupant(blue), &*blue.container) << "somebody else took the port";
}

TEST(BlueGreen, KnowsWhatServesThoughTheFirstHostIsNew) {
  State state = blue_serves();
  state.app_hosts.insert(state.app_hosts.begin(), AppHost{.host = "web-0"});
  const auto plan = make_plan(small_spec(2), state, deploy("2.0", k_digest_2));
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->from.tag, "1.0");
}

TEST(BlueGreen, ForgetsWhatAnEarlierDeployMovedAsideEverywhere) {
  spec::Spec spec = small_spec(2);
  State state = blue_serves();
  state.app_hosts.push_back(state.app_hosts[0]);
  state.app_hosts[1].host = "web-2";
  state.app_hosts[1].slots[1].aside = container("old", release("0.9", k_digest_3), Container::Status::exited);
  const auto plan = make_plan(spec, state, deploy("2.0", k_digest_2));
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->steps.back(), Step(Remove{1, 1, "old", release("0.9", k_digest_3)}));
}

Container::Status any_status() {
  return *rc::gen::element(Container::Status::created, Container::Status::running, Container::Status::exited,
                           Container::Status::restarting, Container::Status::dead);
}

Release any_release() {
  return *rc::gen::element(release("1.0", k_digest_1), release("2.0", k_digest_2),
                           release("3.0", k_digest_3));
}

SlotState any_slot(const std::string& id) {
  SlotState slot;
  if (*rc::gen::arbitrary<bool>()) {
    slot.container = container(id, any_release(), any_status());
    slot.container->started = core::SystemTime(std::chrono::seconds(*rc::gen::inRange(0, 3)));
    if (*rc::gen::arbitrary<bool>()) slot.container->differences = std::vector<std::string>{};
  }
  if (*rc::gen::arbitrary<bool>())
    slot.aside = container(id + "-aside", any_release(), Container::Status::exited);
  return slot;
}

State any_state(const spec::Spec& spec) {
  State state;
  for (const spec::Host& entry : spec.app_hosts) {
    AppHost host{.host = entry.name};
    for (std::size_t i = 0; i < 2; ++i) host.slots[i] = any_slot(entry.name + "-" + std::to_string(i));
    host.slots[0].answers = *rc::gen::arbitrary<bool>();
    state.app_hosts.push_back(host);
  }
  ProxyHost proxy = blue_serves().proxies[0];
  proxy.written = *rc::gen::arbitrary<bool>();
  proxy.traffic.reset();
  if (proxy.written) proxy.traffic = Traffic::all_to(*rc::gen::inRange<std::size_t>(0, 2));
  if (*rc::gen::arbitrary<bool>()) proxy.leaving = {Worker{1, 1}};
  state.proxies.assign(spec::proxies(spec).size(), proxy);
  return state;
}

// Whatever is observed: nothing that serves is touched before the switch, and every plan that starts
// something ends with exactly one switch to it.
TEST(BlueGreenProperty, NeverTouchesTheLiveSlotBeforeTheSwitch) {
  const bool held = rc::check([] {
    const spec::Spec spec =
        small_spec(*rc::gen::inRange<std::size_t>(1, 4), *rc::gen::inRange<std::size_t>(0, 3));
    const State state = any_state(spec);
    const Request request{*rc::gen::element(Request::Kind::deploy, Request::Kind::rollback),
                          {any_release(), {}},
                          *rc::gen::arbitrary<bool>()};

    const auto plan = make_plan(spec, state, request);
    RC_ASSERT(plan.has_value());
    const auto serves = [&](std::size_t host, const std::string& id) {
      const auto& own = state.app_hosts[host].slots[plan->live.value_or(0)].container;
      return plan->live && own && own->id == id;
    };
    bool switched = false, started = false;
    std::size_t healthy = 0;
    for (const Step& step : plan->steps) {
      std::visit(
          [&](const auto& value) {
            using T = std::decay_t<decltype(value)>;
            if constexpr (std::is_same_v<T, Create> || std::is_same_v<T, Start>) {
              RC_ASSERT(!switched && value.slot == plan->target);
              started = true;
            } else if constexpr (std::is_same_v<T, AwaitHealth>) {
              ++healthy;
            } else if constexpr (std::is_same_v<T, Switch>) {
              RC_ASSERT(!switched && healthy == state.app_hosts.size() && value.slot == plan->target);
              switched = true;
            } else if constexpr (std::is_same_v<T, Retire>) {
              if (plan->switches()) RC_ASSERT(switched && value.slot == plan->live);
              RC_ASSERT(value.slot != plan->target);
            } else if constexpr (std::is_same_v<T, Remove>) {
              RC_ASSERT(switched || !serves(value.host, value.container));
            } else if constexpr (std::is_same_v<T, Stop> || std::is_same_v<T, SetAside> ||
                                 std::is_same_v<T, PutBack>) {
              RC_ASSERT(!switched && value.slot != plan->live.value_or(2));
            }
          },
          step);
    }
    RC_ASSERT(!started || switched);
    // Nothing that runs is stopped where nothing says that it does not serve.
    if (!plan->live && plan->switches())
      for (const AppHost& host : state.app_hosts)
        RC_ASSERT(!host.slots[1 - plan->target].container ||
                  !host.slots[1 - plan->target].container->running());
    const auto again = make_plan(spec, state, request);
    RC_ASSERT(again.has_value() && *again == *plan);
  });
  EXPECT_TRUE(held);
}

TEST(Describe, SaysWhatAStepDoesAndWhatUndoesIt) {
  const spec::Spec spec = small_spec();
  const Plan plan = planned(blue_serves(), deploy("2.0", k_digest_2));
  std::vector<std::string> words, undo;
  for (const Step& step : plan.steps) {
    words.push_back(describe(spec, step));
    undo.push_back(describe_undo(spec, step));
  }
  EXPECT_THAT(
      words,
      ElementsAre("pull registry.example.com/shop:2.0 (sha256:222222222222)",
                  "start shop-green 2.0 (sha256:222222222222) on port 8082",
                  "wait until shop-green is healthy",
                  "point /etc/nginx/conf.d/service-url.inc at green (127.0.0.1:8082) and reload nginx",
                  "accept green: the switch is not undone from here on",
                  "wait until nothing uses blue, at most 30s", "stop shop-blue 1.0 (sha256:111111111111)"));
  EXPECT_THAT(undo, ElementsAre("", "stop and remove shop-green", "",
                                "put /etc/nginx/conf.d/service-url.inc back and reload nginx", "", "", ""));
}

}  // namespace
}  // namespace bgdeploy::plan
