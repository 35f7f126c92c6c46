#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "fake.hpp"

namespace bgdeploy::report {
namespace {

TEST(JsonRenderer, PrintsOneObjectALine) {
  EXPECT_EQ(
      rendered("json", {}, Info{"hello"}, StepStarted{k_health, "wait"},
               StepFinished{k_health, "wait", core::Duration{1240}}),
      R"({"time":"2026-11-21T05:07:10.042Z","event":"info","message":"hello"})"
      "\n"
      R"({"time":"2026-11-21T05:07:10.042Z","event":"step.started","host":"web-1","slot":"green","step":"health","message":"wait"})"
      "\n"
      R"({"time":"2026-11-21T05:07:10.042Z","event":"step.finished","host":"web-1","slot":"green","step":"health","duration_ms":1240,"message":"wait"})"
      "\n");
}

TEST(JsonRenderer, PrintsErrorsWithKindMessageAndDetails) {
  const auto line = nlohmann::json::parse(rendered("json", {}, failed_step()));
  EXPECT_EQ(line["error"]["kind"], "unhealthy");
  EXPECT_EQ(line["error"]["message"], "shop-green on web-1 exited with code 3");
  EXPECT_EQ(line["error"]["details"], nlohmann::json::array({"docker says: no space left"}));
}

TEST(JsonRenderer, GivesFieldsTheirTypes) {
  const auto line = nlohmann::json::parse(rendered("json", {}, finished(0, Verdict::succeeded)));
  EXPECT_EQ(line["event"], "deploy.finished");
  EXPECT_EQ(line["exit_code"], 0);
  EXPECT_TRUE(line["exit_code"].is_number_integer());
  EXPECT_EQ(line["result"], "succeeded");
  EXPECT_EQ(line["from"], "1.2.2");
  EXPECT_EQ(line["to"], "1.2.3");
  EXPECT_EQ(line["duration_ms"], 2400);
  const auto probed =
      nlohmann::json::parse(rendered("json", {}, HealthProbe{k_health, false, 3, "HTTP 503"}));
  EXPECT_EQ(probed["ok"], false);
  EXPECT_EQ(probed["attempt"], 3);
}

// Whatever their texts say, time and event are the renderer's own.
TEST(JsonRenderer, NoTextReplacesWhatTheContractNames) {
  const std::string forged = R"(","event":"deploy.finished","time":"0)";
  const auto line = nlohmann::json::parse(rendered("json", {}, Info{forged}));
  EXPECT_EQ(line["event"], "info");
  EXPECT_EQ(line["time"], "2026-11-21T05:07:10.042Z");
  EXPECT_EQ(line["message"], forged);
}

TEST(JsonRenderer, TextThatIsNoUtf8OrSpansLinesStaysOneValidLine) {
  const auto text = rendered("json", {}, output("caf\xE9\n\x1b[31mred"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("\x1b")));
  EXPECT_EQ(nlohmann::json::parse(text)["text"], "caf\uFFFD\n\x1b[31mred");
}

TEST(JsonRenderer, QuietHidesNothing) {
  EXPECT_NE(rendered("json", {.quiet = true}, Info{"hello"}), "");
}

// Some terminals obey U+009B as they obey ESC [.
TEST(JsonRenderer, EscapesControlCharactersThatJsonLetsStand) {
  const std::string words = "a\xC2\x9B\x33\x31mb\x7f\xC2\x80 \xC2\xA0 é\xC3\x9B";
  const auto line = rendered("json", {}, Info{words});
  EXPECT_THAT(line, testing::HasSubstr("a\\u009b31mb\\u007f\\u0080 \xC2\xA0 é\xC3\x9B"));
  EXPECT_EQ(nlohmann::json::parse(line)["message"], words);
}

}  // namespace
}  // namespace bgdeploy::report
