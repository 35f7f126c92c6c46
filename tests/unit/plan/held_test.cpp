#include "bgdeploy/plan/held.hpp"

#include <gmock/gmock.h>

#include "spec_for_tests.hpp"

namespace bgdeploy::plan {
namespace {

using core::ErrorKind;
using test::small_spec;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Release waiting_release(const std::string& tag) {
  return {"id-" + tag, tag, "registry.example.com/shop", "sha256:" + std::string(64, tag.front())};
}

Container made(const std::string& id, const std::string& tag, Container::Status status) {
  Container c;
  c.id = id;
  c.name = "shop-green";
  c.release = waiting_release(tag);
  c.managed = true;
  c.status = status;
  c.differences = std::vector<std::string>{"image"};
  return c;
}

// Blue serves 1.0, 2.0 waits in green, and 0.9 was set aside for it.
State two_waits() {
  State state;
  AppHost host{.host = "web-1"};
  host.slots[0].container = made("c1", "1.0", Container::Status::running);
  host.slots[0].container->name = "shop-blue";
  host.slots[0].answers = true;
  host.slots[1].container = made("c2", "2.0", Container::Status::running);
  host.slots[1].aside = made("c0", "0.9", Container::Status::exited);
  state.app_hosts.push_back(host);
  ProxyHost proxy{.host = "web-1"};
  proxy.written = true;
  proxy.traffic = Traffic::all_to(0);
  proxy.include = "/etc/nginx/conf.d/service-url.inc";
  state.proxies.push_back(proxy);
  state.held = Held{.slot = 1,
                    .release = waiting_release("2.0"),
                    .who = "ann@desk (pid 1)",
                    .since = core::SystemTime(std::chrono::hours(1))};
  return state;
}

std::vector<std::string> steps_of(const core::Result<Plan>& plan) {
  EXPECT_TRUE(plan) << plan.error().message;
  std::vector<std::string> names;
  if (plan)
    for (const Step& step : plan->steps) names.emplace_back(step_name(step));
  return names;
}

Request wanted(const std::string& tag) {
  return {.kind = Request::Kind::deploy, .launch = {waiting_release(tag), {}}};
}

Request promotion() {
  Request request = wanted("2.0");
  request.promote = true;
  return request;
}

TEST(Hold, StopsBeforeTheSwitch) {
  State state = two_waits();
  state.held.reset();
  state.app_hosts[0].slots[1] = {};
  Request request = wanted("2.0");
  request.hold = true;
  const auto plan = make_plan(small_spec(), state, request);
  EXPECT_THAT(steps_of(plan), ElementsAre("pull", "start", "health"));
  EXPECT_EQ(plan->aim, Plan::Aim::hold);
  EXPECT_EQ(plan->target, 1U);
}

TEST(Hold, OfWhatServesChangesNothing) {
  State state = two_waits();
  state.held.reset();
  state.app_hosts[0].slots[0].container->differences->clear();
  state.app_hosts[0].slots[1] = {};
  Request request = wanted("1.0");
  request.hold = true;
  const auto plan = make_plan(small_spec(), state, request);
  EXPECT_THAT(steps_of(plan), IsEmpty());
  EXPECT_EQ(plan->aim, Plan::Aim::serve);
}

// The proxy may name the first slot before anything runs in it: what waits there would serve at once.
TEST(Hold, OfAFirstReleaseIsNotInTheSlotThatAPlaceholderNames) {
  State state = two_waits();
  state.held.reset();
  state.app_hosts[0].slots = {};
  state.app_hosts[0].live_listens = false;
  Request request = wanted("2.0");
  EXPECT_EQ(make_plan(small_spec(), state, request)->target, 0U);
  request.hold = true;
  EXPECT_EQ(make_plan(small_spec(), state, request)->target, 1U);
}

TEST(Hold, NeedsAProxyThatIsSwitchedAndBothSlotsAtOnce) {
  for (const bool proxied : {true, false}) {
    auto spec = small_spec();
    spec.proxied = proxied;
    spec.order = proxied ? spec::Order::stop_first : spec::Order::start_first;
    Request request = wanted("3.0");
    for (bool* flag : {&request.hold, &request.rehearse}) {
      request.hold = request.rehearse = false;
      *flag = true;
      const auto refused = make_plan(spec, two_waits(), request);
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().kind, ErrorKind::usage);
    }
  }
}

TEST(Promote, GoesOnWithWhatWaitsFromTheSwitchOn) {
  const auto plan = make_plan(small_spec(), two_waits(), promotion());
  EXPECT_THAT(steps_of(plan), ElementsAre("health", "switch", "accept", "drain", "retire", "remove"));
  EXPECT_EQ(plan->to, waiting_release("2.0"));
  EXPECT_EQ(std::get<Remove>(plan->steps.back()).container, "c0") << "nobody goes back to that one";
  EXPECT_THAT(plan->notes, IsEmpty());
}

TEST(Promote, StartsWhatARebootDidNot) {
  State state = two_waits();
  state.app_hosts[0].slots[1].container->status = Container::Status::exited;
  EXPECT_THAT(steps_of(make_plan(small_spec(), state, promotion())),
              ElementsAre("start", "health", "switch", "accept", "drain", "retire", "remove"));
}

TEST(Promote, ThatDiedAfterTheSwitchOnlyTidiesUp) {
  State state = two_waits();
  state.proxies[0].traffic = Traffic::all_to(1);
  state.app_hosts[0].slots[0].answers.reset();
  state.app_hosts[0].slots[1].answers = true;
  state.held.reset();
  EXPECT_THAT(steps_of(make_plan(small_spec(), state, promotion())), ElementsAre("retire", "remove"));
}

TEST(Abort, TakesAwayWhatWaitsAndPutsBackWhatWasSetAside) {
  const auto plan = make_plan(small_spec(), two_waits(), {.launch = {}, .abort = true});
  EXPECT_THAT(steps_of(plan), ElementsAre("stop", "remove", "put-back"));
  EXPECT_EQ(plan->aim, Plan::Aim::abort);
  EXPECT_EQ(plan->from, waiting_release("1.0"));
  EXPECT_EQ(plan->to, waiting_release("2.0"));
  EXPECT_EQ(std::get<Stop>(plan->steps[0]).container, "c2");
  EXPECT_EQ(std::get<PutBack>(plan->steps[2]).container, "c0");
}

TEST(Abort, WithRetireKeepTheOneThatRanRunsAgain) {
  auto spec = small_spec();
  spec.retire = spec::Retire::keep;
  EXPECT_THAT(steps_of(make_plan(spec, two_waits(), {.launch = {}, .abort = true})),
              ElementsAre("stop", "remove", "put-back", "start"));
}

TEST(Abort, StopsAWayBackAndNeverRemovesIt) {
  State state = two_waits();
  state.held->served = true;
  state.app_hosts[0].slots[1].aside.reset();
  EXPECT_THAT(steps_of(make_plan(small_spec(), state, {.launch = {}, .abort = true})), ElementsAre("stop"));
}

TEST(Abort, OfNothingIsNothing) {
  State state = two_waits();
  state.held.reset();
  state.app_hosts[0].slots[1] = {};
  EXPECT_THAT(steps_of(make_plan(small_spec(), state, {.launch = {}, .abort = true})), IsEmpty());
  state.app_hosts[0].slots[1].container = made("c0", "0.9", Container::Status::exited);
  EXPECT_THAT(steps_of(make_plan(small_spec(), state, {.launch = {}, .abort = true})), IsEmpty());
}

TEST(Abort, TidiesUpWhatAnInterruptedRunLeft) {
  State state = two_waits();
  state.held.reset();
  const auto plan = make_plan(small_spec(), state, {.launch = {}, .abort = true});
  EXPECT_THAT(steps_of(plan), ElementsAre("stop", "remove", "put-back"));
  EXPECT_EQ(plan->to, waiting_release("2.0")) << "that goes, and 0.9 comes back";
  state.app_hosts[0].slots[1].aside.reset();
  const auto without = make_plan(small_spec(), state, {.launch = {}, .abort = true});
  EXPECT_THAT(steps_of(without), ElementsAre("retire"));
  EXPECT_EQ(without->to, waiting_release("2.0"));
  // It had died before it created its own.
  State early = two_waits();
  early.held.reset();
  early.app_hosts[0].slots[1].container.reset();
  const auto before = make_plan(small_spec(), early, {.launch = {}, .abort = true});
  EXPECT_THAT(steps_of(before), ElementsAre("put-back"));
  EXPECT_EQ(before->to, Release{}) << "nothing goes";
  // Nobody would be left.
  state.app_hosts[0].slots[0].container->status = Container::Status::exited;
  EXPECT_THAT(steps_of(make_plan(small_spec(), state, {.launch = {}, .abort = true})), IsEmpty());
}

TEST(Abort, WaitsForOldWorkersBeforeItStopsAnything) {
  State state = two_waits();
  state.proxies[0].leaving = {Worker{42, 1}};
  EXPECT_THAT(steps_of(make_plan(small_spec(), state, {.launch = {}, .abort = true})),
              ElementsAre("settle", "stop", "remove", "put-back"));
}

TEST(Held, AnotherDeployReplacesItAndSaysSo) {
  const auto plan = make_plan(small_spec(), two_waits(), wanted("3.0"));
  EXPECT_THAT(steps_of(plan), ElementsAre("stop", "remove", "put-back", "pull", "set-aside", "start",
                                          "health", "switch", "accept", "drain", "retire", "remove"));
  ASSERT_THAT(plan->notes, testing::SizeIs(1));
  EXPECT_THAT(plan->notes[0], HasSubstr("2.0 (sha256:222222222222) waits in green since 1970-01-01T01:00:00Z "
                                        "(by ann@desk (pid 1)): this deploy replaces it"));
}

TEST(Held, ADeployOfTheSameGoesOnWithIt) {
  State state = two_waits();
  state.app_hosts[0].slots[1].container->differences->clear();
  Request request = wanted("2.0");
  request.launch.release.id = "another";
  const auto plan = make_plan(small_spec(), state, request);
  EXPECT_THAT(steps_of(plan), ElementsAre("health", "switch", "accept", "drain", "retire", "remove"));
  EXPECT_EQ(plan->to.id, "id-2.0");
  request.hold = true;
  EXPECT_THAT(steps_of(make_plan(small_spec(), state, request)), ElementsAre("health"));
}

TEST(Held, ADeployOfWhatServesTakesItAway) {
  State state = two_waits();
  state.app_hosts[0].slots[0].container->differences->clear();
  EXPECT_THAT(steps_of(make_plan(small_spec(), state, wanted("1.0"))),
              ElementsAre("stop", "remove", "put-back"));
}

TEST(Held, ARollbackFindsWhatWasSetAsideForIt) {
  Request request{.kind = Request::Kind::rollback, .launch = {waiting_release("0.9"), {}}};
  const auto plan = make_plan(small_spec(), two_waits(), request);
  EXPECT_THAT(steps_of(plan), ElementsAre("stop", "remove", "put-back", "start", "health", "switch", "accept",
                                          "drain", "retire"));
  EXPECT_EQ(std::get<Start>(plan->steps[3]).container, "c0");
  request.rehearse = true;
  EXPECT_EQ(make_plan(small_spec(), two_waits(), request).error().kind, ErrorKind::usage);
}

TEST(Held, IsGoneFromTheStateInWhichAWayBackIsLookedFor) {
  const State free = without_held(small_spec(), two_waits());
  EXPECT_FALSE(free.held);
  EXPECT_EQ(free.app_hosts[0].slots[1].container->release.tag, "0.9");
  EXPECT_EQ(free.app_hosts[0].slots[1].container->name, "shop-green");
  EXPECT_FALSE(free.app_hosts[0].slots[1].aside);
}

TEST(Rehearse, StartsAndWaitsAndSwitchesNothing) {
  State state = two_waits();
  state.held.reset();
  state.app_hosts[0].slots[1].container = state.app_hosts[0].slots[1].aside;
  state.app_hosts[0].slots[1].aside.reset();
  Request request{.kind = Request::Kind::rollback, .launch = {waiting_release("0.9"), {}}, .rehearse = true};
  const auto plan = make_plan(small_spec(), state, request);
  EXPECT_THAT(steps_of(plan), ElementsAre("start", "health"));
  EXPECT_EQ(plan->aim, Plan::Aim::rehearse);
  request.launch.release = waiting_release("1.0");
  EXPECT_EQ(make_plan(small_spec(), state, request).error().kind, ErrorKind::nothing) << "it serves";
}

TEST(Ways, AreAnSshLineWhereThePortIsOnTheLoopbackOnly) {
  spec::Spec spec = small_spec();
  State state = two_waits();
  Container& container = *state.app_hosts[0].slots[1].container;
  EXPECT_THAT(ways_to(spec, state, 1), ElementsAre(HasSubstr("it publishes no port")));
  container.published = {{"127.0.0.1", 8082, 8082}};
  EXPECT_THAT(ways_to(spec, state, 1),
              ElementsAre("ssh -L 8082:127.0.0.1:8082 web-1, then http://127.0.0.1:8082"));
  spec.app_hosts[0].ssh.user = "deploy";
  spec.app_hosts[0].ssh.port = 2222;
  spec.app_hosts[0].ssh.identity_file = "/keys/my key";
  spec.app_hosts[0].ssh.proxy_jump = {"bastion"};
  EXPECT_THAT(
      ways_to(spec, state, 1),
      ElementsAre("ssh -L 8082:127.0.0.1:8082 -p 2222 -i '/keys/my key' -J bastion deploy@web-1, then "
                  "http://127.0.0.1:8082"));
  spec.app_hosts[0].local = true;
  EXPECT_THAT(ways_to(spec, state, 1), ElementsAre("http://127.0.0.1:8082"));
  container.published = {{"10.0.0.5", 8082, 8082}};
  EXPECT_THAT(ways_to(spec, state, 1), ElementsAre("http://10.0.0.5:8082"));
  container.published = {{"", 8082, 8082}};
  spec.app_hosts[0].local = false;
  spec.health.probe = spec::HealthTcp{};
  EXPECT_THAT(ways_to(spec, state, 1), ElementsAre("web-1:8082"));
}

}  // namespace
}  // namespace bgdeploy::plan
