#include "bgdeploy/deploy/status.hpp"

#include <gtest/gtest.h>

#include "../plan/spec_for_tests.hpp"

namespace bgdeploy::deploy {
namespace {

const spec::Spec& two_slots() {
  static const spec::Spec k_spec = test::small_spec();
  return k_spec;
}

// Blue is live, and nothing runs or answers.
Survey nobody_served() {
  Survey survey;
  survey.state.app_hosts.push_back({.host = "web-1", .live_listens = false});
  plan::ProxyHost proxy{.host = "web-1"};
  proxy.written = true;
  proxy.running = true;
  proxy.traffic = plan::Traffic::all_to(0);
  survey.state.proxies.push_back(proxy);
  survey.serving.who = Serving::Who::nobody;
  return survey;
}

int code_of(const Survey& survey) {
  return exit_code(two_slots(), survey);
}

TEST(StatusExitCode, IsFiveWhereNobodyIsServed) {
  Survey stopped = nobody_served();
  stopped.state.app_hosts[0].slots[0].container.emplace().status = plan::Container::Status::exited;
  EXPECT_EQ(code_of(stopped), 5);
  stopped.failed.push_back({{.name = "web-2"}, {core::ErrorKind::unreachable, "no route", {}}});
  EXPECT_EQ(code_of(stopped), 5);
  stopped.serving.who = Serving::Who::some;
  EXPECT_EQ(code_of(stopped), 3);
  stopped.failed.clear();
  EXPECT_EQ(code_of(stopped), 0);

  Survey removed = nobody_served();
  removed.since = core::SystemTime{};
  EXPECT_EQ(code_of(removed), 5) << "the history knows of a deploy";
}

TEST(StatusExitCode, IsZeroBeforeAFirstDeploy) {
  EXPECT_EQ(code_of(nobody_served()), 0) << "the include is of bgdeploy site";
  Survey bare = nobody_served();
  bare.state.proxies[0].written = false;
  bare.state.proxies[0].traffic.reset();
  bare.state.proxies[0].running = false;
  EXPECT_EQ(code_of(bare), 0);
}

TEST(StatusExitCode, IsFiveWhereTheIncludeNamesNeitherSlot) {
  Survey garbage = nobody_served();
  garbage.state.proxies[0].traffic.reset();
  EXPECT_EQ(code_of(garbage), 5);
}

}  // namespace
}  // namespace bgdeploy::deploy
