#include "bgdeploy/core/regex.hpp"

#include <gtest/gtest.h>

namespace bgdeploy::core {
namespace {

TEST(Regex, FindsAGroupByNumberAndByName) {
  const auto regex = Regex::compile(R"(^(\S+) .*" (?<status>\d{3}) )");
  ASSERT_TRUE(regex.has_value());
  EXPECT_EQ(regex->groups(), 2);
  EXPECT_EQ(regex->group("status"), 2);
  EXPECT_EQ(regex->group("other"), std::nullopt);
  EXPECT_EQ(regex->match(R"(10.0.0.1 - "GET /" 503 17)", 2), "503");
  EXPECT_EQ(regex->match(R"(10.0.0.1 - "GET /" 503 17)", 1), "10.0.0.1");
  EXPECT_EQ(regex->match("something else", 2), std::nullopt);
}

TEST(Regex, SaysWhereAnExpressionIsWrong) {
  const auto regex = Regex::compile("(a");
  ASSERT_FALSE(regex.has_value());
  EXPECT_EQ(regex.error().kind, ErrorKind::usage);
  EXPECT_EQ(regex.error().message, "missing closing parenthesis at character 3");
}

// Clients write parts of a log.
TEST(Regex, GivesUpOnALineThatWouldTakeForEver) {
  const auto regex = Regex::compile("^(a+)+$");
  ASSERT_TRUE(regex.has_value());
  EXPECT_EQ(regex->match(std::string(40, 'a') + "b", 1), std::nullopt);
  EXPECT_EQ(Regex::compile("(.*)x")->match(std::string(1'000'000, 'y'), 1), std::nullopt);
}

}  // namespace
}  // namespace bgdeploy::core
