#include "bgdeploy/spec/compose_references.hpp"

#include <gmock/gmock.h>

#include "bgdeploy/spec/compose_file.hpp"

namespace bgdeploy::spec {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Kind = ComposeReference::Kind;

std::vector<ComposeReference> references(std::string_view yaml) {
  return compose_references(yaml, [](std::string_view name) -> std::optional<std::string> {
    if (name == "BGDEPLOY_SLOT") return "blue";
    return {};
  });
}

TEST(ComposeReferences, AreFoundInEveryForm) {
  EXPECT_THAT(
      references(R"(include:
  - common.yml
  - {path: [a.yml, b.yml], env_file: inc.env, project_directory: ./sub}
x-shared: &shared
  env_file: shared.env
services:
  api:
    <<: *shared
    extends: {file: base.yml, service: api}
    label_file: labels
    volumes:
      - ./conf:/etc/conf:ro
      - ../up:/up
      - data:/data
      - /abs:/abs
      - ~/home:/home
      - /anonymous
      - {type: bind, source: ./long, target: /long}
      - {type: volume, source: data, target: /data}
  side:
    extends: api
    env_file: [one.env, {path: "${BGDEPLOY_SLOT}.env", required: false}, "${X:-dflt}.env"]
    volumes: !override []
configs:
  c: {file: ./c.conf}
  e: {external: true}
secrets:
  s: {file: s.txt}
  v: {environment: V}
)"),
      ElementsAre(
          ComposeReference{Kind::file, "common.yml"}, ComposeReference{Kind::file, "a.yml", true, "./sub"},
          ComposeReference{Kind::file, "b.yml", true, "./sub"}, ComposeReference{Kind::env_file, "inc.env"},
          ComposeReference{Kind::env_file, "shared.env"}, ComposeReference{Kind::env_file, "labels"},
          ComposeReference{Kind::file, "base.yml"}, ComposeReference{Kind::mount, "./conf", false},
          ComposeReference{Kind::mount, "../up", false}, ComposeReference{Kind::mount, "./long", false},
          ComposeReference{Kind::env_file, "one.env"}, ComposeReference{Kind::env_file, "blue.env", false},
          ComposeReference{Kind::env_file, "dflt.env"}, ComposeReference{Kind::config, "./c.conf"},
          ComposeReference{Kind::secret, "s.txt"}));
}

TEST(ComposeReferences, WhatIsNoComposeFileRefersToNothing) {
  for (const char* text : {"", "[", "services: []", "services: {a: }", "include: 3\nservices: {a: [b]}"})
    EXPECT_THAT(references(text), testing::Each(testing::Field(&ComposeReference::kind, Kind::file))) << text;
  EXPECT_THAT(references("services: {a: {env_file: '${X:?no}'}}"), IsEmpty());
}

TEST(ComposeConfig, TellsProfilesAndVolumesOfBothVersions) {
  const auto v1 = read_compose_config(
      "services:\n  db:\n    profiles: [debug]\n    volumes: ['data:/var/lib/db:rw', '/host:/x:rw', "
      "'shared:/s:rw', 'fixed:/f:rw', /anonymous]\nvolumes:\n  data: {}\n  shared: {external: true}\n  "
      "fixed: "
      "{name: one}\nversion: '3.9'\n");
  ASSERT_TRUE(v1);
  EXPECT_THAT(v1->front().profiles, ElementsAre("debug"));
  EXPECT_THAT(v1->front().volumes, ElementsAre(ComposeVolume{"data", ""}, ComposeVolume{"fixed", "one"}));
  const auto v2 = read_compose_config(
      "services:\n  db:\n    volumes:\n      - {type: volume, source: data, target: /d, volume: {}}\n      - "
      "{type: bind, source: /host, target: /x}\nvolumes:\n  data: {name: shop-blue_data}\n");
  ASSERT_TRUE(v2);
  EXPECT_THAT(v2->front().volumes, ElementsAre(ComposeVolume{"data", "shop-blue_data"}));
}

}  // namespace
}  // namespace bgdeploy::spec
