#include "bgdeploy/deploy/log_merge.hpp"

#include <gmock/gmock.h>

namespace bgdeploy::deploy {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Merging : public ::testing::Test {
protected:
  // `time`: when it was written; `came`: when it was read.
  void add(std::size_t log, int time, const std::string& text, int came = 0) {
    m_merge.add(log, core::SystemTime(milliseconds(time)), text, at(came));
  }
  void end(std::size_t log) { m_merge.end(log); }
  std::vector<std::string> take(int now) {
    std::vector<std::string> texts;
    for (const auto& line : m_merge.take(at(now))) texts.push_back(std::to_string(line.log) + line.text);
    return texts;
  }
  static core::SteadyTime at(int ms) { return core::SteadyTime(milliseconds(ms)); }
  LogMerge m_merge{2, milliseconds(300)};
};

TEST_F(Merging, OrdersByTimeAcrossLogs) {
  add(0, 10, "a");
  add(0, 30, "c");
  EXPECT_THAT(take(0), IsEmpty()) << "the other log may have an earlier line";
  add(1, 20, "b");
  EXPECT_THAT(take(0), ElementsAre("0a", "1b"));
  end(1);
  EXPECT_THAT(take(0), ElementsAre("0c"));
}

TEST_F(Merging, WaitsNoLongerThanItsWindow) {
  add(0, 10, "a", 100);
  add(0, 11, "b", 250);
  EXPECT_THAT(take(399), IsEmpty());
  EXPECT_THAT(take(400), ElementsAre("0a"));
  EXPECT_THAT(take(550), ElementsAre("0b"));
}

TEST_F(Merging, WhatIsEarlierGoesFirstWhenAnotherIsDue) {
  add(1, 20, "late", 0);
  add(0, 10, "early", 299);
  end(0);
  EXPECT_THAT(take(300), ElementsAre("0early", "1late"));
}

TEST_F(Merging, ALogKeepsItsOwnOrderWhateverItsClockSays) {
  add(0, 30, "first");
  add(0, 10, "second");
  add(1, 20, "other");
  end(0);
  end(1);
  EXPECT_THAT(take(0), ElementsAre("1other", "0first", "0second"));
}

}  // namespace
}  // namespace bgdeploy::deploy
