#include "bgdeploy/ssh/login_shell.hpp"

#include <gmock/gmock.h>

namespace bgdeploy::ssh {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

TEST(LoginCommand, HoldsNothingThatShellsReadDifferently) {
  EXPECT_EQ(k_login_command.find_first_of("\\!\n\t{}()*?[]~#&|<>"), std::string_view::npos);
}

TEST(LoginLine, IsOneLine) {
  const std::vector<std::string> argv = {"sh", "-c", "one\ntwo 'three'\n", "\n"};
  const auto line = login_line(argv, make_mark());
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_THAT(line, HasSubstr(R"('one'"$n"'two '\''three'\'''"$n"'')"));
}

TEST(LoginLine, OfPlainWordsIsShort) {
  EXPECT_EQ(login_line(std::vector<std::string>{"docker", "version"}, "mark\n"),
            "trap : PIPE; echo mark; echo mark >&2; exec docker version\n");
}

TEST(LoginLine, RunsAScriptInTheShellThatReadsIt) {
  EXPECT_EQ(
      login_line(std::vector<std::string>{"sh", "-c", "echo $1", "name", "a b"}, "mark\n"),
      "trap : PIPE; echo mark; echo mark >&2; trap - PIPE; set -- 'a b'; eval 'unset line n; ''echo $1'\n");
}

TEST(Marks, AreNeverTheSame) {
  EXPECT_NE(make_mark(), make_mark());
  EXPECT_THAT(make_mark(), EndsWith("\n"));
}

TEST(Prefaces, EndWithTheMarkHoweverItIsCut) {
  const std::string text = "Welcome\nno newline mark\nmarkoutput mark\n";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    Preface preface("mark\n");
    const auto first = preface.take(std::string_view(text).substr(0, cut));
    EXPECT_EQ(first + preface.take(std::string_view(text).substr(cut)), "markoutput mark\n") << cut;
    EXPECT_TRUE(preface.over());
    EXPECT_EQ(preface.noise(), "Welcome\nno newline ");
  }
}

TEST(Prefaces, KeepTheEndOfMuchNoise) {
  Preface preface("mark\n");
  const std::string noise(100'000, 'x');
  for (int i = 0; i < 50; ++i) EXPECT_EQ(preface.take(noise), "");
  EXPECT_LT(preface.noise().size(), 200'000U);
  EXPECT_FALSE(preface.over());
  EXPECT_EQ(preface.take("mar"), "");
  EXPECT_EQ(preface.take("k\nout"), "out");
}

}  // namespace
}  // namespace bgdeploy::ssh
