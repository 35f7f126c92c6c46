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

TEST(ToLower, ChangesAsciiLettersAlone) {
  EXPECT_EQ(to_lower("Web-1.EXAMPLE.com"), "web-1.example.com");
  EXPECT_EQ(to_lower("[@`{\xC3\x89"), "[@`{\xC3\x89");
}

}  // namespace
}  // namespace bgdeploy::core
