#include "bgdeploy/core/text.hpp"

#include <gtest/gtest.h>

namespace bgdeploy::core {
namespace {

TEST(Lines, SplitAtNewlinesOfEitherKind) {
  EXPECT_EQ(split_lines("a\nb\r\n\nc"), (std::vector<std::string>{"a", "b", "", "c"}));
  EXPECT_EQ(split_lines("a\n"), std::vector<std::string>{"a"});
  EXPECT_TRUE(split_lines("").empty());
}

TEST(Trim, TakesBlanksOffBothEnds) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim(" \n"), "");
}

}  // namespace
}  // namespace bgdeploy::core
