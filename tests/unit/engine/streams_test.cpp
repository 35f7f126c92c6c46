#include "bgdeploy/engine/streams.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <vector>

namespace bgdeploy::engine {
namespace {

std::string frame(unsigned char stream, const std::string& text) {
  const auto size = text.size();
  std::string header(8, '\0');
  header[0] = static_cast<char>(stream);
  for (std::size_t i = 0; i < 4; ++i) header[4 + i] = static_cast<char>(size >> (24 - 8 * i) & 0xff);
  return header + text;
}

// Feeds `bytes` in pieces of at most `step`.
template <class Stream>
void feed(Stream& stream, std::string_view bytes, std::size_t step) {
  for (std::size_t at = 0; at < bytes.size(); at += step) stream.feed(bytes.substr(at, step));
}

TEST(Demultiplexer, TellsStreamsApartWhereverPiecesEnd) {
  rc::check([] {
    const auto parts = *rc::gen::container<std::vector<std::pair<bool, std::string>>>(
        rc::gen::pair(rc::gen::arbitrary<bool>(), rc::gen::arbitrary<std::string>()));
    const auto step = *rc::gen::inRange<std::size_t>(1, 20);
    std::string bytes, expected[2], actual[2];
    for (const auto& [is_stderr, text] : parts) {
      bytes += frame(is_stderr ? 2 : 1, text);
      expected[is_stderr] += text;
    }
    Demultiplexer demultiplexer([&](bool is_stderr, std::string_view text) { actual[is_stderr] += text; });
    feed(demultiplexer, bytes, step);
    RC_ASSERT(actual[0] == expected[0]);
    RC_ASSERT(actual[1] == expected[1]);
  });
}

TEST(Demultiplexer, AFrameLargerThanWhatComesIsHandedOnAsItComes) {
  std::string seen;
  Demultiplexer demultiplexer([&](bool, std::string_view text) { seen += text; });
  demultiplexer.feed(std::string("\x01\0\0\0\xff\xff\xff\xff", 8) + "some");
  EXPECT_EQ(seen, "some");
}

TEST(Stamps, TakesTheTimeOffEachMessageWhereverPiecesEnd) {
  for (const std::size_t step : {1U, 3U, 7U, 100U}) {
    for (const bool lines : {false, true}) {
      std::string times, text;
      Stamps stamps(
          lines, [&](std::string_view time) { times += std::string(time) + ";"; },
          [&](std::string_view rest) { text += rest; });
      feed(stamps, "2026-11-21T05:07:10.042Z one two\n", step);
      if (!lines) stamps.begin();  // in one of a terminal a line is one
      feed(stamps, "2026-11-21T05:07:11Z three", step);
      EXPECT_EQ(times, "2026-11-21T05:07:10.042Z;2026-11-21T05:07:11Z;") << step;
      EXPECT_EQ(text, "one two\nthree") << step;
    }
  }
}

TEST(Stamps, AreNoLongerThanATime) {
  std::size_t longest = 0, rest = 0;
  Stamps stamps(
      false, [&](std::string_view time) { longest = std::max(longest, time.size()); },
      [&](std::string_view text) { rest += text.size(); });
  feed(stamps, std::string(1000, 'x'), 10);
  EXPECT_LE(longest, 80U);
  EXPECT_GT(rest, 900U);
}

TEST(LineSplitter, GivesTheLinesWhereverPiecesEnd) {
  rc::check([] {
    const auto lines = *rc::gen::container<std::vector<std::string>>(
        rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab \r"))));
    const auto step = *rc::gen::inRange<std::size_t>(1, 9);
    std::string bytes;
    for (const auto& line : lines) bytes += line + "\n";
    std::vector<std::string> seen;
    const auto longest = std::max_element(lines.begin(), lines.end(),
                                          [](const auto& a, const auto& b) { return a.size() < b.size(); });
    LineSplitter splitter(lines.empty() || longest->empty() ? 1 : longest->size(),
                          [&](std::string_view line) { seen.emplace_back(line); });
    feed(splitter, bytes, step);
    splitter.finish();
    RC_ASSERT(seen == lines);
  });
}

TEST(LineSplitter, ALongLineComesInPartsAndTheRestAtTheEnd) {
  std::vector<std::string> seen;
  LineSplitter splitter(4, [&](std::string_view line) { seen.emplace_back(line); });
  splitter.feed("abcdefghij\nx");
  EXPECT_EQ(seen, (std::vector<std::string>{"abcd", "efgh", "ij"}));
  splitter.finish();
  EXPECT_EQ(seen.back(), "x");
}

}  // namespace
}  // namespace bgdeploy::engine
