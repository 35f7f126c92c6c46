#include "bgdeploy/core/timestamp.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <stdlib.h>
#include <time.h>

namespace bgdeploy::core {
namespace {

using namespace std::chrono_literals;

TEST(Time, FormatsAndReadsBack) {
  const auto time = parse_time("2026-11-21T05:07:10.123Z");
  ASSERT_TRUE(time);
  EXPECT_EQ(format_time(*time), "2026-11-21T05:07:10Z");
  EXPECT_EQ(format_time(*time, true), "2026-11-21T05:07:10.123Z");
  EXPECT_EQ(format_time(SystemTime{}), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_time(SystemTime{} - 1ms, true), "1969-12-31T23:59:59.999Z");
}

TEST(Time, ReadsDockersNanosecondsAndOffsets) {
  EXPECT_EQ(parse_time("1970-01-01T00:00:01.000000001Z"), SystemTime{} + 1s + 1ns);
  EXPECT_EQ(parse_time("1970-01-01T01:00:00+01:00"), SystemTime{});
  EXPECT_EQ(parse_time("1969-12-31T23:30:00-00:30"), SystemTime{});
}

TEST(Time, RefusesTheRest) {
  for (const auto* text :
       {"", "2026-11-21", "2026-11-21T05:07:10", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z",
        "2026-11-21T24:00:00Z", "2026-11-21T05:07:10Zx", "2026-11-21T05:07:10.Z", "0001-01-01T00:00:00Z",
        "9999-01-01T00:00:00Z", "2026-11-21T05:07:10+1:00"}) {
    EXPECT_EQ(parse_time(text), std::nullopt) << text;
  }
}

TEST(LocalTime, HasNoSecondsAndNoOffset) {
  ::setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
  ::tzset();
  EXPECT_EQ(parse_local_time("2026-12-27T08:00"), parse_time("2026-12-27T07:00:00Z"));
  EXPECT_EQ(parse_local_time("2026-06-27 08:00"), parse_time("2026-06-27T06:00:00Z"));
  EXPECT_EQ(parse_local_time("2026-06-27T08:00:30"), parse_time("2026-06-27T06:00:30Z"));
  EXPECT_EQ(parse_local_time("2026-12-27T08:00Z"), parse_time("2026-12-27T08:00:00Z"));
  EXPECT_EQ(parse_local_time("2026-12-27T08:00:00+02:00"), parse_time("2026-12-27T06:00:00Z"));
  EXPECT_EQ(parse_local_time("2026-12-27T08:00-05:00"), parse_time("2026-12-27T13:00:00Z"));
  EXPECT_EQ(parse_local_time("2026-12-27"), parse_time("2026-12-26T23:00:00Z"));
  for (const auto* text :
       {"", "tomorrow", "2026-12", "2026-12-32", "2026-12-27T8:00", "2026-12-27T25:00", "2026-12-27T08:00x"})
    EXPECT_EQ(parse_local_time(text), std::nullopt) << text;
  ::unsetenv("TZ");
  ::tzset();
}

RC_GTEST_PROP(Time, RoundTrips, ()) {
  const SystemTime time{Duration{*rc::gen::inRange<std::int64_t>(0, 9'000'000'000'000)}};
  RC_ASSERT(parse_time(format_time(time, true)) == time);
}

}  // namespace
}  // namespace bgdeploy::core
