// Containers in a slot's way that are somebody else's, and where a slot's port is published.
#include <gmock/gmock.h>

#include "bgdeploy/plan/owners.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "spec_for_tests.hpp"

namespace bgdeploy::plan {
namespace {

using core::ErrorKind;
using test::small_spec;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Why = Stranger::Why;

Container container(const std::string& name, int port, Container::Status status) {
  Container made;
  made.id = "id-" + name;
  made.name = name;
  made.release = {"r1", "1.0", "app", "sha256:1"};
  made.managed = true;
  made.status = status;
  made.published = {{"127.0.0.1", port, port}};
  return made;
}

State two_empty_slots() {
  State state;
  state.app_hosts.push_back({.host = "web-1"});
  ProxyHost proxy{.host = "web-1"};
  proxy.written = true;
  proxy.traffic = Traffic::all_to(0);
  state.proxies.push_back(proxy);
  return state;
}

Request deploy(bool force = false) {
  return {Request::Kind::deploy, {{"r2", "2.0", "app", "sha256:2"}, {}}, force};
}

core::Error refused(const State& state, bool force = false) {
  const auto plan = make_plan(small_spec(), state, deploy(force));
  EXPECT_FALSE(plan);
  return plan ? core::Error{} : plan.error();
}

TEST(Owners, AnotherEnvironmentsContainerIsRefusedWhateverItDoes) {
  for (const auto status :
       {Container::Status::running, Container::Status::exited, Container::Status::created}) {
    State state = two_empty_slots();
    state.app_hosts[0].slots[1].strangers = {{container("shop-green", 9082, status), Why::port, "", true}};
    const auto error = refused(state);
    EXPECT_EQ(error.kind, ErrorKind::usage);
    EXPECT_EQ(error.message,
              "web-1: container shop-green has the name of slot green and publishes port 9082, where slot "
              "green has "
              "port 8082");
    ASSERT_EQ(error.details.size(), 2U);
    EXPECT_EQ(error.details[0], "another environment of shop? Give this environment a `service` of its own");
    EXPECT_THAT(error.details[1], HasSubstr("Write 9082 again"));
    // What runs may serve.
    if (status == Container::Status::running)
      EXPECT_THAT(error.details[1], Not(HasSubstr("docker")));
    else
      EXPECT_THAT(error.details[1],
                  HasSubstr("shop-green is stopped: remove it only where it is nobody's way back"));
    EXPECT_FALSE(check_owners(small_spec(), state, false)) << "and so for a rollback";
    EXPECT_FALSE(make_plan(small_spec(), state, deploy(true))) << "force is no way around it";
  }
}

TEST(Owners, OneContainerIsNeverBothSlots) {
  State state = two_empty_slots();
  state.app_hosts[0].slots[0].container = container("my-api", 8081, Container::Status::running);
  state.app_hosts[0].slots[1].strangers = {
      {container("my-api", 8081, Container::Status::running), Why::slot, "blue", true}};
  const auto error = refused(state);
  EXPECT_EQ(error.kind, ErrorKind::usage);
  EXPECT_EQ(error.message, "web-1: container my-api has the name of slot green and is slot blue's already");
  EXPECT_THAT(error.details, ElementsAre(HasSubstr("container_name: my-api-${BGDEPLOY_SLOT}")));
}

TEST(Owners, WhatAnotherServiceRunsIsLeftRunningEvenByForce) {
  State state = two_empty_slots();
  state.app_hosts[0].live_listens = true;
  state.app_hosts[0].slots[0].strangers = {
      {container("old-blue", 8081, Container::Status::running), Why::service, "old", false}};
  const auto error = refused(state);
  EXPECT_EQ(error.message,
            "web-1: container old-blue publishes port 8081 of slot blue and belongs to the service old");
  EXPECT_THAT(error.details, testing::Contains(HasSubstr("--force")));
  const auto forced = make_plan(small_spec(), state, deploy(true));
  ASSERT_TRUE(forced) << forced.error().message;
  EXPECT_EQ(forced->target, 1U);
  for (const Step& step : forced->steps) EXPECT_NE(step_name(step), "retire") << "it is not ours to stop";
  EXPECT_THAT(forced->notes, ElementsAre(HasSubstr("old-blue")));
  // In the idle slot it would have to make room.
  state.app_hosts[0].slots[1].strangers = {
      {container("old-green", 8082, Container::Status::running), Why::service, "old", false}};
  EXPECT_THAT(refused(state, true).message, HasSubstr("old-green"));
}

TEST(Owners, AMessageAboutATakenPortNeverAdvisesToStopWhatMayServe) {
  State state = two_empty_slots();
  state.proxies[0].written = false;
  state.proxies[0].traffic.reset();
  state.app_hosts[0].slots[0].others = {container("blue_blue_1", 8081, Container::Status::running)};
  auto error = refused(state);
  EXPECT_EQ(error.kind, ErrorKind::conflict);
  EXPECT_EQ(error.message, "port 8081 of slot blue on web-1 is taken by container blue_blue_1");
  ASSERT_FALSE(error.details.empty());
  EXPECT_EQ(error.details[0],
            "does it serve now? Then let it: write /etc/nginx/conf.d/service-url.inc so that it names slot "
            "blue (set "
            "$service_url http://127.0.0.1:8081;), and the first deploy goes to slot green");
  for (const auto& line : error.details) EXPECT_THAT(line, Not(HasSubstr("docker stop")));

  state.proxies[0].written = true;
  state.proxies[0].traffic = Traffic::all_to(1);
  state.app_hosts[0].live_listens = true;
  error = refused(state);
  EXPECT_EQ(error.kind, ErrorKind::conflict);
  for (const auto& line : error.details) EXPECT_THAT(line, Not(HasSubstr("docker stop")));
}

TEST(Owners, APausedOrDeadContainerDoesNotBlockTheSlot) {
  State state = two_empty_slots();
  auto& slot = state.app_hosts[0].slots[1];
  state.app_hosts[0].slots[0].container = container("shop-blue", 8081, Container::Status::running);
  slot.container = container("shop-green", 8082, Container::Status::paused);
  slot.container->differences = std::vector<std::string>{"image"};
  const auto names = [&] {
    std::vector<std::string> list;
    const auto plan = make_plan(small_spec(), state, deploy());
    if (plan)
      for (const Step& step : plan->steps) list.emplace_back(step_name(step));
    return list;
  };
  EXPECT_THAT(names(), ElementsAre("pull", "stop", "set-aside", "start", "health", "switch", "accept",
                                   "drain", "retire", "remove"));
  // What is right already is let go on.
  slot.container->release = {"r2", "2.0", "app", "sha256:2"};
  slot.container->differences->clear();
  EXPECT_THAT(names(), ElementsAre("start", "health", "switch", "accept", "drain", "retire"));
  slot.container->status = Container::Status::dead;
  EXPECT_THAT(names(),
              ElementsAre("pull", "remove", "start", "health", "switch", "accept", "drain", "retire"));
}

TEST(PublishedAt, WhatServesTellsAndWhatIsToBeStartedIsAsked) {
  State state = two_empty_slots();
  auto& slots = state.app_hosts[0].slots;
  slots[0].container = container("shop-blue", 8081, Container::Status::running);
  slots[0].container->published = {
      {"127.0.0.1", 8081, 8081}, {"10.0.0.5", 8081, 8081}, {"0.0.0.0", 9090, 9090}};
  slots[1].container = container("shop-green", 8082, Container::Status::exited);
  slots[1].will_publish = "10.0.0.9";
  auto at = published_at(small_spec(), state, deploy());
  EXPECT_EQ(at[0][0], "10.0.0.5") << "the one that most others reach";
  EXPECT_EQ(at[0][1], "10.0.0.9") << "its container is replaced";
  Request back{Request::Kind::rollback, {slots[1].container->release, {}}, false};
  at = published_at(small_spec(), state, back);
  EXPECT_EQ(at[0][1], "127.0.0.1") << "it is started as it is";
  slots[1].container->published = {{"", 8082, 8082}};
  EXPECT_EQ(published_at(small_spec(), state, back)[0][1], "");
}

}  // namespace
}  // namespace bgdeploy::plan
