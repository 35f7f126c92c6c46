// What a plan shows and how long it holds, and a way back whose secrets have gone.
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "scenario.hpp"

namespace e2e {
namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class Plan : public Scenario {
protected:
  void SetUp() override {
    Scenario::SetUp();
    for (const char* tag : {"1.0", "1.1"}) lab().image(tag);
  }
  void put(const std::string& name, const std::string& text) const {
    std::ofstream(workspace() + "/" + name) << text;
  }
  std::string get(const std::string& name) const {
    std::ifstream file(workspace() + "/" + name);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static Sections with(const std::string& level, const std::string& secrets, const std::string& retire) {
    return {{"docker", "docker: {container_port: 8080, stop_grace_period: 10s, environment: {LOG_LEVEL: " +
                           level + "}}"},
            {"secrets", "secrets: {" + secrets + "}"},
            {"retire", "retire: " + retire}};
  }
  std::string env(const std::string& name) const { return lab().get("/env?name=" + name).body; }
  void expect_refused(const Words& command, const Words& words) const {
    const auto before = world();
    const auto refused = bgdeploy(command);
    EXPECT_EQ(refused.exit_code, 2) << refused;
    for (const auto& each : words) EXPECT_TRUE(has(refused.err, each)) << each << refused;
    EXPECT_EQ(world(), before) << refused;
  }
};

TEST_F(Plan, ShowsTheDifferenceOfConfigurationAndNoSecret) {
  put("token", "t0ken-of-the-file");
  set_environment("TOKEN", "t0ken-of-the-variable");
  write_spec(with("info", "TOKEN: {file: token}", "stop"));
  deploy_well("1.0");
  EXPECT_EQ(bgdeploy({"plan", "--tag", "1.0", "--exit-code"}).exit_code, 0);
  write_spec(with("debug", "TOKEN: {env: TOKEN}", "stop"));
  const auto plan = bgdeploy({"plan", "--tag", "1.0", "--exit-code"});
  EXPECT_EQ(plan.exit_code, 10) << plan;
  EXPECT_TRUE(has(plan.out, R"(docker.environment.LOG_LEVEL: "info" → "debug")")) << plan;
  EXPECT_TRUE(has(plan.out, "secrets.TOKEN: changed source")) << plan;
  EXPECT_FALSE(has(plan.both(), "t0ken")) << plan;
  const auto dry = bgdeploy({"deploy", "--tag", "1.0", "--dry-run", "--exit-code", "-o", "json"});
  EXPECT_EQ(dry.exit_code, 10) << dry;
  const auto changes = nlohmann::json::parse(dry.out, nullptr, false).value("changes", nlohmann::json());
  ASSERT_GE(changes.size(), 2U) << dry;
  EXPECT_EQ(
      changes[0],
      (nlohmann::json{{"key", "docker.environment.LOG_LEVEL"}, {"before", "info"}, {"after", "debug"}}));
  EXPECT_FALSE(has(lab().sh("cat ~/.local/state/bgdeploy/shop.jsonl"), "t0ken"));
}

TEST_F(Plan, ThatWasKeptIsCarriedOutOnlyWhileItHolds) {
  set_environment("TOKEN", "t0ken-of-the-variable");
  const auto sections = with("info", "TOKEN: {env: TOKEN}", "stop");
  write_spec(sections);
  deploy_well("1.0");
  const auto keep = [&](const std::string& tag) {
    const auto kept = bgdeploy({"plan", "--tag", tag, "--out", "plan.json"});
    EXPECT_EQ(kept.exit_code, 0) << kept;
  };
  keep("1.1");
  struct stat status {};
  ASSERT_EQ(::stat((workspace() + "/plan.json").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  EXPECT_FALSE(has(get("plan.json"), "t0ken"));
  const Words apply{"deploy", "--plan", "plan.json"};

  write_spec(with("debug", "TOKEN: {env: TOKEN}", "stop"));
  expect_refused(apply,
                 {"the plan does not hold any more", R"(docker.environment.LOG_LEVEL: "info" → "debug")"});
  write_spec(sections);
  const auto file = include();
  lab().write(k_include, file + "# by hand\n");
  expect_refused(apply, {"service-url.inc has changed"});
  lab().write(k_include, file);
  lab().docker({"rename", "shop-" + live_slot(), "gone"});
  expect_refused(apply, {"slot " + live_slot() + ": was shop-" + live_slot(), "is nothing now"});
  lab().docker({"rename", "gone", "shop-" + live_slot()});
  const auto good = get("plan.json");
  put("plan.json", good.substr(0, good.size() / 2));
  expect_refused(apply, {"plan.json: it is not a plan of bgdeploy's"});
  auto other = good;
  other.replace(other.find("\"1.1\""), 5, "\"1.0\"");
  put("plan.json", other);
  expect_refused(apply, {"plan.json: it was changed or cut off"});
  put("plan.json", good);
  expect_refused({"deploy", "--plan", "plan.json", "--tag", "1.0"}, {"leave out --tag"});

  start_load();
  const auto done = bgdeploy(apply);
  EXPECT_EQ(done.exit_code, 0) << done;
  EXPECT_EQ(served(), "1.1");
  expect_refused(apply, {"live slot: was "});
  lab().push_again("moving", {{"VERSION", "one"}});
  keep("moving");
  lab().push_again("moving", {{"VERSION", "two"}});
  expect_refused(apply, {"tag moving: was sha256:"});
  stop_load();
}

TEST_F(Plan, ARollbackReadsSecretsAgainOrSaysWhatIsGone) {
  put("token", "of-then-and-secret");
  set_environment("TOKEN", "of-today-and-secret");
  write_spec(with("then", "TOKEN: {file: token}", "remove"));
  deploy_well("1.0");
  write_spec(with("now", "TOKEN: {env: TOKEN}", "remove"));
  deploy_well("1.1");
  start_load();
  std::filesystem::rename(workspace() + "/token", workspace() + "/moved");
  expect_refused({"rollback"}, {"secrets.TOKEN", "/token does not exist", "--with-current-secrets",
                                "--with-current-config"});
  std::filesystem::rename(workspace() + "/moved", workspace() + "/token");
  auto back = bgdeploy({"rollback"});
  EXPECT_EQ(back.exit_code, 0) << back;
  EXPECT_EQ(env("TOKEN") + env("LOG_LEVEL"), "of-then-and-secretthen");
  back = bgdeploy({"rollback"});
  EXPECT_EQ(back.exit_code, 0) << back;
  EXPECT_EQ(env("TOKEN") + env("LOG_LEVEL"), "of-today-and-secretnow");
  std::filesystem::remove(workspace() + "/token");
  back = bgdeploy({"rollback", "--with-current-secrets"});
  EXPECT_EQ(back.exit_code, 0) << back;
  EXPECT_EQ(served() + env("TOKEN") + env("LOG_LEVEL"), "1.0of-today-and-secretthen");
  deploy_well("1.1");
  back = bgdeploy({"rollback", "--to", "1.0", "--with-current-config"});
  EXPECT_EQ(back.exit_code, 0) << back;
  EXPECT_EQ(served() + env("TOKEN") + env("LOG_LEVEL"), "1.0of-today-and-secretnow");
  stop_load();
}

// It has its secrets, and answers the health check and the grace period that it was made with.
TEST_F(Plan, ARollbackThatOnlyStartsAContainerNeedsNoSource) {
  put("token", "of-then-and-secret");
  auto sections = with("then", "TOKEN: {file: token}", "stop");
  write_spec(sections);
  deploy_well("1.0");
  lab().image("moved", {{"APP_HEALTH_PATH", "/status"}});
  sections["health"] = "health: {http: {path: /status}, interval: 100ms, deadline: 15s}";
  write_spec(sections);
  start_load();
  const auto there = deploy("moved");
  EXPECT_EQ(there.exit_code, 0) << there;
  std::filesystem::remove(workspace() + "/token");
  const auto back = bgdeploy({"rollback"});
  EXPECT_EQ(back.exit_code, 0) << back;
  EXPECT_EQ(served() + env("TOKEN"), "1.0of-then-and-secret");
  stop_load();
}

TEST_F(Plan, OfComposeTellsWhatChangedInTheFileAndARollbackWhatIsGone) {
  const auto compose = [&](const std::string& level) {
    put("docker-compose.yml",
        "services:\n  api:\n    image: " + lab().env("LAB_IMAGE") +
            "\n    ports: [\"${BGDEPLOY_PORT}:8080\"]\n    environment: [LOG_LEVEL=" + level + "]\n");
  };
  const auto spec = [&](const std::string& source) {
    write_spec({{"docker", ""},
                {"compose", "compose: {file: docker-compose.yml}"},
                {"secrets", "secrets: {TOKEN: " + source + "}"},
                {"retire", "retire: remove"}});
  };
  put("token", "of-then-and-secret");
  set_environment("TOKEN", "of-today-and-secret");
  compose("info");
  spec("{file: token}");
  deploy_well("1.0");
  compose("debug");
  spec("{env: TOKEN}");
  const auto plan = bgdeploy({"plan", "--tag", "1.1", "--out", "plan.json", "--exit-code"});
  EXPECT_EQ(plan.exit_code, 10) << plan;
  EXPECT_TRUE(has(plan.out, R"(services.api.environment.LOG_LEVEL: "info" → "debug")")) << plan;
  EXPECT_TRUE(has(plan.out, "secrets.TOKEN: changed source")) << plan;
  compose("trace");
  expect_refused({"deploy", "--plan", "plan.json"},
                 {R"(services.api.environment.LOG_LEVEL: "debug" → "trace")"});
  compose("debug");
  const auto done = bgdeploy({"deploy", "--plan", "plan.json"});
  EXPECT_EQ(done.exit_code, 0) << done;
  std::filesystem::remove(workspace() + "/token");
  expect_refused({"rollback"}, {"/token does not exist", "--with-current-secrets"});
  auto back = bgdeploy({"rollback", "--with-current-secrets"});
  EXPECT_EQ(back.exit_code, 0) << back;
  EXPECT_EQ(served() + env("TOKEN") + env("LOG_LEVEL"), "1.0of-today-and-secretinfo");
}

}  // namespace
}  // namespace e2e
