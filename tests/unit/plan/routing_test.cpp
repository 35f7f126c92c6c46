#include "bgdeploy/plan/routing.hpp"

#include <gmock/gmock.h>

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

}  // namespace
}  // namespace bgdeploy::plan
