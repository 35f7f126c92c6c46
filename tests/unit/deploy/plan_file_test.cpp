#include "bgdeploy/deploy/release/plan_file.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "../plan/spec_for_tests.hpp"
#include "bgdeploy/io/regular_file.hpp"
#include "bgdeploy/runtime/launches.hpp"
#include "bgdeploy/spec/sources.hpp"

namespace bgdeploy::deploy {
namespace {

using core::ErrorKind;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

class NoSink final : public report::Sink {
public:
  void emit(report::Event) override {}
};

class PlanFile : public testing::Test {
protected:
  void SetUp() override {
    std::string folder = (std::filesystem::temp_directory_path() / "bgdeploy-plan-XXXXXX").string();
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    m_path = folder + "/plan.json";
    spec.docker.environment = {{"LOG_LEVEL", "info"}};
    spec.health.probe = spec::HealthHttp{.path = "/", .headers = {{"Authorization", "Bearer header-s3cret"}}};
    spec.secrets = {{"TOKEN", spec::FromEnv{"TOKEN"}}};
    plan::AppHost host{.host = "web-1"};
    host.slots[0].container.emplace().id = "0123456789abcdef";
    host.slots[0].container->name = "shop-blue";
    host.slots[0].container->status = plan::Container::Status::running;
    state.app_hosts = {host};
    plan::ProxyHost proxy{.host = "web-1"};
    proxy.written = true;
    proxy.traffic = plan::Traffic::all_to(0);
    proxy.include = "/etc/nginx/shop.inc";
    proxy.text = "set $service_url http://127.0.0.1:8081;";
    state.proxies = {proxy};
    goal.tag = "1.1";
    steps.steps = {plan::Pull{0, release}, plan::Verify{1}};
  }
  void TearDown() override { std::filesystem::remove_all(std::filesystem::path(m_path).parent_path()); }

  Context context() {
    return {spec, [](std::string_view) { return std::nullopt; }, core::system_clock(), sink, {}, "me"};
  }
  plan::Launch launch() const { return {release, spec.docker}; }
  std::string sources() const { return spec::sources_to_json({{}, spec.secrets}, {"/work", ""}); }
  core::Result<Goal> kept() {
    const auto wanted = launch();
    EXPECT_TRUE(
        io::write_private_file(m_path, plan_file(context(), {goal, state, wanted}, steps, sources())));
    return read_plan_file(m_path);
  }
  std::vector<std::string> stale(const std::string& file) {
    const auto wanted = launch();
    const auto holds = still_holds(context(), file, {goal, state, wanted}, sources());
    if (holds) return {};
    EXPECT_EQ(holds.error().kind, ErrorKind::usage);
    auto details = holds.error().details;
    details.pop_back();
    return details;
  }
  std::string text() {
    std::ifstream file(m_path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  spec::Spec spec = test::small_spec();
  plan::State state;
  plan::Plan steps;
  plan::Release release{"id-2", "1.1", "shop", "sha256:bb"};
  Goal goal;
  report::Redactor sink{std::make_unique<NoSink>()};
  std::string m_path;
};

TEST_F(PlanFile, HoldsAsLongAsNothingChanges) {
  goal.force = goal.hold = true;
  const auto read = kept();
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->tag, "1.1");
  EXPECT_TRUE(read->force && read->hold);
  EXPECT_THAT(stale(read->plan), ElementsAre());
  EXPECT_TRUE(same_steps(context(), read->plan, steps));
  steps.steps.erase(steps.steps.begin());
  EXPECT_TRUE(same_steps(context(), read->plan, steps)) << "an image may have come meanwhile";
  steps.steps.push_back(plan::Accept{1});
  EXPECT_FALSE(same_steps(context(), read->plan, steps));
}

TEST_F(PlanFile, NamesEachCauseForWhichItDoesNotHold) {
  const auto file = kept()->plan;
  const auto expect = [&](const std::string& words, const auto& change) {
    const auto before = std::tuple(spec, state, release);
    change();
    EXPECT_THAT(stale(file), Contains(HasSubstr(words)));
    std::tie(spec, state, release) = before;
    EXPECT_THAT(stale(file), ElementsAre());
  };
  expect("tag 1.1: was sha256:bb, is sha256:cc now", [&] { release.digest = "sha256:cc"; });
  expect("live slot: was blue, is green now", [&] { state.proxies[0].traffic = plan::Traffic::all_to(1); });
  expect("web-1: slot blue: was shop-blue (0123456789ab, runs), is shop-blue (fedcba987654, runs) now",
         [&] { state.app_hosts[0].slots[0].container->id = "fedcba9876543210"; });
  expect("shop-blue (0123456789ab, stopped) now",
         [&] { state.app_hosts[0].slots[0].container->status = plan::Container::Status::exited; });
  expect("slot blue: was shop-blue (0123456789ab, runs), is nothing now",
         [&] { state.app_hosts[0].slots[0].container.reset(); });
  expect("web-1: /etc/nginx/shop.inc has changed", [&] { state.proxies[0].text += "\n# by hand"; });
  expect("web-1: a switch was cut short", [&] { state.proxies[0].unfinished = true; });
  expect(R"(docker.environment.LOG_LEVEL: "info" → "debug")",
         [&] { spec.docker.environment["LOG_LEVEL"] = "debug"; });
  expect("secrets.TOKEN: changed source", [&] { spec.secrets["TOKEN"] = spec::FromEnv{"OTHER"}; });
  expect("spec: drain.timeout", [&] { spec.drain_timeout = std::chrono::seconds(7); });
  expect("service: was shop, is other now", [&] { spec.service = "other"; });
}

TEST_F(PlanFile, IsForItsOwnerOnlyAndHoldsNoSecret) {
  spec.docker.environment["URL"] = "https://user:hunter-s3cret@db";
  sink.hide(core::Secret("hunter-s3cret"));
  ASSERT_TRUE(kept());
  struct stat status {};
  ASSERT_EQ(::stat(m_path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  EXPECT_THAT(text(), testing::Not(HasSubstr("s3cret")));
  EXPECT_THAT(text(), HasSubstr("LOG_LEVEL"));
}

TEST_F(PlanFile, WhatIsNoPlanOrWasChangedIsRefused) {
  ASSERT_TRUE(kept());
  const std::string good = text();
  const auto refused = [&](const std::string& content, const std::string& words) {
    std::ofstream(m_path) << content;
    const auto read = read_plan_file(m_path);
    ASSERT_FALSE(read) << content;
    EXPECT_EQ(read.error().kind, ErrorKind::usage);
    EXPECT_THAT(read.error().message, HasSubstr(words)) << content;
  };
  refused("", "it is not a plan of bgdeploy's");
  refused(
      "\x7f"
      "ELF",
      "it is not a plan of bgdeploy's");
  refused("[]", "it is not a plan of bgdeploy's");
  refused("{}", "it is not a plan of bgdeploy's");
  refused(std::string(200'000, '['), "it is not a plan of bgdeploy's");
  refused(good.substr(0, good.size() / 2), "it is not a plan of bgdeploy's");
  refused(R"({"bgdeploy_plan":2})", "another version of bgdeploy made it");
  refused(R"({"bgdeploy_plan":"1"})", "another version of bgdeploy made it");
  refused(R"({"bgdeploy_plan":1})", "it was changed or cut off");
  std::string other = good;
  other.replace(other.find("\"1.1\""), 5, "\"6.6\"");
  refused(other, "it was changed or cut off");
  std::filesystem::remove(m_path);
  EXPECT_EQ(read_plan_file(m_path).error().kind, ErrorKind::usage);
}

TEST_F(PlanFile, OfASwitchThatWasCutShortThereIsNone) {
  state.proxies[0].unfinished = true;
  const auto wanted = launch();
  EXPECT_EQ(plan_file(context(), {goal, state, wanted}, steps, sources()), "");
}

TEST_F(PlanFile, IsWrittenOverNoDeviceOrLink) {
  const auto link = m_path + ".link";
  std::filesystem::create_symlink("/dev/null", link);
  for (const std::string& path : {std::string("/dev/null"), link})
    EXPECT_EQ(io::write_private_file(path, "x").error().kind, ErrorKind::io) << path;
  EXPECT_TRUE(std::filesystem::is_symlink(link));
}

}  // namespace
}  // namespace bgdeploy::deploy
