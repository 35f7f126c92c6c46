#include "bgdeploy/spec/compose_file.hpp"

#include <gmock/gmock.h>

#include "loading.hpp"

namespace bgdeploy::spec {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

std::string compose_with(const std::string& compose, const std::string& slots = "{blue: 8081, green: 8082}",
                         const std::string& nginx = "") {
  return "service: shop\nhosts: {app: [local]}\nslots: " + slots +
         "\nhealth: {tcp: true}\nproxy: {nginx: {include: /etc/nginx/app.inc" + nginx +
         "}}\ncompose: " + compose + "\n";
}

TEST(ComposeSpec, ReadsItsKeys) {
  const auto spec =
      must_load(compose_with("{file: \"docker-compose-{slot}.yml\", project: \"shop-{slot}\", service: api, "
                             "environment: {TAG: \"{tag}\"}, "
                             "command: [docker, compose]}"));
  ASSERT_TRUE(spec.compose);
  EXPECT_EQ(spec.compose->file, "/srv/app/docker-compose-{slot}.yml");
  EXPECT_EQ(spec.compose->project, "shop-{slot}");
  EXPECT_EQ(spec.compose->service, "api");
  EXPECT_THAT(spec.compose->environment, ElementsAre(Pair("TAG", "{tag}")));
  EXPECT_EQ(spec.compose->command, (std::vector<std::string>{"docker", "compose"}));
  EXPECT_EQ(spec.image, "");
  EXPECT_EQ(spec.docker, Docker{});
  EXPECT_EQ(spec.slots[1].container, "api of shop-green");
  EXPECT_FALSE(spec.compose->named[1]);
}

TEST(ComposeSpec, ContainersMayBeNamedAndThenStandForThemselves) {
  const auto spec =
      must_load(compose_with("{remote_file: ~/c.yml, project: p, service: \"{container}\"}",
                             "{a: {port: 1, container: server-a}, b: {port: 2, container: server-b}}",
                             ", address: \"{container}\""));
  EXPECT_EQ(spec.slots[0].container, "server-a");
  EXPECT_TRUE(spec.compose->named[0] && spec.compose->named[1]);
  EXPECT_EQ(spec.compose->remote_file, "~/c.yml");
}

TEST(ComposeSpec, HasAProjectForEachSlotUnlessItSaysOtherwise) {
  const auto spec = must_load(compose_with("{file: \"c.yml\", service: api}"));
  EXPECT_EQ(spec.compose->project, "{service}-{slot}");
  EXPECT_EQ(spec.slots[0].container, "api of shop-blue");
  EXPECT_EQ(messages_of("service: my.shop" + compose_with("{file: c.yml}").substr(13)),
            "6:1: compose.project must be a name of a-z, 0-9, '_' and '-' that begins with a letter or a "
            "digit, not "
            "'my.shop-blue'");
}

TEST(ComposeSpec, TheEnginesSocketMayStandBesideIt) {
  const auto spec =
      must_load(compose_with("{file: c.yml}\ndocker: {socket: \"unix:///run/podman/podman.sock\"}"));
  EXPECT_EQ(spec.docker_socket, "/run/podman/podman.sock");
  EXPECT_EQ(spec.docker, Docker{});
  EXPECT_EQ(must_load(render(spec, false)), spec);
}

TEST(ComposeSpec, TellsWhatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"{}", "6:1: compose must have file (here, uploaded) or remote_file (on the host)"},
      {"{file: a, remote_file: /b, project: \"p-{slot}\"}",
       "6:20: compose.remote_file cannot be there together with compose.file"},
      {"{remote_file: b.yml, project: \"p-{slot}\"}",
       "6:24: compose.remote_file must be an absolute path on the host, or one that begins with '~/', not "
       "'b.yml'"},
      {"{file: a, project: \"P-{slot}\"}",
       "6:29: compose.project must be a name of a-z, 0-9, '_' and '-' that begins with a letter or a digit, "
       "not "
       "'P-blue'"},
      {"{file: a, project: \"p-{slot}-{tag}\"}",
       "6:29: compose.project cannot hold {tag}: it says where a slot is, whatever runs in it\n6:29: "
       "compose.project "
       "must be a name of a-z, 0-9, '_' and '-' that begins with a letter or a digit, not 'p-blue-{tag}'"},
      {"{file: \"{container}.yml\", project: \"p-{slot}\"}",
       "6:17: compose.file holds {container}, so slots.*.container must be given: compose names containers "
       "itself"},
      {"{file: a, project: p, service: api}",
       "6:1: compose puts both slots into the same service of the same project; let project or service hold "
       "{slot}"},
      {"{file: a, project: p}",
       "6:1: compose puts both slots into the same service of the same project; let project or service hold "
       "{slot}"},
      {"{file: a, project: \"p-{slot}\", environment: {a.b: x}}",
       "6:55: compose.environment.a.b is not a name for a variable of compose"},
      {"{file: a, project: \"p-{slot}\", environment: {BGDEPLOY_TAG: x}}",
       "6:55: compose.environment.BGDEPLOY_TAG begins with 'BGDEPLOY_', which bgdeploy sets itself"},
      {"{file: a, project: \"p-{slot}\", command: []}", "6:50: compose.command must name a program"},
      {"{file: a, project: \"p-{slot}\", servcie: x}",
       "6:41: unknown key 'servcie', did you mean 'service'?"},
      {"{file: a, project: \"p-{slot}\"}\ndocker: {}",
       "6:1: compose and docker exclude each other: keep one of them"},
      {"{file: a}\ndocker: {socket: /run/x.sock, init: true}",
       "6:1: compose and docker exclude each other: keep one of them"},
      {"{file: a, project: \"p-{slot}\", environment: {X: y}}\nsecrets: {X: {env: X}}",
       "7:11: secrets.X is in compose.environment too; keep it in one of them"},
      {"{file: a, project: \"p-{slot}\"}\nsecrets: {UID: {env: X}}",
       "7:11: secrets.UID is a variable that shells keep for themselves, so it cannot reach compose"},
  };
  for (const auto& [text, message] : cases) EXPECT_EQ(messages_of(compose_with(text)), message) << text;
  EXPECT_EQ(messages_of(compose_with("{file: a, project: \"p-{slot}\"}", "{a: 1, b: 2}",
                                     ", address: \"{container}\"")),
            "5:55: proxy.nginx.address holds {container}, so slots.*.container must be given: compose names "
            "containers "
            "itself");
}

TEST(ComposeSpec, AWrongTypeIsNoticedForEveryKey) {
  for (const std::string key : {"file", "remote_file", "project", "service", "environment", "command"})
    EXPECT_NE(messages_of(compose_with("{" + key + ": [[wrong]], x-y: 1}")).find("compose." + key),
              std::string::npos)
        << key;
}

TEST(ComposeSpec, IsRenderedAndReadBack) {
  const auto spec =
      must_load(compose_with("{file: \"c-{slot}.yml\", project: \"p-{slot}\", service: api, environment: {A: "
                             "\"$x\"}}",
                             "{a: {port: 1, container: server-a}, b: 2}"));
  auto again = load_text(render(spec, false));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->compose, spec.compose);
  EXPECT_EQ(again->slots, spec.slots);
  const auto settings = load_compose(compose_to_json(*spec.compose));
  ASSERT_TRUE(settings);
  auto unnamed = *spec.compose;
  unnamed.named = {};  // of the slots, not of this section
  EXPECT_EQ(*settings, unnamed);
}

TEST(ComposeConfig, ReadsBothVersions) {
  const auto v1 = read_compose_config(
      "services:\n  api:\n    image: app:1\n    container_name: server-a\n    network_mode: host\n    "
      "ports:\n"
      "    - published: 8081\n      target: 8080\n    - 127.0.0.1:9000-9002:80/tcp\n    - 53:53/udp\n    - "
      "'80'\n"
      "    restart: always\n    mem_limit: 700m\nversion: '3'\n");
  ASSERT_TRUE(v1);
  ASSERT_EQ(v1->size(), 1U);
  EXPECT_EQ(v1->front(), (ComposeService{"api",
                                         "app:1",
                                         "server-a",
                                         "always",
                                         "host",
                                         {{8081, 8081}, {9000, 9002, "127.0.0.1"}},
                                         700 << 20}));
  EXPECT_TRUE(v1->front().publishes(9001));
  EXPECT_FALSE(v1->front().publishes(53));
  const auto v2 = read_compose_config(
      "name: x\nservices:\n  api:\n    environment:\n      A: |-\n        $$x\n        y: z\n    ports:\n    "
      "  - mode: "
      "ingress\n        target: 8080\n        published: \"8081\"\n        protocol: tcp\n      - target: "
      "53\n"
      "        published: \"53\"\n        protocol: udp\n  side:\n    image: redis\n    deploy:\n      "
      "resources:\n        "
      "limits:\n          memory: \"734003200\"\n");
  ASSERT_TRUE(v2);
  ASSERT_EQ(v2->size(), 2U);
  EXPECT_THAT(v2->front().published, ElementsAre(ComposePort{8081, 8081}));
  EXPECT_EQ((*v2)[0].mem_limit, std::nullopt);
  EXPECT_EQ((*v2)[1].name, "side");
  EXPECT_EQ((*v2)[1].mem_limit, 700 << 20);
  for (const char* text : {"", "nonsense", "services: []", "[", "version: '3'"})
    EXPECT_EQ(read_compose_config(text).error().message, "compose's own output could not be read") << text;
}

TEST(ComposeConfig, KnowsWhereAPortIsPublished) {
  const auto on = [](const std::string& ports, int port = 8081) {
    const auto read = read_compose_config("services:\n  api:\n    ports: [" + ports + "]\n");
    EXPECT_TRUE(read);
    return read ? read->front().published_on(port) : std::nullopt;
  };
  const std::string v2 =
      "{mode: ingress, host_ip: 10.213.5.2, target: 8080, published: \"8081\", protocol: tcp}";
  EXPECT_EQ(on(v2), "10.213.5.2");
  EXPECT_EQ(on("'10.213.5.2:8081:8080/tcp'"), "10.213.5.2");
  EXPECT_EQ(on("'8081:8080'"), "");
  EXPECT_EQ(on("'0.0.0.0:8081:8080'"), "");
  EXPECT_EQ(on("'[::1]:8081:8080'"), "::1");
  EXPECT_EQ(on("'::1:8081:8080'"), "::1");
  EXPECT_EQ(on("{host_ip: '::', target: 8080, published: 8081}"), "");
  EXPECT_EQ(on("'127.0.0.1:8080-8085:8080'"), "127.0.0.1");
  EXPECT_EQ(on("'8080'"), std::nullopt);
  EXPECT_EQ(on("'8081:53/udp'"), std::nullopt);
  EXPECT_EQ(on("{target: 8081, protocol: tcp}"), std::nullopt) << "docker takes any port";
  // Of several the one that most others reach.
  EXPECT_EQ(on("'127.0.0.1:8081:8080', '10.0.0.5:8081:8080'"), "10.0.0.5");
  EXPECT_EQ(on("'10.0.0.5:8081:8080', '8081:8080'"), "");
}

TEST(ComposeConfig, TellsWhatBothSlotsNeed) {
  const auto both = [](const std::string& one, const std::string& other) {
    const auto read = [](const std::string& text) {
      return read_compose_config("services:\n" + text).value_or(std::vector<ComposeService>{});
    };
    return what_both_need({"blue", read(one)}, {"green", read(other)}).value_or("");
  };
  const std::string api = "  api: {container_name: my-api, ports: ['8081:8080']}\n";
  EXPECT_EQ(both(api, "  api: {container_name: my-api, ports: ['8082:8080']}\n"),
            "both slots, blue and green, need the container my-api (service api)");
  EXPECT_EQ(both(api, "  web: {container_name: my-api, ports: ['8082:8080']}\n"),
            "both slots, blue and green, need the container my-api (api and web)");
  EXPECT_EQ(both(api, "  api: {container_name: my-api-green, ports: ['8082:8080']}\n"), "");
  EXPECT_EQ(both(api, "  db: {ports: ['8081:5432']}\n"),
            "both slots, blue and green, need port 8081 of the host (api and db)");
  EXPECT_EQ(both("  db: {ports: ['127.0.0.1:5432:5432']}\n", "  db: {ports: ['10.0.0.5:5432:5432']}\n"), "");
  EXPECT_NE(both("  db: {ports: ['127.0.0.1:5432:5432']}\n", "  db: {ports: ['5432:5432']}\n"), "");
  EXPECT_EQ(both("  db: {ports: ['5432-5440:5432']}\n", "  db: {ports: ['5432-5440:5432']}\n"), "")
      << "docker takes what is free";
  EXPECT_EQ(both("  db: {ports: ['5432']}\n", "  db: {ports: ['5432']}\n"), "");
}

TEST(ComposeConfig, KnowsWhatIsStartedWithAService) {
  const auto read = read_compose_config(
      "services:\n  api:\n    depends_on: {db: {condition: service_started}}\n    network_mode: service:vpn\n"
      "  db:\n    depends_on: [disk]\n    links: ['cache:redis']\n    volumes_from: ['files:ro', "
      "'container:x']\n"
      "  cache:\n    depends_on: [db, api]\n  disk: {}\n  files: {}\n  vpn: {}\n  other: {}\n");
  ASSERT_TRUE(read);
  EXPECT_THAT(read->front().needs, ElementsAre("cache", "db", "disk", "files", "vpn"));
  EXPECT_THAT(read->back().needs, IsEmpty());
}

TEST(ComposeConfig, FindsTheRepository) {
  EXPECT_EQ(repository_of("app"), "app");
  EXPECT_EQ(repository_of("app:1.2"), "app");
  EXPECT_EQ(repository_of("registry:5000/own/app"), "registry:5000/own/app");
  EXPECT_EQ(repository_of("registry:5000/own/app:1@sha256:ab"), "registry:5000/own/app");
}

}  // namespace
}  // namespace bgdeploy::spec
