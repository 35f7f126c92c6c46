#include <gmock/gmock.h>

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
  EXPECT_TRUE(check_left_hosts(spec, {last}));
  spec.proxied = false;
  EXPECT_TRUE(check_left_hosts(spec, {last})) << "its nginx is the user's now";
  spec = test::small_spec(2, 1);
  last.hosts = {"web-1", "web-2"};
  last.proxies = {"nginx-1"};
  EXPECT_TRUE(check_left_hosts(spec, {last}));
  last.proxies = {"web-1"};
  const auto left = check_left_hosts(spec, {last});
  ASSERT_FALSE(left) << "its nginx may still send to what is going to be stopped";
  EXPECT_EQ(left.error().message, "web-1 was in the last deploy and is not in the spec any more");
}

}  // namespace
}  // namespace bgdeploy::deploy
