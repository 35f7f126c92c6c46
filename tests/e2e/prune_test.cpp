// What old releases leave on a host, and whether what comes fits there.
#include <algorithm>
#include <fstream>
#include <sstream>

#include "scenario.hpp"

namespace e2e {
namespace {

class Prune : public Scenario {
protected:
  void SetUp() override {
    Scenario::SetUp();
    for (const char* tag : {"1", "2", "3", "4"}) lab().image(tag);
    lab().image("sick", {{"APP_BOOT_MS", "60000"}, {"APP_EXIT_AFTER_MS", "100"}});
    write_small();
  }
  void write_small(Sections more = {}) {
    Sections sections = {{"slots", "slots: [blue, green]"},
                         {"docker", "docker: {stop_grace_period: 5s}"},
                         {"health", "health: {exec: [/app, --probe], interval: 100ms, deadline: 10s}"},
                         {"proxy", "proxy: none"},
                         {"prune", "prune: {images: 1}"}};
    for (const auto& [key, text] : more) sections[key] = text;
    write_spec(sections);
  }
  // Tags of the test's image that are on the host, sorted.
  Words tags(const std::string& repository = "") const {
    const auto name = repository.empty() ? lab().env("LAB_IMAGE") : repository;
    std::istringstream lines(lab().docker({"images", "--format", "{{.Tag}}", name}));
    Words found;
    for (std::string line; std::getline(lines, line);) found.push_back(line);
    std::ranges::sort(found);
    return found;
  }
  void all_good(const Words& releases) const {
    for (const auto& tag : releases) {
      const auto finished = deploy(tag);
      ASSERT_EQ(finished.exit_code, 0) << tag << finished;
    }
  }
};

TEST_F(Prune, AGoodDeployRemovesWhatIsOldAndNamesItWithItsSize) {
  all_good({"1", "2"});
  EXPECT_EQ(deploy("sick").exit_code, 1);
  const auto third = bgdeploy({"--progress", "plain", "deploy", "--tag", "3"});
  ASSERT_EQ(third.exit_code, 0) << third;
  EXPECT_EQ(tags(), (Words{"2", "3"})) << "the live one, and the one before it" << third;
  EXPECT_NE(third.err.find("removed image " + lab().env("LAB_IMAGE") + ":1 (sha256:"), std::string::npos)
      << third;
  EXPECT_NE(third.err.find("), "), std::string::npos) << third;
  const auto back = bgdeploy({"rollback"});
  EXPECT_EQ(back.exit_code, 0) << back;
  EXPECT_EQ(tags(), (Words{"2", "3"}));
}

TEST_F(Prune, TheCommandRemovesBeyondWhatTheSpecKeepsNow) {
  write_small({{"prune", "prune: {images: 100}"}});
  all_good({"1", "2", "3", "4"});
  EXPECT_EQ(tags(), (Words{"1", "2", "3", "4"}));
  write_small();
  const auto shown = bgdeploy({"prune", "--dry-run"});
  EXPECT_EQ(shown.exit_code, 0) << shown;
  EXPECT_NE(shown.out.find(":1 (sha256:"), std::string::npos) << shown;
  EXPECT_EQ(tags(), (Words{"1", "2", "3", "4"}));
  EXPECT_EQ(bgdeploy({"lock", "-m", "not now"}).exit_code, 0);
  EXPECT_EQ(bgdeploy({"prune"}).exit_code, 4);
  EXPECT_EQ(bgdeploy({"unlock"}).exit_code, 0);
  const auto pruned = bgdeploy({"prune", "-o", "json"});
  ASSERT_EQ(pruned.exit_code, 0) << pruned;
  const auto list = nlohmann::json::parse(pruned.out);
  ASSERT_EQ(list.size(), 2U) << pruned;
  EXPECT_GT(list[0]["bytes"].get<std::int64_t>(), 100'000);
  EXPECT_EQ(tags(), (Words{"3", "4"}));
  EXPECT_EQ(bgdeploy({"prune"}).out, "nothing to remove\n");
}

TEST_F(Prune, NothingThatAnybodyElseNeedsGoes) {
  write_small({{"prune", "prune: {images: 100}"}});
  all_good({"1", "2", "3", "4"});
  const auto image = lab().env("LAB_IMAGE");
  lab().docker({"run", "-d", "--name", "theirs", image + ":1"});
  lab().docker({"tag", image + ":2", "golden:1"});
  write_small();
  EXPECT_EQ(bgdeploy({"prune"}).exit_code, 0);
  EXPECT_EQ(tags(), (Words{"1", "2", "3", "4"})) << "one runs, and one has another name";
  lab().docker({"rm", "-f", "theirs"});
  lab().docker({"rmi", "golden:1"});
  // Another service of the same image went from 1 to 2, and may go back.
  write_small({{"service", "service: other"}});
  all_good({"1", "2"});
  lab().docker({"rm", "-f", "other-blue", "other-green"});
  write_small();
  EXPECT_EQ(bgdeploy({"prune"}).exit_code, 0);
  EXPECT_EQ(tags(), (Words{"1", "2", "3", "4"}));
}

TEST_F(Prune, FilesThatWereUploadedForASlotWithoutAContainerGo) {
  lab().add_compose_v2();
  std::ofstream(workspace() + "/api.env") << "TOKEN=secret\n";
  std::ofstream(workspace() + "/compose.yml") << "services:\n  job:\n    image: x\n    env_file: api.env\n";
  write_small({{"docker", ""}, {"compose", "compose: {file: compose.yml}"}, {"retire", "retire: remove"}});
  all_good({"1", "2"});
  const std::string folder = lab().home() + "/.local/state/bgdeploy/shop/compose/";
  lab().exec({"sh", "-c", "mkdir -p " + folder + "blue/data && echo x >" + folder + "blue/data/of-the-app"});
  EXPECT_TRUE(lab().read(folder + "blue/api.env"));
  const auto pruned = bgdeploy({"prune"});
  ASSERT_EQ(pruned.exit_code, 0) << pruned;
  EXPECT_NE(pruned.out.find("uploaded files in " + folder + "blue"), std::string::npos) << pruned;
  EXPECT_FALSE(lab().read(folder + "blue/api.env"));
  EXPECT_FALSE(lab().read(folder + "blue/compose.yml"));
  EXPECT_TRUE(lab().read(folder + "blue/data/of-the-app")) << "what an app wrote stays";
  EXPECT_TRUE(lab().read(folder + "green/compose.yml"));
  all_good({"3"});
}

TEST_F(Prune, WhatDoesNotFitIsRefusedBeforeAnythingChanges) {
  lab().exec({"mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", "/run/lab/docker"});
  const auto refused = deploy("1");
  const auto checked = bgdeploy({"check"});
  lab().exec({"umount", "/run/lab/docker"});
  EXPECT_EQ(refused.exit_code, 1) << refused;
  EXPECT_NE(refused.err.find("the image does not fit: it needs about"), std::string::npos) << refused;
  EXPECT_NE(refused.err.find("in /run/lab/docker"), std::string::npos) << refused;
  EXPECT_NE(checked.out.find("disk of docker"), std::string::npos) << checked;
  EXPECT_TRUE(containers().empty());
  EXPECT_TRUE(tags().empty());
  all_good({"1"});

  lab().exec({"sh", "-c", "mkdir -p /mnt/small && mount -t tmpfs -o size=100k tmpfs /mnt/small"});
  write_small({{"history", "history: {dir: /mnt/small/history}"}});
  const auto full = deploy("2");
  lab().exec({"umount", "/mnt/small"});
  EXPECT_EQ(full.exit_code, 1) << full;
  EXPECT_NE(full.err.find("the history needs about"), std::string::npos) << full;
  EXPECT_EQ(tags(), Words{"1"});
}

}  // namespace
}  // namespace e2e
