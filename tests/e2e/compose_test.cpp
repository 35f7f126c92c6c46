// Slots that compose runs, from outside: taking over what a script started, under load, and the way back.
#include <filesystem>
#include <fstream>

#include "scenario.hpp"

namespace e2e {
namespace {

class Compose : public Scenario {
protected:
  void SetUp() override {
    Scenario::SetUp();
    for (const char* tag : {"1.0", "1.1", "1.2"}) lab().image(tag);
    for (const auto& [slot, port] : {std::pair{"blue", "8081"}, {"green", "8082"}})
      std::ofstream(workspace() + "/docker-compose-" + slot + ".yml") << file(port);
  }

  std::string file(const std::string& port, const std::string& more = "") const {
    return "version: \"3.9\"\nservices:\n  api:\n    image: \"" + lab().env("LAB_IMAGE") +
           ":${APP_TAG}\"\n    restart: always\n    ports:\n      - \"" + port + ":8080\"\n" + more;
  }

  Sections sections(const std::string& more = "") const {
    return {{"docker", ""},
            {"image", ""},
            {"compose",
             "compose: {file: \"docker-compose-{slot}.yml\", project: \"app-server-{slot}\", environment: "
             "{APP_TAG: \"{tag}\"}" +
                 more + "}"}};
  }

  // The last line of the script that bgdeploy takes the place of.
  void script_ran(const std::string& tag) {
    lab().write("/root/docker-compose-blue.yml", file("8081"));
    lab().write(k_include, "set $service_url http://127.0.0.1:8081;\n");
    const auto up = lab().exec({"env", "APP_TAG=" + tag, "docker-compose", "-p", "app-server-blue", "-f",
                                "/root/docker-compose-blue.yml", "up", "-d"});
    ASSERT_EQ(up.exit_code, 0) << up;
    const auto reloaded = lab().exec({"nginx", "-s", "reload"});
    ASSERT_EQ(reloaded.exit_code, 0) << reloaded;
    for (int i = 0; i < 200 && served() != tag; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds{50});
    ASSERT_EQ(served(), tag);
  }
};

TEST_F(Compose, TakesOverFromTheScriptAndLosesNothing) {
  script_ran("1.0");
  write_spec(sections());
  start_load();
  deploy_well("1.1");
  EXPECT_EQ(served(), "1.1");
  EXPECT_EQ(containers(true), Words{"app-server-green_api_1"});
  EXPECT_EQ(containers(), (Words{"app-server-blue_api_1", "app-server-green_api_1"}));
  const auto again = bgdeploy({"--progress", "json", "deploy", "--tag", "1.1"});
  EXPECT_EQ(again.exit_code, 0) << again;
  EXPECT_EQ(last_event(again).all.value("result", ""), "unchanged") << again;
  deploy_well("1.2");
  EXPECT_EQ(containers(true), Words{"app-server-blue_api_1"});
  stop_load();
}

TEST_F(Compose, RollsBackAfterAFailedDeployWithoutARegistry) {
  write_spec(sections());
  deploy_well("1.0");
  start_load();
  deploy_well("1.1");
  lab().image("sick", {{"APP_EXIT_AFTER_MS", "0"}});
  const auto failed = deploy("sick");
  EXPECT_EQ(failed.exit_code, 1) << failed;
  EXPECT_EQ(served(), "1.1");
  EXPECT_EQ(containers(), Words{"app-server-green_api_1"}) << failed;
  // What it ran with, not what the file says now.
  std::ofstream(workspace() + "/docker-compose-blue.yml")
      << file("8081", "    environment: [BROKEN=1]\n    command: [\"/none\"]\n");
  lab().registry("stop");
  const auto back = bgdeploy({"rollback"});
  lab().registry("start");
  EXPECT_EQ(back.exit_code, 0) << back;
  EXPECT_EQ(served(), "1.0");
  stop_load();
}

TEST_F(Compose, WhatWaitsIsAbortedOrPromoted) {
  lab().add_compose_v2();
  write_spec(sections());
  deploy_well("1.0");
  start_load({.rate = 100, .slow_ms = 400});
  const auto well = [&](const Words& command) {
    const auto finished = bgdeploy(command);
    EXPECT_EQ(finished.exit_code, 0) << finished;
    return finished;
  };
  const Words hold{"deploy", "--hold", "--tag", "1.2"};
  const Words both{"app-server-blue-api-1", "app-server-green-api-1"};
  well(hold);
  EXPECT_EQ(served(), "1.0");
  EXPECT_EQ(containers(true), both);
  EXPECT_NE(well({"status"}).out.find(" waits in green since "), std::string::npos);
  well({"abort"});
  EXPECT_EQ(containers(), Words{"app-server-blue-api-1"});
  EXPECT_EQ(bgdeploy({"promote"}).exit_code, 2);
  well(hold);
  well({"promote"});
  EXPECT_EQ(served(), "1.2");
  EXPECT_EQ(containers(true), Words{"app-server-green-api-1"});
  well({"rollback"});
  EXPECT_EQ(served(), "1.0");
  stop_load();
}

TEST_F(Compose, TwoSlotsThatDoNotFitAreFoundBeforeAnythingStarts) {
  for (const auto& [slot, port] : {std::pair{"blue", "8081"}, {"green", "8082"}})
    std::ofstream(workspace() + "/docker-compose-" + slot + ".yml")
        << file(port, "    deploy: {resources: {limits: {memory: 900g}}}\n");
  write_spec(sections());
  const auto refused = deploy("1.0");
  EXPECT_EQ(refused.exit_code, 1) << refused;
  EXPECT_NE(refused.err.find("both slots do not fit: the new container may use 900g"), std::string::npos)
      << refused;
  EXPECT_EQ(containers(), Words{});
}

TEST_F(Compose, OneContainerIsNeverBothSlots) {
  lab().docker({"pull", "-q", lab().env("LAB_IMAGE") + ":1.0"});
  lab().docker({"run", "-d", "--name", "my-api", "-p", "8081:8080", lab().env("LAB_IMAGE") + ":1.0"});
  ASSERT_TRUE(eventually(std::chrono::seconds{20}, [&] { return served() == "1.0"; }));
  std::ofstream(workspace() + "/docker-compose.yml")
      << file("${BGDEPLOY_PORT}", "    container_name: my-api\n");
  write_spec({{"docker", ""},
              {"image", ""},
              {"compose",
               "compose: {file: docker-compose.yml, project: \"shop-{slot}\", environment: {APP_TAG: "
               "\"{tag}\"}}"}});
  start_load();
  const auto before = world();
  for (const Words& command :
       {Words{"validate"}, Words{"check"}, Words{"plan", "--tag", "1.1"}, Words{"deploy", "--tag", "1.1"}}) {
    const auto refused = bgdeploy(command);
    EXPECT_EQ(refused.exit_code, 2) << refused;
    EXPECT_NE(refused.both().find("container_name: my-api-${BGDEPLOY_SLOT}"), std::string::npos) << refused;
  }
  EXPECT_EQ(world(), before);
  // What it says works.
  std::ofstream(workspace() + "/docker-compose.yml")
      << file("${BGDEPLOY_PORT}", "    container_name: my-api-${BGDEPLOY_SLOT}\n");
  deploy_well("1.1");
  deploy_well("1.2");
  stop_load();
  EXPECT_EQ(containers(true), Words{"my-api-blue"});
}

TEST_F(Compose, NginxIsToldTheAddressThatIsPublished) {
  const auto address = lab().env("LAB_ADDRESS");
  std::ofstream(workspace() + "/docker-compose.yml") << file(address + ":${BGDEPLOY_PORT}");
  write_spec({{"docker", ""},
              {"image", ""},
              {"compose",
               "compose: {file: docker-compose.yml, project: \"shop-{slot}\", environment: {APP_TAG: "
               "\"{tag}\"}}"}});
  deploy_well("1.0");
  EXPECT_NE(include().find(address + ":8081"), std::string::npos) << include();
  start_load();
  deploy_well("1.1");
  const auto again = bgdeploy({"deploy", "--tag", "1.1"});
  EXPECT_EQ(again.exit_code, 0) << again;
  const auto back = bgdeploy({"rollback"});
  EXPECT_EQ(back.exit_code, 0) << back;
  EXPECT_EQ(served(), "1.0");
  EXPECT_NE(include().find(address + ":8081"), std::string::npos) << include();
  stop_load();
}

TEST_F(Compose, WhatEndsBeforeItIsAskedSaysWhy) {
  lab().image("sick", {{"APP_EXIT_AFTER_MS", "0"}, {"APP_EXIT_CODE", "42"}});
  auto text = file("${BGDEPLOY_PORT}");
  text.erase(text.find("    restart: always\n"), std::string("    restart: always\n").size());
  std::ofstream(workspace() + "/docker-compose.yml") << text;
  write_spec({{"docker", ""},
              {"image", ""},
              {"compose",
               "compose: {file: docker-compose.yml, project: \"shop-{slot}\", environment: {APP_TAG: "
               "\"{tag}\"}}"}});
  const auto failed = deploy("sick");
  EXPECT_NE(failed.exit_code, 0) << failed;
  EXPECT_NE(failed.both().find("exited with exit code 42"), std::string::npos) << failed;
  EXPECT_NE(failed.both().find("FATAL: cannot reach the database"), std::string::npos) << failed;
  EXPECT_EQ(containers(), Words{}) << failed;
}

TEST_F(Compose, CheckTellsWhatItFound) {
  write_spec(sections());
  const auto good = bgdeploy({"check"});
  EXPECT_EQ(good.exit_code, 0) << good;
  std::ofstream(workspace() + "/docker-compose-green.yml") << file("9999");
  write_spec(sections());
  const auto bad = bgdeploy({"check"});
  EXPECT_NE(bad.exit_code, 0) << bad;
  EXPECT_NE(bad.out.find("service api of slot green does not publish port 8082"), std::string::npos) << bad;
  const auto refused = deploy("1.0");
  EXPECT_EQ(refused.exit_code, 2) << refused;
  EXPECT_EQ(containers(), Words{});
}

TEST_F(Compose, AWrongContainerPortIsToldWithTheLineToWrite) {
  const auto wrong = [&](const std::string& port) {
    auto text = file(port);
    return text.replace(text.find(":8080"), 5, ":9090");
  };
  for (const auto& [slot, port] : {std::pair{"blue", "8081"}, {"green", "8082"}})
    std::ofstream(workspace() + "/docker-compose-" + slot + ".yml") << wrong(port);
  auto quick = sections();
  quick["health"] = "health: {http: {path: /health}, interval: 100ms, deadline: 2s}";
  write_spec(quick);
  const auto failed = deploy("1.0");
  EXPECT_EQ(failed.exit_code, 1) << failed;
  EXPECT_NE(failed.err.find("GET http://127.0.0.1:8081/health: nothing listens on 9090 in shop-blue; "
                            "it listens on 8080"),
            std::string::npos)
      << failed;
  EXPECT_NE(failed.err.find("publish it in docker-compose-blue.yml: \"8081:8080\""), std::string::npos)
      << failed;
  EXPECT_EQ(containers(), Words{});
}

// One file for both slots, with what it refers to: nothing of it was on the host before.
TEST_F(Compose, OneFileForBothSlotsComesWithWhatItRefersTo) {
  const std::filesystem::path folder = workspace();
  std::filesystem::create_directories(folder / "conf");
  std::ofstream(folder / "conf/app.conf") << "of the workspace";
  std::ofstream(folder / "api.env") << "GREETING=\"hello world\"\nMODE=${BGDEPLOY_SLOT}\n";
  std::ofstream(folder / "base.yml") << "version: \"3.9\"\nservices:\n  base:\n    environment: [BASE=1]\n";
  std::ofstream(folder / "compose.yml")
      << "version: \"3.9\"\nservices:\n  api:\n    extends: {file: base.yml, service: "
         "base}\n    image: \"" +
             lab().env("LAB_IMAGE") +
             ":${APP_TAG}\"\n    profiles: [app]\n    ports: "
             "[\"${BGDEPLOY_PORT}:8080\"]\n    env_file: api.env\n    volumes: "
             "['./conf:/conf']\n  other:\n    image: \"" +
             lab().env("LAB_IMAGE") + ":1.0\"\n    volumes: ['data:/data']\nvolumes:\n  data: {}\n";
  write_spec({{"docker", ""},
              {"image", ""},
              {"compose", "compose: {file: compose.yml, service: api, environment: {APP_TAG: \"{tag}\"}}"}});
  const auto checked = bgdeploy({"check"});
  EXPECT_NE(checked.out.find("service other keeps its data in the volume data"), std::string::npos)
      << checked;
  deploy_well("1.0");
  deploy_well("1.1");
  EXPECT_EQ(containers(true), (Words{"shop-green_api_1", "shop-green_other_1"}));
  const auto seen = [&](const std::string& format) {
    return lab().docker({"inspect", "-f", format, "shop-green_api_1"});
  };
  EXPECT_NE(seen("{{.Config.Env}}").find("GREETING=hello world"), std::string::npos)
      << seen("{{.Config.Env}}");
  EXPECT_NE(seen("{{.Config.Env}}").find("BASE=1"), std::string::npos);
  const auto mounted = seen("{{range .Mounts}}{{.Source}}{{end}}") + "/app.conf";
  EXPECT_EQ(lab().read(mounted), "of the workspace") << mounted;

  const auto unchanged = bgdeploy({"--progress", "json", "deploy", "--tag", "1.1"});
  EXPECT_EQ(last_event(unchanged).all.value("result", ""), "unchanged") << unchanged;
  std::ofstream(folder / "conf/app.conf") << "changed";
  const auto changed = bgdeploy({"--progress", "json", "deploy", "--tag", "1.1"});
  EXPECT_EQ(last_event(changed).all.value("result", ""), "succeeded") << changed;
  EXPECT_EQ(containers(true), (Words{"shop-blue_api_1", "shop-blue_other_1"}));
  std::filesystem::remove(folder / "api.env");
  const auto missing = deploy("1.2");
  EXPECT_EQ(missing.exit_code, 2) << missing;
  EXPECT_NE(missing.err.find("api.env, which does not exist"), std::string::npos) << missing;
}

}  // namespace
}  // namespace e2e
