// docs/spec.md and docs/compose.md are the reference. What they show must load, and they must show every key: neither
// more nor less than the program knows.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>

#include "bgdeploy/core/text.hpp"
#include "loading.hpp"
#include "spec/keys.hpp"

namespace bgdeploy::spec {
namespace {

std::string document() {
  std::ostringstream text;
  for (const char* page : {"/docs/spec.md", "/docs/compose.md"}) {
    text << std::ifstream(std::string(BGDEPLOY_SOURCE_DIR) + page).rdbuf();
  }
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

// Every key of the table, once for each place where it may stand.
using Visit = std::function<void(const std::string& path, const Key& key)>;
void visit_keys(const Section& section, const Visit& visit);

void visit_shape(const Shape& shape, const Visit& visit) {
  for (const Form& form : shape) {
    visit_shape(form.inside, visit);
    if (form.section != nullptr && &form.section() != &overlay_keys()) visit_keys(form.section(), visit);
  }
}

void visit_keys(const Section& section, const Visit& visit) {
  for (const Key& key : section.keys) {
    visit(section.path.empty() ? key.name : section.path + "." + key.name, key);
    visit_shape(key.shape, visit);
  }
}

TEST(ReferenceDoc, EveryExampleLoads) {
  const auto blocks = yaml_blocks(document());
  ASSERT_EQ(blocks.size(), 12U);
  for (const auto& block : blocks) must_load(block, k_variables);
  must_load(blocks[0], k_variables, "staging");
}

TEST(ReferenceDoc, ShowsEveryKeyOfTheSchema) {
  const auto blocks = yaml_blocks(document());
  std::string all;
  for (const auto& block : blocks) all += block;
  std::size_t shown = 0;
  visit_keys(root_keys(), [&](const std::string& path, const Key& key) {
    if (key.planned) return;
    EXPECT_TRUE(has_key(all, key.name)) << path << " is in neither page";
    ++shown;
  });
  EXPECT_GT(shown, 130U);
}

// One line each, for an editor's window.
TEST(ReferenceDoc, EveryKeyHasALineOfDocumentation) {
  visit_keys(root_keys(), [&](const std::string& path, const Key& key) {
    if (key.planned) return;
    EXPECT_TRUE(key.doc.ends_with('.')) << path << ": " << key.doc;
    EXPECT_EQ(key.doc.find('\n'), std::string::npos) << path;
    EXPECT_FALSE(key.shape.empty()) << path;
  });
}

// The line of a key in the document, and the lines above it down to its section.
bool is_marked_per_slot(const std::string& document, const std::string& key) {
  for (const std::string& line : core::split_lines(document)) {
    const std::size_t dagger = line.find("#");
    if (dagger == std::string::npos || line.find("†", dagger) == std::string::npos) continue;
    const std::size_t at = line.find(key + ":");
    if (at < dagger && (at == 0 || line[at - 1] == ' ')) return true;
  }
  return false;
}

TEST(ReferenceDoc, MarksWhatIsReplacedForEachSlot) {
  const std::string text = document();
  visit_keys(root_keys(), [&](const std::string& path, const Key& key) {
    // In the long form of a volume the line of `volumes` says so.
    if (key.per_slot && !path.starts_with("docker.volumes[]")) {
      EXPECT_TRUE(is_marked_per_slot(text, key.name)) << path << " has no † in the reference";
    }
  });
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
  std::size_t planned = 0;
  visit_keys(root_keys(), [&](const std::string& path, const Key& key) {
    const bool reserved = key.planned || path == "strategy";
    EXPECT_TRUE(!reserved || section.find("`" + path) != std::string::npos) << path;
    planned += reserved ? 1 : 0;
  });
  EXPECT_EQ(planned, 1U);
}

}  // namespace
}  // namespace bgdeploy::spec
