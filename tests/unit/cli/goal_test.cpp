#include "cli/goal.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bgdeploy/cli/main.hpp"
#include "cli/commands.hpp"

namespace bgdeploy::cli {
namespace {

TEST(Output, IsAFileThatCanBeInAFolderThatIsThere) {
  char made[] = "/tmp/bgdeploy-goal-XXXXXX";
  ASSERT_NE(::mkdtemp(made), nullptr);
  const std::string folder = made;
  const auto told = [](const std::optional<std::string>& file) {
    const auto checked = check_output("--out", file);
    return checked ? "" : checked.error().message;
  };
  EXPECT_EQ(told(std::nullopt), "");
  EXPECT_EQ(told(folder + "/plan.json"), "");
  std::ofstream(folder + "/plan.json") << "{}";
  EXPECT_EQ(told(folder + "/plan.json"), "") << "it is replaced";
  EXPECT_EQ(told("-"), "--out takes a file, and - is not one") << "stdout is no place for it";
  EXPECT_EQ(told(""), "--out is empty: is the variable set?");
  EXPECT_EQ(told(folder + "/no/plan.json"), "--out: there is no folder " + folder + "/no");
  EXPECT_EQ(told(folder), "--out: " + folder + " is not a file");
  std::filesystem::remove_all(folder);
}

std::string text_of(const std::string& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

struct Printed {
  int code;
  std::string out, err;
};

template <class Call>
Printed printed(const Call& call) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int code = call();
  return {code, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
}

int main_of(std::vector<std::string> words) {
  words.insert(words.begin(), "bgdeploy");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  return main(static_cast<int>(words.size()), argv.data());
}

// A job has nothing else to look at.
TEST(Refusal, OnGitHubIsAnAnnotationASummaryAndOutputs) {
  char made[] = "/tmp/bgdeploy-goal-XXXXXX";
  ASSERT_NE(::mkdtemp(made), nullptr);
  const std::string folder = made;
  const std::string summary = folder + "/summary", outputs = folder + "/outputs";
  ::setenv("GITHUB_STEP_SUMMARY", summary.c_str(), 1);
  ::setenv("GITHUB_OUTPUT", outputs.c_str(), 1);
  using Words = std::vector<std::string>;
  const std::string gone = folder + "/gone.yml";
  for (const Words& words :
       {Words{"deploy", "--tag", "1"}, Words{"deploy", "--tag", "a/b"}, Words{"deploy"},
        Words{"deploy", "--tag", ""}, Words{"deploy", "--tga", "1"}, Words{"deploy", "--tag", "1", "--", "x"},
        Words{"plan", "--tag", "1"}, Words{"plan", "--tag", ""}, Words{"deploy", "--tag", "1", "--dry-run"},
        Words{"rollback", "--to", ""}, Words{"promote"}, Words{"abort"}}) {
    Words all = {"--progress", "github", "-f", gone};
    all.insert(all.end(), words.begin(), words.end());
    const auto refused = printed([&] { return main_of(all); });
    SCOPED_TRACE(testing::PrintToString(words));
    EXPECT_EQ(refused.code, 2);
    EXPECT_NE(refused.err.find("\n::error title="), std::string::npos) << refused.err;
    EXPECT_NE(text_of(summary).find("nothing was changed"), std::string::npos) << text_of(summary);
    EXPECT_TRUE(text_of(outputs).starts_with("result=failed\n")) << text_of(outputs);
    EXPECT_EQ(refused.out, "");
    std::filesystem::remove(summary);
    std::filesystem::remove(outputs);
  }
  ::unsetenv("GITHUB_STEP_SUMMARY");
  ::unsetenv("GITHUB_OUTPUT");
  std::filesystem::remove_all(folder);
}

TEST(Refusal, IsADocumentOfEveryCommandThatPrintsJson) {
  for (const Command& command : commands()) {
    if (!is_shown(command) || !command.no_json.empty()) continue;
    for (const bool known : {true, false}) {
      std::vector<std::string> words = {"-f", "/nowhere/gone.yml", command.name, "-o", "json"};
      if (command.name == "lock") words.insert(words.end(), {"-m", "x"});
      if (command.name == "deploy" || command.name == "plan") words.insert(words.end(), {"--tag", "1"});
      if (!known) words.emplace_back("--nonsense");
      const auto refused = printed([&] { return main_of(words); });
      EXPECT_EQ(refused.code, 2) << command.name;
      const auto document = nlohmann::json::parse(refused.out, nullptr, false);
      ASSERT_TRUE(document.is_object()) << command.name << ": " << refused.out;
      EXPECT_EQ(document["error"]["kind"], "usage") << command.name;
      EXPECT_NE(refused.err.find(known ? "gone.yml does not exist" : "unknown option --nonsense"),
                std::string::npos)
          << command.name << ": " << refused.err;
      EXPECT_EQ(document.contains("event"), command.tells_interruption) << command.name;
    }
  }
}

}  // namespace
}  // namespace bgdeploy::cli
