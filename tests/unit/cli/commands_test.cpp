#include "cli/commands.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/parse.hpp"

namespace bgdeploy::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

std::expected<Invocation, int> parsed(std::vector<std::string> words) {
  words.insert(words.begin(), "bgdeploy");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  return parse(static_cast<int>(argv.size()), argv.data());
}

TEST(Commands, EachHasHelpWithItsExamples) {
  for (const Command& command : commands()) {
    if (command.run == nullptr || command.hidden) continue;
    EXPECT_FALSE(command.examples.empty()) << command.name;
    testing::internal::CaptureStdout();
    const auto shown = parsed({command.name, "--help"});
    const std::string help = testing::internal::GetCapturedStdout();
    ASSERT_FALSE(shown) << command.name;
    EXPECT_EQ(shown.error(), 0);
    EXPECT_THAT(help, StartsWith(command.help.substr(0, command.help.find(' '))));
    for (const std::string& example : command.examples) EXPECT_THAT(help, HasSubstr(example));
    for (const Option& option : command.options) EXPECT_FALSE(option.help.empty()) << option.names;
  }
}

TEST(Commands, AnExampleIsACommandLineThatCanBeRead) {
  for (const Command& command : commands())
    for (const std::string& example : command.examples) {
      if (example.find('"') != std::string::npos) continue;  // for a shell to take apart
      std::vector<std::string> words;
      std::istringstream stream(example);
      for (std::string word; stream >> word && word != ">";) words.push_back(word);
      ASSERT_EQ(words.front(), "bgdeploy");
      const auto invocation = parsed({words.begin() + 1, words.end()});
      ASSERT_TRUE(invocation) << example;
      EXPECT_EQ(invocation->command->name, command.name);
    }
}

TEST(Commands, AFlagTakesNoValue) {
  for (const char* word : {"--dry-run=false", "--hold=banana", "--force="}) {
    testing::internal::CaptureStderr();
    const auto invocation = parsed({"deploy", "--tag", "1", word});
    EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr(" takes no value"));
    ASSERT_FALSE(invocation) << word;
    EXPECT_EQ(invocation.error(), 2);
  }
}

TEST(Commands, OptionsFillTheirArguments) {
  const auto invocation = parsed({"-f", "a.yml", "deploy", "--tag", "1.0", "--force", "-e", "staging"});
  ASSERT_TRUE(invocation);
  EXPECT_EQ(invocation->command->name, "deploy");
  EXPECT_EQ(invocation->arguments.file, "a.yml");
  EXPECT_EQ(invocation->arguments.environment, "staging");
  EXPECT_EQ(invocation->arguments.tag, "1.0");
  EXPECT_TRUE(invocation->arguments.force);
  EXPECT_EQ(invocation->arguments.tail, std::nullopt);
  EXPECT_EQ(invocation->arguments.to, std::nullopt);
}

TEST(Commands, AnEmptyValueIsAValue) {
  const auto invocation = parsed({"rollback", "--to", ""});
  ASSERT_TRUE(invocation);
  EXPECT_EQ(invocation->arguments.to, "");
}

TEST(Commands, WordsAfterTwoDashesArriveAsTheyAre) {
  const auto invocation = parsed({"exec", "--slot", "blue", "--", "[a]", "--", "-n"});
  ASSERT_TRUE(invocation);
  EXPECT_THAT(invocation->arguments.words, ElementsAre("[a]", "--", "-n"));
  EXPECT_EQ(parsed({"status", "--", "x"}).error(), 2);
}

TEST(Commands, WhatDoesNotSayWhatToDeployIsToBeTypedAgainWithATag) {
  using Words = std::vector<std::string>;
  const std::pair<Words, std::string> cases[] = {
      {{"plan"}, "bgdeploy plan --tag TAG"},
      {{"deploy", "--dry-run"}, "bgdeploy deploy --dry-run --tag TAG"},
      {{"deploy"}, "bgdeploy deploy --tag TAG"},
  };
  for (const auto& [words, next] : cases) {
    const auto invocation = parsed(words);
    ASSERT_TRUE(invocation);
    testing::internal::CaptureStderr();
    EXPECT_EQ(invocation->command->run(invocation->arguments), 2);
    EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("next: " + next + "\n"));
  }
}

TEST(Commands, HelpIsAWordToo) {
  const auto shown = [](const std::vector<std::string>& words) {
    testing::internal::CaptureStdout();
    const auto asked = parsed(words);
    const std::string text = testing::internal::GetCapturedStdout();
    return asked || asked.error() != 0 ? "" : text;
  };
  const std::string of_program = shown({"--help"}), of_deploy = shown({"deploy", "--help"});
  EXPECT_THAT(of_deploy, HasSubstr("--tag"));
  EXPECT_EQ(shown({"help"}), of_program);
  EXPECT_EQ(shown({"help", "deploy"}), of_deploy);
  EXPECT_EQ(shown({"-q", "-f", "help", "help", "deploy"}), of_deploy);
  EXPECT_EQ(shown({"--progress=plain", "help"}), of_program);
}

TEST(Commands, ANumberMayBeAll) {
  const auto logs = parsed({"logs", "--tail", "all"});
  ASSERT_TRUE(logs);
  EXPECT_EQ(logs->arguments.tail, -1);
  const auto history = parsed({"history", "-n", "0"});
  ASSERT_TRUE(history);
  EXPECT_EQ(history->arguments.entries, 0);
}

TEST(Commands, AQuietConfigIsStillJsonWhereThatIsAsked) {
  const std::string file = testing::TempDir() + "bgdeploy-quiet.yml";
  std::ofstream(file) << "service: app\nimage: example/app\nhosts: {app: [local]}\n"
                         "slots: {blue: 8081, green: 8082}\nproxy: none\nhealth: {tcp: true}\n";
  const auto printed = [&](std::vector<std::string> words) {
    words.insert(words.end(), {"-f", file, "--offline"});
    const auto invocation = parsed(words);
    if (!invocation) return std::string();
    testing::internal::CaptureStdout();
    EXPECT_EQ(invocation->command->run(invocation->arguments), 0);
    return testing::internal::GetCapturedStdout();
  };
  const std::string json = printed({"config", "-q", "-o", "json"});
  EXPECT_EQ(nlohmann::json::parse(json, nullptr, false).value("service", ""), "app") << json;
  EXPECT_EQ(json, printed({"config", "-o", "json"}));
  EXPECT_THAT(printed({"config", "-q"}), HasSubstr(": ok ("));
  std::filesystem::remove(file);
}

TEST(Commands, WhatMakesNoSenseIsExitTwo) {
  using Words = std::vector<std::string>;
  for (const Words& words :
       {Words{}, Words{"depoly"}, Words{"deploy", "--tag", "1", "--digest", "2"}, Words{"-q", "-v", "status"},
        Words{"status", "-o", "yaml"}, Words{"lock"}, Words{"logs", "-n", "x"}, Words{"deploy", "--report"},
        Words{"--to", "1", "status"}, Words{"help", "depoly"}, Words{"-q", "help", "depoly"},
        Words{"deploy", "--tag", ""}, Words{"-e", "", "status"}, Words{"-f", "", "status"},
        Words{"lock", "-m", ""}}) {
    testing::internal::CaptureStderr();
    const auto refused = parsed(words);
    EXPECT_NE(testing::internal::GetCapturedStderr(), "");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), 2);
  }
}

}  // namespace
}  // namespace bgdeploy::cli
