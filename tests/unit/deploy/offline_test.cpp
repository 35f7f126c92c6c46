#include <gmock/gmock.h>

#include "../plan/spec_for_tests.hpp"
#include "bgdeploy/deploy/inspect.hpp"

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

}  // namespace
}  // namespace bgdeploy::deploy
