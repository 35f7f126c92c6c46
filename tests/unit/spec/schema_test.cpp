// docs/bgdeploy.schema.json is what `bgdeploy schema` prints. tests/lint/schema.py validates specs against
// it.
#include "bgdeploy/spec/schema.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace bgdeploy::spec {
namespace {

using Json = nlohmann::json;

Json schema() {
  return Json::parse(json_schema());
}

TEST(Schema, IsPublishedAsItIsPrinted) {
  std::ifstream file(std::string(BGDEPLOY_SOURCE_DIR) + "/docs/bgdeploy.schema.json");
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_TRUE(text.str() == json_schema())
      << "docs/bgdeploy.schema.json is old: bgdeploy schema > docs/bgdeploy.schema.json";
}

TEST(Schema, TakesDefaultsFromTheSpecItself) {
  const Json whole = schema();
  EXPECT_EQ(whole["properties"]["parallel"]["default"], 32);
  EXPECT_EQ(whole["properties"]["retire"]["default"], "stop");
  const Json& health = whole["$defs"]["health"]["properties"];
  EXPECT_EQ(health["interval"]["default"], "500ms");
  EXPECT_EQ(health["via"]["default"], "host");
  EXPECT_EQ(whole["$defs"]["health.http"]["properties"]["status"]["default"], "200-299");
  EXPECT_EQ(whole["$defs"]["proxy.nginx"]["properties"]["reload"]["default"],
            Json::parse(R"(["nginx","-s","reload"])"));
  EXPECT_EQ(whole["$defs"]["ssh"]["properties"]["sudo"]["default"], false);
  EXPECT_FALSE(whole["$defs"]["docker"]["properties"]["mem_limit"].contains("default"));
}

TEST(Schema, DoesNotKnowWhatIsPlanned) {
  const Json whole = schema();
  EXPECT_EQ(whole["properties"]["strategy"]["anyOf"][0]["enum"], Json::parse(R"(["blue_green"])"));
}

TEST(Schema, RequiresNothingOfAnEnvironment) {
  const Json whole = schema();
  const Json& environment = whole["$defs"]["environment"];
  EXPECT_FALSE(environment.contains("required"));
  EXPECT_FALSE(environment["properties"].contains("environments"));
  EXPECT_EQ(environment["properties"]["health"]["anyOf"],
            Json::parse(R"([{"$ref": "#/$defs/environment.health"}, {"type": "null"}])"));
  EXPECT_FALSE(whole["$defs"]["environment.health"].contains("oneOf"));
  // Lists are replaced, so their items are whole.
  EXPECT_EQ(whole["$defs"]["hosts.app"]["required"], Json::parse(R"(["host"])"));
}

void expect_documented(const Json& section, const std::string& name) {
  EXPECT_EQ(section["additionalProperties"], false) << name;
  for (const auto& [key, property] : section["properties"].items()) {
    const bool elsewhere = name.starts_with("environment") && property["anyOf"][0].contains("$ref");
    EXPECT_TRUE(elsewhere || !property.value("description", "").empty()) << name << "." << key;
  }
}

TEST(Schema, ClosesAndDescribesEverySection) {
  const Json whole = schema();
  expect_documented(whole, "");
  EXPECT_GT(whole["$defs"].size(), 40U);
  for (const auto& [name, section] : whole["$defs"].items()) expect_documented(section, name);
}

}  // namespace
}  // namespace bgdeploy::spec
