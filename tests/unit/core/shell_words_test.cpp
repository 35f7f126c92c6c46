#include "bgdeploy/core/shell_words.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <string>
#include <vector>

namespace bgdeploy::core {
namespace {

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

}  // namespace
}  // namespace bgdeploy::core
