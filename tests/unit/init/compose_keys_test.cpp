// What becomes of the keys of a compose file's services, and of what is asked of their health.
#include <gtest/gtest.h>

#include "support.hpp"

namespace bgdeploy::init {
namespace {

using Strings = std::vector<std::string>;
using Map = std::map<std::string, std::string>;

// Each key of it, and what is written below `docker` for it.
TEST(ComposeKeys, KeysThatBothFilesHaveAreTaken) {
  Draft draft;
  const auto spec = from_compose(draft, R"(services:
  api:
    image: acme/api
    ports: ["8080:8080"]
    labels: ["com.acme.team=shop", "lone"]
    logging: {driver: json-file, options: {max-size: 10m}}
    ulimits: {nproc: 65535, nofile: {soft: 20000, hard: 40000}}
    extra_hosts: {host.docker.internal: host-gateway, db: [10.0.0.5], six: "2001:db8::1"}
    tmpfs: /run
    volumes:
      - {type: tmpfs, target: /cache, tmpfs: {size: 64m, mode: 1777}}
      - {type: bind, source: /a, target: /b, read_only: true, bind: {propagation: rslave}}
      - {type: volume, source: data, target: /data, volume: {nocopy: true}}
      - {type: volume, source: data, target: /part, volume: {subpath: a}}
)");
  EXPECT_EQ(spec.docker.labels, (Map{{"com.acme.team", "shop"}, {"lone", ""}}));
  ASSERT_TRUE(spec.docker.logging);
  EXPECT_EQ(spec.docker.logging->options, (Map{{"max-size", "10m"}}));
  ASSERT_EQ(spec.docker.ulimits.size(), 2U);
  EXPECT_EQ(spec.docker.ulimits[0].name, "nofile");
  EXPECT_EQ(spec.docker.ulimits[0].soft, 20000);
  EXPECT_EQ(spec.docker.ulimits[1].hard, 65535);
  EXPECT_EQ(spec.docker.extra_hosts.size(), 3U) << write(draft);
  EXPECT_EQ(spec.docker.tmpfs, (Strings{"/run", "/cache:size=64m,mode=1777"}));
  EXPECT_EQ(spec.docker.volumes, (Strings{"/a:/b:ro,rslave", "shop_data:/data:nocopy"}))
      << "in memory stays there";
  EXPECT_EQ(draft.notes().size(), 1U) << ::testing::PrintToString(draft.notes());
  EXPECT_TRUE(notes(draft, "/part"));
}

TEST(ComposeKeys, NoKeyIsLeftOutWithoutAWord) {
  const Strings left{"hostname: api",
                     "pids_limit: 100",
                     "platform: linux/amd64",
                     "tty: true",
                     "group_add: [docker]",
                     "ipc: host",
                     "volumes_from: [x]",
                     "mem_reservation: 1g",
                     "memswap_limit: 1g",
                     "oom_score_adj: 5",
                     "stdin_open: true",
                     "links: [x]",
                     "devices: [/dev/fuse]",
                     "network_mode: host",
                     "pid: host",
                     "sysctls: {a: 1}",
                     "dns: 8.8.8.8",
                     "security_opt: [a]",
                     "privileged: true",
                     "gpus: all",
                     "secrets: [a]",
                     "configs: [a]",
                     "some_new_key: 1",
                     "mac_address: a",
                     "cgroup_parent: a",
                     "storage_opt: {a: b}"};
  for (const std::string& key : left) {
    Draft draft;
    from_compose(draft, "services:\n  api:\n    image: acme/api\n    ports: ['80:80']\n    " + key + "\n");
    EXPECT_TRUE(notes(draft, "`" + key.substr(0, key.find(':')) + "`")) << key;
  }
  for (const char* key : {"depends_on: [db]", "restart: always", "profiles: [x]", "tty: false", "devices: []",
                          "x-mine: 1", "container_name: web", "deploy: {resources: {limits: {cpus: '1'}}}"}) {
    Draft draft;
    from_compose(draft, "services:\n  api:\n    image: acme/api\n    ports: ['80:80']\n    " +
                            std::string(key) + "\n");
    EXPECT_TRUE(draft.notes().empty()) << key << ::testing::PrintToString(draft.notes());
  }
  Draft draft;
  from_compose(draft, R"(services:
  api:
    build: {context: ., args: [A=1, B, NPM_TOKEN], ssh: [default]}
    ports: ["80:80"]
    networks: {front: {aliases: [web]}}
    labels: {auth: "u:hunter2"}
    deploy: {replicas: 2, resources: {limits: {cpus: '1', pids: 5}, reservations: {cpus: '1'}}}
)");
  EXPECT_EQ(draft.text({"build", "args", "B"}), "${B:-}");
  for (const char* note :
       {"`build.args.NPM_TOKEN`", "`build.ssh`", "`networks.front.aliases`", "the label auth",
        "`deploy.replicas`", "`deploy.resources.reservations`", "`deploy.resources.limits.pids`"})
    EXPECT_TRUE(notes(draft, note)) << note;
  EXPECT_FALSE(write(draft).contains("hunter"));
}

TEST(ComposeKeys, ServicesCalledBlueAndGreenAreTheSlots) {
  Draft draft;
  const auto spec = from_compose(draft, R"(services:
  green-api: {image: "acme/api:${TAG}", container_name: api-green, ports: ["8080:8080"]}
  blue-api: {image: "acme/api:${TAG}", container_name: api-blue, ports: ["8081:8080"]}
  redis: {image: redis}
)");
  ASSERT_TRUE(spec.compose) << write(draft);
  EXPECT_EQ(spec.compose->file, "/work/docker-compose.yml");
  EXPECT_EQ(spec.compose->service, "{slot}-api");
  EXPECT_EQ(spec.compose->project, "shop-folder") << "both slots share it";
  EXPECT_EQ(spec.compose->environment.at("TAG"), "{tag}");
  EXPECT_EQ(spec.slots[0], (spec::Slot{"green", 8080, "api-green"}));
  EXPECT_EQ(spec.slots[1], (spec::Slot{"blue", 8081, "api-blue"}));

  Draft named;
  EXPECT_EQ(from_compose(named,
                         "name: store\nservices: {a: {image: x/y, expose: [80]}, b: {image: x/y, "
                         "expose: [80]}}\n")
                .compose->project,
            "store");
  EXPECT_EQ(written(named).slots[0].name, "a");
  for (const char* others : {"blue: {image: x/y, ports: ['1:1']}, green: {image: x/z, ports: ['2:1']}",
                             "web: {image: x/y, ports: ['1:1']}, api: {image: x/y, ports: ['2:1']}"}) {
    Draft other;
    EXPECT_FALSE(from_compose(other, "services: {" + std::string(others) + "}\n").compose) << others;
  }
}

TEST(ComposeKeys, WhatPublishesIsDeployedThoughItHasAProfile) {
  for (const char* services :
       {"app: {image: acme/app, ports: ['5000:5000'], profiles: [prod]}, worker: {image: acme/worker}",
        "app: {extends: {service: base}, image: acme/app, ports: ['5000:5000']}, base: {image: x, "
        "healthcheck: "
        "{test: a}}",
        "app: {image: acme/app, ports: ['5000:5000'], profiles: [prod]}, app-dev: {image: acme/dev, ports: "
        "['5001:5000'], profiles: [dev]}",
        "app: {image: acme/app, expose: [5000]}, admin: {image: acme/admin, ports: ['1:1'], profiles: "
        "[tools]}",
        "app: {image: acme/app, ports: ['5000:5000']}, job: {extends: app, ports: [], command: job}"}) {
    Draft draft;
    EXPECT_EQ(from_compose(draft, "services: {" + std::string(services) + "}\n").image, "acme/app")
        << services;
  }
}

TEST(ComposeKeys, HealthMayTakeAsLongAsWithDocker) {
  using namespace std::chrono_literals;
  for (const auto& [times, timeout, deadline] :
       {std::tuple("timeout: 20s, interval: 10s, start_period: 3m", 20s, 270s),
        std::tuple("timeout: 5s", 5s, 120s), std::tuple("interval: 1m30s", 2s, 120s),
        std::tuple("retries: 10, timeout: '${T}'", 2s, 300s),
        std::tuple("interval: 5s, timeout: 0s", 2s, 120s)})
    for (const char* test : {"curl http://localhost/up", "check"}) {
      Draft draft;
      const auto spec =
          from_compose(draft, "services: {api: {image: a/b, ports: ['80:80'], healthcheck: {test: '" +
                                  std::string(test) + "', " + times + "}}}\n");
      EXPECT_EQ(spec.health.timeout, timeout) << times;
      EXPECT_EQ(spec.health.deadline, deadline) << times;
    }
  Draft rarely;
  read_dockerfile(rarely, {"Dockerfile", "FROM a\nEXPOSE 80\nHEALTHCHECK --interval=5m CMD /check\n"});
  EXPECT_EQ(completed(rarely).health.deadline, 900s) << "docker asks no sooner";
  for (const auto& [command, timeout] :
       {std::pair("curl http://localhost/up", 20s), std::pair("/check", 2s)}) {
    Draft draft;
    read_dockerfile(draft, {"Dockerfile",
                            "FROM a\nEXPOSE 80\nHEALTHCHECK --interval=30s --timeout=20s "
                            "--start-period=60s --retries=2 CMD " +
                                std::string(command) + " --timeout=9s\n"});
    const auto spec = completed(draft);
    EXPECT_EQ(spec.health.timeout, timeout) << command;
    EXPECT_EQ(spec.health.deadline, 160s) << command;
  }
}

TEST(ComposeKeys, ThePortThatHealthIsAskedOnIsKept) {
  for (const auto& [test, port] : {std::pair("http://localhost:9090/health", std::optional(9090)),
                                   std::pair("http://localhost:8080/health", std::optional<int>()),
                                   std::pair("http://localhost/health", std::optional<int>()),
                                   std::pair("http://[::1]:9090/health", std::optional(9090))}) {
    Draft draft;
    const auto spec = from_compose(draft,
                                   "services: {api: {image: a/b, ports: ['9090:8080'], healthcheck: {test: "
                                   "[CMD, curl, -f, '" +
                                       std::string(test) + "']}}}\n");
    EXPECT_EQ(http(spec).path, "/health");
    EXPECT_EQ(http(spec).port, port) << test;
  }
  Draft tls;
  const auto spec = from_compose(tls,
                                 "services: {api: {image: a/b, ports: ['80:80'], healthcheck: {test: 'curl "
                                 "https://localhost:8443/up'}}}\n");
  EXPECT_EQ(http(spec).path, "/up");
  EXPECT_FALSE(http(spec).port) << "which speaks TLS";
  EXPECT_TRUE(write(tls).contains("guessed: docker-compose.yml asks localhost:8443 with TLS")) << write(tls);
  Draft dockerfile;
  read_dockerfile(dockerfile,
                  {"Dockerfile", "FROM a\nEXPOSE 80\nHEALTHCHECK CMD curl http://localhost:9000/up\n"});
  EXPECT_EQ(http(completed(dockerfile)).port, 9000);
  Draft script;
  EXPECT_FALSE(http(from_script(script, "docker run -p 81:80 a/b:1\ncurl http://localhost:9000/up\n")).port)
      << "a port of the host";
}

TEST(ComposeKeys, ARequiredVariableStaysRequired) {
  const auto text = R"(services:
  api:
    image: "acme/api:${TAG:?set TAG}"
    ports: ["8080:80"]
    environment: {REQ: "${REQ:?must be set}", BARE: "${BARE?}", ALT: "${X:+yes}", SET: "${Y:+yes}", NOC: "${Z-d}",
                  API_KEY: "${PROD_KEY:?}", PLAIN: "$${X}"}
)";
  Draft draft;
  const File file{"docker-compose.yml", text};
  ASSERT_TRUE(read_compose(draft, std::span(&file, 1), {{"Y", "y"}}, "shop"));
  complete(draft, "shop");
  EXPECT_FALSE(load(write(draft))) << "REQ is not set";
  const auto spec = spec::load({"/work/bgdeploy.yml", write(draft)}, "",
                               [](std::string_view name) { return std::optional(std::string(name) + "!"); });
  ASSERT_TRUE(spec) << write(draft);
  EXPECT_EQ(spec->docker.environment, (Map{{"REQ", "REQ!"},
                                           {"BARE", "BARE!"},
                                           {"ALT", ""},
                                           {"SET", "yes"},
                                           {"NOC", "Z!"},
                                           {"PLAIN", "${X}"}}));
  EXPECT_EQ(spec->secrets.at("API_KEY"), spec::SecretSource(spec::FromEnv{"PROD_KEY"}));
  EXPECT_TRUE(write(draft).contains("${REQ:?must be set}"));
  EXPECT_TRUE(notes(draft, "`${X:+yes}` of docker-compose.yml"));
  EXPECT_FALSE(draft.find({"docker", "environment", "PLAIN"})->comment.contains("the variable is set"));
}

// A shell in the container, or compose, fills it in; a deploy would ask for the words themselves.
TEST(ComposeKeys, AVariableInTheHealthChecksPathIsNotCopied) {
  for (const char* path : {"/up/$${X}/y", "/up/${X:-z}", "/up/$$$${X}"}) {
    Draft draft;
    from_compose(draft, std::string("services: {api: {image: a/b, ports: ['8081:80'],\n"
                                    "  healthcheck: {test: \"curl -f http://localhost") +
                            path + "\"}}}\n");
    const auto* told = draft.find({"health", "http", "path"});
    ASSERT_NE(told, nullptr) << path;
    EXPECT_EQ(told->value, "/up/") << path;
    EXPECT_TRUE(told->comment.starts_with("FILL IN: what stands behind it is a variable")) << told->comment;
  }
}

TEST(ComposeKeys, WhatASpecReplacesIsTold) {
  Draft draft;
  from_compose(draft,
               "services: {api: {image: a/b, ports: ['8081:80'], environment: ['A={slot} {port}', B=b],\n"
               "  volumes: ['/log/{host}:/log']}}\n");
  EXPECT_TRUE(notes(draft, "A of docker-compose.yml contains {slot} and {port}, which bgdeploy replaces"));
  EXPECT_TRUE(notes(draft, "the volume /log/{host}:/log of docker-compose.yml contains {host}"));
}

// --- CI files

std::string step(const std::string& action, const std::string& inputs) {
  return "jobs:\n  a:\n    steps:\n      - uses: " + action + "\n        with:\n" + inputs;
}

TEST(PushedImages, OfWorkflows) {
  const std::string build = "docker/build-push-action@v6";
  for (const auto& [text, image] :
       {std::pair(step(build, "          push: true\n          tags: ghcr.io/acme/shop:${{ github.sha }}\n"),
                  "ghcr.io/acme/shop"),
        std::pair(step(build, "          tags: acme/shop:1,acme/other:1\n"), "acme/shop"),
        std::pair(step(build, "          tags: |\n            ghcr.io/acme/shop:1\n            b/c:1\n"),
                  "ghcr.io/acme/shop"),
        std::pair(step(build, "          tags: |-\n            ghcr.io/acme/shop:1\n"), "ghcr.io/acme/shop"),
        std::pair("steps:\n  - uses: " + build + "\n    with: {push: true, tags: acme/shop:1}\n",
                  "acme/shop"),
        std::pair(step("docker/metadata-action@v5", "          images: ghcr.io/acme/shop\n") +
                      "      - uses: " + build +
                      "\n        with:\n          tags: ${{ steps.meta.outputs.tags }}\n",
                  "ghcr.io/acme/shop"),
        std::pair("env:\n  REGISTRY: ghcr.io\n  IMAGE_NAME: acme/shop\n" +
                      step("docker/metadata-action@v5",
                           "          images: ${{ env.REGISTRY }}/${{ env.IMAGE_NAME }}\n"),
                  "ghcr.io/acme/shop"),
        std::pair(std::string("run: docker pull mysql:8\nrun: docker buildx build --push -t acme/shop:1 .\n"),
                  "acme/shop"),
        std::pair(std::string("script: /kaniko/executor --destination=acme/shop:1\n"), "acme/shop")}) {
    Draft draft;
    EXPECT_EQ(from_script(draft, text, ".github/workflows/ci.yml").image, image) << text;
    EXPECT_FALSE(draft.has({"build"}));
  }
}

TEST(PushedImages, WhatNobodyHereSetsIsToBeFilledIn) {
  for (const auto& [text, written] :
       {std::pair(step("docker/build-push-action@v6",
                       "          tags: ghcr.io/${{ github.repository }}:${{ github.sha }}\n"),
                  "ghcr.io/${GITHUB_REPOSITORY:-app}"),
        std::pair(step("docker/build-push-action@v6", "          tags: ${{ secrets.HUB_USER }}/shop:1\n"),
                  "${HUB_USER:-registry.example.com}/shop"),
        std::pair(std::string("script:\n  - docker push $CI_REGISTRY_IMAGE/web:$TAG\n"),
                  "${CI_REGISTRY_IMAGE:-registry.example.com}/web")}) {
    Draft draft;
    from_script(draft, text, ".github/workflows/ci.yml");
    EXPECT_EQ(draft.text({"image"}), written) << write(draft);
    EXPECT_EQ(draft.gaps(), (Strings{"image", "hosts.app"}));
    EXPECT_FALSE(draft.text({"service"}).contains("repository")) << "a variable is no name";
  }
}

TEST(PushedImages, WhatIsNotPushedIsNotPulled) {
  for (const std::string& text :
       {step("docker/build-push-action@v6", "          push: false\n          tags: acme/shop:1\n"),
        step("docker/build-push-action@v6", "          tags: |\n          cache-to: type=gha\n"),
        step("acme/other@v1", "          tags: a/b:1\n"), std::string("run: docker build -t acme/shop .\n"),
        std::string("tags: a/b:1\nuses:\n")}) {
    Draft draft;
    from_script(draft, text, ".github/workflows/ci.yml");
    EXPECT_FALSE(draft.text({"image"}).contains("acme/") || draft.text({"image"}).contains("a/b")) << text;
  }
}

}  // namespace
}  // namespace bgdeploy::init
