#include "bgdeploy/ssh/login_shell.hpp"

#include <gmock/gmock.h>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/io/child.hpp"

namespace bgdeploy::ssh {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

TEST(LoginCommand, HoldsNothingThatShellsReadDifferently) {
  EXPECT_EQ(k_login_command.find_first_of("\\!\n\t{}()*?[]~#&|<>"), std::string_view::npos);
}

TEST(LoginScript, OfPlainWordsIsShort) {
  EXPECT_EQ(login_script(std::vector<std::string>{"docker", "version"}, "mark\n"),
            "{ trap : PIPE; unset -v TMOUT; echo mark; echo mark >&2; exec docker version\nexit; }\n");
}

TEST(LoginScript, RunsAScriptInTheShellThatReadsIt) {
  EXPECT_EQ(login_script(std::vector<std::string>{"sh", "-c", "echo $1", "name", "a b"}, "mark\n"),
            "{ trap : PIPE; unset -v TMOUT; echo mark; echo mark >&2; trap - PIPE; set -- 'a b'\necho $1\nexit; }\n");
}

// What `shell` makes of a command and of the input that is sent once its mark has come.
io::Output told(const std::vector<std::string>& shell, const std::vector<std::string>& argv,
                const std::string& input) {
  const auto wait = core::Wait::for_at_most(std::chrono::seconds(20));
  const std::string mark = make_mark();
  const auto child = io::Child::start(shell, login_script(argv, mark), false).value();
  EXPECT_EQ(child->pipes()->read_line(wait).value(), std::string(core::trim(mark)));
  // What has ended already takes no input.
  (void)child->pipes()->write(input);
  (void)child->pipes()->close_input();
  return child->pipes()->finish(wait).value();
}

// Each may be a host's sh, and each reads its script in another way.
TEST(LoginScript, TakesNothingOfTheInput) {
  const std::string input = "one\necho no script\nexit 9\n" + std::string(20'000, 'x') + "\n";
  for (const auto& shell : std::vector<std::vector<std::string>>{
           {"dash"}, {"bash", "--posix"}, {"busybox", "sh"}, {"zsh", "--emulate", "sh"}}) {
    SCOPED_TRACE(shell.front());
    const std::string all = "exec 3<&0 </dev/null\nread -r first <&3\necho \"<$first>\"\n";
    const auto read = told(shell, {"sh", "-c", all + "cat <&3\n# " + std::string(20'000, '#')}, input);
    EXPECT_EQ(read.out, "<one>" + input.substr(3));
    EXPECT_EQ(read.exit_code, 0);
    EXPECT_EQ(told(shell, {"cat"}, input).out, input);
    const auto left = told(shell, {"sh", "-c", all + "(exit 7)"}, input);
    EXPECT_EQ(left.out, "<one>\n") << "what the command did not read is no script";
    EXPECT_EQ(left.exit_code, 7);
    EXPECT_EQ(told(shell, {"no-such-program"}, input).exit_code, 127);
  }
}

// The connection may break anywhere.
TEST(LoginScript, RunsWholeOrNotAtAll) {
  const std::string script = login_script(std::vector<std::string>{"sh", "-c", "echo 1\necho 2"}, "mark\n");
  for (std::size_t cut = 0; cut + 1 < script.size(); ++cut) {
    const auto child = io::Child::start({"dash"}, script.substr(0, cut), true).value();
    const auto wait = core::Wait::for_at_most(std::chrono::seconds(20));
    EXPECT_EQ(child->pipes()->finish(wait).value().out, "") << cut;
  }
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
