// docs/spec.md is the reference. What it shows must load, and it must show every key: neither more nor less
// than the program knows.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/spec/schema.hpp"
#include "loading.hpp"

namespace bgdeploy::spec {
namespace {

std::string document() {
  std::ifstream file(std::string(BGDEPLOY_SOURCE_DIR) + "/docs/spec.md");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> yaml_blocks(const std::string& text) {
  std::vector<std::string> blocks;
  for (std::size_t at = 0; (at = text.find("```yaml\n", at)) != std::string::npos;) {
    at += 8;
    const std::size_t end = text.find("```", at);
    blocks.push_back(text.substr(at, end - at));
    at = end + 3;
  }
  return blocks;
}

const Variables k_variables{{"HOME", "/home/jo"}};

// Whether the word stands as a key somewhere in the block: at the start of a line or of a flow map's entry.
bool has_key(const std::string& block, const std::string& key) {
  for (std::size_t at = 0; (at = block.find(key + ":", at)) != std::string::npos; ++at) {
    if (at == 0 || std::string_view("\n {").find(block[at - 1]) != std::string_view::npos) return true;
  }
  return false;
}

bool is_reserved(const std::string& path) {
  const auto reserved = reserved_paths();
  return std::find(reserved.begin(), reserved.end(), path) != reserved.end() && path != "strategy";
}

TEST(ReferenceDoc, EveryExampleLoads) {
  const auto blocks = yaml_blocks(document());
  ASSERT_EQ(blocks.size(), 11U);
  for (const auto& block : blocks) must_load(block, k_variables);
  must_load(blocks[0], k_variables, "staging");
}

TEST(ReferenceDoc, ShowsEveryKeyOfTheSchema) {
  const auto blocks = yaml_blocks(document());
  std::string all;
  for (const auto& block : blocks) all += block;
  for (const auto& section : sections()) {
    for (const auto& key : section.keys) {
      const std::string path = section.path.empty() ? key : section.path + "." + key;
      if (is_reserved(path)) continue;
      EXPECT_TRUE(has_key(all, key)) << path << " is not in docs/spec.md";
    }
  }
}

// Removing a key from the schema makes its use in the document an unknown key, so EveryExampleLoads is the
// other direction. This one proves that the readers use what the schema knows: a wrong type is noticed.
TEST(ReferenceDoc, EveryShownKeyIsRead) {
  const std::string block = yaml_blocks(document())[0];
  std::size_t changed = 0;
  const auto lines = core::split_lines(block.substr(0, block.find("\nenvironments:")));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::size_t colon = lines[i].find(": ");
    const std::size_t begin = lines[i].find_first_not_of(" -");
    const std::string_view free[] = {"SPRING_PROFILES_ACTIVE", "SERVER_PORT"};
    if (colon == std::string::npos || begin > colon || lines[i].find('#') < colon) continue;
    const std::string key = lines[i].substr(begin, colon - begin);
    if (std::find(std::begin(free), std::end(free), key) != std::end(free)) continue;
    const std::string value(core::trim(lines[i].substr(colon + 1, lines[i].find(" #") - colon - 1)));
    if (value.empty() || value.starts_with('#')) continue;  // opens a block
    std::string text;
    for (std::size_t j = 0; j < lines.size(); ++j) {
      text += (j == i ? lines[i].substr(0, colon) + ": [[wrong]]" : lines[j]) + "\n";
    }
    EXPECT_FALSE(load_text(text, k_variables)) << "nobody reads " << lines[i];
    ++changed;
  }
  EXPECT_GT(changed, 70U);
}

TEST(ReferenceDoc, ListsWhatIsReserved) {
  const std::string text = document();
  const std::string section = text.substr(text.find("## Reserved"));
  for (const auto path : reserved_paths()) {
    EXPECT_NE(section.find("`" + std::string(path)), std::string::npos) << path;
  }
}

}  // namespace
}  // namespace bgdeploy::spec
