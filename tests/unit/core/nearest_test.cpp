#include "bgdeploy/core/nearest.hpp"

#include <gtest/gtest.h>

namespace bgdeploy::core {
namespace {

TEST(Nearest, FindsSlipsAndNothingFarther) {
  const std::vector<std::string> keys{"image", "service", "hosts", "container_port", "env"};
  EXPECT_EQ(nearest("imgae", keys), "image");
  EXPECT_EQ(nearest("Image", keys), "image");
  EXPECT_EQ(nearest("host", keys), "hosts");
  EXPECT_EQ(nearest("containerPort", keys), "container_port");
  EXPECT_EQ(nearest("env1", keys), "env");
  EXPECT_EQ(nearest("volumes", keys), std::nullopt);
  EXPECT_EQ(nearest("x", keys), std::nullopt);
  EXPECT_EQ(nearest("", keys), std::nullopt);
  EXPECT_EQ(nearest(std::string(100'000, 'i'), keys), std::nullopt);
}

}  // namespace
}  // namespace bgdeploy::core
