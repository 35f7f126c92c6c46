#include "bgdeploy/plan/routing.hpp"

#include <gmock/gmock.h>

#include "bgdeploy/plan/substitutions.hpp"
#include "spec_for_tests.hpp"

namespace bgdeploy::plan {
namespace {

TEST(Routing, ByItsNameTheContainersOwnPort) {
  spec::Spec spec = test::small_spec();
  spec.docker.container_port = "8080";
  spec.nginx.address = "{container}";
  const auto named = routing_to(spec, 0, 1, "");
  ASSERT_TRUE(named);
  EXPECT_EQ(named->front().address, "shop-green");
  EXPECT_EQ(named->front().port, "8080");
  spec.nginx.port = "{port}";
  EXPECT_EQ(routing_to(spec, 0, 1, "")->front().port, "8082");
}

TEST(Routing, WithoutAPublishedPortByNameFromAContainer) {
  spec::Spec spec = test::small_spec();
  spec.docker.container_port = "8080";
  spec.docker.host_ip = "none";
  EXPECT_FALSE(routing_to(spec, 0, 0, ""));
  spec.nginx.container = "web";
  const auto named = routing_to(spec, 0, 0, "");
  ASSERT_TRUE(named) << named.error().message;
  EXPECT_EQ(named->front().address, "shop-blue");
  EXPECT_EQ(named->front().port, "8080");
}

TEST(RoutingFile, IsNamedAsItIsOnTheHost) {
  spec::Spec spec = test::small_spec();
  EXPECT_EQ(routing_file(spec), "/etc/nginx/conf.d/service-url.inc");
  spec.nginx.sites = {"~/{service}-{port}.conf", "/etc/nginx/sites-enabled/{service}-{port}.conf"};
  EXPECT_EQ(routing_file(spec, 1), "/etc/nginx/sites-enabled/shop-8082.conf");
  EXPECT_EQ(routing_file(spec),
            "/etc/nginx/sites-enabled/shop-8081.conf or /etc/nginx/sites-enabled/shop-8082.conf");
  spec.nginx.sites->to = "/etc/nginx/sites-enabled/{service}.conf";
  EXPECT_EQ(routing_file(spec), "/etc/nginx/sites-enabled/shop.conf");
}

}  // namespace
}  // namespace bgdeploy::plan
