#include "bgdeploy/core/text.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>

namespace bgdeploy::core {
namespace {

using namespace std::chrono_literals;

// What /bin/sh makes of a command line: the words it hands to a program, each ended by a NUL.
std::vector<std::string> words_of_shell(const std::string& line) {
  const std::string command = "printf '%s\\0' " + line;
  FILE* pipe = popen(command.c_str(), "r");
  std::string out;
  std::array<char, 4096> buffer{};
  for (std::size_t n = 0; (n = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    out.append(buffer.data(), n);
  EXPECT_EQ(pclose(pipe), 0);
  std::vector<std::string> words;
  for (std::size_t at = 0; at < out.size();) {
    const std::size_t end = out.find('\0', at);
    words.push_back(out.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

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

TEST(ShellQuote, LeavesPlainWordsAndQuotesTheRest) {
  EXPECT_EQ(shell_quote("nginx"), "nginx");
  EXPECT_EQ(shell_quote("/etc/nginx/a-b_c.conf"), "/etc/nginx/a-b_c.conf");
  EXPECT_EQ(shell_quote(""), "''");
  EXPECT_EQ(shell_quote("a b"), "'a b'");
  EXPECT_EQ(shell_quote("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_quote("$(id)"), "'$(id)'");
  EXPECT_EQ(shell_quote("A=b"), "'A=b'");
  EXPECT_EQ(shell_quote("~"), "'~'");
  EXPECT_EQ(shell_quote("then"), "'then'");
}

TEST(ShellQuote, JoinsWithBlanks) {
  const std::vector<std::string> argv{"sh", "-c", "echo 'x'", ""};
  EXPECT_EQ(shell_join(argv), "sh -c 'echo '\\''x'\\''' ''");
  EXPECT_EQ(shell_join({}), "");
}

TEST(ShellQuote, TheShellReadsBackEveryByteButNul) {
  std::vector<std::string> argv;
  for (int c = 1; c < 256; ++c) {
    argv.emplace_back(1, static_cast<char>(c));
    argv.push_back("x" + std::string(2, static_cast<char>(c)) + "'y");
  }
  for (const auto* word :
       {"-n", "--", "!", "{", "}", "if", "`id`", "\\", "\\\\'", "a\nb", "*", "?", "#x", "~root"}) {
    argv.emplace_back(word);
  }
  EXPECT_EQ(words_of_shell(shell_join(argv)), argv);
}

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

TEST(Printable, DisarmsControlCharacters) {
  EXPECT_EQ(printable("\x1b[31mred\a"), "\\x1b[31mred\\x07");
  EXPECT_EQ(printable("a\tb\nc\r"), "a\tb\\x0ac\\x0d");
  EXPECT_EQ(printable("a\nb", true), "a\nb");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(printable("\x7f"), "\\x7f");
  EXPECT_EQ(printable("\xC2\x9B"
                      "2J"),
            "\\x9b2J");
  EXPECT_EQ(printable("Grüße, 안녕 🙂"), "Grüße, 안녕 🙂");
}

TEST(Printable, ReplacesInvalidUtf8) {
  EXPECT_EQ(printable("a\xFFz"), "a\uFFFDz");
  EXPECT_EQ(printable("\xC0\xAF"), "\uFFFD\uFFFD");
  EXPECT_EQ(printable("\xE2\x82"), "\uFFFD\uFFFD");
  EXPECT_EQ(printable("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(printable("\xF4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");
}

RC_GTEST_PROP(Printable, IsIdempotent, (const std::string& text)) {
  RC_ASSERT(printable(printable(text)) == printable(text));
}

TEST(Lines, SplitAtNewlinesOfEitherKind) {
  EXPECT_EQ(split_lines("a\nb\r\n\nc"), (std::vector<std::string>{"a", "b", "", "c"}));
  EXPECT_EQ(split_lines("a\n"), std::vector<std::string>{"a"});
  EXPECT_TRUE(split_lines("").empty());
}

TEST(Trim, TakesBlanksOffBothEnds) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim(" \n"), "");
}

TEST(Nearest, FindsSlipsAndNothingFarther) {
  const std::vector<std::string> keys{"image", "service", "hosts", "container_port", "env"};
  EXPECT_EQ(nearest("imgae", keys), "image");
  EXPECT_EQ(nearest("Image", keys), "image");
  EXPECT_EQ(nearest("host", keys), "hosts");
  EXPECT_EQ(nearest("containerPort", keys), "container_port");
  EXPECT_EQ(nearest("env1", keys), "env");
  EXPECT_EQ(nearest("volumes", keys), std::nullopt);
  EXPECT_EQ(nearest("x", keys), std::nullopt);
  EXPECT_EQ(nearest("", keys), std::nullopt);
  EXPECT_EQ(nearest(std::string(100'000, 'i'), keys), std::nullopt);
}

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

RC_GTEST_PROP(Time, RoundTrips, ()) {
  const SystemTime time{Duration{*rc::gen::inRange<std::int64_t>(0, 9'000'000'000'000)}};
  RC_ASSERT(parse_time(format_time(time, true)) == time);
}

}  // namespace
}  // namespace bgdeploy::core
