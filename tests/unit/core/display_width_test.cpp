#include "bgdeploy/core/display_width.hpp"

#include <gtest/gtest.h>

namespace bgdeploy::core {
namespace {

TEST(DisplayWidth, CountsColumns) {
  EXPECT_EQ(display_width("abc"), 3);
  EXPECT_EQ(display_width("é✓…"), 3);
  EXPECT_EQ(display_width("e\u0301"), 1);
  EXPECT_EQ(display_width("옥션"), 4);
  EXPECT_EQ(fit("abcdef", 6), "abcdef");
  EXPECT_EQ(fit("abcdef", 5), "abcd…");
  EXPECT_EQ(fit("옥션옥션", 6), "옥션…");
  EXPECT_EQ(fit("abc", 0), "");
}

}  // namespace
}  // namespace bgdeploy::core
