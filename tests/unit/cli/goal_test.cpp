#include "cli/goal.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

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
  EXPECT_EQ(told(""), "--out is empty: is the variable set?");
  EXPECT_EQ(told(folder + "/no/plan.json"), "--out: there is no folder " + folder + "/no");
  EXPECT_EQ(told(folder), "--out: " + folder + " is no file");
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace bgdeploy::cli
