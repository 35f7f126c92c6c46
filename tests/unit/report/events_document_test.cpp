// docs/events.md is the reference of what programs read: its examples are printed by bgdeploy itself.
#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "every_event.hpp"
#include "fake.hpp"

namespace bgdeploy::report {
namespace {

struct Document {
  std::vector<std::string> examples;
  std::vector<std::string> misplaced;  // examples of another event than their heading names
};

Document read_document() {
  std::ifstream file(BGDEPLOY_SOURCE_DIR "/docs/events.md");
  Document document;
  std::string heading;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("#")) heading = line + ",";
    if (!line.starts_with("{")) continue;
    document.examples.push_back(line);
    const std::string event = nlohmann::json::parse(line)["event"];
    if (heading.find(" " + event + ",") == std::string::npos) document.misplaced.push_back(line);
  }
  return document;
}

TEST(EventsDocument, HasTheLineOfEachEventAsItIsPrinted) {
  const auto examples = read_document().examples;
  const auto events = every_event();
  ASSERT_EQ(examples.size(), events.size());
  for (std::size_t i = 0; i < events.size(); ++i)
    EXPECT_EQ(rendered("json", {}, events[i]), examples[i] + "\n");
}

TEST(EventsDocument, HasEveryKindOfEvent) {
  std::set<std::size_t> kinds;
  for (const Event& event : every_event()) kinds.insert(event.index());
  EXPECT_EQ(kinds.size(), std::variant_size_v<Event>);
}

TEST(EventsDocument, ShowsEachExampleBelowItsName) {
  EXPECT_THAT(read_document().misplaced, testing::IsEmpty());
}

}  // namespace
}  // namespace bgdeploy::report
