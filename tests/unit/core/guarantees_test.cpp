// docs/guarantees.md against the tests: each guarantee has one that tries to break it, and each that is named
// exists.
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <set>
#include <string>

namespace bgdeploy {
namespace {

const std::string k_root = BGDEPLOY_SOURCE_DIR;

std::string slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// "Suite.Name" of every test of a source file.
std::set<std::string> tests_in(const std::string& source) {
  static const std::regex k_test(R"((?:^|\n)[A-Z][A-Z_]*\(\s*(\w+),\s*(\w+)\s*[,)])");
  std::set<std::string> found;
  for (auto at = std::sregex_iterator(source.begin(), source.end(), k_test); at != std::sregex_iterator();
       ++at)
    found.insert((*at)[1].str() + "." + (*at)[2].str());
  return found;
}

TEST(Guarantees, AreTenAndEveryTestThatIsNamedExists) {
  std::ifstream document(k_root + "/docs/guarantees.md");
  const std::regex k_guarantee(R"(^\| \*\*(\d+)\. )"), k_word("`([^`]+)`");
  std::set<std::string> guarantees;
  for (std::string line; std::getline(document, line);) {
    if (!line.starts_with("| ") || line.starts_with("| guarantee")) continue;
    std::smatch number;
    if (std::regex_search(line, number, k_guarantee)) guarantees.insert(number[1]);
    const auto last = line.substr(line.rfind('|', line.size() - 2));
    std::string path;
    std::set<std::string> there;
    int named = 0;
    for (auto at = std::sregex_iterator(last.begin(), last.end(), k_word); at != std::sregex_iterator();
         ++at) {
      const auto word = (*at)[1].str();
      if (word.find('/') != std::string::npos) {
        path = "tests/" + word + ".cpp";
        there = tests_in(slurp(k_root + "/" + path));
        EXPECT_FALSE(there.empty()) << path << " holds no test";
      } else {
        ++named;
        EXPECT_TRUE(there.contains(word)) << path << " has no " << word;
      }
    }
    EXPECT_GT(named, 0) << "no test: " << line;
  }
  EXPECT_EQ(guarantees.size(), 10U);
}

}  // namespace
}  // namespace bgdeploy
