#include "cli/usage.hpp"
#include "cli/commands.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace bgdeploy::cli {
namespace {

std::string told_of(const std::string& line) {
  std::vector<std::string> words;
  std::istringstream stream(line);
  for (std::string word; stream >> word;) words.push_back(word);
  const auto error = usage_error(words);
  return error ? error->message : "";
}

std::string next_of(const std::string& line) {
  std::vector<std::string> words;
  std::istringstream stream(line);
  for (std::string word; stream >> word;) words.push_back(word);
  const auto error = usage_error(words);
  return error ? error->next : "";
}

TEST(Usage, SaysWhatToTypeNext) {
  EXPECT_EQ(next_of("deploy --tga 1"), "bgdeploy deploy --help");
  EXPECT_EQ(next_of("--tga"), "bgdeploy --help");
  EXPECT_EQ(next_of("rolback"), "bgdeploy --help");
}

TEST(Usage, EveryCommandPrintsJsonAsTheSchemaSaysOrSaysWhyNot) {
  std::ifstream file(BGDEPLOY_SOURCE_DIR "/docs/output.schema.json");
  const auto schema = nlohmann::json::parse(file);
  for (const Command& command : commands()) {
    if (!is_shown(command)) continue;
    const bool has = std::ranges::any_of(
        command.options, [](const Option& option) { return option.names.starts_with("-o,"); });
    EXPECT_NE(has, !command.no_json.empty()) << command.name;
    EXPECT_EQ(has, schema["properties"].contains(command.name)) << command.name;
  }
}

TEST(Usage, SaysWhatToTypeInstead) {
  EXPECT_EQ(told_of("deploy --tga 1"), "unknown option --tga, did you mean --tag?");
  EXPECT_EQ(told_of("deploy --tga=1"), "unknown option --tga, did you mean --tag?");
  EXPECT_EQ(told_of("deploy 1.0"), "deploy takes no argument '1.0', did you mean --tag 1.0?");
  EXPECT_EQ(told_of("rollback 1.0"), "rollback takes no argument '1.0', did you mean --to 1.0?");
  EXPECT_EQ(told_of("logs blue"), "logs takes no argument 'blue', did you mean --slot blue?");
  EXPECT_EQ(told_of("config foo"), "config takes no argument 'foo'");
  EXPECT_EQ(told_of("exec ls"), "put -- before the command: bgdeploy exec -- ls");
  EXPECT_EQ(told_of("logs -f shop.yml"),
            "-f means --follow here; the spec goes before the command: bgdeploy -f shop.yml logs");
  EXPECT_EQ(told_of("exec -o json -- ls"), "exec has no -o: its stdout is the command's own");
  EXPECT_EQ(told_of("rolback"), "unknown command 'rolback', did you mean 'rollback'?");
  EXPECT_EQ(told_of("xyzzy"), "unknown command 'xyzzy'");
}

TEST(Usage, NamesTheOptionThatLacksItsValueOrHasAWrongOne) {
  EXPECT_EQ(told_of("deploy --tag"), "--tag needs a value");
  EXPECT_EQ(told_of("deploy --tag --force"), "--tag needs a value");
  EXPECT_EQ(told_of("logs -n abc"), "-n needs a number, or all, not 'abc'");
  EXPECT_EQ(told_of("logs --tail="), "--tail needs a number, or all, not ''");
  EXPECT_EQ(told_of("logs -n -1"), "");
  EXPECT_EQ(told_of("status -o yaml"), "-o is one of text, json, not 'yaml'");
  EXPECT_EQ(told_of("lock"), "lock needs --message TEXT: Why; deploys quote it");
  EXPECT_EQ(told_of("deploy --tag="), "--tag is empty: is the variable set?");
  EXPECT_EQ(told_of("-o json deploy"), "-o belongs to a command: write it after the command");
  EXPECT_EQ(told_of("status --slot blue"), "status has no option --slot, which is one of logs, exec");
  EXPECT_EQ(told_of("--verison"), "unknown option --verison, did you mean --version?");
  EXPECT_EQ(told_of("deploy -t 1.0"), "unknown option -t, did you mean --tag?");
  EXPECT_EQ(told_of("-x"), "unknown option -x");
  EXPECT_EQ(told_of("deploy --tag 1 2"), "deploy takes no argument '2'");
  EXPECT_EQ(told_of("deploy tag 1.0"), "deploy takes no argument 'tag', did you mean --tag?");
  EXPECT_EQ(told_of("validate a.yml"), "validate takes no argument 'a.yml', did you mean -f a.yml?");
  EXPECT_EQ(told_of("logs 100"), "logs takes no argument '100', did you mean -n 100?");
  EXPECT_EQ(told_of("undo"), "unknown command 'undo', did you mean 'rollback'?");
  EXPECT_EQ(told_of("plan 1.0"), "plan takes no argument '1.0', did you mean --tag 1.0?");
  EXPECT_EQ(told_of("run ls"), "put -- before the command: bgdeploy run -- ls");
  EXPECT_EQ(told_of("deploy --progres json"), "unknown option --progres, did you mean --progress?");
  EXPECT_EQ(told_of("deploy --tag 1 --digest sha256:0"),
            "--tag and --digest exclude each other: give one of them");
  EXPECT_EQ(told_of("logs --failed --slot blue"), "--failed and --slot exclude each other: give one of them");
  EXPECT_EQ(told_of("logs --failed -f"), "--failed and --follow exclude each other: give one of them");
  EXPECT_EQ(told_of("-f a.yml -f b.yml status"), "--file is given twice");
  EXPECT_EQ(told_of("-v -v status"), "");
}

TEST(Usage, FindsNothingWrongWithWhatIsRight) {
  for (const char* line :
       {"", "deploy --tag 1.2.3", "-f a.yml -e staging status -o json", "deploy --tag=1 -q",
        "-qf a.yml status", "logs -n5 -f", "--help", "deploy --help", "-V"})
    EXPECT_EQ(told_of(line), "") << line;
}

TEST(Usage, PrintsNoEscapeSequences) {
  EXPECT_EQ(told_of("deploy \x1b[2J").find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace bgdeploy::cli
