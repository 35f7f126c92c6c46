#include "bgdeploy/core/size.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace bgdeploy::core {
namespace {

TEST(Size, ReadsDockersUnits) {
  EXPECT_EQ(parse_size("700m"), 700LL << 20);
  EXPECT_EQ(parse_size("1g"), 1LL << 30);
  EXPECT_EQ(parse_size("1.5g"), 1536LL << 20);
  EXPECT_EQ(parse_size("512k"), 512LL << 10);
  EXPECT_EQ(parse_size("100b"), 100);
  EXPECT_EQ(parse_size("1073741824"), 1LL << 30);
  EXPECT_EQ(parse_size("2GB"), 2LL << 30);
  EXPECT_EQ(parse_size("64MiB"), 64LL << 20);
}

TEST(Size, RefusesTheRest) {
  for (const auto* text : {"", "m", "-1m", "1 g", "1.g", ".5g", "1.2.3g", "1x", "1kk", "1gbb", "0x10", "1e3",
                           "99999999999g", "9223372036854775808"}) {
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  }
}

TEST(Size, FormatsInTheLargestUnitThatDivides) {
  EXPECT_EQ(format_size(700LL << 20), "700m");
  EXPECT_EQ(format_size(1LL << 30), "1g");
  EXPECT_EQ(format_size(1536LL << 20), "1536m");
  EXPECT_EQ(format_size(100), "100");
  EXPECT_EQ(format_size(0), "0");
}

RC_GTEST_PROP(Size, RoundTrips, ()) {
  const auto bytes = *rc::gen::inRange<std::int64_t>(0, std::int64_t{1} << 45);
  RC_ASSERT(parse_size(format_size(bytes)) == bytes);
}

}  // namespace
}  // namespace bgdeploy::core
