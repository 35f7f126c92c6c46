// What every script keeps to, whatever shell runs it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>

#include "proxy/scripts.hpp"

namespace bgdeploy::proxy {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Names = std::set<std::string>;

const std::map<std::string, std::string> k_all = {{"observe", std::string(scripts::k_observe)},
                                                  {"recover", std::string(scripts::k_recover)},
                                                  {"switch", std::string(scripts::k_switch)},
                                                  {"drain", std::string(scripts::k_drain)}};

Names matches(const std::string& text, const std::string& pattern) {
  Names found;
  const std::regex regex(pattern);
  for (std::sregex_iterator each(text.begin(), text.end(), regex), end; each != end; ++each)
    found.insert((*each)[1]);
  return found;
}

Names functions(const std::string& script) {
  return matches(script, "(?:^|\n)([a-z_0-9]+)\\(\\) ");
}

Names variables(const std::string& script) {
  Names found = matches(script, "\\b([a-z_0-9]+)=");
  found.merge(matches(script, "\\bfor ([a-z_0-9]+) in"));
  for (const auto& names : matches(script, "\\bread -r((?: [a-z_0-9]+)+)"))
    found.merge(matches(names, "([a-z_0-9]+)"));
  return found;
}

TEST(Scripts, HaveNoFunctionAndVariableOfOneName) {
  for (const auto& [name, script] : k_all) {
    SCOPED_TRACE(name);
    ASSERT_GT(functions(script).size(), 5);
    ASSERT_GT(variables(script).size(), 5);
    Names both;
    std::ranges::set_intersection(functions(script), variables(script), std::inserter(both, both.end()));
    EXPECT_THAT(both, IsEmpty());
  }
}

// They travel with every command.
TEST(Scripts, AreSentOnlyWhatTheyUse) {
  for (const auto& [name, script] : k_all) {
    const Names words = matches(script, "\\b([a-z_0-9]+)\\b(?!\\(\\))");
    for (const auto& function : functions(script))
      EXPECT_TRUE(words.contains(function)) << name << " never calls " << function;
  }
}

TEST(Scripts, UseEveryPart) {
  const fs::path folder = fs::path(BGDEPLOY_SOURCE_DIR) / "src/proxy/nginx/scripts";
  std::string sources;
  for (const auto& [name, script] : k_all) {
    std::ifstream file(folder / (name + ".sh"));
    sources.append(std::istreambuf_iterator<char>(file), {});
  }
  int parts = 0;
  for (const auto& part : fs::directory_iterator(folder / "parts")) {
    ++parts;
    EXPECT_THAT(sources, HasSubstr("\n. ./parts/" + part.path().filename().string() + "\n"));
  }
  EXPECT_GT(parts, 5);
}

TEST(Scripts, AreWhole) {
  for (const auto& [name, script] : k_all) EXPECT_EQ(script.find("./parts/"), std::string::npos) << name;
}

TEST(Scripts, TakeThePathOfProcFromTheirSettings) {
  for (const auto& [name, script] : k_all) EXPECT_EQ(script.find("/proc/"), std::string::npos) << name;
}

}  // namespace
}  // namespace bgdeploy::proxy
