#include <gmock/gmock.h>
#include "deploy/release/elsewhere.hpp"

#include "../plan/spec_for_tests.hpp"
#include "bgdeploy/deploy/check.hpp"
#include "bgdeploy/deploy/site.hpp"
#include "deploy/preconditions.hpp"

namespace bgdeploy::deploy {
namespace {

using testing::HasSubstr;

std::string refusal(const spec::Spec& spec) {
  const auto checked = check_offline(spec);
  if (checked) return "";
  EXPECT_EQ(checked.error().kind, core::ErrorKind::usage);
  return checked.error().message;
}

TEST(Offline, ATemplateHasToSayWhereRequestsGo) {
  spec::Spec spec = test::small_spec();
  EXPECT_EQ(refusal(spec), "");
  spec.nginx.template_text = "{{#backends}} x";
  EXPECT_THAT(refusal(spec), HasSubstr("proxy.nginx.template"));
  spec.nginx.template_text = "set $service_url http://127.0.0.1:80;";
  EXPECT_THAT(refusal(spec), HasSubstr("says the same for blue and green"));
}

TEST(Offline, ATemplateHasToNameAllBackends) {
  spec::Spec spec = test::small_spec(2, 1);
  for (spec::Host& host : spec.app_hosts) host.address.reset();
  spec.nginx.upstream.reset();
  spec.nginx.template_text = "set $service_url http://{{address}}:{{port}};";
  EXPECT_THAT(refusal(spec), HasSubstr("does not use all of 2 backends"));
  spec.nginx.template_text = "{{#backends}}server {{address}}:{{port}};{{/backends}}";
  EXPECT_EQ(refusal(spec), "");
}

TEST(SiteText, SaysThatNginxDoesNotKnowAnAlias) {
  spec::Spec spec = test::small_spec(2, 1);
  const auto include = [&] {
    const auto parts = site_text(spec, {});
    return parts ? parts->front().text : parts.error().message;
  };
  for (spec::Host& host : spec.app_hosts) host.address.reset();
  EXPECT_THAT(include(), HasSubstr("aliases in ~/.ssh/config"));
  spec.nginx.sites = spec::Sites{.from = "/srv/shop-{slot}.conf", .to = "/etc/nginx/shop-{slot}.conf"};
  EXPECT_THAT(include(), HasSubstr("aliases in ~/.ssh/config")) << "a whole site";
  spec.nginx.sites.reset();
  for (spec::Host& host : spec.app_hosts) host.name += ".example.com";
  EXPECT_THAT(include(), testing::Not(HasSubstr("aliases")));
}

TEST(LeftHosts, AreThoseThatNoRoleNamesAnyMore) {
  HistoryEntry last;
  last.served = true;
  last.hosts = {"web-1"};
  last.proxies = {"web-1"};
  spec::Spec spec = test::small_spec();
  EXPECT_TRUE(check_left_hosts(spec, {last}, {}));
  spec.proxied = false;
  EXPECT_TRUE(check_left_hosts(spec, {last}, {})) << "its nginx is the user's now";
  spec = test::small_spec(2, 1);
  last.hosts = {"web-1", "web-2"};
  last.proxies = {"nginx-1"};
  EXPECT_TRUE(check_left_hosts(spec, {last}, {}));
  last.proxies = {"web-1"};
  const auto left = check_left_hosts(spec, {last}, {});
  ASSERT_FALSE(left) << "its nginx may still send to what is going to be stopped";
  EXPECT_EQ(left.error().message, "web-1 was in the last deploy and is not in the spec any more, as a proxy");
}

// The one that left was the first proxy, and has the history.
TEST(LeftHosts, AreToldByWhatServesWhereTheHistoryIsNot) {
  const spec::Spec spec = test::small_spec();
  plan::State state;
  plan::AppHost app{.host = "web-1"};
  plan::Container& green = app.slots[1].container.emplace();
  green.managed = true;
  green.proxies = {"web-0", "web-1"};
  state.app_hosts = {app};
  state.proxies = {{.host = "web-1", .written = true, .traffic = plan::Traffic::all_to(1)}};
  const auto left = check_left_hosts(spec, {}, state);
  ASSERT_FALSE(left);
  EXPECT_EQ(left.error().kind, core::ErrorKind::usage);
  EXPECT_THAT(left.error().message, HasSubstr("web-0 was in the last deploy"));
  HistoryEntry forced;
  forced.served = true;
  forced.proxies = {"web-1"};
  EXPECT_TRUE(check_left_hosts(spec, {forced}, state)) << "it is older than the history";
  state.app_hosts[0].slots[1].container->proxies.clear();
  EXPECT_TRUE(check_left_hosts(spec, {}, state)) << "nobody knows";
}

TEST(HistoryElsewhere, IsLookedForWhereNothingIsKnownOfWhatServes) {
  const spec::Spec spec = test::small_spec();
  plan::State state;
  state.app_hosts = {{.host = "web-1"}};
  state.proxies = {{.host = "web-1"}};
  EXPECT_TRUE(may_be_elsewhere(spec, state, {}));
  HistoryEntry entry;
  entry.served = true;
  entry.to.id = "id-1";
  EXPECT_FALSE(may_be_elsewhere(spec, state, {entry})) << "nothing serves";
  state.proxies[0].written = true;
  state.proxies[0].traffic = plan::Traffic::all_to(0);
  plan::Container& blue = state.app_hosts[0].slots[0].container.emplace();
  blue.release.id = "id-2";
  EXPECT_FALSE(may_be_elsewhere(spec, state, {})) << "somebody else started it";
  blue.managed = true;
  EXPECT_TRUE(may_be_elsewhere(spec, state, {entry})) << "the proxies changed places, and back";
  HistoryEntry failed;
  failed.from.id = entry.to.id = "id-2";
  failed.to.id = "id-3";
  EXPECT_FALSE(may_be_elsewhere(spec, state, {entry, failed}));
}

TEST(HistoryElsewhere, IsAddedOnceAndInItsOrder) {
  const auto at = [](int seconds, std::string id) {
    HistoryEntry entry;
    entry.time = core::SystemTime(std::chrono::seconds(seconds));
    entry.to.id = std::move(id);
    return entry;
  };
  std::vector<HistoryEntry> history = {at(1, "a"), at(4, "d")};
  const auto added = add_missing(history, {at(3, "c"), at(1, "a"), at(2, "b"), at(3, "c")});
  EXPECT_EQ(added, (std::vector{at(2, "b"), at(3, "c")}));
  EXPECT_EQ(history, (std::vector{at(1, "a"), at(2, "b"), at(3, "c"), at(4, "d")}));
}

}  // namespace
}  // namespace bgdeploy::deploy
