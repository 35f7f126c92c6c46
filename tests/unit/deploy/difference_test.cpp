#include "bgdeploy/deploy/release/difference.hpp"

#include <gmock/gmock.h>

#include "../plan/spec_for_tests.hpp"
#include "bgdeploy/spec/sources.hpp"

namespace bgdeploy::deploy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const plan::Release k_before{"id-1", "1.0", "shop", "sha256:aa"};
const spec::SourceFolders k_folders{"/work", "/home/ci"};

class Difference : public testing::Test {
protected:
  Difference() { spec.docker.environment = {{"LOG_LEVEL", "info"}, {"SAME", "x"}}; }

  Ran now(const spec::Sources& sources = {}) const {
    return would_run(spec, {k_before, spec.docker}, spec::sources_to_json(sources, k_folders));
  }
  std::vector<std::string> words(const Ran& before, const Ran& after) const {
    std::vector<std::string> all;
    for (const Change& change : difference(spec, before, after)) all.push_back(describe(change));
    return all;
  }
  spec::Spec spec = test::small_spec();
};

TEST_F(Difference, OfTheSameIsNothing) {
  EXPECT_THAT(words(now(), now()), IsEmpty());
}

TEST_F(Difference, NamesKeysAsTheSpecHasThem) {
  const Ran before = now();
  spec.docker.environment["LOG_LEVEL"] = "debug";
  spec.docker.environment["NEW"] = "1";
  spec.docker.mem_limit = std::int64_t{700} << 20;
  spec.docker.volumes = {"/a:/b"};
  spec.health.deadline = std::chrono::minutes(5);
  spec.slots[1].port = 9082;
  Ran after = now();
  after.release = {"id-2", "1.1", "shop", "sha256:bb"};
  EXPECT_THAT(words(before, after),
              ElementsAre(R"(tag: "1.0" → "1.1")", R"(digest: "sha256:aa" → "sha256:bb")",
                          R"(docker.environment.LOG_LEVEL: "info" → "debug")",
                          R"(docker.environment.NEW: none → "1")", R"(docker.mem_limit: none → "700m")",
                          R"(docker.volumes: none → ["/a:/b"])", R"(health.deadline: "2m" → "5m")",
                          "slots.green.port: 8082 → 9082"));
}

TEST_F(Difference, WithoutOneItIsAnotherRunOfTheSameRelease) {
  HistoryEntry last;
  last.served = true;
  last.to = k_before;
  last.ran_with = now().with;
  last.health = now().health;
  Ran after = now();
  after.release = {"id-2", "1.0-again", "shop", "sha256:aa"};
  const auto of = [&](const plan::Release& serves, const std::optional<std::vector<Change>>& changes) {
    return another_run_of(spec, {last}, serves, changes, after);
  };
  const std::vector<Change> renamed = {{.key = "tag", .before = "a", .after = "b"}};
  EXPECT_EQ(of(k_before, renamed), "id-1");
  EXPECT_EQ(of(k_before, {{{.key = "environment TOKEN", .words = "has another value now"}}}), "");
  EXPECT_EQ(of(k_before, std::nullopt), "") << "nobody knows how it ran";
  EXPECT_EQ(of({}, std::nullopt), "id-1") << "its container is gone";
  after.release.digest = "sha256:bb";
  EXPECT_EQ(of({}, std::nullopt), "");
  after.release = k_before;
  EXPECT_EQ(of(k_before, renamed), "") << "it serves";
  last.served = false;
  after.release.id = "id-2";
  EXPECT_EQ(of({}, std::nullopt), "") << "nothing ever did";
}

TEST_F(Difference, OfASecretOnlyThatItsSourceChanged) {
  const Ran before = now({{"/work/.env"}, {{"A", spec::FromEnv{"A"}}, {"B", spec::FromEnv{"B"}}}});
  spec.docker.environment.erase("SAME");
  spec.docker.inherited = {"SAME"};
  const Ran after =
      now({{"/work/.env.prod"}, {{"A", spec::FromCommand{{"vault", "hunter2"}}}, {"C", spec::FromEnv{"C"}}}});
  EXPECT_THAT(words(before, after),
              ElementsAre(R"(docker.env_file: ["./.env"] → ["./.env.prod"])",
                          "docker.environment.SAME: changed source", "secrets.A: changed source",
                          "secrets.B: removed", "secrets.C: added"));
}

TEST_F(Difference, AnOlderRecordSaysNothingOfWhatItDoesNotHave) {
  Ran before = now();
  before.sources = before.health = before.include = "";
  before.ports = {};
  EXPECT_THAT(words(before, now({{}, {{"A", spec::FromEnv{"A"}}}})), IsEmpty());
  before.with.clear();
  spec.docker.mem_limit = 1 << 30;
  EXPECT_THAT(words(before, now()), IsEmpty());
}

TEST_F(Difference, OfComposeFilesTellsTheKeysInThem) {
  spec.compose.emplace();
  spec.compose->file = "/work/docker-compose.yml";
  spec.compose->project = "shop-{slot}";
  const auto file = [](const std::string& level) {
    return "services: {api: {image: shop, environment: [LOG_LEVEL=" + level + "]}}\n";
  };
  plan::ComposeLaunch launch{*spec.compose, {file("info"), file("info")}};
  const Ran before = would_run(spec, {k_before, launch}, "");
  launch.files = {file("debug"), file("debug")};
  launch.settings.file = "/elsewhere/docker-compose.yml";
  launch.settings.environment = {{"TAG", "{tag}"}};
  EXPECT_THAT(words(before, would_run(spec, {k_before, launch}, "")),
              ElementsAre(R"(compose file: services.api.environment.LOG_LEVEL: "info" → "debug")",
                          R"(compose.environment.TAG: none → "{tag}")"));
}

TEST_F(Difference, WhatTheRecordsDoNotExplainIsToldByName) {
  const std::vector<Change> known{{.key = "docker.mem_limit"}, {.key = "docker.environment.LOG"}};
  const auto more = unrecorded({"image", "mem_limit", "environment LOG", "environment TOKEN", "cpus"}, known);
  std::vector<std::string> all;
  for (const Change& change : more) all.push_back(describe(change));
  EXPECT_THAT(all, ElementsAre("image: is not what runs", "environment TOKEN: has another value now",
                               "cpus: is not what runs"));
  EXPECT_THAT(unrecorded({"compose file, environment or secrets"}, {{.key = "compose.environment.TAG"}}),
              IsEmpty());
}

TEST_F(Difference, CannotSpeakToTheTerminal) {
  EXPECT_EQ(describe(Change{"a\x1b[31m", "\"x\"", "\"y\""}).find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace bgdeploy::deploy
