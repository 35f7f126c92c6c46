#include "bgdeploy/deploy/release/rollback_target.hpp"
#include "bgdeploy/core/timestamp.hpp"

#include <gmock/gmock.h>

#include "../plan/spec_for_tests.hpp"
#include "bgdeploy/runtime/launches.hpp"
#include "bgdeploy/spec/load.hpp"

namespace bgdeploy::deploy {
namespace {

using core::ErrorKind;
using testing::HasSubstr;
using testing::IsEmpty;

plan::Release past_release(const std::string& tag) {
  return {"id-" + tag, tag, "shop", "sha256:" + tag};
}

HistoryEntry entry(const std::string& command, const std::string& from, const std::string& to,
                   const std::string& result = "succeeded") {
  HistoryEntry made;
  made.command = command;
  if (!from.empty()) made.from = past_release(from);
  made.to = past_release(to);
  made.result = result;
  made.served = result == "succeeded";
  spec::Docker docker;
  docker.environment["RAN_AS"] = to;
  made.ran_with = runtime::record_of({made.to, docker});
  made.sources = "its sources";
  return made;
}

plan::Container container(const std::string& tag) {
  plan::Container made;
  made.id = "c-" + tag;
  made.release = past_release(tag);
  made.managed = true;
  return made;
}

class Choose : public testing::Test {
protected:
  Choose() {
    state.app_hosts.resize(1);
    state.app_hosts[0].slots[0].container = container("2.0");
  }
  core::Result<RollbackTarget> choose(const std::optional<std::string>& to = std::nullopt) {
    return find_rollback_target(spec, state, 0, history, to);
  }
  spec::Spec spec = test::small_spec();
  plan::State state;  // blue is live with 2.0
  std::vector<HistoryEntry> history;
};

// A release is waited for by its own health check: today's may ask for what it never had.
TEST_F(Choose, WaitsByTheHealthCheckThatTheReleaseHad) {
  history = {entry("deploy", "", "1.0"), entry("deploy", "1.0", "2.0")};
  EXPECT_FALSE(choose()->launch->health) << "an older entry says nothing of it";
  spec::HealthHttp had{.path = "/old", .headers = {{"Authorization", "an old secret"}}};
  history[0].health = spec::health_to_json({.probe = had, .deadline = std::chrono::minutes(9)});
  EXPECT_EQ(history[0].health.find("secret"), std::string::npos);
  spec.health.probe = spec::HealthHttp{.path = "/new", .headers = {{"Authorization", "today's"}}};
  const auto target = choose();
  ASSERT_TRUE(target);
  ASSERT_TRUE(target->launch && target->launch->health);
  EXPECT_EQ(target->launch->health->deadline, std::chrono::minutes(9));
  const auto& http = std::get<spec::HealthHttp>(target->launch->health->probe);
  EXPECT_EQ(http.path, "/old");
  EXPECT_EQ(http.headers.at("Authorization"), "today's");
  history[0].health = "{";
  EXPECT_FALSE(choose());
}

// A deploy that failed may have asked for what the release never had, and left its container as it was.
TEST_F(Choose, AFailedDeployDoesNotChangeWhatAReleaseIsAsked) {
  history = {entry("deploy", "", "1.0"), entry("deploy", "1.0", "2.0"), entry("deploy", "2.0", "1.0")};
  history[0].health = spec::health_to_json({.probe = spec::HealthHttp{.path = "/health"}});
  history[2].health = spec::health_to_json({.probe = spec::HealthHttp{.path = "/helth"}});
  history[2].served = false;
  const auto path_of = [](const spec::Health& health) {
    return std::get<spec::HealthHttp>(health.probe).path;
  };
  const auto target = choose();
  ASSERT_TRUE(target && target->launch && target->launch->health);
  EXPECT_EQ(path_of(*target->launch->health), "/health");
  const std::string id = history[0].to.id;
  EXPECT_EQ(path_of(past_healths(spec, history).at(id)), "/health");
  history.erase(history.begin());
  EXPECT_EQ(path_of(past_healths(spec, history).at(id)), "/helth") << "nothing else is known";
}

TEST_F(Choose, TakesTheReleaseBeforeThisOneWithTheConfigurationItRanWith) {
  history = {entry("deploy", "", "1.0"), entry("deploy", "1.0", "2.0")};
  const auto target = choose();
  ASSERT_TRUE(target);
  EXPECT_EQ(target->release, past_release("1.0"));
  EXPECT_EQ(target->sources, "its sources");
  ASSERT_TRUE(target->launch);
  EXPECT_EQ(target->launch->release, past_release("1.0"));
  EXPECT_EQ(std::get<spec::Docker>(target->launch->with).environment.at("RAN_AS"), "1.0");
  EXPECT_THAT(target->note, IsEmpty());
}

TEST_F(Choose, TakesTheComposeFileItRanWith) {
  spec.compose.emplace();
  spec.compose->file = "/srv/now.yml";
  plan::ComposeLaunch then{*spec.compose, {"of blue", "of green"}};
  then.settings.file = "/srv/then.yml";
  then.settings.project = "p-{slot}";
  then.settings.service = "api";
  then.settings.environment = {{"TAG", "{tag}"}};
  then.settings.named = {true, false};
  history = {entry("deploy", "", "1.0"), entry("deploy", "1.0", "2.0")};
  const auto by_docker = history[0].ran_with;
  history[0].ran_with = runtime::record_of({past_release("1.0"), then});
  EXPECT_EQ(choose()->launch, (plan::Launch{past_release("1.0"), then}));
  history[0].ran_with["compose"] = "{}";
  EXPECT_THAT(choose().error().message, HasSubstr("the history's record of id-1.0"));
  // It ran with docker alone: how compose is to run it, only today's file can say.
  history[0].ran_with = by_docker;
  EXPECT_EQ(choose()->launch, std::nullopt);
  // And the other way round.
  spec.compose.reset();
  history[0].ran_with = runtime::record_of({past_release("1.0"), then});
  EXPECT_EQ(choose()->launch, std::nullopt);
}

TEST_F(Choose, WhereNothingRunsItIsWhatServedLast) {
  spec.proxied = false;
  spec.nginx = {};
  auto& [blue, green] = state.app_hosts[0].slots;
  blue.container->status = plan::Container::Status::exited;
  const auto last = [&] { return find_last_served(spec, state, history); };
  EXPECT_FALSE(last()) << "nobody knows";
  history = {entry("deploy", "", "1.0"), entry("deploy", "1.0", "2.0"),
             entry("deploy", "2.0", "3.0", "failed")};
  EXPECT_EQ(last(), (plan::LastServed{0, past_release("2.0")}));
  green.aside = std::exchange(blue.container, {});
  EXPECT_EQ(last(), (plan::LastServed{1, past_release("2.0")})) << "it stands aside";
  green.aside.reset();
  history[1].slot = "green";
  EXPECT_EQ(last(), (plan::LastServed{1, past_release("2.0")})) << "its container is gone";
  state.last_served = last();
  const auto target = choose();
  ASSERT_TRUE(target);
  EXPECT_EQ(target->release, past_release("2.0"));
  EXPECT_THAT(target->note, HasSubstr("nothing runs"));
  EXPECT_EQ(choose("1.0")->release, past_release("1.0"));

  state.last_served.reset();
  history.clear();
  green.container = container("old");
  green.container->managed = false;
  green.container->status = plan::Container::Status::exited;
  EXPECT_EQ(last(), (plan::LastServed{1, past_release("old")})) << "an older tool ran it";
  green.container->status = plan::Container::Status::running;
  EXPECT_FALSE(last()) << "something runs";
}

TEST_F(Choose, IgnoresDeploysThatFailedAfterwards) {
  history = {entry("deploy", "", "1.0"), entry("deploy", "1.0", "2.0"),
             entry("deploy", "2.0", "3.0", "failed")};
  EXPECT_EQ(choose()->release, past_release("1.0"));
}

TEST_F(Choose, GoesForwardAgainAfterARollbackAndSaysSo) {
  history = {entry("deploy", "", "2.0"), entry("deploy", "2.0", "3.0"), entry("rollback", "3.0", "2.0")};
  const auto target = choose();
  EXPECT_EQ(target->release, past_release("3.0"));
  EXPECT_THAT(target->note, HasSubstr("forward again to 3.0"));
}

// A run died right after its switch, and recorded nothing.
TEST_F(Choose, OfAReleaseThatServesAgainItIsTheOneThatServedLast) {
  history = {entry("deploy", "", "2.0"), entry("deploy", "2.0", "3.0")};
  const auto target = choose();
  ASSERT_TRUE(target);
  EXPECT_EQ(target->release, past_release("3.0"));
  EXPECT_THAT(target->note, HasSubstr("does not say since when 2.0"));
}

TEST_F(Choose, FallsBackOnTheContainerWhenTheHistoryIsLost) {
  state.app_hosts[0].slots[1].container = container("1.0");
  EXPECT_EQ(choose()->release, past_release("1.0"));
  // What an interrupted deploy moved aside is what served before, not the newcomer.
  state.app_hosts[0].slots[1].container = container("3.0");
  state.app_hosts[0].slots[1].aside = container("1.0");
  EXPECT_EQ(choose()->release, past_release("1.0"));
  // A second run came when that newcomer was live already, and its deployer died too.
  using namespace std::chrono_literals;
  auto& [live, idle] = state.app_hosts[0].slots;
  idle.container = container("1.5");
  idle.container->status = plan::Container::Status::running;
  idle.container->started = core::SystemTime(100s);
  live.container->started = core::SystemTime(200s);
  EXPECT_EQ(choose()->release.tag, "1.5");
  idle.container->started = core::SystemTime(300s);
  EXPECT_EQ(choose()->release.tag, "1.0");
  idle.container->started = core::SystemTime(100s);
  idle.container->status = plan::Container::Status::exited;
  EXPECT_EQ(choose()->release.tag, "1.0") << "it may never have got healthy";
}

// Somebody removed the live container, and the next deploy found nothing that served.
TEST_F(Choose, OfAReleaseThatCameWhereNothingServedItIsWhatServedBefore) {
  history = {entry("deploy", "", "0.9"), entry("deploy", "0.9", "1.0"),
             entry("deploy", "1.0", "1.1", "failed"), entry("deploy", "", "2.0")};
  const auto target = choose();
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_EQ(target->release, past_release("1.0"));
  EXPECT_EQ(target->note, "nothing served when 2.0 (sha256:2.0) came; before that 1.0 (sha256:1.0) did");
  ASSERT_TRUE(target->launch);
  EXPECT_EQ(std::get<spec::Docker>(target->launch->with).environment.at("RAN_AS"), "1.0");

  history = {entry("deploy", "", "1.0"), entry("deploy", "1.0", "2.0"), entry("rollback", "", "2.0")};
  EXPECT_EQ(choose()->release, past_release("1.0")) << "a rollback started what served last again";
  history = {entry("deploy", "", "2.0"), entry("rollback", "", "2.0"),
             entry("deploy", "2.0", "3.0", "failed")};
  EXPECT_EQ(choose().error().kind, ErrorKind::nothing) << "nothing else ever served";
}

TEST_F(Choose, HasNothingToGoBackTo) {
  EXPECT_EQ(choose().error().kind, ErrorKind::nothing);
  history = {entry("deploy", "", "2.0"), entry("deploy", "2.0", "3.0", "failed")};
  EXPECT_EQ(choose().error().kind, ErrorKind::nothing);
}

TEST_F(Choose, NeverTakesWhatNeverServed) {
  history = {entry("deploy", "", "2.0")};
  state.app_hosts[0].slots[1].container = container("3.0");  // of a deploy that died
  EXPECT_EQ(choose().error().kind, ErrorKind::nothing);
}

TEST_F(Choose, KnowsWhatServedAlthoughItsDeployFailedLater) {
  history = {entry("deploy", "", "1.0", "failed"), entry("deploy", "1.0", "2.0")};
  EXPECT_EQ(choose("1.0").error().kind, ErrorKind::nothing);
  history[0].served = true;
  EXPECT_EQ(choose("1.0")->release, past_release("1.0"));
}

TEST_F(Choose, SaysWhatServedWhereNothingOfThatNameDid) {
  EXPECT_EQ(choose("1.0").error().message, "no release '1.0' was deployed here");
  history = {entry("deploy", "", "1.0.0"), entry("deploy", "1.0.0", "1.1.0"),
             entry("deploy", "1.1.0", "1.2.0", "failed"), entry("rollback", "1.1.0", "1.0.0")};
  history[2].time = core::SystemTime(std::chrono::seconds(1'764'000'000));
  const auto failed = choose("1.2.0").error();
  EXPECT_EQ(failed.kind, ErrorKind::nothing);
  EXPECT_EQ(failed.message,
            "1.2.0 was tried on 2025-11-24T16:00:00Z and never served; served so far: 1.1.0, 1.0.0");
  EXPECT_EQ(failed.next, "bgdeploy history");
  const auto mistyped = choose("1.1.O").error();
  EXPECT_EQ(mistyped.message, "no release '1.1.O' was deployed here; served so far: 1.1.0, 1.0.0");
  EXPECT_EQ(mistyped.next, "bgdeploy rollback --to 1.1.0");
}

TEST_F(Choose, FindsByTagNewestFirstByDigestAndById) {
  HistoryEntry older = entry("deploy", "", "1.0");
  older.to.id = "id-older";
  older.to.digest = "sha256:older";
  history = {older, entry("deploy", "1.0", "1.0"), entry("deploy", "1.0", "2.0")};
  EXPECT_EQ(choose("1.0")->release.id, "id-1.0");
  EXPECT_EQ(choose("sha256:older")->release.id, "id-older");
  EXPECT_EQ(choose("id-older")->release.digest, "sha256:older");
  EXPECT_EQ(choose("7.0").error().kind, ErrorKind::nothing);
}

TEST(ReleaseId, IsItsTimeAndChance) {
  const std::string id = new_release_id(*core::parse_time("2026-11-21T05:07:10Z"));
  EXPECT_THAT(id, testing::MatchesRegex("20261121T050710Z-[0-9a-f]{4}"));
}

TEST_F(Choose, ByATagThatMovedTakesTheNewestThatDoesNotServe) {
  const auto moved = [](const std::string& id) {
    return plan::Release{id, "latest", "shop", "sha256:" + id};
  };
  for (const char* id : {"one", "two", "three"}) {
    auto made = entry("deploy", "", "latest");
    made.to = moved(id);
    history.push_back(made);
  }
  state.app_hosts[0].slots[0].container->release = moved("three");
  auto target = choose("latest");
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_EQ(target->release, moved("two"));
  history = {history.back()};
  target = choose("latest");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->release, moved("three")) << "only the live one bears that name";
}

TEST_F(Choose, ByTheFirstDigitsOfADigest) {
  const auto with = [](const std::string& tag, const std::string& digits) {
    auto made = entry("deploy", "", tag);
    made.to.digest = "sha256:" + digits + std::string(64 - digits.size(), '0');
    return made;
  };
  history = {with("1.0", "0123456789ab"), with("1.1", "0123456fffff"), with("2.0", "ffffffffffff")};
  for (const std::string digits : {"0123456789ab", "sha256:0123456789ab", "01234567"}) {
    const auto target = choose(digits);
    ASSERT_TRUE(target) << digits << target.error().message;
    EXPECT_EQ(target->release.tag, "1.0") << digits;
  }
  const auto several = choose("012345");
  ASSERT_FALSE(several);
  EXPECT_EQ(several.error().kind, ErrorKind::usage);
  EXPECT_EQ(several.error().message, "'012345' may be any of 2 digests");
  EXPECT_THAT(several.error().details,
              testing::UnorderedElementsAre(history[0].to.digest, history[1].to.digest));
  for (const std::string none : {"01234", "sha256:", "0123456789abc", "sha512:0123456789ab"})
    EXPECT_EQ(choose(none).error().kind, ErrorKind::nothing) << none;
}

TEST_F(Choose, ARunThatOnlyTidiedUpIsNoReleaseToComeBackFrom) {
  history = {entry("deploy", "", "1.0"), entry("deploy", "1.0", "2.0", "failed"),
             entry("deploy", "2.0", "2.0")};
  history[1].served = true;
  history[2].ran_with.clear();
  const auto target = choose();
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_EQ(target->release, past_release("1.0"));
}

// Run again by force, to repair a host, or to grow the fleet.
TEST_F(Choose, AReleaseThatRunsAgainIsNotTheOneBeforeItself) {
  const auto again = [](const std::string& from, const std::string& to, const std::string& same_as) {
    auto made = entry("deploy", from, to);
    made.same_as = "id-" + same_as;
    return made;
  };
  history = {entry("deploy", "", "1.0"), entry("deploy", "1.0", "2.0"), again("2.0", "2.0b", "2.0"),
             again("2.0b", "2.0c", "2.0b")};
  state.app_hosts[0].slots[0].container = container("2.0c");
  state.app_hosts[0].slots[1].container = container("2.0b");
  EXPECT_EQ(choose()->release, past_release("1.0"));
  EXPECT_THAT(choose()->note, IsEmpty());
  history.push_back(again("2.0c", "2.0", "2.0c"));
  state.app_hosts[0].slots[0].container = container("2.0");
  EXPECT_EQ(choose()->release, past_release("1.0")) << "an earlier container was started again";
  history.pop_back();
  state.app_hosts[0].slots[0].container = container("2.0c");
  history.back() = again("", "2.0c", "2.0");
  EXPECT_EQ(choose()->release, past_release("1.0")) << "its container was gone";
  history.push_back(entry("rollback", "2.0c", "2.0"));
  state.app_hosts[0].slots[0].container = container("2.0");
  EXPECT_EQ(choose()->release, past_release("1.0")) << "an earlier version went back to itself";
  history = {entry("deploy", "", "1.0"), entry("deploy", "1.0", "2.0"), entry("deploy", "2.0", "2.0b")};
  state.app_hosts[0].slots[0].container = container("2.0b");
  EXPECT_EQ(choose()->release, past_release("2.0")) << "a secret had another value";
  history.back().same_as = "id-2.0b";
  EXPECT_TRUE(choose()) << "a loop, by hand";
}

// As after the slots, or their containers, were given other names.
TEST_F(Choose, KnowsWhatServesUnderAnotherName) {
  history = {entry("deploy", "", "1.0"), entry("deploy", "1.0", "2.0")};
  history[0].to.tag = history[1].to.tag = "latest";
  plan::SlotState& blue = state.app_hosts[0].slots[0];
  blue.others = {*blue.container};
  blue.others[0].status = plan::Container::Status::running;
  blue.container.reset();
  EXPECT_EQ(choose()->release.id, "id-1.0");
  EXPECT_EQ(choose("latest")->release.id, "id-1.0");
  blue.container = container("0.9");
  blue.container->published = blue.others[0].published = {{"", 8081, 8081}};
  blue.container->status = plan::Container::Status::exited;
  EXPECT_EQ(choose()->release.id, "id-1.0") << "an older one has the name and is stopped";
}

TEST_F(Choose, KnowsWhatServesThoughTheFirstHostIsNew) {
  history = {entry("deploy", "", "1.0"), entry("deploy", "1.0", "2.0")};
  state.app_hosts.insert(state.app_hosts.begin(), plan::AppHost{.host = "web-0"});
  EXPECT_EQ(choose()->release, past_release("1.0"));
  history.clear();
  state.app_hosts[1].slots[1].container = container("1.0");
  EXPECT_EQ(choose()->release, past_release("1.0")) << "by the container of another host";
}

}  // namespace
}  // namespace bgdeploy::deploy
