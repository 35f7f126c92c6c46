#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/printable_json.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace bgdeploy::core {
namespace {

TEST(Printable, CommandsOfCiSystemsStayText) {
  EXPECT_EQ(printable("a ##[error]b ##vso[task.setvariable]c"),
            "a #\\x23[error]b #\\x23vso[task.setvariable]c");
  EXPECT_EQ(printable("###[x"), "##\\x23[x");
  EXPECT_EQ(printable("::error::a"), "\\x3a:error::a");
  EXPECT_EQ(printable("  ::error::a"), "  \\x3a:error::a");
  EXPECT_EQ(printable("a\n::error::b", true), "a\n\\x3a:error::b");
  EXPECT_EQ(printable("a ::error::b, ::1"), "a ::error::b, ::1");
  EXPECT_EQ(printable("::1"), "::1");
}

TEST(Printable, DisarmsControlCharacters) {
  EXPECT_EQ(printable("\x1b[31mred\a"), "\\x1b[31mred\\x07");
  EXPECT_EQ(printable("a\tb\nc\r"), "a\tb\\x0ac\\x0d");
  EXPECT_EQ(printable("a\nb", true), "a\nb");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(printable("\x7f"), "\\x7f");
  EXPECT_EQ(printable("a\u202Eb\u2066c\u200F"), "a\\u202eb\\u2066c\\u200f");
  EXPECT_EQ(printable("\xC2\x9B"
                      "2J"),
            "\\x9b2J");
  EXPECT_EQ(printable("Grüße, 안녕 🙂"), "Grüße, 안녕 🙂");
}

TEST(PrintableJson, EscapesWhatATerminalOrACiSystemObeys) {
  EXPECT_EQ(printable_json("{\"a\": \"x\x7f\xC2\x9B\xE2\x80\xAE ##[error]y\", \"b\": \"\xC3\xA9\"}"),
            "{\"a\": \"x\\u007f\\u009b\\u202e #\\u0023[error]y\", \"b\": \"\xC3\xA9\"}");
  EXPECT_EQ(printable_json("\xFF"), "\xFF");
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

}  // namespace
}  // namespace bgdeploy::core
