#include "bgdeploy/core/duration.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace bgdeploy::core {
namespace {

using namespace std::chrono_literals;

TEST(Duration, ReadsUnitsAndSums) {
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  EXPECT_EQ(parse_duration("10s"), 10s);
  EXPECT_EQ(parse_duration("2m"), 2min);
  EXPECT_EQ(parse_duration("1h"), 1h);
  EXPECT_EQ(parse_duration("1m30s"), 90s);
  EXPECT_EQ(parse_duration("1h1ms"), 1h + 1ms);
  EXPECT_EQ(parse_duration("0s"), 0ms);
}

TEST(Duration, RefusesWhatHasNoUnitOrNoSense) {
  for (const auto* text : {"", "10", "s", "10 s", "-1s", "1.5s", "1d", "1s1s", "1s2m", "10S", "+1s", "1s ",
                           "99999999999999999999s", "9223372036854775807h", "1m 30s"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(Duration, FormatsInMixedUnits) {
  EXPECT_EQ(format_duration(500ms), "500ms");
  EXPECT_EQ(format_duration(120s), "2m");
  EXPECT_EQ(format_duration(90s), "1m30s");
  EXPECT_EQ(format_duration(1500ms), "1s500ms");
  EXPECT_EQ(format_duration(0ms), "0s");
  EXPECT_EQ(format_duration(-5s), "-5s");
}

RC_GTEST_PROP(Duration, RoundTrips, ()) {
  const Duration duration{*rc::gen::inRange<std::int64_t>(0, std::int64_t{1} << 50)};
  RC_ASSERT(parse_duration(format_duration(duration)) == duration);
}

}  // namespace
}  // namespace bgdeploy::core
