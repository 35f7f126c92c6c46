#include "bgdeploy/plan/hooks.hpp"

#include <gmock/gmock.h>

#include "spec_for_tests.hpp"

namespace bgdeploy::plan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

spec::Spec with_hooks(std::size_t hosts = 1) {
  spec::Spec spec = test::small_spec(hosts, hosts > 1 ? 1 : 0);
  spec.verify = spec::Verify{};
  for (std::size_t at = 0; at < spec::k_hook_positions; ++at)
    spec.hooks[at] = {spec::Hook{spec::HookRun{"run " + std::to_string(at)}}};
  return spec;
}

State nobody_yet(const spec::Spec& spec) {
  State state;
  for (const spec::Host& host : spec.app_hosts) state.app_hosts.push_back({.host = host.name});
  for (const spec::Host& host : spec::proxies(spec)) state.proxies.push_back({.host = host.name});
  return state;
}

State served(const spec::Spec& spec) {
  State state = nobody_yet(spec);
  for (AppHost& host : state.app_hosts) {
    Container old{.id = "c1", .name = "shop-blue", .release = {"id-1", "1.0", "shop", "sha256:1"}};
    old.managed = true;
    old.status = Container::Status::running;
    host.slots[0].container = old;
    host.slots[0].answers = true;
  }
  for (ProxyHost& proxy : state.proxies) {
    proxy.written = true;
    proxy.traffic = Traffic::all_to(0);
  }
  return state;
}

Request wanted(Request::Kind kind = Request::Kind::deploy) {
  return {kind, {{"id-2", "2.0", "shop", "sha256:2"}, {}}};
}

// Hooks by their words, other steps by their names.
std::vector<std::string> order(const Plan& plan) {
  std::vector<std::string> list;
  for (const Step& step : plan.steps) {
    const auto* hook = std::get_if<RunHook>(&step);
    list.push_back(hook != nullptr ? describe(*hook) : std::string(step_name(step)));
  }
  return list;
}

Plan plan_of(const spec::Spec& spec, const State& state, const Request& request) {
  auto plan = make_plan(spec, state, request);
  EXPECT_TRUE(plan) << plan.error().message;
  return plan.value_or(Plan{});
}

TEST(HooksInAPlan, StandAtTheirPositions) {
  const spec::Spec spec = with_hooks();
  EXPECT_THAT(
      order(plan_of(spec, served(spec), wanted())),
      ElementsAre("before_deploy hook 1: run 0", "pull", "before_start hook 1: run 1", "start", "health",
                  "before_switch hook 1: run 2", "switch", "verify", "after_switch hook 1: run 3", "accept",
                  "drain", "retire", "verify", "after_deploy hook 1: run 4"));
}

TEST(HooksInAPlan, OnesBeforeTheStartWaitForTheImageOnEveryHost) {
  const spec::Spec spec = with_hooks(2);
  const auto steps = order(plan_of(spec, served(spec), wanted()));
  EXPECT_THAT(std::vector(steps.begin(), steps.begin() + 8),
              ElementsAre("before_deploy hook 1: run 0", "pull", "pull", "before_start hook 1: run 1",
                          "start", "health", "start", "health"));
}

TEST(HooksInAPlan, RunWhereTheyAreWanted) {
  spec::Spec spec = with_hooks(2);
  spec.hooks = {};
  spec.hooks[1] = {
      {spec::HookContainer{{"migrate"}}}, {spec::HookHost{"sync"}}, {spec::HookHost{"once", true}}};
  const Plan plan = plan_of(spec, served(spec), wanted());
  std::vector<RunHook> hooks;
  for (const Step& step : plan.steps)
    if (const auto* hook = std::get_if<RunHook>(&step)) hooks.push_back(*hook);
  ASSERT_EQ(hooks.size(), 3U);
  EXPECT_THAT(hooks[0].hosts, ElementsAre(0U));
  EXPECT_EQ(hooks[0].launch, wanted().launch);
  EXPECT_THAT(hooks[1].hosts, ElementsAre(0U, 1U));
  EXPECT_FALSE(hooks[1].launch);
  EXPECT_THAT(hooks[2].hosts, ElementsAre(0U));
  EXPECT_EQ(step_host(spec, hooks[1]), "web-1, web-2");
  EXPECT_EQ(step_slot(spec, hooks[1]), "green");
  EXPECT_FALSE(app_host(hooks[0])) << "the other hosts wait for a migration";
  EXPECT_FALSE(inverse(hooks[0]));
}

TEST(HooksInAPlan, OfDeploysAloneAreNamedInARollback) {
  spec::Spec spec = with_hooks();
  spec.hooks[1][0].on_rollback = false;
  spec.hooks[4][0].on_deploy = false;
  const Plan back = plan_of(spec, served(spec), wanted(Request::Kind::rollback));
  EXPECT_THAT(back.skipped, ElementsAre("before_start hook 1: run 1: it is not for rollback"));
  EXPECT_THAT(order(back), testing::Contains("after_deploy hook 1: run 4"));
  EXPECT_EQ(back.command, "rollback");
  const Plan there = plan_of(spec, served(spec), wanted());
  EXPECT_THAT(there.skipped, ElementsAre("after_deploy hook 1: run 4: it is not for deploy"));
}

TEST(HooksInAPlan, ThatRanAlreadyAreNamedAndNotRunAgain) {
  const spec::Spec spec = with_hooks();
  Request request = wanted();
  request.ran = {0};
  const Plan plan = plan_of(spec, served(spec), request);
  EXPECT_THAT(plan.skipped,
              ElementsAre(HasSubstr("before_start hook 1: run 1: it ran for this release already")));
  EXPECT_THAT(order(plan), testing::Contains("before_switch hook 1: run 2"));
  EXPECT_THAT(order(plan), testing::Not(testing::Contains("before_start hook 1: run 1")));
}

TEST(HooksInAPlan, APromotionBeginsBeforeTheSwitch) {
  const spec::Spec spec = with_hooks();
  Request request = wanted();
  request.promote = true;
  const Plan plan = plan_of(spec, served(spec), request);
  EXPECT_EQ(plan.command, "promote");
  EXPECT_THAT(order(plan), testing::Not(testing::Contains(HasSubstr("before_deploy"))));
  EXPECT_THAT(order(plan), testing::Not(testing::Contains(HasSubstr("before_start"))));
  EXPECT_THAT(order(plan), testing::Contains(HasSubstr("before_switch")));
}

TEST(HooksInAPlan, DoNotRunWhereNothingIsDeployed) {
  const spec::Spec spec = with_hooks();
  State state = served(spec);
  state.app_hosts[0].slots[0].container->differences = std::vector<std::string>{};
  Request request = wanted();
  request.launch.release = state.app_hosts[0].slots[0].container->release;
  EXPECT_THAT(plan_of(spec, state, request).steps, IsEmpty());
}

}  // namespace
}  // namespace bgdeploy::plan
