#include "bgdeploy/core/substitute.hpp"

#include <gtest/gtest.h>

namespace bgdeploy::core {
namespace {

TEST(Substitute, ReplacesKnownNamesOnce) {
  const std::map<std::string, std::string, std::less<>> values{
      {"slot", "blue"}, {"port", "{slot}"}, {"tag", ""}};
  EXPECT_EQ(substitute("/log/{slot}:/log", values), "/log/blue:/log");
  EXPECT_EQ(substitute("{port}", values), "{slot}");
  EXPECT_EQ(substitute("{tag}", values), "");
  EXPECT_EQ(substitute("{other} {} {slot", values), "{other} {} {slot");
  EXPECT_EQ(substitute("{{slot}}", values), "{blue}");
  EXPECT_EQ(substitute("{ slot }{Slot}", values), "{ slot }{Slot}");
  EXPECT_EQ(substitute("{x{slot}", values), "{xblue");
  EXPECT_EQ(substitute("", values), "");
}

}  // namespace
}  // namespace bgdeploy::core
