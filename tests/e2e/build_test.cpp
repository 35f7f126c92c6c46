// Images that are built on the host from files here.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "scenario.hpp"

namespace e2e {
namespace {

namespace fs = std::filesystem;

class Build : public Scenario {
protected:
  void SetUp() override {
    Scenario::SetUp();
    fs::create_directories(source());
    fs::copy_file(BGDEPLOY_LAB_APP, source() / "app", fs::copy_options::overwrite_existing);
    fs::permissions(source() / "app", fs::perms(0755));
    write("Dockerfile", dockerfile("1.0"));
    write(".dockerignore", "*.log\n");
    write_spec({{"image", "image: shop"}, {"build", "build: {context: source, args: {GREETING: hello}}"}});
  }
  fs::path source() const { return workspace() + "/source"; }
  void write(const std::string& path, const std::string& text) const {
    std::ofstream(source() / path) << text;
  }
  static std::string dockerfile(const std::string& version, const std::string& more = "") {
    return "FROM scratch\nARG GREETING\nCOPY app /app\nENV VERSION=" + version + " GREETING=$GREETING\n" +
           more + "ENTRYPOINT [\"/app\"]\n";
  }
  Finished deploy_json(const std::string& tag) const {
    return bgdeploy({"--progress", "json", "deploy", "--tag", tag});
  }
  static std::vector<std::string> steps_of(const Finished& finished, const std::string& event) {
    std::vector<std::string> steps;
    for (const auto& one : events_in(finished.err))
      if (one.name == event) steps.push_back(one.step);
    return steps;
  }
  static bool built(const Finished& finished) {
    const auto steps = steps_of(finished, "step.finished");
    return std::find(steps.begin(), steps.end(), "build") != steps.end();
  }
};

TEST_F(Build, DeploysFromSourceAndChangesNothingWhenNothingChanged) {
  const auto first = deploy_json("1.0");
  ASSERT_EQ(first.exit_code, 0) << first;
  EXPECT_EQ(served(), "1.0");
  EXPECT_TRUE(built(first)) << first;
  EXPECT_NE(first.err.find("\"event\":\"build.output\""), std::string::npos) << first;
  EXPECT_EQ(lab().get("/env?name=GREETING").body, "hello") << "build args arrive";

  const auto before = world();
  write("ignored.log", "does not count");
  const auto again = deploy_json("1.0");
  EXPECT_EQ(again.exit_code, 0) << again;
  EXPECT_EQ(last_event(again).all.value("result", ""), "unchanged") << again;
  EXPECT_EQ(world(), before);
  const auto by_id = bgdeploy({"--progress", "json", "deploy", "--digest",
                               lab().docker({"inspect", "-f", "{{.Image}}", "shop-blue"})});
  EXPECT_EQ(by_id.exit_code, 0) << by_id;
  EXPECT_EQ(last_event(by_id).all.value("result", ""), "unchanged") << by_id;
  EXPECT_EQ(world(), before);
}

TEST_F(Build, AChangeIsANewReleaseAndTheWayBackNeedsNoSource) {
  deploy_well("1.0");
  start_load();
  write("Dockerfile", dockerfile("1.1"));
  const auto plan = bgdeploy({"plan", "--tag", "1.1"});
  EXPECT_EQ(plan.exit_code, 0) << plan;
  EXPECT_NE(plan.out.find("deploy 1.1 (build:"), std::string::npos) << plan;
  deploy_well("1.1");
  EXPECT_EQ(served(), "1.1");
  fs::remove_all(source());
  const auto back = bgdeploy({"rollback"});
  EXPECT_EQ(back.exit_code, 0) << back;
  EXPECT_EQ(served(), "1.0");
  stop_load();
}

TEST_F(Build, RollsBackToTheImageWhenTheContainerIsGoneAndSaysSoWhenBothAre) {
  write_spec({{"image", "image: shop"}, {"build", "build: {context: source}"}, {"retire", "retire: remove"}});
  deploy_well("1.0");
  write("Dockerfile", dockerfile("1.1"));
  deploy_well("1.1");
  lab().docker({"image", "rm", "shop:1.0"});
  lab().docker({"image", "prune", "-f"});
  const auto back = bgdeploy({"rollback"});
  EXPECT_EQ(back.exit_code, 0) << back;
  EXPECT_EQ(served(), "1.0");

  lab().docker({"image", "rm", "-f", lab().docker({"image", "inspect", "-f", "{{.Id}}", "shop:1.1"})});
  const auto before = world();
  const auto gone = bgdeploy({"rollback", "--to", "1.1"});
  EXPECT_EQ(gone.exit_code, 1) << gone;
  EXPECT_NE(gone.err.find("its image is gone"), std::string::npos) << gone;
  EXPECT_EQ(world(), before);
}

TEST_F(Build, WhatWasBuiltAlreadyIsNotBuiltAgain) {
  deploy_well("1.0");
  write("Dockerfile", dockerfile("1.1"));
  deploy_well("1.1");
  write("Dockerfile", dockerfile("1.0"));
  const auto again = deploy_json("1.2");
  EXPECT_EQ(again.exit_code, 0) << again;
  EXPECT_EQ(served(), "1.0");
  EXPECT_FALSE(built(again)) << again;
}

TEST_F(Build, OldImagesGoAndNothingOfThemStaysDangling) {
  write_spec(
      {{"image", "image: shop"}, {"build", "build: {context: source}"}, {"prune", "prune: {images: 1}"}});
  const auto images = [] {
    std::istringstream lines(lab().docker({"images", "--format", "{{.Tag}}", "shop"}));
    Words tags;
    for (std::string tag; std::getline(lines, tag);)
      if (!tag.starts_with("build-")) tags.push_back(tag);
    std::ranges::sort(tags);
    return tags;
  };
  const auto of_ours = [] {
    std::istringstream lines(lab().docker(
        {"images", "-a", "--filter", "label=bgdeploy.build.service=shop", "--format", "{{.ID}}"}));
    std::set<std::string> ids;
    for (std::string id; std::getline(lines, id);) ids.insert(id);
    return ids.size();
  };
  for (const std::string version : {"1.0", "1.1"}) {
    write("Dockerfile", dockerfile(version));
    deploy_well(version);
  }
  write("Dockerfile", dockerfile("sick", "ENV APP_EXIT_AFTER_MS=1\n"));
  EXPECT_EQ(deploy("sick").exit_code, 1);
  write("Dockerfile", dockerfile("1.2"));
  deploy_well("1.2");
  EXPECT_EQ(bgdeploy({"prune"}).exit_code, 0);
  EXPECT_EQ(images(), (Words{"1.1", "1.2"}));
  EXPECT_EQ(of_ours(), 2U);
  EXPECT_EQ(lab().docker({"images", "-q", "--filter", "dangling=true"}), "");
  EXPECT_EQ(bgdeploy({"rollback"}).exit_code, 0);
  EXPECT_EQ(served(), "1.1");
}

TEST_F(Build, AFailingBuildChangesNothingAndShowsWhy) {
  deploy_well("1.0");
  const auto before = world();
  write("Dockerfile", dockerfile("1.1", "COPY no-such-file /\n"));
  const auto failed = deploy("1.1");
  EXPECT_EQ(failed.exit_code, 1) << failed;
  EXPECT_NE(failed.err.find("docker build failed with exit code"), std::string::npos) << failed;
  EXPECT_NE(failed.err.find("no-such-file"), std::string::npos) << failed;
  EXPECT_EQ(world(), before);
  EXPECT_EQ(lab().docker({"image", "ls", "-q", "--filter", "reference=shop:1.1"}), "");
}

TEST_F(Build, WhatIsWrongHereIsFoundBeforeAnythingIsTouched) {
  const auto unknown = bgdeploy({"deploy", "--digest", "sha256:" + std::string(64, 'a')});
  EXPECT_EQ(unknown.exit_code, 2) << unknown;
  EXPECT_NE(unknown.err.find(" has no image with the id sha256:aaa"), std::string::npos) << unknown;
  fs::remove(source() / "Dockerfile");
  const auto refused = deploy("1.0");
  EXPECT_EQ(refused.exit_code, 2) << refused;
  EXPECT_NE(refused.err.find("there is no file"), std::string::npos) << refused;
  EXPECT_EQ(containers(), Words{});
  EXPECT_EQ(lab().docker({"image", "ls", "-q"}), "");
}

}  // namespace
}  // namespace e2e
