#include "deploy/release/container_port.hpp"

#include <gmock/gmock.h>

namespace bgdeploy::deploy {
namespace {

using testing::HasSubstr;

const plan::Release k_release{"id", "1.0", "example/shop", "sha256:1"};

TEST(ContainerPort, IsTheOnlyOneThatTheImageExposes) {
  EXPECT_EQ(only_port(k_release, {8080}), 8080);
}

TEST(ContainerPort, IsRequiredWhereTheImageLeavesItOpen) {
  const auto none = only_port(k_release, {});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, core::ErrorKind::usage);
  EXPECT_EQ(none.error().message, "docker.container_port is missing: example/shop:1.0 exposes no port");
  const auto several = only_port(k_release, {8080, 9090});
  ASSERT_FALSE(several);
  EXPECT_EQ(several.error().kind, core::ErrorKind::usage);
  EXPECT_THAT(several.error().message, HasSubstr("exposes several ports: 8080, 9090"));
}

}  // namespace
}  // namespace bgdeploy::deploy
