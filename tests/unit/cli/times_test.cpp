#include "cli/times.hpp"

#include <gtest/gtest.h>

namespace bgdeploy::cli {
namespace {

TEST(Times, AreReadInOneWayAndRefusedInOneWording) {
  const core::SystemTime now = core::SystemTime(std::chrono::hours(100));
  EXPECT_EQ(past_time_of("--since", "10m", now), now - std::chrono::minutes(10));
  EXPECT_EQ(past_time_of("--since", "1970-01-05T03:00Z", now), now - std::chrono::hours(1));
  EXPECT_EQ(time_of("--until", "1970-01-05T03:00Z"), now - std::chrono::hours(1));
  const core::SystemTime billion(std::chrono::seconds(1'785'000'000));
  EXPECT_EQ(past_time_of("--since", "1785000000", now), billion) << "date +%s";
  EXPECT_EQ(time_of("--until", "1785000000"), billion);
  EXPECT_EQ(time_of("--until", "2026-11-29"), time_of("--until", "2026-11-29T00:00"));
  EXPECT_EQ(past_time_of("--since", "2026-11-29", now), time_of("--until", "2026-11-29"));
  for (const char* wrong : {"20261129", "-178500000", "17850000000", "2026-11-31", "2026-11-2"})
    EXPECT_FALSE(past_time_of("--since", wrong, now)) << wrong;
  EXPECT_EQ(duration_of("--for", "1m30s"), std::chrono::seconds(90));

  EXPECT_EQ(time_of("--until", "2h").error().message, "--until: '2h' is not a time");
  EXPECT_EQ(time_of("--until", "soon").error().next,
            "write it as 2026-12-27T08:00, with Z or an offset where it is not local time");
  EXPECT_EQ(past_time_of("--since", "\x1b", now).error().message, "--since: '\\x1b' is not a time");
  EXPECT_EQ(past_time_of("--since", "soon", now).error().next,
            "write it as 10m, for 10 minutes ago, or 2026-12-27T08:00, with Z or an offset where it is not "
            "local time");
  EXPECT_EQ(duration_of("--lock-wait", "5").error().message, "--lock-wait: '5' is not a duration");
  EXPECT_EQ(duration_of("--lock-wait", "5").error().next, "write it as 90s, 15m or 2h");
}

}  // namespace
}  // namespace bgdeploy::cli
