// Releases whose image comes from a file, or from a build on this machine: no registry is there.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <set>

#include "scenario.hpp"

namespace e2e {
namespace {

namespace fs = std::filesystem;

class Archive : public Scenario {
protected:
  static void SetUpTestSuite() {
    Scenario::SetUpTestSuite();
    lab().registry("stop");
    s_other = std::make_unique<Lab>(LabOptions{.without = "registry,nginx"});
    lab().link(*s_other);
  }
  static void TearDownTestSuite() {
    s_other.reset();
    Scenario::TearDownTestSuite();
  }
  void SetUp() override {
    Scenario::SetUp();
    s_other->reset();
    fs::create_directories(source());
    fs::copy_file(BGDEPLOY_LAB_APP, source() / "app");
    fs::permissions(source() / "app", fs::perms(0755));
    write_spec({{"image", "image: shop"}});
  }

  static const Lab& other() { return *s_other; }
  fs::path source() const { return workspace() + "/source"; }
  std::string file(const std::string& version) const { return workspace() + "/" + version + ".tar"; }

  // What cannot be packed any further.
  void write_base(const std::string& name, std::size_t bytes) const {
    std::mt19937 random(static_cast<unsigned>(name.back()));
    std::ofstream out(source() / name, std::ios::binary);
    for (std::size_t i = 0; i < bytes / 4; ++i) {
      const auto word = random();
      out.write(reinterpret_cast<const char*>(&word), 4);
    }
  }
  // A version on top of what all versions share.
  void write_dockerfile(const std::string& version, const std::string& shared) const {
    std::ofstream(source() / "Dockerfile")
        << "FROM scratch\n"
        << shared << "COPY app /app\nCOPY version /version\nEXPOSE 8080\nENV VERSION=" << version
        << "\nENTRYPOINT [\"/app\"]\n";
    std::ofstream(source() / "version") << version;
  }
  // `docker save` of these versions, and nothing of them left in the engine.
  void save(const Words& versions, const std::string& shared) const {
    for (const auto& version : versions) {
      write_dockerfile(version, shared);
      lab().docker({"build", "-q", "-t", "shop:" + version, source().string()});
    }
    for (const auto& version : versions) lab().docker({"save", "-o", file(version), "shop:" + version});
    for (const auto& version : versions) lab().docker({"image", "rm", "shop:" + version});
    lab().docker({"image", "prune", "-f"});
  }
  Finished deploy_file(const std::string& version, const Words& more = {}) const {
    Words words{"--progress", "json", "deploy", "--archive", file(version)};
    words.insert(words.end(), more.begin(), more.end());
    return bgdeploy(words);
  }
  // Bytes of layers, by host.
  static std::map<std::string, std::int64_t> sent(const std::string& err) {
    std::map<std::string, std::map<std::string, std::int64_t>> layers;
    for (const Event& event : events_in(err))
      if (event.name == "pull.progress")
        layers[event.host][event.all.value("layer", "")] = event.all.value("current", std::int64_t{0});
    std::map<std::string, std::int64_t> bytes;
    for (const auto& [host, each] : layers)
      for (const auto& [layer, size] : each) bytes[host] += size;
    return bytes;
  }
  static std::int64_t sent_to_lab(const std::string& err) { return sent(err)[lab().env("LAB_ADDRESS")]; }

private:
  static std::unique_ptr<Lab> s_other;
};
std::unique_ptr<Lab> Archive::s_other;

constexpr std::size_t k_base = 3 << 20;

TEST_F(Archive, DeploysWhatTheHostLacksAndNothingAgainAndRollsBack) {
  write_base("base1", k_base);
  save({"1.0", "1.1", "1.2"}, "COPY base1 /base1\n");
  const auto planned = bgdeploy({"plan", "--archive", file("1.0")});
  EXPECT_EQ(planned.exit_code, 0) << planned;
  EXPECT_NE(planned.out.find("send"), std::string::npos) << planned;
  EXPECT_EQ(lab().docker({"image", "ls", "-q"}), "") << "a plan sends nothing";

  const auto first = deploy_file("1.0");
  ASSERT_EQ(first.exit_code, 0) << first;
  EXPECT_EQ(served(), "1.0");
  EXPECT_GT(sent_to_lab(first.err), std::int64_t{k_base});
  const auto again = deploy_file("1.0", {"--tag", "1.0"});
  EXPECT_EQ(last_event(again).all.value("result", ""), "unchanged") << again;

  start_load();
  const auto second = deploy_file("1.1", {"--tag", "1.1"});
  ASSERT_EQ(second.exit_code, 0) << second;
  EXPECT_EQ(served(), "1.1");
  EXPECT_GT(sent_to_lab(second.err), 0);
  EXPECT_LT(sent_to_lab(second.err), 100'000) << "the layers that both have stay where they are";
  const auto back = bgdeploy({"rollback"});
  EXPECT_EQ(back.exit_code, 0) << back;
  EXPECT_EQ(served(), "1.0");
  // Its container is gone, and no registry has its image.
  lab().docker({"rm", "shop-green"});
  const auto forth = bgdeploy({"rollback", "--to", "1.1"});
  EXPECT_EQ(forth.exit_code, 0) << forth;
  EXPECT_EQ(served(), "1.1");
  stop_load();
  const auto ran = bgdeploy({"run", "--tag", "1.0", "--", "--migrate"});
  EXPECT_EQ(ran.exit_code, 0) << ran;

  write_spec({{"image", "image: shop"}, {"prune", "prune: {images: 1}"}});
  EXPECT_EQ(deploy_file("1.2").exit_code, 0);
  EXPECT_EQ(served(), "1.2");
  EXPECT_EQ(lab().docker({"image", "ls", "-q", "shop:1.0"}), "") << "prune knows it";
}

TEST_F(Archive, FromStdinPackedAndRefusedBeforeAnythingChanges) {
  save({"1.0"}, "");
  const auto piped = [&](const std::string& command) {
    auto run_it = bgdeploy_command({"deploy", "--archive", "-", "--tag", "1.0"});
    run_it.argv = {"sh",    "-c", command + " | \"$@\"", "sh", run_it.argv[0], "deploy", "--archive", "-",
                   "--tag", "1.0"};
    return run(run_it);
  };
  const auto good = piped("gzip -1 <" + file("1.0"));
  EXPECT_EQ(good.exit_code, 0) << good;
  EXPECT_EQ(served(), "1.0");

  const auto before = world();
  const auto images = lab().docker({"image", "ls", "-aq"});
  const auto cut = piped("head -c 200000 " + file("1.0"));
  EXPECT_EQ(cut.exit_code, 2) << cut;
  EXPECT_NE(cut.err.find("it is cut short"), std::string::npos) << cut;
  const auto nothing = piped("true");
  EXPECT_EQ(nothing.exit_code, 2) << nothing;
  // Another processor's.
  const auto config = lab().docker({"image", "inspect", "-f", "{{.Id}}", "shop:1.0"}).substr(7);
  const auto arm =
      run({{"sh", "-c",
            "mkdir arm && tar -C arm -xf 1.0.tar && cd arm && sed "
            "'s/\"architecture\":\"amd64\"/\"architecture\":\"arm64\"/' " +
                config + ".json >c.json && sed -i s/" + config + "/c/ manifest.json && tar -cf ../1.1.tar *"},
           {{"PATH", "/usr/bin:/bin"}},
           workspace()});
  ASSERT_EQ(arm.exit_code, 0) << arm;
  const auto wrong = bgdeploy({"deploy", "--archive", file("1.1"), "--tag", "1.1"});
  EXPECT_EQ(wrong.exit_code, 2) << wrong;
  EXPECT_NE(wrong.err.find("the image is for linux/arm64, and this host is linux/amd64"), std::string::npos)
      << wrong;
  EXPECT_EQ(world(), before);
  EXPECT_EQ(lab().docker({"image", "ls", "-aq"}), images);
}

TEST_F(Archive, WhatArrivedBeforeAnInterruptionIsNotSentAgain) {
  constexpr std::size_t k_part = 17 << 20;
  write_base("base1", k_part);
  write_base("base2", k_part);
  save({"1.0"}, "COPY base1 /base1\nCOPY base2 /base2\n");
  auto deploying = start_bgdeploy({"--progress", "json", "deploy", "--archive", file("1.0")});
  std::set<std::string> begun;
  const bool second = deploying.wait_for_line(std::chrono::minutes{1}, [&](std::string_view line) {
    const auto event = parse_event(line);
    if (!event || event->name != "pull.progress" || event->all.value("current", 0) == 0) return false;
    begun.insert(event->all.value("layer", ""));
    return begun.size() == 2;
  });
  ASSERT_TRUE(second) << deploying.err();
  deploying.signal(SIGINT);
  const auto interrupted = deploying.wait();
  EXPECT_EQ(interrupted.exit_code, 130) << interrupted;
  EXPECT_EQ(containers(), Words{});

  const auto again = deploy_file("1.0");
  ASSERT_EQ(again.exit_code, 0) << again;
  EXPECT_EQ(served(), "1.0");
  EXPECT_GT(sent_to_lab(again.err), std::int64_t{k_part});
  EXPECT_LT(sent_to_lab(again.err), std::int64_t{k_part} + (4 << 20)) << "the first layer was there";
  EXPECT_EQ(lab().docker({"image", "ls", "-q", "-f", "dangling=true"}), "") << "nothing of the parts stays";
}

TEST_F(Archive, GoesToTwoHostsAtOnce) {
  save({"1.0"}, "");
  write_spec(
      {{"image", "image: shop"},
       {"hosts", "hosts: {app: [root@" + lab().env("LAB_ADDRESS") + ", {host: " + other().env("LAB_ADDRESS") +
                     ", user: root, identity_file: " + other().env("LAB_IDENTITY_FILE") +
                     ", known_hosts_file: " + other().env("LAB_KNOWN_HOSTS") + "}]}"},
       {"proxy", "proxy: none"}});
  const auto both = deploy_file("1.0");
  ASSERT_EQ(both.exit_code, 0) << both;
  for (const Lab* host : {static_cast<const Lab*>(&lab()), &other()}) {
    EXPECT_GT(sent(both.err)[host->env("LAB_ADDRESS")], 100'000) << both;
    EXPECT_NE(host->docker({"image", "ls", "-q", "shop:1.0"}), "");
  }
}

TEST_F(Archive, OfComposeIsPinned) {
  save({"1.0", "1.1"}, "");
  for (const auto& [slot, port] : {std::pair{"blue", "8081"}, {"green", "8082"}})
    std::ofstream(workspace() + "/docker-compose-" + slot + ".yml")
        << "version: \"3.9\"\nservices:\n  api:\n    image: \"shop:${BGDEPLOY_TAG}\"\n    ports: [\"" << port
        << ":8080\"]\n";
  write_spec({{"docker", ""}, {"image", ""}, {"compose", "compose: {file: \"docker-compose-{slot}.yml\"}"}});
  for (const char* version : {"1.0", "1.1"}) {
    const auto deployed = deploy_file(version, {"--tag", version});
    ASSERT_EQ(deployed.exit_code, 0) << deployed;
    EXPECT_EQ(served(), version);
  }
  const auto again = deploy_file("1.1", {"--tag", "1.1"});
  EXPECT_EQ(last_event(again).all.value("result", ""), "unchanged") << again;
  EXPECT_EQ(bgdeploy({"rollback"}).exit_code, 0);
  EXPECT_EQ(served(), "1.0");
}

TEST_F(Archive, BuiltHereIsSentAndKnownByItsSource) {
  set_environment("DOCKER_HOST", other().env("LAB_DOCKER"));
  write_base("base1", k_base);
  write_spec({{"image", "image: shop"}, {"build", "build: {context: source, on: here}"}});
  const auto deploying = [&](const std::string& tag) {
    return bgdeploy({"--progress", "json", "deploy", "--tag", tag});
  };
  write_dockerfile("1.0", "COPY base1 /base1\n");
  const auto checked = bgdeploy({"check"});
  EXPECT_NE(checked.out.find("docker on this machine: builds for linux/"), std::string::npos) << checked;
  const auto first = deploying("1.0");
  ASSERT_EQ(first.exit_code, 0) << first;
  EXPECT_EQ(served(), "1.0");
  EXPECT_NE(first.err.find("\"event\":\"build.output\""), std::string::npos) << first;
  EXPECT_GT(sent_to_lab(first.err), std::int64_t{k_base});
  EXPECT_EQ(last_event(deploying("1.0")).all.value("result", ""), "unchanged");
  write_dockerfile("1.1", "COPY base1 /base1\n");
  const auto second = deploying("1.1");
  ASSERT_EQ(second.exit_code, 0) << second;
  EXPECT_EQ(served(), "1.1");
  EXPECT_LT(sent_to_lab(second.err), 100'000);
  EXPECT_EQ(bgdeploy({"rollback"}).exit_code, 0);
  EXPECT_EQ(served(), "1.0");
}

}  // namespace
}  // namespace e2e
