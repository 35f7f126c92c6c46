// Each reader on inputs as people have them.
#include <gtest/gtest.h>

#include <chrono>

#include "bgdeploy/spec/document.hpp"
#include "support.hpp"

namespace bgdeploy::init {
namespace {

using Texts = std::vector<std::string>;

TEST(Scripts, ASecretThatIsAssignedIsNotCopied) {
  Draft draft;
  const File script{"deploy.sh", R"(DB_PASSWORD=hunter2
OPTIONS="-Dpw=$DB_PASSWORD"
URL=mysql://root:hunter3@db/x
API=${DB_PASSWORD}
docker run -d -p 8081:80 -e APP_DB=$DB_PASSWORD -e JAVA_OPTS="$OPTIONS" -e PLACE=$URL -e OTHER=$API -e LOG=info \
  acme/app:1 serve --password $DB_PASSWORD
)"};
  read_scripts(draft, std::span(&script, 1), {});
  const auto spec = completed(draft);
  const std::string text = write(draft);
  EXPECT_FALSE(text.contains("hunter")) << text;
  for (const auto& [name, variable] : {std::pair("APP_DB", "DB_PASSWORD"), std::pair("JAVA_OPTS", "OPTIONS"),
                                       std::pair("PLACE", "URL"), std::pair("OTHER", "DB_PASSWORD")})
    EXPECT_TRUE(text.contains(std::string(name) + ": {env: " + variable + "}")) << name << "\n" << text;
  EXPECT_EQ(spec.docker.environment, (std::map<std::string, std::string>{{"LOG", "info"}}));
  EXPECT_EQ(*spec.docker.command, (std::vector<std::string>{"serve", "--password", "SECRET"}));
}

TEST(Scripts, AnotherNetworkThanTheSlotsOwnIsTold) {
  for (const char* network : {"host", "none", "container:db"}) {
    Draft draft;
    const File script{"deploy.sh",
                      "docker run -d --network=" + std::string(network) + " -p 8081:80 acme/app:1\n"};
    read_scripts(draft, std::span(&script, 1), {});
    EXPECT_TRUE(completed(draft).docker.networks.empty()) << network;
    EXPECT_TRUE(notes(draft, "`docker run --network " + std::string(network) + "` of deploy.sh")) << network;
  }
  Draft draft;
  const File script{"deploy.sh",
                    "docker run -d --net bridge --network name=back,alias=web -p 8081:80 acme/app:1\n"};
  read_scripts(draft, std::span(&script, 1), {});
  EXPECT_EQ(completed(draft).docker.networks, Texts{"back"});
  EXPECT_TRUE(notes(draft, "`docker run --network-alias` of deploy.sh"));
}

TEST(Secrets, AreKnownByTheirNames) {
  for (const char* name : {"MYSQL_ROOT_PW",
                           "GITHUB_PAT",
                           "STRIPE_SK",
                           "JWT",
                           "ENCRYPTION_KEY_BASE",
                           "SALT",
                           "SLACK_WEBHOOK",
                           "SLACK_WEBHOOK_URL",
                           "app.encryptionKey",
                           "DB_PASS",
                           "KEY",
                           "AWS_CREDS",
                           "SENTRY_DSN",
                           "SPRING_MAIL_PWD",
                           "DBPASS",
                           "USERPASS",
                           "MAILPW",
                           "PGPASS",
                           "ACCESSKEY",
                           "OTP_SEED",
                           "PIN_CODE",
                           "DBPWD",
                           "DB_PASS_PROD",
                           "DBPASS_PROD",
                           "API_KEY_2",
                           "ENCKEY1",
                           "KEY2",
                           "PW_DB",
                           "APP_SIGNING",
                           "NEWRELIC_LICENSE",
                           "RELEASE_COOKIE",
                           "PASS"})
    EXPECT_TRUE(is_secret(name, "v")) << name;
  for (const char* name : {"LOG_LEVEL",
                           "CACHE_KEY_PREFIX",
                           "JWT_ISSUER",
                           "JWT_EXPIRATION",
                           "SALT_ROUNDS",
                           "WEBHOOK_PORT",
                           "KEYCLOAK_URL",
                           "PATH",
                           "PASS_HEADERS",
                           "TASK",
                           "PATTERN",
                           "MONKEY",
                           "PWD",
                           "SSH_KEY_FILE",
                           "BASALT",
                           "KEYBOARD",
                           "COMPASS",
                           "BYPASS",
                           "BYPASS_CACHE",
                           "PUBLIC_KEY",
                           "JWT_PUBLIC_KEY",
                           "TURNKEY",
                           "OLDPWD",
                           "PINGS",
                           "OTP_LENGTH",
                           "KEY_COUNT",
                           "PGPASSFILE",
                           "SPINNER",
                           "LICENSE_TYPE",
                           "SESSION_COOKIE",
                           "stripe.publishableKey"})
    EXPECT_FALSE(is_secret(name, "v")) << name;
}

TEST(Secrets, AreKnownByTheirValues) {
  for (const char* value : {"sk_live_51H",
                            "ghp_0123456789",
                            "github_pat_11A",
                            "glpat-x1",
                            "xoxb-1-2",
                            "AKIAIOSFODNN7EXAMPLE",
                            "eyJhbGciOiJIUzI1NiJ9.e30.abc",
                            "https://hooks.slack.com/services/T0/B0/x",
                            "--with=sk_live_51H",
                            "a,ghp_0123456789",
                            "https://discord.com/api/webhooks/1/x",
                            "-----BEGIN PRIVATE KEY-----",
                            "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                            "a:0123456789ABCDEF0123456789ABCDEF",
                            "q3ZJ8vN1kY0b6TtW+9xR/5uFhCcLm2PoEeDdGg7Aa4I=",
                            "wJalrXUtnFEMI7K7MDENGbPxRfiCYEXAMPLEKEY0",
                            "redis-cli -a hunter2 ping",
                            "mysqladmin ping -phunter2",
                            "curl -fsu me:hunter2 -u me:hunter2 http://a",
                            "123456789:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc",
                            "Bearer hunter2",
                            "X-Api: \"Basic dXNlcjpwYXNz\"",
                            "dp.st.prod.abcdefghij",
                            "root:hunter2@10.0.0.1",
                            "root:hunter2@tcp(db:3306)/shop"})
    EXPECT_TRUE(is_secret("PLACE", value)) << value;
  for (const char* value :
       {"sk_SK",
        "npm_config",
        "eyJ.x",
        "a.b.c",
        "https://example.com/hooks",
        "SG.x",
        "sk-learn",
        "hf_cache",
        "AKIA",
        "org.hibernate.dialect.MySQL8Dialect",
        "ghp_",
        "acme/app@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "123e4567-e89b-12d3-a456-426614174000",
        "/var/lib/Shop/with/a/long/path/2024/uploads",
        "my-service-with-a-long-name.eu-west-1.example.com",
        "tool -a x",
        "mysql -p shop",
        "2024-01-01T00:00:00Z",
        "Basic plan",
        "Basic features",
        "Bearer of news",
        "app:1.2@sha256:abc",
        "deploy@host:22",
        "app:latest",
        "12345678:short"})
    EXPECT_FALSE(is_secret("PLACE", value)) << value;
  EXPECT_FALSE(is_secret("GIT_COMMIT", "0123456789abcdef0123456789abcdef01234567"));
  EXPECT_TRUE(is_secret("SMTP", "app:hunter2"));
  for (const char* value : {"mail:25", "mail", "", ":x", "x:", "http://mail", "a:b:c"})
    EXPECT_FALSE(is_secret("SMTP", value)) << value;
}

TEST(Secrets, WhatStandsBehindThemStays) {
  for (const auto& [command, shown] :
       {std::pair("curl -H 'Authorization: Bearer hunter2' http://a/b",
                  "curl -H 'Authorization: SECRET' http://a/b"),
        std::pair("sh -c \"curl -H \\\"X-Token: hunter2\\\" http://a\"",
                  "sh -c \"curl -H \\\"X-Token: SECRET\\\" http://a\""),
        std::pair("Authorization: Bearer hunter2 b", "Authorization: SECRET"),
        std::pair("curl -H 'X-Api: Bearer hunter2' a", "curl -H 'X-Api: Bearer SECRET' a"),
        std::pair("serve '--password=hunter2' -v", "serve '--password=SECRET' -v"),
        std::pair("mysql -phunter2; x --token 'hunter2';", "mysql -pSECRET; x --token 'SECRET';"),
        std::pair("echo -----BEGIN KEY hunter2", "SECRET")}) {
    EXPECT_EQ(masked(command), shown);
    EXPECT_EQ(masked(shown), shown);
  }
}

TEST(Secrets, WhereNobodyExpectsThemTheyAreNotCopied) {
  Draft draft;
  draft.say({"hosts", "app"}, Json::array({"root:hunter2@10.0.0.1", "deploy@10.0.0.2:22"}));
  draft.say({"ssh", "identity_file"}, "-----BEGIN hunter2");
  draft.say({"environments", "staging", "ssh", "user"}, "root:hunter2@x");
  draft.say({"docker", "volumes"}, Json::array({"0123456789abcdef0123456789abcdef:/data"}));
  draft.note("see https://me:hunter2@git.example.com/x, which is there");
  draft.note("not the key -----BEGIN PRIVATE KEY----- hunter2");
  completed(draft);
  EXPECT_FALSE(write(draft).contains("hunter2")) << write(draft);
  EXPECT_EQ(draft.gaps(),
            (Texts{"hosts.app", "ssh.identity_file", "environments.staging.ssh.user", "image"}));
  EXPECT_EQ(draft.find({"hosts", "app"})->value, (Json{"SECRET", "deploy@10.0.0.2:22"}));
  EXPECT_TRUE(notes(draft, "see SECRET which is there"));
}

TEST(Compose, ASecretOfDotenvIsFilledInNowhere) {
  Draft draft;
  const File file{"docker-compose.yml",
                  "services: {app: {image: '${REG_TOKEN}/acme/app', ports: ['8080:80'], volumes: "
                  "['/srv/${TENANT_TOKEN}:/data', {type: tmpfs, target: '/${OTHER_TOKEN}'}]}}\n"};
  const Variables known{{"TENANT_TOKEN", "hunter2"}, {"REG_TOKEN", "hunter3"}};
  ASSERT_TRUE(read_compose(draft, std::span(&file, 1), known, "shop"));
  complete(draft, "shop");
  EXPECT_FALSE(write(draft).contains("hunter")) << write(draft);
  EXPECT_EQ(draft.text({"image"}), "${REG_TOKEN:?has to be set}/acme/app");
  EXPECT_EQ(draft.find({"docker", "volumes"})->value, Json{"/srv/${TENANT_TOKEN:?has to be set}:/data"});
  EXPECT_EQ(unset_variables(draft, [](std::string_view) { return std::nullopt; }),
            (Unset{{"REG_TOKEN", "TENANT_TOKEN"}, {}}));
}

TEST(Compose, OneFileBecomesContainersOfOurOwn) {
  Draft draft;
  const auto spec =
      from_compose(draft, R"(services:
  web:
    build: {context: ./app, dockerfile: Dockerfile.prod, args: {NODE_ENV: production}}
    image: ghcr.io/acme/shop:${TAG:-latest}
    ports: ["3000:8080"]
    environment:
      - LOG_LEVEL=info
      - DB_HOST=${DB_HOST}
      - REGION=${REGION:-eu}
      - DB_PASSWORD=${DB_PASSWORD}
      - STRIPE_SECRET_KEY=sk_live_1
      - DATABASE_URL=postgres://app:hunter2@db/app
      - DSN_FROM_ENV=postgres://db/${POSTGRES_PASSWORD}
      - INHERITED
      - PRICE=$$5
    env_file: .env.prod
    volumes: [uploads:/data, /srv/conf:/conf:ro, ./src:/src]
    extra_hosts: ["host.docker.internal:host-gateway"]
    deploy: {resources: {limits: {memory: 512M, cpus: "0.5"}}, replicas: 2}
    depends_on: [db]
    healthcheck: {test: [CMD, curl, -f, "http://localhost:8080/healthz"]}
    privileged: true
  db:
    image: postgres:16
volumes: {uploads: {}}
)",
                   {{"DB_HOST", "db"}, {"DB_PASSWORD", "hunter3"}, {"POSTGRES_PASSWORD", "hunter4"}});
  EXPECT_EQ(spec.image, "ghcr.io/acme/shop");
  EXPECT_EQ(spec.service, "shop");
  EXPECT_FALSE(spec.compose);
  EXPECT_EQ(spec.slots[0].port, 3000) << "what runs keeps its port";
  EXPECT_EQ(spec.slots[1].port, 3001);
  EXPECT_EQ(spec.docker.container_port, "8080");
  EXPECT_EQ(spec.docker.environment,
            (std::map<std::string, std::string>{
                {"LOG_LEVEL", "info"}, {"DB_HOST", "db"}, {"REGION", "eu"}, {"PRICE", "$5"}}));
  for (const char* name : {"DB_PASSWORD", "STRIPE_SECRET_KEY", "DATABASE_URL", "DSN_FROM_ENV", "INHERITED"})
    EXPECT_EQ(spec.secrets.at(name), spec::SecretSource(spec::FromEnv{name})) << name;
  EXPECT_FALSE(write(draft).contains("hunter")) << write(draft);
  EXPECT_FALSE(write(draft).contains("sk_live"));
  EXPECT_EQ(spec.docker.env_file.front(), "/work/.env.prod");
  EXPECT_EQ(spec.docker.volumes, (Texts{"shop_uploads:/data", "/srv/conf:/conf:ro"}));
  EXPECT_EQ(spec.docker.networks, Texts{"shop_default"}) << "where db is";
  EXPECT_EQ(spec.docker.mem_limit, 512 << 20);
  EXPECT_EQ(spec.docker.cpus, 0.5);
  EXPECT_EQ(http(spec).path, "/healthz");
  EXPECT_TRUE(notes(draft, "./src:/src"));
  EXPECT_TRUE(notes(draft, "db of docker-compose.yml"));
  EXPECT_TRUE(notes(draft, "`privileged`"));
  EXPECT_TRUE(notes(draft, "`deploy.replicas`"));
}

TEST(Compose, ASecretWithinAValueIsNotCopied) {
  Draft draft;
  const auto spec = from_compose(draft, R"(services:
  web:
    image: acme/shop
    ports: ["3000:8080"]
    environment:
      SPRING_DATASOURCE_URL: jdbc:mysql://db/shop?user=shop&password=hunter2
      JAVA_TOOL_OPTIONS: -Xmx1g -Dspring.datasource.password=hunter3
      CONN: "Server=db;Password=hunter4"
      CACHE: "redis:6379,Pwd = hunter5,ssl=False"
      SPRING_APPLICATION_JSON: '{"spring": {"datasource": {"password": "hunter6"}}}'
      HEADER: "Authorization: Bearer hunter7"
      ARGS: --appendonly yes --requirepass hunter8
      STORAGE: "AccountName=a;AccountKey=hunter9=="
      DEFAULTED: db/${DB_PASSWORD:-hunter10}
      OTHER: ${PROD_TOKEN:-hunter11}
      PLAIN: "-Xmx1g -Duser=app; keep-alive=5"
      ISSUER: https://auth.example.com/oauth2/token?scope=all
    healthcheck: {test: [CMD, cli, ping, --password=hunter12, "--pass=$$PASS", "${PROD_TOKEN}", $$TOKEN]}
)");
  const std::string text = write(draft);
  EXPECT_FALSE(text.contains("hunter")) << text;
  for (const char* name : {"SPRING_DATASOURCE_URL", "JAVA_TOOL_OPTIONS", "CONN", "CACHE", "STORAGE",
                           "SPRING_APPLICATION_JSON", "HEADER", "ARGS", "DEFAULTED"})
    EXPECT_EQ(spec.secrets.at(name), spec::SecretSource(spec::FromEnv{name})) << name;
  EXPECT_EQ(spec.secrets.at("OTHER"), spec::SecretSource(spec::FromEnv{"PROD_TOKEN"}));
  EXPECT_EQ(spec.docker.environment.size(), 2U) << text;
  EXPECT_EQ(std::get<spec::HealthExec>(spec.health.probe).argv,
            (Texts{"cli", "ping", "--password=SECRET", "--pass=$PASS", "SECRET", "$TOKEN"}));
  EXPECT_EQ(draft.gaps(), (Texts{"health.exec", "hosts.app"}));
}

TEST(Compose, WhatAProgramTakesAsASecretIsNotCopied) {
  for (const auto& [test, shown] :
       {std::pair("[CMD, redis-cli, -a, hunter2, ping]", Texts{"redis-cli", "-a", "SECRET", "ping"}),
        std::pair("redis-cli -a hunter2 ping", Texts{"sh", "-c", "redis-cli -a SECRET ping"}),
        std::pair("[CMD, redis-cli, -a, $$PASS, ping]", Texts{"redis-cli", "-a", "$PASS", "ping"}),
        std::pair("mysqladmin ping -phunter2 -h db", Texts{"sh", "-c", "mysqladmin ping -pSECRET -h db"})}) {
    Draft draft;
    const auto spec = from_compose(
        draft, "services: {web: {image: a/b, ports: ['81:80'], healthcheck: {test: " +
                   (test[0] == '[' ? std::string(test) : "'" + std::string(test) + "'") + "}}}\n");
    EXPECT_EQ(std::get<spec::HealthExec>(spec.health.probe).argv, shown) << test;
  }
}

TEST(Compose, ASecretInAHealthPathIsToBeFilledIn) {
  for (const auto& [path, shown] :
       {std::pair("/health?key=hunter6", "/health"), std::pair("/a?b=c", "/a?b=c"),
        std::pair("/health/${API_TOKEN}?a=b", "/health/")}) {
    Draft draft;
    const auto spec = from_compose(draft,
                                   "services: {web: {image: a/b, ports: ['81:80'], healthcheck: {test: "
                                   "'curl http://localhost" +
                                       std::string(path) + "'}}}\n");
    EXPECT_EQ(http(spec).path, shown);
    EXPECT_EQ(draft.gaps().size(), path == std::string(shown) ? 1U : 2U) << write(draft);
  }
}

TEST(Compose, AServiceThatIsBuiltIsBuiltOnTheHosts) {
  Draft draft;
  const auto spec = from_compose(draft, "services: {api: {build: ., ports: ['80:3000']}}\n");
  ASSERT_TRUE(spec.build);
  EXPECT_EQ(spec.build->context, "/work");
  EXPECT_EQ(spec.image, "shop-folder");
  EXPECT_EQ(spec.slots[0].port, 8081) << "80 is nginx's";
  EXPECT_EQ(spec.slots[1].port, 8082);
}

TEST(Compose, AFileWithOurVariablesStaysAProjectASlot) {
  Draft draft;
  const auto spec =
      from_compose(draft, "services: {api: {image: acme/api, ports: ['${BGDEPLOY_PORT}:3000']}}\n");
  ASSERT_TRUE(spec.compose);
  EXPECT_EQ(spec.compose->file, "/work/docker-compose.yml");
}

TEST(Compose, TheLongFormsMeanTheSame) {
  Draft draft;
  const auto spec = from_compose(draft, R"(name: store
services:
  api:
    image: acme/api
    ports: [{target: 9000, published: "9001", protocol: tcp}]
    environment: {A: "1", B: }
    networks: {front: {}, back: {}}
    volumes: [{type: bind, source: /a, target: /b, read_only: true}]
    healthcheck: {test: "pg_isready || exit 1"}
networks: {front: {external: true}, back: {name: shared}}
)");
  EXPECT_EQ(spec.slots[0].port, 9001);
  EXPECT_EQ(spec.docker.container_port, "9000");
  EXPECT_EQ(spec.docker.networks, (Texts{"shared", "front"}));
  EXPECT_EQ(spec.docker.volumes, Texts{"/a:/b:ro"});
  EXPECT_EQ(spec.docker.environment.at("A"), "1");
  EXPECT_TRUE(spec.secrets.contains("B"));
  EXPECT_EQ(std::get<spec::HealthExec>(spec.health.probe).argv, (Texts{"sh", "-c", "pg_isready || exit 1"}));
}

TEST(Compose, OfSeveralServicesTheOneThatLooksServedIsTakenAndTheOthersAreNamed) {
  Draft draft;
  const auto spec = from_compose(draft, R"(x-all: &all
  restart: always
  environment: &env {LOG_LEVEL: info, SMTP_PASSWORD: hunter2}
services:
  debug: {image: acme/debug, ports: ["9000:9000"], profiles: [debug]}
  queue: {<<: *all, image: acme/queue}
  redis: {image: "redis:7"}
  web:
    <<: *all
    image: ghcr.io/acme/web:${TAG}
    environment: {<<: *env, MODE: web}
    env_file: [.env.web, {path: .env.more}, {path: .env.local, required: false}]
)");
  EXPECT_EQ(spec.image, "ghcr.io/acme/web");
  EXPECT_EQ(spec.docker.environment,
            (std::map<std::string, std::string>{{"LOG_LEVEL", "info"}, {"MODE", "web"}}));
  EXPECT_TRUE(spec.secrets.contains("SMTP_PASSWORD"));
  EXPECT_EQ(spec.docker.env_file.size(), 2U);
  EXPECT_TRUE(notes(draft, "guessed: web of docker-compose.yml"));
  EXPECT_TRUE(notes(draft, "queue may be deployed too"));
  EXPECT_TRUE(notes(draft, "debug, redis of docker-compose.yml: stays with compose"));
  EXPECT_TRUE(notes(draft, "`env_file` .env.local"));
}

TEST(Compose, AServiceHasWhatItExtends) {
  Draft draft;
  const File file{"compose.yml", R"(services:
  common: {image: "redis:7", mem_limit: 1g}
  web:
    extends: {file: base.yml, service: app}
    environment: {A: own}
    ports: ["${PORT:-3000}:80", "9090:9090", "53:53/udp"]
  gone: {extends: {file: nowhere.yml, service: x}}
)"};
  const auto beside = [](const std::string& name) -> std::optional<std::string> {
    if (name != "base.yml") return std::nullopt;
    return "services:\n  root: {image: acme/app, cpus: 2}\n"
           "  app: {extends: root, environment: {A: base, B: base}}\n";
  };
  const auto done = read_compose(draft, std::span(&file, 1), {}, "shop", false, beside);
  ASSERT_TRUE(done) << done.error().message;
  const auto spec = completed(draft);
  EXPECT_EQ(spec.image, "acme/app");
  EXPECT_EQ(spec.docker.cpus, 2.0);
  EXPECT_EQ(spec.docker.environment, (std::map<std::string, std::string>{{"A", "own"}, {"B", "base"}}));
  EXPECT_EQ(spec.slots[0].port, 3000);
  EXPECT_EQ(spec.docker.container_port, "80");
  EXPECT_TRUE(notes(draft, "the port 9090:9090 of compose.yml"));
  EXPECT_TRUE(notes(draft, "x was not found in nowhere.yml"));
}

// https://docs.docker.com/reference/compose-file/services/#extends
TEST(Compose, WhatIsExtendedIsMergedAsComposeDoes) {
  Draft draft;
  const File file{"deploy/compose.yml", R"(services:
  web:
    extends: {file: ../base/base.yml, service: app}
    environment: [A=own, LIST=own]
    env_file: own.env
    networks: [own]
    volumes: ["/own:/data", {type: bind, source: /b, target: /b}]
    ports: ["3000:80"]
    deploy: {resources: {limits: {cpus: "2"}}}
networks: {own: {external: true}, base: {external: true}}
)"};
  std::vector<std::string> read;
  const auto beside = [&](const std::string& name) -> std::optional<std::string> {
    read.push_back(name);
    if (name == "base/more.yml") return "services: {root: {image: acme/app, env_file: [{path: root.env}]}}\n";
    if (name != "base/base.yml") return std::nullopt;
    return R"(services:
  app:
    extends: {file: more.yml, service: root}
    environment: {A: base, B: base}
    env_file: [base.env, /etc/base.env]
    networks: {base: {}}
    volumes: ["/base:/data/:ro", "/base:/b", /base:/c]
    ports: ["3000:80"]
    deploy: {resources: {limits: {memory: 1g}}}
)";
  };
  ASSERT_TRUE(read_compose(draft, std::span(&file, 1), {}, "shop", false, beside));
  const auto spec = completed(draft);
  EXPECT_EQ(read, (Texts{"base/base.yml", "base/more.yml"})) << "beside the file that names it";
  EXPECT_EQ(spec.image, "acme/app");
  EXPECT_EQ(spec.docker.environment,
            (std::map<std::string, std::string>{{"A", "own"}, {"B", "base"}, {"LIST", "own"}}));
  ASSERT_EQ(spec.docker.env_file.size(), 4U);
  EXPECT_EQ(spec.docker.env_file[0], "/work/base/root.env");
  EXPECT_EQ(spec.docker.env_file[1], "/work/base/base.env");
  EXPECT_EQ(spec.docker.env_file[2], "/etc/base.env");
  EXPECT_EQ(spec.docker.env_file[3], "/work/deploy/own.env") << "the last one counts";
  EXPECT_EQ(spec.docker.volumes, (Texts{"/own:/data", "/b:/b", "/base:/c"}));
  EXPECT_EQ(spec.docker.networks, (Texts{"base", "own"}));
  EXPECT_EQ(spec.docker.mem_limit, 1 << 30);
  EXPECT_EQ(spec.docker.cpus, 2.0);
  EXPECT_FALSE(notes(draft, "the port"));
}

TEST(Compose, AFileThatIsExtendedOftenIsReadOnce) {
  std::string text = "services:\n  web: {image: a/b, ports: ['81:80']}\n";
  for (int i = 0; i < 1000; ++i)
    text += "  s" + std::to_string(i) + ": {extends: {file: base.yml, service: x}}\n";
  const File file{"compose.yml", text};
  int reads = 0;
  const auto beside = [&](const std::string&) {
    return ++reads, std::optional<std::string>("services: {}\n");
  };
  Draft draft;
  ASSERT_TRUE(read_compose(draft, std::span(&file, 1), {}, "shop", false, beside));
  EXPECT_EQ(reads, 1);
}

TEST(Compose, WhatComposeItselfTakesIsNoneOfWhatIsLeftOut) {
  const std::string text = R"(include: [more.yml]
services:
  web:
    image: acme/web
    extends: {file: nowhere.yml, service: x}
    ports: ["${BGDEPLOY_PORT}:80", "9090:9090"]
    env_file: [{path: .env.local, required: false}]
)";
  Draft draft;
  ASSERT_TRUE(from_compose(draft, text).compose);
  EXPECT_TRUE(draft.notes().empty()) << ::testing::PrintToString(draft.notes());
  Draft docker;
  EXPECT_FALSE(
      from_compose(docker, text.substr(0, text.find("${")) + "3000" + text.substr(text.find("}:") + 1))
          .compose);
  for (const char* left : {"`include`", "`extends`", "the port 9090:9090", "`env_file` .env.local"})
    EXPECT_TRUE(notes(docker, left)) << left;
}

TEST(Compose, ADatabaseIsNotDeployedBesideAProfile) {
  Draft draft;
  from_compose(draft, "services: {db: {image: 'mysql:8'}, app: {image: a/b, profiles: [x]}}\n");
  EXPECT_FALSE(notes(draft, "may be deployed too"));
  EXPECT_TRUE(notes(draft, "db of docker-compose.yml: stays with compose"));
}

TEST(Compose, WhatMakesNoSenseIsAnErrorWithItsName) {
  for (const char* text : {"services: [", "services: {db: {image: 'postgres:16'}}", "[]", "a: b"}) {
    Draft draft;
    const File file{"compose.yml", text};
    const auto done = read_compose(draft, std::span(&file, 1), {}, "shop");
    ASSERT_FALSE(done) << text;
    EXPECT_TRUE(done.error().message.starts_with("compose.yml")) << done.error().message;
  }
}

TEST(Dockerfile, TheLastStageSpeaks) {
  Draft draft;
  read_dockerfile(draft, {"Dockerfile", R"(FROM node AS build
EXPOSE 9229
HEALTHCHECK CMD false
FROM node
# EXPOSE 1
EXPOSE 3000/tcp 9000/udp
healthcheck --interval=5s \
  CMD wget -qO- http://127.0.0.1:3000/ready?full=1 || exit 1
)"});
  const auto spec = completed(draft);
  EXPECT_EQ(spec.docker.container_port, "3000");
  EXPECT_EQ(http(spec).path, "/ready?full=1");
  ASSERT_TRUE(spec.build);
  EXPECT_EQ(spec.build->dockerfile, "Dockerfile");
}

TEST(Dockerfile, AHealthcheckWithoutAUrlIsDockers) {
  Draft draft;
  read_dockerfile(draft, {"Dockerfile", "FROM a\nEXPOSE 1 2\nHEALTHCHECK CMD /check\n"});
  const auto spec = completed(draft);
  EXPECT_TRUE(std::holds_alternative<spec::HealthDocker>(spec.health.probe));
  EXPECT_EQ(spec.docker.container_port, "1");
  EXPECT_TRUE(write(draft).contains("guessed: one of the ports 1, 2 that Dockerfile exposes"));
}

TEST(Dockerfile, ArgumentsAndVariablesHaveTheirValues) {
  Draft draft;
  read_dockerfile(draft, {"Dockerfile", R"(ARG BASE=node:20
ARG PORT=3000
FROM ${BASE} AS build
EXPOSE 9229
FROM $BASE
ARG PORT
ENV ADMIN="9090" LISTEN=${PORT}
ENV OTHER 7000
EXPOSE $ADMIN ${LISTEN}/tcp $OTHER $NOBODYS 53/udp
HEALTHCHECK CMD curl -f http://localhost:${PORT}/ready || exit 1
)"});
  const auto spec = completed(draft);
  EXPECT_EQ(spec.docker.container_port, "3000") << "which the health check asks";
  EXPECT_EQ(http(spec).path, "/ready");
  EXPECT_TRUE(write(draft).contains("guessed: one of the ports 9090, 3000, 7000")) << write(draft);
  EXPECT_TRUE(notes(draft, "`EXPOSE $NOBODYS` of Dockerfile"));
}

TEST(Dockerfile, AStageHasWhatItsBaseHas) {
  const std::string text = R"(FROM a
EXPOSE 1
FROM node:20 AS Base
ENV PORT=3000
EXPOSE	$PORT
HEALTHCHECK CMD curl -f http://localhost:3000/ready
FROM --platform=linux/amd64 base AS runner
COPY <<-"END" /etc/motd
EXPOSE 9999
END
FROM runner AS debug
EXPOSE 9229
FROM runner
)";
  Draft draft;
  read_dockerfile(draft, {"Dockerfile", text});
  const auto spec = completed(draft);
  EXPECT_EQ(spec.docker.container_port, "3000");
  EXPECT_EQ(http(spec).path, "/ready");
  Draft target;
  target.say({"build", "target"}, "debug");
  read_dockerfile(target, {"Dockerfile", text + "HEALTHCHECK NONE\nEXPOSE 1\n"});
  completed(target);
  EXPECT_TRUE(write(target).contains("one of the ports 3000, 9229 that")) << write(target);
  Draft none;
  read_dockerfile(none, {"Dockerfile", text + "HEALTHCHECK NONE\n"});
  EXPECT_FALSE(none.has({"health"}));
}

TEST(Dockerfile, TheHealthCheckNamesAWholePort) {
  Draft draft;
  read_dockerfile(draft, {"Dockerfile", "FROM a\nEXPOSE 80 8080\nHEALTHCHECK CMD curl localhost:8080/up\n"});
  EXPECT_EQ(completed(draft).docker.container_port, "8080");
}

TEST(Dockerfile, ASecretIsNotFilledIn) {
  for (const char* set : {"ENV API_TOKEN=hunter2", "ENV API_TOKEN hunter2", "ARG API_TOKEN=hunter2",
                          "ENV KEY_ID=x KEY_ID=u?password=hunter2\nENV API_TOKEN=${KEY_ID}"}) {
    Draft draft;
    read_dockerfile(draft, {"Dockerfile", std::string("FROM a\n") + set +
                                              "\nHEALTHCHECK CMD curl http://localhost/health/$API_TOKEN\n"});
    EXPECT_EQ(http(completed(draft)).path, "/health/") << set;
    EXPECT_FALSE(write(draft).contains("hunter")) << write(draft);
    EXPECT_TRUE(write(draft).contains("FILL IN: what stands behind it looks like a secret")) << write(draft);
  }
}

TEST(Dockerfile, AValueThatGrowsIsNotKept) {
  std::string text = "FROM a\nENV A=0123456789\n";
  for (int i = 0; i < 30; ++i) text += "ENV A=$A$A\n";
  text += "HEALTHCHECK CMD curl http://localhost/$A\n";
  Draft draft;
  read_dockerfile(draft, {"Dockerfile", text});
  EXPECT_LT(write(draft).size(), 10'000U);
  EXPECT_LT(in_spec(text, {{"A", std::string(10'000, 'a')}}).size(), 40'000U);
}

core::Result<void> from_kamal(Draft& draft, const std::string& text, const Texts& hooks = {}) {
  const File file{"config/deploy.yml", text};
  return read_kamal(draft, std::span(&file, 1), hooks);
}

TEST(Kamal, ACommandLineWithASecretIsMasked) {
  Draft draft;
  ASSERT_TRUE(from_kamal(draft, R"(service: shop
image: acme/shop
servers: {web: {hosts: [a], cmd: bin/serve --token hunter2, options: {entrypoint: "sh --dsn=hunter3"}}}
proxy: {healthcheck: {path: "/up?key=hunter4"}}
)",
                         {}));
  completed(draft);
  EXPECT_FALSE(write(draft).contains("hunter")) << write(draft);
  EXPECT_EQ(draft.gaps(), (Texts{"docker.command", "docker.entrypoint", "health.http.path"}));
}

TEST(Kamal, WhatItBuildsFromShowsNoSecret) {
  Draft draft;
  ASSERT_TRUE(from_kamal(draft, R"(service: shop
image: acme/shop
servers: [a]
builder: {context: "https://x-access-token:hunter2@github.com/acme/shop.git", args: {A: b, N: {PASSWORD: hunter3}}}
ssh: {keys: [a.key, "https://u:hunter4@x"]}
)"));
  completed(draft);
  EXPECT_FALSE(write(draft).contains("hunter")) << write(draft);
  EXPECT_TRUE(notes(draft, "\"context\":\"SECRET\"")) << write(draft);
}

TEST(Kamal, OfBranchesTheFirstOneCounts) {
  const std::string begin = "service: shop\nimage: acme/shop\nservers: [a]\nenv:\n  clear:\n    B: c\n";
  for (const char* code :
       {"<% if ENV['X'] %>\n    A: one\n<% else %>\n    A: two\n<% end %>\n",
        "<% unless x -%>\n    A: one\n    <%- elsif y %>\n    A: two\n<% else %>\n    A: three\n<% end %>\n",
        "<% case x %>\n<% when 1 %>\n    A: one\n<% when 2 %>\n    A: <%= z %>\n<% end %>\n",
        "<% if x %>\n<% y.each do |z| %>\n    A: one\n<% end %>\n<% else %>\n<% if a %>\n    A: two\n<% end "
        "%>\n    A: three\n<% end %>\n"}) {
    Draft draft;
    const auto done = from_kamal(draft, begin + code + "    LAST: d\n");
    ASSERT_TRUE(done) << done.error().message << code;
    EXPECT_EQ(completed(draft).docker.environment,
              (std::map<std::string, std::string>{{"A", "one"}, {"B", "c"}, {"LAST", "d"}}))
        << code;
    EXPECT_TRUE(notes(draft, "` in config/deploy.yml the first branch counts")) << code;
  }
  Draft one;
  ASSERT_TRUE(from_kamal(one, begin + "<% if x %>\n    A: one\n<% end %>\n"));
  EXPECT_FALSE(notes(one, "the first branch"));
  Draft two;
  ASSERT_TRUE(from_kamal(
      two, begin + "<% if x == 1 %>\n    A: one\n<% else %>\n    A: two\n<% end %>\n<%\nif y\n z\nend %>\n"));
  EXPECT_TRUE(notes(two, "guessed: of `if x == 1` in config/deploy.yml"));
}

TEST(Kamal, ARoleMayHaveAProxyOfItsOwn) {
  Draft draft;
  ASSERT_TRUE(from_kamal(draft, R"(service: shop
image: acme/shop
primary_role: api
servers:
  api: {hosts: [a], proxy: {app_port: 9000, healthcheck: {path: /ping}}}
  web: {hosts: [b], proxy: true}
  job: {hosts: [c]}
proxy: {app_port: 3000, healthcheck: {interval: 1.5}, host: shop.test}
)"));
  const auto spec = completed(draft);
  EXPECT_EQ(spec.docker.container_port, "9000");
  EXPECT_EQ(http(spec).path, "/ping");
  EXPECT_EQ(spec.health.interval, std::chrono::milliseconds(1500));
  EXPECT_EQ(draft.text({"verify", "host"}), "shop.test");
  EXPECT_TRUE(notes(draft, "the role web on b: a spec of its own, which nginx sends to"));
  EXPECT_TRUE(notes(draft, "the role job on c: a spec of its own, as a worker"));
  EXPECT_FALSE(notes(draft, "servers.api.proxy"));
}

TEST(Kamal, WithItsLocalRegistryTheImageIsBuiltHere) {
  for (const char* builder : {"", "builder: {arch: amd64, dockerfile: D, context: 'https://git.test/x'}\n"}) {
    Draft draft;
    ASSERT_TRUE(from_kamal(draft,
                           "service: shop\nimage: acme/shop\nservers: [a]\nregistry: {server: "
                           "'localhost:5555'}\n" +
                               std::string(builder)));
    const auto spec = completed(draft);
    EXPECT_EQ(spec.image, "acme/shop");
    ASSERT_TRUE(spec.build);
    EXPECT_EQ(spec.build->context, "/work");
    EXPECT_EQ(spec.build->dockerfile == "D", *builder != '\0');
    EXPECT_TRUE(write(draft).contains("\"on\": here")) << write(draft);
    EXPECT_FALSE(notes(draft, "CI builds"));
  }
}

TEST(Kamal, WhoLogsInToTheRegistryMayBeASecret) {
  for (const auto& [secret, username] : {std::pair("", "${HUB_USER:?has to be set}"),
                                         std::pair("HUB_USER=$OTHER\n", "${OTHER:?has to be set}"),
                                         std::pair("HUB_USER=$(op read x)\n", "")}) {
    Draft draft;
    const File file{
        "config/deploy.yml",
        "service: s\nimage: a/s\nservers: [a]\nregistry: {username: [HUB_USER], password: [PW]}\n"};
    const File secrets{".kamal/secrets", secret};
    ASSERT_TRUE(read_kamal(draft, std::span(&file, 1), {}, std::span(&secrets, 1)));
    EXPECT_EQ(draft.text({"registry", "username"}), username);
    EXPECT_EQ(notes(draft, "its username is a secret of Kamal's"), *username == '\0');
  }
}

TEST(Kamal, ADestinationHasSecretsOfItsOwn) {
  Draft draft;
  const File files[] = {
      {"config/deploy.yml", "service: s\nimage: a/s\nservers: [a]\nenv: {secret: [A, B]}\n"},
      {"config/deploy.staging.yml", "servers: [b]\n"}};
  const File secrets[] = {{".kamal/secrets", "A=$(cat a.key)\n"},
                          {".kamal/secrets-common", "B=$(cat b.key)\n"},
                          {".kamal/secrets.staging", "A=$(cat staging.key)\n"}};
  ASSERT_TRUE(read_kamal(draft, files, {}, secrets));
  EXPECT_EQ(draft.find({"secrets", "A"})->value, (Json{{"file", "a.key"}}));
  EXPECT_EQ(draft.find({"secrets", "B"})->value, (Json{{"file", "b.key"}}));
  EXPECT_EQ(draft.find({"environments", "staging", "secrets", "A"})->value, (Json{{"file", "staging.key"}}));
  EXPECT_FALSE(draft.has({"environments", "staging", "secrets", "B"}));
}

TEST(Kamal, OptionsOfDockerWithKeysOfTheirOwn) {
  Draft draft;
  ASSERT_TRUE(from_kamal(draft, R"(service: shop
image: acme/shop
servers: {web: {hosts: [a], options: {ulimit: ["nofile=1024:2048", "nproc=5"], stop-timeout: 30}}}
env: {clear: {EMPTY: , L: [a]}}
)"));
  const auto spec = completed(draft);
  EXPECT_EQ(draft.find({"docker", "ulimits"})->value,
            (Json{{"nofile", {{"soft", 1024}, {"hard", 2048}}}, {"nproc", {{"soft", 5}, {"hard", 5}}}}));
  EXPECT_EQ(spec.docker.stop_grace_period, std::chrono::seconds(30));
  for (const char* name : {"EMPTY", "L"})
    EXPECT_TRUE(notes(draft, std::string("the variable ") + name + " of config/deploy.yml")) << name;
}

TEST(Kamal, ItsFileAsTheGuideHasIt) {
  Draft draft;
  const auto done = from_kamal(draft, R"(service: shop
image: acme/shop
servers:
  web:
    hosts: [10.0.0.1, {10.0.0.2: tag}]
    cmd: bin/serve
    options: {memory: 500m, cpus: 2, ulimit: x, cap-add: [NET_ADMIN], add-host: "db:10.0.0.5", read-only: true}
  job: {hosts: [10.0.0.3], cmd: bin/jobs}
proxy: {ssl: true, host: shop.example.com, app_port: 3000, healthcheck: {path: /healthz, interval: 3}}
registry: {server: ghcr.io, username: acme, password: [GHCR_TOKEN]}
env:
  clear: {RAILS_ENV: production, SMTP_PASSWORD: clear, COST: "$5 ${X}"}
  secret: [RAILS_MASTER_KEY, DB_PASSWORD:PROD_DB_PASSWORD]
ssh: {user: app, port: 2222, proxy: jump@bastion}
volumes: ["storage:/rails/storage"]
accessories: {db: {image: "mysql:8"}}
builder: {arch: amd64}
aliases: {console: app exec}
retain_containers: 4
drain_timeout: 40
stop_wait_time: 20
labels: {team: a, auth: "u:hunter2"}
logging: {driver: json-file, options: {max-size: 10m}}
boot: {limit: 2}
)",
                               {".kamal/hooks/pre-deploy", ".kamal/hooks/docker-setup"});
  ASSERT_TRUE(done) << done.error().message;
  const auto spec = completed(draft);
  EXPECT_EQ(spec.service, "shop");
  EXPECT_EQ(spec.image, "ghcr.io/acme/shop");
  ASSERT_EQ(spec.app_hosts.size(), 2U);
  EXPECT_EQ(spec.app_hosts[1].name, "10.0.0.2");
  EXPECT_EQ(spec.app_hosts[1].ssh.user, "app");
  EXPECT_EQ(spec.app_hosts[1].ssh.port, 2222);
  EXPECT_EQ(spec.app_hosts[1].ssh.proxy_jump, Texts{"jump@bastion"});
  EXPECT_EQ(spec.registry, (spec::Registry{"acme", spec::FromEnv{"GHCR_TOKEN"}}));
  EXPECT_EQ(spec.docker.container_port, "3000");
  EXPECT_EQ(spec.docker.mem_limit, 500 << 20);
  EXPECT_EQ(spec.docker.cpus, 2.0);
  EXPECT_EQ(spec.docker.environment,
            (std::map<std::string, std::string>{{"RAILS_ENV", "production"}, {"COST", "$5 ${X}"}}));
  EXPECT_EQ(spec.secrets.at("DB_PASSWORD"), spec::SecretSource(spec::FromEnv{"PROD_DB_PASSWORD"}));
  EXPECT_TRUE(spec.secrets.contains("RAILS_MASTER_KEY"));
  EXPECT_TRUE(spec.secrets.contains("SMTP_PASSWORD"));
  EXPECT_EQ(spec.docker.volumes, Texts{"storage:/rails/storage"});
  EXPECT_EQ(spec.docker.networks, Texts{"kamal"});
  EXPECT_EQ(spec.docker.cap_add, Texts{"NET_ADMIN"});
  EXPECT_EQ(spec.docker.extra_hosts, Texts{"db:10.0.0.5"});
  EXPECT_TRUE(spec.docker.read_only);
  EXPECT_EQ(spec.docker.stop_grace_period, std::chrono::seconds(20));
  EXPECT_EQ(spec.docker.labels, (std::map<std::string, std::string>{{"team", "a"}}));
  ASSERT_TRUE(spec.docker.logging);
  EXPECT_EQ(spec.docker.logging->options.at("max-size"), "10m");
  EXPECT_FALSE(write(draft).contains("hunter"));
  EXPECT_EQ(http(spec).path, "/healthz");
  EXPECT_EQ(spec.health.interval, std::chrono::seconds(3));
  EXPECT_EQ(spec.prune.images, 4);
  EXPECT_EQ(spec.hooks[0].size(), 1U);
  for (const char* left : {"role job", "accessories db", "the alias console", "`options.ulimit`",
                           "docker-setup", "kamal-proxy", "the label auth", "`boot`"})
    EXPECT_TRUE(notes(draft, left)) << left;
}

TEST(Kamal, ADestinationBecomesAnEnvironment) {
  Draft draft;
  const File files[] = {{"config/deploy.production.yml",
                         "servers: [10.9.0.1]\nenv: {clear: {MODE: eu}}\nproxy: {host: eu.example.com}\n"},
                        {"config/deploy.yml",
                         "service: shop\nimage: acme/shop\nservers: [10.0.0.1]\nproxy: {app_port: 3000}\n"
                         "env: {clear: {MODE: us, LOG: info}}\nssh: {user: app}\n"},
                        {"config/deploy-other.yml", "service: other\n"}};
  ASSERT_TRUE(read_kamal(draft, files, {}));
  const auto spec = completed(draft);
  EXPECT_EQ(spec.service, "shop") << "of deploy.yml, whichever comes first";
  EXPECT_EQ(spec.app_hosts[0].name, "10.0.0.1");
  EXPECT_EQ(spec.docker.container_port, "3000");
  EXPECT_EQ(spec.docker.environment.at("MODE"), "us");
  const auto there = spec::load({"/work/bgdeploy.yml", write(draft)}, "production",
                                [](std::string_view) { return std::optional<std::string>("/root"); });
  ASSERT_TRUE(there) << write(draft);
  EXPECT_EQ(there->app_hosts[0].name, "10.9.0.1");
  EXPECT_EQ(there->app_hosts[0].ssh.user, "app");
  EXPECT_EQ(there->docker.environment, (std::map<std::string, std::string>{{"MODE", "eu"}, {"LOG", "info"}}));
  EXPECT_EQ(there->docker.container_port, "3000");
  EXPECT_TRUE(write(draft).contains("host: eu.example.com"));
  EXPECT_TRUE(notes(draft, "config/deploy-other.yml: `bgdeploy init --from` reads it"));
}

TEST(Kamal, ADestinationWithoutAMainFileIsMarked) {
  Draft draft;
  const File file{"config/deploy.production.yml", "service: shop\nimage: acme/shop\nservers: [a]\n"};
  ASSERT_TRUE(read_kamal(draft, std::span(&file, 1), {}));
  EXPECT_TRUE(notes(draft, "guessed: config/deploy.production.yml says where every deploy goes"));
}

TEST(Kamal, AServerMayBeNamedByDestinationsAlone) {
  Draft draft;
  const File files[] = {{"config/deploy.staging.yml", "servers: [10.9.0.1]\n"},
                        {"config/deploy.yml", "service: shop\nimage: acme/shop\n"}};
  ASSERT_TRUE(read_kamal(draft, files, {}));
  completed(draft);
  EXPECT_EQ(draft.gaps(), Texts{"hosts.app"});
  EXPECT_NE(draft.find({"environments", "staging", "hosts", "app"}), nullptr);
}

TEST(Kamal, WhatARoleHasStandsBesideWhatAllHave) {
  Draft draft;
  ASSERT_TRUE(from_kamal(draft, R"(service: shop
image: acme/shop
servers: {web: {hosts: [a], options: {volume: ["/a:/a", "/data:/data"], network: back}}}
volumes: ["/data:/data"]
accessories: {db: {image: "mysql:8"}}
)"));
  const auto spec = completed(draft);
  EXPECT_EQ(spec.docker.volumes, (Texts{"/a:/a", "/data:/data"}));
  EXPECT_EQ(spec.docker.networks, (Texts{"back", "kamal"}));
}

TEST(Kamal, WhatNoKeyStandsForIsTold) {
  Draft draft;
  ASSERT_TRUE(from_kamal(draft, R"(service: shop
image: acme/shop
servers: {web: {hosts: [a, {b: old}], proxy: {app_port: 1}}}
proxy: {hosts: [shop.test, www.shop.test], response_timeout: 9, path_prefix: /x, forward_headers: true,
  buffering: {requests: true}, logging: {request_headers: [A]}, healthcheck: {path: /up, host: x}}
ssh: {keys: [~/.ssh/one, ~/.ssh/two], keys_only: true, config: false}
builder: {context: app, dockerfile: D, args: {A: b, TOKEN: hunter2}, cache: {type: gha}}
readiness_delay: 9
minimum_version: 2.0.0
x-anchors: {a: b}
)"));
  EXPECT_EQ(draft.text({"verify", "host"}), "shop.test");
  for (const char* left :
       {"also www.shop.test;", "`proxy.response_timeout`", "`proxy.path_prefix`", "`proxy.forward_headers`",
        "`proxy.buffering`", "`proxy.logging`", "`proxy.healthcheck.host`", "~/.ssh/two", "`ssh.keys_only`",
        "`ssh.config`", "`readiness_delay`", "`minimum_version`", "the tags of b",
        "`build: {\"args\":{\"A\":\"b\"},\"context\":\"app\",\"dockerfile\":\"D\"}`", "`builder.cache`"})
    EXPECT_TRUE(notes(draft, left)) << left << ::testing::PrintToString(draft.notes());
  EXPECT_FALSE(notes(draft, "hunter2"));
  EXPECT_FALSE(notes(draft, "x-anchors"));
}

TEST(Kamal, SecretsComeFromWhereItsOwnFileSays) {
  Draft draft;
  const File file{"config/deploy.yml",
                  "service: s\nimage: a/s\nservers: [a]\nregistry: {username: ci, password: [REGISTRY_PW]}\n"
                  "env: {secret: [A, B, C, D:E, F, G, H]}\n"};
  const File secrets{".kamal/secrets",
                     "# all\nREGISTRY_PW=$REG\nA=$(cat config/master.key)\nB=$(op read op://Vault/b)\n"
                     "export C=\"$(op read 'op://My Vault/c' | tail -n 1)\"\nE=${OTHER}\nF=hunter2\n"
                     "ALL=$(kamal secrets fetch)\nG=$(kamal secrets extract G $ALL)\n"};
  ASSERT_TRUE(read_kamal(draft, std::span(&file, 1), {}, std::span(&secrets, 1)));
  const auto spec = completed(draft);
  EXPECT_EQ(spec.registry->password, spec::SecretSource(spec::FromEnv{"REG"}));
  const auto source = [&](const char* name) { return draft.find({"secrets", name})->value; };
  EXPECT_EQ(source("A"), (Json{{"file", "config/master.key"}}));
  EXPECT_EQ(source("B"), (Json{{"command", {"op", "read", "op://Vault/b"}}}));
  EXPECT_EQ(source("C"), (Json{{"command", {"sh", "-c", "op read 'op://My Vault/c' | tail -n 1"}}}));
  EXPECT_EQ(source("D"), (Json{{"env", "OTHER"}}));
  for (const char* name : {"F", "G", "H"}) EXPECT_EQ(source(name), (Json{{"env", name}}));
  EXPECT_FALSE(write(draft).contains("hunter2"));
}

// https://kamal-deploy.org/docs/upgrading/proxy-changes/
TEST(Kamal, TheFirstVersionHadAHealthcheckOfItsOwn) {
  for (const auto& [check, path, port] :
       {std::tuple("healthcheck: {path: /healthz, port: 4000, interval: 5}", "/healthz", "4000"),
        std::tuple("traefik: {args: {accesslog: true}}", "/up", "3000"),
        std::tuple("volumes: []", "/up", "80")}) {
    Draft draft;
    ASSERT_TRUE(from_kamal(draft, "service: shop\nimage: acme/shop\nservers: [a]\n" + std::string(check)));
    const auto spec = completed(draft);
    EXPECT_EQ(http(spec).path, path) << check;
    EXPECT_EQ(spec.docker.container_port, port) << check;
    EXPECT_FALSE(notes(draft, "`healthcheck`"));
  }
}

TEST(Scripts, DockerRunWithItsOptions) {
  Draft draft;
  const auto spec = from_script(draft, R"(#!/bin/sh
set -eu
IMAGE=registry.example.com/team/shop   # ours
docker rm -f shop || true
sudo docker run -d --name=shop -p127.0.0.1:8000:80 -e "GREETING=hello world" --env TOKEN="$TOKEN" \
  --memory 1g --cpus 0.5 --network=back -v "$PWD/data:/data" -v /srv:/srv --restart always --gpus all \
  --read-only --entrypoint /app "$IMAGE:$1" --verbose 'two words'
until curl -fs "http://127.0.0.1:8000/ping" | grep -q pong; do sleep 1; done
)");
  EXPECT_EQ(spec.image, "registry.example.com/team/shop");
  EXPECT_EQ(spec.slots[0], (spec::Slot{"blue", 8000, "shop"}));
  EXPECT_EQ(spec.docker.container_port, "80");
  EXPECT_EQ(spec.docker.environment, (std::map<std::string, std::string>{{"GREETING", "hello world"}}));
  EXPECT_TRUE(spec.secrets.contains("TOKEN"));
  EXPECT_EQ(spec.docker.mem_limit, 1 << 30);
  EXPECT_EQ(spec.docker.networks, Texts{"back"});
  EXPECT_EQ(*spec.docker.command, (Texts{"--verbose", "two words"}));
  EXPECT_EQ(*spec.docker.entrypoint, Texts{"/app"});
  EXPECT_TRUE(spec.docker.read_only);
  EXPECT_EQ(spec.docker.restart, "unless-stopped") << "a stopped slot stays so";
  EXPECT_EQ(http(spec).path, "/ping");
  EXPECT_EQ(http(spec).body, "pong");
  EXPECT_TRUE(notes(draft, "--gpus"));
  EXPECT_TRUE(spec.app_hosts[0].ssh.sudo.all);
}

TEST(Scripts, AHealthCheckMayStandInAFunction) {
  Draft draft;
  const auto spec = from_script(draft, R"(
is_up() {
  TARGET="http://$1/actuator/health"
  code=$(curl -s -o /dev/null -w '%{http_code}' "$TARGET")
  [ "$code" = 200 ]
}
docker run -d -p 8081:8080 acme/shop:1
is_up "${IP}:8080"
for i in $(seq 100); do
  sleep 2
  if is_up "${IP}:8081"; then break; fi
done
)");
  EXPECT_EQ(http(spec).path, "/actuator/health");
  EXPECT_EQ(spec.health.deadline, std::chrono::seconds(200)) << "of the loop, not of the first call";
}

TEST(Scripts, AFunctionMayBeGivenTheUrl) {
  for (const char* function : {"probe() { curl -fs \"$1\"; }", "function probe { curl -fs \"${1}\"; }",
                               "function probe() {\n  wget -qO- $1\n}"}) {
    Draft draft;
    const auto spec = from_script(draft, std::string(function) + R"(
docker run -d -p 8081:8080 acme/shop:1
for i in {1..30}; do probe localhost:8081/readyz && break; sleep 2; done
)");
    EXPECT_EQ(http(spec).path, "/readyz") << function;
    EXPECT_EQ(spec.health.deadline, std::chrono::seconds(60)) << function;
  }
}

// With sanitizers on a busy machine; what grows with the square of its input takes minutes then.
constexpr std::chrono::seconds k_no_time{30};

TEST(Scripts, ManyFilesOfNginxsTakeNoTime) {
  std::string text = "docker run -d -p 8081:80 acme/api:1\n";
  for (int i = 0; i < 1000; ++i)
    text += "tee /etc/nginx/" + std::to_string(i) + ".conf <<EOF\nserver $A ${B} http://127.0.0.1:$P;\n";
  Draft draft;
  const auto before = std::chrono::steady_clock::now();
  from_script(draft, text);
  EXPECT_LT(std::chrono::steady_clock::now() - before, k_no_time);
}

// Ten thousand commands, each of which looks like the begin of a function that none ends.
TEST(Scripts, FunctionsWithoutAnEndTakeNoTime) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "f" + std::to_string(i) + "() { true\n";
  for (int i = 0; i < 50; ++i) text += "f0\n";
  Draft draft;
  const auto before = std::chrono::steady_clock::now();
  from_script(draft, text);
  EXPECT_LT(std::chrono::steady_clock::now() - before, k_no_time);
}

TEST(Scripts, AWorkflowThatLogsInNamesHostAndImage) {
  Draft draft;
  const auto spec = from_script(draft, R"(name: deploy
jobs:
  deploy:
    steps:
      - run: docker push acme/shop:${{ github.sha }}
      - uses: appleboy/ssh-action@v1
        with:
          host: ${{ secrets.EC2_HOST }}
          username: ubuntu
          key: ${{ secrets.EC2_KEY }}
          script: ./deploy.sh
)",
                                ".github/workflows/deploy.yml");
  EXPECT_EQ(spec.image, "acme/shop");
  EXPECT_TRUE(write(draft).contains("${EC2_HOST:-app-1.example.com}")) << write(draft);
  EXPECT_EQ(spec.app_hosts[0].ssh.user, "ubuntu");
  EXPECT_EQ(draft.gaps(), Texts{"hosts.app"});
}

TEST(Scripts, WhoLogsInToTheHostIsNotWhoLogsInToTheRegistry) {
  const std::string registry =
      "      - uses: docker/login-action@v3\n        with:\n"
      "          username: ${{ secrets.DOCKERHUB_USERNAME }}\n";
  const std::string host =
      "      - uses: appleboy/ssh-action@v1\n        with:\n"
      "          host: ${{ secrets.EC2_HOST }}\n          username: ubuntu\n"
      "          port: 2222\n";
  for (const std::string& steps : {registry + host, host + registry}) {
    Draft draft;
    const auto spec = from_script(draft, "jobs:\n  a:\n    steps:\n" + steps, ".github/workflows/cd.yml");
    EXPECT_EQ(spec.app_hosts[0].ssh.user, "ubuntu") << write(draft);
    EXPECT_EQ(spec.app_hosts[0].ssh.port, 2222);
    EXPECT_FALSE(write(draft).contains("DOCKERHUB")) << write(draft);
  }
}

TEST(Scripts, AnActionMayLogInToSeveralHostsAsSomebodyUnknown) {
  Draft draft;
  const auto spec =
      from_script(draft,
                  "steps:\n  - uses: appleboy/ssh-action@v1\n    with:\n"
                  "      username: ${{ secrets.USER }}\n      host: a.example.com,b.example.com\n",
                  ".github/workflows/cd.yml");
  ASSERT_EQ(spec.app_hosts.size(), 2U);
  EXPECT_EQ(spec.app_hosts[1].name, "b.example.com");
  EXPECT_EQ(spec.app_hosts[1].ssh.user, "deploy") << "a stand-in, which is no host";
}

TEST(Scripts, NginxInAContainerMayHaveAnyInclude) {
  for (const auto& [writes, include] :
       {std::pair("", "/etc/nginx/conf.d/api.inc"),
        std::pair("echo \"set \\$service_url http://$NAME:8080;\" > /srv/nginx/service-url.inc\n",
                  "/etc/nginx/conf.d/service-url.inc"),
        std::pair("echo \"set \\$service_url http://$NAME:8080;\" | sudo tee /srv/x/a.inc > /dev/null\n",
                  "/etc/nginx/conf.d/a.inc")}) {
    Draft draft;
    const auto spec = from_script(draft, std::string(R"(
if [ "$1" = a ]; then NAME=app-set1; else NAME=app-set2; fi
docker run -d --name $NAME --network web -v /log/$NAME:/log acme/api:$TAG
)") + writes + "docker exec -i web-nginx nginx -s reload\n");
    EXPECT_EQ(spec.nginx.container, "web-nginx");
    EXPECT_EQ(spec.nginx.include, include) << write(draft);
  }
}

TEST(Scripts, AnUpstreamThatIsWrittenIsSwitched) {
  Draft draft;
  const auto spec = from_script(draft, R"(docker run -d -p 8081:80 acme/api:1
echo a > /etc/nginx/conf.d/active
echo 'x = 1' > /etc/app/app.conf
cat > /etc/nginx/conf.d/upstream.conf <<EOF
upstream shop { server 127.0.0.1:${PORT}; }
EOF
)");
  EXPECT_EQ(spec.nginx.include, "/etc/nginx/conf.d/upstream.conf");
  EXPECT_TRUE(write(draft).contains("upstream: shop")) << write(draft);
}

TEST(Scripts, WhatIsWrittenToNginxStaysAsItIs) {
  const std::string ports =
      "if [ $A = a ]; then P=8082; else P=8081; fi\ndocker run -d -p $P:80 acme/api:1\n";
  for (const auto& [writes, key, text] :
       {std::tuple("echo \"set \\$backend_url http://127.0.0.1:${P};\" | sudo tee /etc/nginx/conf.d/b.inc",
                   "template", "set $backend_url http://{{address}}:{{port}};\n"),
        std::tuple("echo 'set $service_url http://127.0.0.1:8081;' > /etc/nginx/conf.d/b.inc", "template",
                   ""),
        std::tuple("echo \"proxy_pass http://127.0.0.1:${P}/;\" > /etc/nginx/snippets/b.conf", "template",
                   "proxy_pass http://{{address}}:{{port}}/;\n"),
        std::tuple("cat <<EOF | sudo tee /etc/nginx/conf.d/b.conf\nupstream b {\n  least_conn;\n  server "
                   "10.0.0.4:${P} max_fails=3;\n}\nEOF",
                   "template",
                   "upstream b {\n    least_conn;\n{{#backends}}    server {{address}}:{{port}} "
                   "max_fails=3;\n{{/backends}}}\n"),
        std::tuple("cat > /etc/nginx/conf.d/b.conf << 'EOF'\n# a; b\nupstream b {\n  server 127.0.0.1:8081; "
                   "# c\n}\nEOF",
                   "upstream", "b"),
        std::tuple("printf 'upstream b { server 127.0.0.1:8081; }' > /etc/nginx/conf.d/b.conf", "upstream",
                   "b"),
        std::tuple("URL=http://127.0.0.1:$P\nprintf 'proxy_pass %s;\\n' \"$URL\" > /etc/nginx/b.conf",
                   "template", "proxy_pass http://{{address}}:{{port}};\n"),
        std::tuple("echo 'proxy_pass http://127.0.0.1:8081;' > /tmp/x.conf\nsudo mv -f /tmp/x.conf "
                   "/etc/nginx/b.conf",
                   "template", "proxy_pass http://{{address}}:{{port}};\n"),
        std::tuple("F=/etc/nginx/conf.d/b.conf\necho 'upstream b {' > $F\necho \"server 127.0.0.1:$P "
                   "weight=2;\" >> $F\n"
                   "echo '}' | sudo tee -a $F",
                   "template",
                   "upstream b {\n{{#backends}}    server {{address}}:{{port}} weight=2;\n{{/backends}}}\n"),
        std::tuple("printf 'set $b http://%s:%s;\\n' 127.0.0.1 $P > /etc/nginx/b.inc", "template",
                   "set $b http://{{address}}:{{port}};\n"),
        std::tuple("echo \"set \\$b http://localhost:$P;\" > /etc/nginx/b.inc", "template",
                   "set $b http://localhost:{{port}};\n")}) {
    Draft draft;
    from_script(draft, ports + writes + "\n");
    EXPECT_EQ(draft.text({"proxy", "nginx", key}), spec::without_substitutions(text))
        << writes << write(draft);
    EXPECT_TRUE(draft.text({"proxy", "nginx", "include"}).contains("/b.")) << writes;
    EXPECT_FALSE(notes(draft, "was not seen")) << writes;
  }
}

TEST(Scripts, AFileOfNginxsThatNobodySeesMayBeAWholeSite) {
  for (const char* writes : {"sed \"s/__PORT__/$P/\" tmpl > /etc/nginx/conf.d/default.conf",
                             "envsubst < tmpl | sudo tee /etc/nginx/conf.d/default.conf",
                             "sed -i s/8081/8082/ /etc/nginx/conf.d/default.conf"}) {
    Draft draft;
    const auto spec =
        from_script(draft, "docker run -d -p 8081:80 acme/api:1\n" + std::string(writes) + "\n");
    EXPECT_EQ(spec.nginx.include, "/etc/nginx/bgdeploy/api.inc") << writes;
    EXPECT_TRUE(notes(draft, "default.conf, which deploy.sh writes: what it holds was not seen")) << writes;
  }
  Draft draft;
  from_script(draft, "docker run -d -p 8081:80 acme/api:1\nsed -i s/8081/8082/ /etc/nginx/conf.d/a.inc\n");
  EXPECT_EQ(draft.text({"proxy", "nginx", "include"}), "/etc/nginx/conf.d/a.inc");
}

TEST(Scripts, WhatAFileBeforeSaysOtherwiseIsTold) {
  Draft draft;
  const File file{"docker-compose.yml",
                  "services: {app: {image: acme/shop, ports: ['3000:3000'], environment: {A: dev, B: c}}}\n"};
  ASSERT_TRUE(read_compose(draft, std::span(&file, 1), {}, "shop"));
  from_script(draft, "docker run -d -p 8080:3000 -e A=prod -e B=c acme/shop:1\n");
  EXPECT_TRUE(notes(draft,
                    "guessed: deploy.sh says otherwise of `slots.blue`, `slots.green`, "
                    "`docker.environment.A`;"))
      << write(draft);
  Draft same;
  ASSERT_TRUE(read_compose(same, std::span(&file, 1), {}, "shop"));
  from_script(same, "docker run -d -p 3000:3000 -e B=c acme/shop:1\n");
  EXPECT_FALSE(notes(same, "says otherwise"));
}

TEST(Scripts, WhatCiPushesIsNotBuiltOnTheHosts) {
  const std::string ci =
      "steps:\n  - uses: docker/build-push-action@v5\n    with: {push: true, tags: "
      "'ghcr.io/acme/shop:latest'}\n";
  for (const auto& [compose, script, image, builds] :
       {std::tuple("services: {app: {build: ., ports: ['3000:3000']}}\n", ci, "ghcr.io/acme/shop", false),
        std::tuple("services: {app: {build: ., image: acme/own, ports: ['3000:3000']}}\n", ci, "acme/own",
                   true),
        std::tuple("services: {app: {build: ., image: ghcr.io/acme/shop, ports: ['3000:3000']}}\n", ci,
                   "ghcr.io/acme/shop", false),
        std::tuple("services: {app: {build: ./web, ports: ['3000:3000']}}\n",
                   std::string("docker push a/api:1\ndocker push a/web:1\n"), "a/web", false),
        std::tuple("services: {app: {build: ., ports: ['3000:3000']}}\n",
                   std::string("docker push a/api:1\ndocker push a/web:1\n"), "a/api", false),
        std::tuple("services: {app: {build: ., ports: ['3000:3000']}}\n",
                   std::string("docker pull node:20\n"), "shop-folder", true),
        std::tuple(
            "services: {app-blue: {build: ., ports: ['1:3']}, app-green: {build: ., ports: ['2:3']}}\n", ci,
            "ghcr.io/acme/shop", false)}) {
    Draft draft;
    const File file{"docker-compose.yml", compose};
    ASSERT_TRUE(read_compose(draft, std::span(&file, 1), {}, "shop"));
    const auto spec = from_script(draft, script, ".github/workflows/ci.yml");
    EXPECT_EQ(spec.image, image) << write(draft);
    EXPECT_EQ(spec.build.has_value(), builds) << write(draft);
  }
}

TEST(Scripts, AWholeFileOfNginxsIsNotTakenAndIsNamed) {
  for (const char* writes :
       {"sudo cp /etc/nginx/nginx.blue.conf /etc/nginx/nginx.conf",
        "ln -sfn /etc/nginx/blue /etc/nginx/sites-enabled/app",
        "sed -i \"s/8081/8082/\" /etc/nginx/sites-available/default.conf",
        "cat <<'EOF' | sudo tee /etc/nginx/conf.d/app.conf\nserver {\n listen 80;\n}\nEOF",
        "sudo tee /etc/nginx/conf.d/app.conf <<EOF\nserver {\n listen 80;\n}\nEOF"}) {
    Draft draft;
    const auto spec =
        from_script(draft, "docker run -d -p 8081:80 acme/api:1\n" + std::string(writes) + "\n");
    EXPECT_EQ(spec.nginx.include, "/etc/nginx/bgdeploy/api.inc") << writes;
    EXPECT_TRUE(notes(draft, "et it include the file of `proxy.nginx.include` instead")) << writes;
  }
}

TEST(Scripts, ASlotsPortMayBeGivenOnOneLineAndToAFunction) {
  Draft draft;
  const auto spec = from_script(draft, R"(
PROFILE=$(curl -s http://localhost/profile)
if [ "$PROFILE" == set1 ]; then IDLE_PORT=8092; IDLE=set2; else IDLE_PORT=8091; IDLE=set1; fi
function start() {
  local -r port=$1
  docker run --name spring-$IDLE -d -p $port:8080 -e "SPRING_PROFILES_ACTIVE=$IDLE,real" acme/app:${VERSION}
}
start $IDLE_PORT
for RETRY_COUNT in {1..10}; do
  RESPONSE=$(curl -s http://localhost:${IDLE_PORT}/actuator/health)
  sleep 10
done
)");
  EXPECT_EQ(spec.slots[0], (spec::Slot{"set1", 8091, "spring-set1"})) << write(draft);
  EXPECT_EQ(spec.slots[1], (spec::Slot{"set2", 8092, "spring-set2"}));
  EXPECT_EQ(spec.docker.environment.at("SPRING_PROFILES_ACTIVE"), "{slot},real");
  EXPECT_EQ(http(spec).path, "/actuator/health") << "of the loop, not what asks which slot is live";
}

TEST(Scripts, SlotsWhosePortsNobodyToldKeepTheirNames) {
  Draft draft;
  const auto spec = from_script(draft, R"(
case $LIVE in
  red) NEW=black ;;
  *) NEW=red ;;
esac
FREE=$(free_port)
docker run -d --name app-$NEW -p $FREE:80 -v /log/$NEW:/log acme/app:1
)");
  EXPECT_EQ(spec.slots[0], (spec::Slot{"black", 8081, "app-black"})) << write(draft);
  EXPECT_EQ(spec.slots[1], (spec::Slot{"red", 8082, "app-red"}));
  EXPECT_EQ(spec.docker.volumes, Texts{"/log/{slot}:/log"});
  EXPECT_TRUE(write(draft).contains("guessed: any free port"));
}

TEST(Scripts, TheHostsNetworkIsNoneThatIsJoined) {
  Draft draft;
  const auto spec = from_script(draft, "N=host\ndocker run -d --net=$N --network back acme/app:1\n");
  EXPECT_EQ(spec.docker.networks, Texts{"back"});
  EXPECT_TRUE(notes(draft, "the network `host` of deploy.sh"));
}

TEST(Scripts, GitlabLogsInBySsh) {
  Draft draft;
  const auto spec = from_script(draft, R"(deploy:
  script:
    - ssh -o StrictHostKeyChecking=no -p 22 deploy@web-1.example.com \
      "docker pull acme/shop:$TAG && docker run -d -p 8080:3000 acme/shop:$TAG"
)",
                                ".gitlab-ci.yml");
  EXPECT_EQ(spec.app_hosts[0].name, "web-1.example.com");
  EXPECT_EQ(spec.image, "acme/shop");
  EXPECT_EQ(spec.docker.container_port, "3000");
}

TEST(Scripts, AnImageWithAStandInIsToBeFilledIn) {
  for (const char* image :
       {"$CI_REGISTRY_IMAGE:$CI_COMMIT_SHA", "$CI_REGISTRY/shop:1", "${{ env.IMAGE_NAME }}:1"}) {
    Draft draft;
    from_script(draft, std::string("script:\n  - docker run -d -p 8080:3000 ") + image + "\n",
                ".gitlab-ci.yml");
    EXPECT_EQ(draft.gaps(), (std::vector<std::string>{"image", "hosts.app"})) << write(draft);
  }
  Draft draft;
  from_script(draft, "ssh deploy@a docker pull $IMAGE\n");
  EXPECT_TRUE(write(draft).contains("\"${IMAGE:-registry.example.com}\"")) << write(draft);
}

TEST(Scripts, ImagesThatOtherCiSystemsPushAreFound) {
  for (const auto& [name, text] :
       {std::pair(".circleci/config.yml",
                  "- run: |\n    docker build -t acme/shop:$A .\n    docker push acme/shop:$A\n"),
        std::pair("bitbucket-pipelines.yml", "script:\n  - docker push acme/shop:$A\n"),
        std::pair("buildspec.yml", "commands:\n  - docker buildx build --push -t acme/shop:$A .\n"),
        std::pair(".drone.yml", "- name: a\n  image: plugins/docker\n  settings:\n    repo: acme/shop\n"),
        std::pair(".woodpecker.yml",
                  "a:\n  image: woodpeckerci/plugin-docker-buildx\n  settings:\n    repo: acme/shop\n"),
        std::pair("cloudbuild.yaml", "images: ['acme/shop:$SHORT_SHA']\n"),
        std::pair("cloudbuild.yaml", "images:\n- 'acme/shop'\n")}) {
    Draft draft;
    EXPECT_EQ(from_script(draft, text, name).image, "acme/shop") << name << write(draft);
  }
  Draft draft;
  from_script(draft, "- image: plugins/slack\n  repo: acme/shop\n", ".drone.yml");
  EXPECT_EQ(draft.text({"image"}), "registry.example.com/shop-folder");
}

TEST(Scripts, HostsAreFoundByHereDocumentsAndByDockersOwnOptions) {
  for (const char* text :
       {"ssh deploy@web-1.example.com <<EOF\ndocker run -d -p 8081:80 acme/app:1\nEOF\n",
        "ssh -T deploy@web-1.example.com bash -s << 'EOF' | tee log\nset -e\ndocker run -d -p 8081:80 "
        "acme/app:1\nEOF\n",
        "docker -H ssh://deploy@web-1.example.com run -d -p 8081:80 acme/app:1\n",
        "docker --log-level info -D --host=ssh://deploy@web-1.example.com/ run -d -p 8081:80 acme/app:1\n",
        "H=web-1.example.com\nexport DOCKER_HOST=ssh://deploy@$H\ndocker run -d -p 8081:80 acme/app:1\n",
        "docker context create x --docker host=ssh://deploy@web-1.example.com\n"
        "docker --context x run -d -p 8081:80 acme/app:1\n"}) {
    Draft draft;
    const auto spec = from_script(draft, text);
    EXPECT_EQ(spec.app_hosts[0].name, "web-1.example.com") << text << write(draft);
    EXPECT_EQ(spec.app_hosts[0].ssh.user, "deploy") << text;
    EXPECT_EQ(spec.docker.container_port, "80") << text;
  }
  Draft draft;
  from_script(draft, "ssh deploy@web-1 <<EOF\nuptime\nEOF\ndocker run -d -p 8081:80 acme/app:1\n");
  EXPECT_EQ(draft.gaps(), Texts{"hosts.app"}) << "what runs there ends with the document";
}

TEST(Scripts, AHealthUrlMayBeByAddress) {
  for (const auto& [url, path] :
       {std::pair("http://10.1.2.3:8081/healthz", "/healthz"),
        std::pair("http://169.254.169.254:80/latest/meta-data", "/"), std::pair("http://1.2.3.4/none", "/"),
        std::pair("http://10.1.2.3:80/a\ncurl http://localhost/b", "/b")}) {
    Draft draft;
    const auto spec = from_script(
        draft, "docker run -d -p 8081:80 acme/app:1\ncurl -fs " + std::string(url) + " | grep ok\n");
    EXPECT_EQ(http(spec).path, path) << url;
  }
}

TEST(Kamal, ErbIsNotRunAndItsVariablesStay) {
  Draft draft;
  const File file{"config/deploy.yml", R"(<% require "dotenv"; Dotenv.load %>
service: shop
image: acme/shop
<%# a comment %>
servers:
  - "<%= ENV["HOST"] %>"
  - app-<%= `hostname`.strip %>.example.com
registry:
  username: <%= ENV.fetch('CI_USER', "ci") %>
  password: [TOKEN]
  server: <%= ENV.fetch("HUB") { "ghcr.io" } %>
env:
  clear:
    MODE: <%= ENV["MODE"] || 'us' -%>
    A: b <% if true %>c
    PASS: x
    DB: <%= ENV["DB_PASSWORD"] %>
    COST: $${A}
)"};
  const auto done = read_kamal(draft, std::span(&file, 1), {});
  ASSERT_TRUE(done) << done.error().message;
  complete(draft, "shop");
  const std::string text = write(draft);
  EXPECT_TRUE(text.contains("${HOST:?has to be set}")) << text;
  EXPECT_TRUE(text.contains("app-fill-in.example.com"));
  EXPECT_EQ(draft.gaps(), Texts{"hosts.app"});
  EXPECT_TRUE(text.contains("${CI_USER:-ci}"));
  EXPECT_TRUE(text.contains("${HUB:-ghcr.io}/acme/shop")) << text;
  EXPECT_TRUE(text.contains("MODE: \"${MODE:-us}\"")) << text;
  EXPECT_TRUE(text.contains("A: \"b c\""));
  EXPECT_TRUE(text.contains("DB: {env: DB_PASSWORD}")) << text;
  EXPECT_TRUE(notes(draft, "which was not run"));
  const File cut{"config/deploy.yml", "service: a\nimage: <%= b\n"};
  Draft other;
  EXPECT_TRUE(read_kamal(other, std::span(&cut, 1), {}));
}

TEST(Scripts, TheImageThatIsPushedIsFoundAsCiFilesWriteIt) {
  for (const auto& [name, text, image] :
       {std::tuple("Jenkinsfile",
                   "node {\n  def img = docker.build(\"acme/shop\")\n  img.push(\"${env.BUILD_ID}\")\n}\n",
                   "acme/shop"),
        std::tuple(
            "Jenkinsfile",
            "docker.withRegistry('https://ghcr.io', 'ci') {\n  def i = docker.build(\"acme/shop:1\", '.')\n"
            "  i.push()\n}\n",
            "ghcr.io/acme/shop"),
        std::tuple("Jenkinsfile", "docker.image('acme/shop:1').push('2')\n", "acme/shop"),
        std::tuple("ci.yml",
                   "env: {IMAGE: \"ghcr.io/${{ github.repository }}\"}\nsteps:\n"
                   "  - run: docker push $IMAGE:$GITHUB_SHA\n",
                   "ghcr.io/app"),
        std::tuple("ci.yml",
                   "env: {A: x, IMAGE: ghcr.io/acme/shop}\nsteps:\n  - run: docker push ${IMAGE}:1\n",
                   "ghcr.io/acme/shop")}) {
    Draft draft;
    EXPECT_EQ(from_script(draft, text, name).image, image) << write(draft);
  }
}

TEST(Scripts, RedirectionsAreNoWordsOfACommand) {
  for (const char* behind :
       {"> /dev/null 2>&1", ">/dev/null", "2>/dev/null || true", "1>/dev/null", ">> /var/log/d.log 2>&1",
        "< /dev/null", "&>f", "&>> f &", ">| f", "2>&-", "<<< text", "| tee log", "; }", "}"}) {
    Draft draft;
    const auto spec =
        from_script(draft, "{ docker run -d --name shop -p 8080:80 acme/app:1 " + std::string(behind) + "\n");
    EXPECT_EQ(spec.image, "acme/app") << behind;
    EXPECT_FALSE(spec.docker.command) << behind << write(draft);
  }
  Draft draft;
  const auto spec = from_script(draft, "docker run -d -p 1:2 acme/app:1 > f --level '> 3' \"<\" 2 >&2 }x\n");
  EXPECT_EQ(*spec.docker.command, (Texts{"--level", "> 3", "<", "2", "}x"}));
}

TEST(Scripts, WhatIsRedirectedIsWritten) {
  for (const char* text :
       {"{ echo \"set \\$a http://x;\"; } > /etc/nginx/conf.d/a.inc 2>/dev/null\n",
        "cat > /etc/nginx/conf.d/a.inc <<EOF\nset \\$a http://x;\nEOF\n",
        "cat <<'EOF' 2>/dev/null >/etc/nginx/conf.d/a.inc\nset $a http://x;\nEOF\n",
        "cat <<-EOF | sudo tee /etc/nginx/conf.d/a.inc >/dev/null\nset $a http://x;\nEOF\n"}) {
    Draft draft;
    EXPECT_EQ(from_script(draft, text).nginx.include, "/etc/nginx/conf.d/a.inc") << text;
  }
}

// https://docs.docker.com/reference/cli/docker/container/run/
TEST(Scripts, AnOptionOfDockerRunTakesItsValue) {
  for (const char* options : {"--health-retries 3", "--pids-limit 200 --label-file x", "--cpuset-cpus 0-1",
                              "--sysctl a=b --dns=1.1.1.1", "--device-read-bps /dev/a:1mb --group-add 5",
                              "-c 512 -a stdout -h host", "--volumes-from z --privileged -P",
                              "--oom-kill-disable --no-healthcheck --use-api-socket", "--unheard-of=1",
                              "-qit --sig-proxy=false", "--"}) {
    Draft draft;
    const auto spec =
        from_script(draft, "docker run -d -p 8080:80 " + std::string(options) + " acme/app:1 serve\n");
    EXPECT_EQ(spec.image, "acme/app") << options;
    EXPECT_EQ(*spec.docker.command, Texts{"serve"}) << options << write(draft);
  }
  for (const char* run :
       {"docker run -dp 8080:80 acme/app", "docker run -itdp8080:80 acme/app",
        "docker run -d --publish=8080:80/tcp acme/app", "docker run -dp=8080:80 acme/app",
        "docker run -d -p 53:53/udp -p 8080:80 acme/app", "docker container run -d -p 8080:80 acme/app",
        "DOCKER=\"sudo docker\"\n$DOCKER run -d -p 8080:80 acme/app"}) {
    Draft draft;
    const auto spec = from_script(draft, std::string(run) + "\n");
    EXPECT_EQ(spec.image, "acme/app") << run;
    EXPECT_EQ(spec.slots[0].port, 8080) << run << write(draft);
    EXPECT_EQ(spec.docker.container_port, "80") << run;
  }
}

TEST(Scripts, OptionsThatHaveAKeyAreWritten) {
  Draft draft;
  const auto spec =
      from_script(draft, R"(docker run -d --expose 8080 --mount type=bind,src=/a,dst=/b,readonly \
  --mount source=data,target=/data --mount type=tmpfs,destination=/run,tmpfs-size=64m --log-driver local \
  --log-opt max-size=1m --log-opt max-file=3 --ulimit nofile=1:2 --ulimit nproc=64 --stop-timeout 45 \
  --label team=a -l auth=token=hunter2 --health-cmd "check --quick" acme/app
)");
  EXPECT_EQ(spec.docker.container_port, "8080");
  EXPECT_EQ(spec.docker.volumes, (Texts{"/a:/b:ro", "data:/data"}));
  EXPECT_EQ(spec.docker.tmpfs, Texts{"/run:size=64m"});
  ASSERT_TRUE(spec.docker.logging);
  EXPECT_EQ(spec.docker.logging->driver, "local");
  EXPECT_EQ(spec.docker.logging->options,
            (std::map<std::string, std::string>{{"max-size", "1m"}, {"max-file", "3"}}));
  EXPECT_EQ(spec.docker.ulimits.size(), 2U);
  EXPECT_EQ(spec.docker.stop_grace_period, std::chrono::seconds(45));
  EXPECT_EQ(spec.docker.labels, (std::map<std::string, std::string>{{"team", "a"}}));
  EXPECT_EQ(std::get<spec::HealthExec>(spec.health.probe).argv, (Texts{"sh", "-c", "check --quick"}));
  EXPECT_FALSE(write(draft).contains("hunter2"));
  EXPECT_TRUE(notes(draft, "the label auth"));
}

TEST(Scripts, WhatEndsOrIsOfAnotherImageIsNoSlot) {
  const std::string web = "docker run -d --name web -p 8080:3000 acme/web:1 npm start\n";
  for (const auto& [other, note] :
       {std::pair("docker run --rm acme/web:1 ./manage.py migrate\n", "it ends by itself"),
        std::pair("docker run acme/web:1 ./manage.py migrate\n", "it ends by itself"),
        std::pair("docker run --rm -v /src:/src sonarsource/sonar-scanner-cli\n", "sonar-scanner-cli"),
        std::pair("docker run -d --name worker acme/worker:1\n", "called worker"),
        std::pair("docker run -d --name worker acme/web:1 npm run worker\n", "called worker"),
        std::pair("docker run -d --name exporter -p 9100:9100 prom/node-exporter\n", "called exporter")})
    for (const std::string& text : {web + other, other + web + "docker push acme/web:1\n"}) {
      Draft draft;
      const auto spec = from_script(draft, text);
      EXPECT_EQ(spec.image, "acme/web") << text;
      EXPECT_EQ(spec.slots[0], (spec::Slot{"blue", 8080, "web"})) << text << write(draft);
      EXPECT_EQ(*spec.docker.command, (Texts{"npm", "start"})) << text;
      EXPECT_TRUE(notes(draft, note)) << text << write(draft);
    }
  Draft draft;
  const auto spec = from_script(draft,
                                "- run: docker run -d -p 9999:80 acme/mock\n- run: curl localhost:9999/mock\n"
                                "- run: docker push acme/api:1\n- run: curl localhost:8080/up\n",
                                ".github/workflows/cd.yml");
  EXPECT_EQ(spec.image, "acme/api");
  EXPECT_EQ(http(spec).path, "/up") << "of the service, not of what its tests start";
  EXPECT_TRUE(notes(draft, "`docker run` of acme/mock"));
}

TEST(Scripts, AFunctionMayStartBothSlots) {
  Draft draft;
  const auto spec = from_script(draft, R"(function start {
  docker run -d --name $1 -p $2:8080 -e COLOR=$1 -e PW=$3 acme/api:$VERSION
}
if up; then start api-b 8002 hunter2; else start api-a 8001 hunter2; fi
)");
  EXPECT_EQ(spec.slots[0], (spec::Slot{"a", 8001, "api-a"})) << write(draft);
  EXPECT_EQ(spec.slots[1], (spec::Slot{"b", 8002, "api-b"}));
  EXPECT_EQ(spec.docker.environment, (std::map<std::string, std::string>{{"COLOR", "api-{slot}"}}));
  EXPECT_FALSE(write(draft).contains("hunter2"));
  EXPECT_FALSE(notes(draft, "`docker run` of")) << "the function itself is none that starts";
}

TEST(Scripts, OneContainerThatIsCalledGreenIsTheGreenSlot) {
  Draft draft;
  const auto spec = from_script(draft, "docker run -d --name api-green -p 9002:80 acme/api\n");
  EXPECT_EQ(spec.slots[0], (spec::Slot{"green", 9002, "api-green"})) << write(draft);
  EXPECT_EQ(spec.slots[1].name, "blue");
}

TEST(Scripts, WhatACommandPrintsIsAVariableOrLeftOut) {
  Draft draft;
  const auto spec =
      from_script(draft, R"sh(docker run -d --name app-$(date +%s) -v $(pwd)/data:/data -v "$(pwd)/b:/b" \
  -v `pwd`/c:/c -v /srv:/srv -e SHA=$(git rev-parse HEAD) -e "AT=on $(date)" -e DB_TOKEN=$(vault read db) -e ARG=$1 \
  --env-file <(vault x) -p $(free_port):80 acme/app:$(cat v/VERSION)
)sh");
  EXPECT_EQ(spec.image, "acme/app");
  EXPECT_EQ(spec.docker.container_port, "80");
  EXPECT_EQ(spec.docker.volumes, Texts{"/srv:/srv"});
  const std::string text = write(draft);
  for (const char* part :
       {"SHA: \"${SHA:-}\"", "AT: \"${AT:-}\"", "ARG: \"${ARG:-}\"", "DB_TOKEN: {env: DB_TOKEN}"})
    EXPECT_TRUE(text.contains(part)) << part << text;
  for (const char* note : {"the volume $(pwd)/data:/data", "the volume $(pwd)/b:/b", "the volume $(pwd)/c:/c",
                           "`docker run --env-file`"})
    EXPECT_TRUE(notes(draft, note)) << note << text;
  Draft other;
  EXPECT_FALSE(from_script(other, "docker run -d -p 1:2 acme/app --id $(hostname)\n").docker.command);
  EXPECT_TRUE(notes(other, "the command that deploy.sh gives to acme/app"));
  Draft filled;
  from_script(filled, "R=$(registry)/shop\ndocker run -d -p 1:2 $(registry)/app:1\n");
  EXPECT_EQ(filled.gaps(), (Texts{"image", "hosts.app"})) << write(filled);
}

TEST(Scripts, AnExpressionOfAWorkflowIsAVariable) {
  Draft draft;
  const auto spec = from_script(draft, R"(env: {PLACE: "${{ secrets.DB_URL }}"}
steps:
  - run: ssh deploy@h.example.com "docker run -d -p 8080:80 -e FOO=${{ secrets.FOO }} -e BAR='${{ secrets.BAR_URL }}'
      -e PART=a-${{secrets.B}} -e DB=$PLACE -e MODE=${{ vars.MODE }} -e SHA=${{ github.sha }}
      -e TAG=${{ inputs.tag || 'latest' }} acme/api serve --sha ${{ github.sha }}"
)",
                                ".github/workflows/cd.yml");
  for (const auto& [name, variable] : {std::pair("FOO", "FOO"), std::pair("BAR", "BAR_URL"),
                                       std::pair("PART", "PART"), std::pair("DB", "DB_URL")})
    EXPECT_EQ(spec.secrets.at(name), spec::SecretSource(spec::FromEnv{variable})) << name;
  const std::string text = write(draft);
  for (const char* part : {"MODE: \"${MODE:-}\"", "SHA: \"${GITHUB_SHA:-}\"", "TAG: \"${TAG:-}\""})
    EXPECT_TRUE(text.contains(part)) << part << text;
  EXPECT_FALSE(text.contains("{{")) << text;
  Draft health;
  EXPECT_EQ(http(from_script(health, "curl -fs \"http://${{ secrets.HOST }}:8080/up\"\n")).path, "/up");
}

TEST(Scripts, WhereAScriptRunsIsNoPlaceOnTheHost) {
  const std::string volumes[] = {"$HOME/logs:/logs", "${HOME}/a:/a", "$PWD/x:/x", "${PWD}/d:/d",
                                 "~/conf:/conf"};
  Draft script, compose;
  std::string options, list;
  for (const std::string& volume : volumes) {
    options += " -v " + volume;
    list += (list.empty() ? "\"" : ", \"") + volume + "\"";
  }
  EXPECT_EQ(from_script(script, "docker run -d -p 1:2 -v ${BASE:-/srv}/z:/z" + options + " acme/app\n")
                .docker.volumes,
            Texts{"/srv/z:/z"});
  EXPECT_TRUE(write(script).contains("# guessed: the variables are set where bgdeploy runs"))
      << write(script);
  EXPECT_TRUE(from_compose(compose, "services: {app: {image: a/b, volumes: [" + list + "]}}\n")
                  .docker.volumes.empty());
  for (const Draft* draft : {&script, &compose})
    for (const char* note : {"/logs:/logs", "/a:/a", "/x:/x", "/d:/d", "~/conf:/conf"})
      EXPECT_TRUE(notes(*draft, std::string(note) + " of")) << note << write(*draft);
}

TEST(Scripts, TheOptionsOfSshSayHowToLogIn) {
  for (const char* login :
       {"ssh -tt -i ~/.ssh/prod.pem -p 2222 -J jump@bastion deploy@10.0.0.5",
        "ssh -l deploy -o StrictHostKeyChecking=no -o Port=2222 -oIdentityFile=~/.ssh/prod.pem -o "
        "\"ProxyJump jump@bastion\" 10.0.0.5",
        "OPTS=\"-i ~/.ssh/prod.pem -p 2222\"\nssh $OPTS -Jjump@bastion deploy@10.0.0.5",
        "OPTS=(-i ~/.ssh/prod.pem -p2222 -J jump@bastion)\nssh \"${OPTS[@]}\" -- deploy@10.0.0.5",
        "SSH='ssh -i ~/.ssh/prod.pem -p 2222 -J jump@bastion deploy@10.0.0.5'\n$SSH"}) {
    Draft draft;
    const auto spec = from_script(draft, std::string(login) + " \"docker run -d -p 8080:80 acme/api\"\n");
    const spec::Ssh& ssh = spec.app_hosts[0].ssh;
    EXPECT_EQ(spec.app_hosts[0].name, "10.0.0.5") << login << write(draft);
    EXPECT_EQ(ssh.user, "deploy") << login;
    EXPECT_EQ(ssh.port, 2222) << login;
    EXPECT_EQ(ssh.identity_file, "~/.ssh/prod.pem") << login;
    EXPECT_EQ(ssh.proxy_jump, Texts{"jump@bastion"}) << login;
  }
  Draft draft;
  const auto spec = from_script(draft,
                                "ssh $SSH_OPTS -i $KEY deploy@a \"docker ps\"\nssh -i <(echo hunter2) -p "
                                "2022 root@lb nginx -s reload\n");
  EXPECT_EQ(spec.app_hosts[0].name, "a") << write(draft);
  EXPECT_EQ(spec.proxy_hosts[0].ssh.port, 2022);
  EXPECT_TRUE(notes(draft, "`ssh.identity_file`, for which deploy.sh has ${KEY}")) << write(draft);
  EXPECT_FALSE(write(draft).contains("hunter2"));
}

TEST(Scripts, ALoopLogsInToSeveralHosts) {
  const std::string run = "'docker run -d -p 8080:80 acme/api'";
  for (const std::string& text :
       {"for h in a.test b.test; do ssh deploy@$h " + run + "; done\n",
        "H=${H:-\"a.test b.test\"}\nfor h in $H; do ssh deploy@$h " + run + "; done\n",
        "HOSTS=\"a.test b.test\"\nfor h in $HOSTS; do\n  ssh deploy@${h} " + run + "\ndone\n",
        "HOSTS=(\n  a.test # first\n  # c.test\n  b.test\n)\nfor h in \"${HOSTS[@]}\"; do ssh deploy@$h " +
            run + "; done\n",
        "go() {\n  local host=\"$1\"\n  ssh \"$host\" " + run +
            "\n}\nfor h in deploy@a.test deploy@b.test; do\n  go \"$h\"\ndone\n"}) {
    Draft draft;
    const auto spec = from_script(draft, text);
    ASSERT_EQ(spec.app_hosts.size(), 2U) << text << write(draft);
    EXPECT_EQ(spec.app_hosts[0].name, "a.test") << text;
    EXPECT_EQ(spec.app_hosts[1].name, "b.test") << text;
    EXPECT_EQ(spec.app_hosts[1].ssh.user, "deploy") << text;
  }
  for (const char* text : {"ssh deploy@a.test 'bash -s' < remote.sh 2>&1 > log\n",
                           "ssh ${{ secrets.USER }}@a.test << 'EOF'\n  docker ps\n  EOF\n"}) {
    Draft draft;
    EXPECT_EQ(from_script(draft, text).app_hosts[0].name, "a.test") << text << write(draft);
  }
  Draft draft;
  const auto spec =
      from_script(draft, "for h in a b; do ssh $h " + run + "; done\nssh lb 'sudo nginx -s reload'\n");
  EXPECT_EQ(spec.app_hosts.size(), 2U) << "the proxy can send to both: " << write(draft);
  Draft one;
  from_script(one, "if p; then H=prod.test; else H=staging.test; fi\nssh $H " + run + "\n");
  EXPECT_FALSE(write(one).contains("staging")) << "which nobody deploys to at once";
  EXPECT_TRUE(write(draft).contains("upstream: app")) << write(draft);
}

TEST(Scripts, OptionsMayStandInVariables) {
  for (const char* text :
       {"OPTS=\"-d --restart always -e TOKEN=hunter2 -e 'A=b c'\"\nEXTRA=\ndocker run $OPTS $EXTRA -p "
        "8080:80 acme/app:1\n",
        "ARGS=(-d -p 8080:80 -e \"A=b c\")\nARGS+=(-e TOKEN=hunter2)\ndocker run \"${ARGS[@]}\" acme/app:1\n",
        "ARGS=(\n  -d -e TOKEN=hunter2 # a comment\n  # -e OLD=1\n  -e \"A=b c\"\n  -p 8080:80\n)\n"
        "docker run ${ARGS[*]} acme/app:1\n",
        "docker run $DOCKER_OPTS -d -p 8080:80 -e TOKEN=hunter2 -e A='b c' acme/app:1\n",
        "docker run $MORE -dp 8080:80 -e TOKEN=hunter2 -e A='b c' acme/app:1\n"}) {
    Draft draft;
    const auto spec = from_script(draft, text);
    EXPECT_EQ(spec.image, "acme/app") << text << write(draft);
    EXPECT_EQ(spec.slots[0].port, 8080) << text;
    EXPECT_FALSE(spec.docker.command) << text << write(draft);
    EXPECT_EQ(spec.docker.environment, (std::map<std::string, std::string>{{"A", "b c"}})) << text;
    EXPECT_TRUE(spec.secrets.contains("TOKEN")) << text;
    EXPECT_FALSE(write(draft).contains("hunter2")) << write(draft);
  }
  for (const char* text :
       {"declare -A P=([blue]=8081 [green]=8082)\ndocker run -d -p ${P[$1]}:80 a/b\n",
        "go() { docker run -d --name $1 -p $2:80 \"${@:3}\" a/b; }\ngo x-blue 8081 -e A=1\n"
        "go x-green 8082 -e A=1\n"}) {
    Draft draft;
    const auto spec = from_script(draft, text);
    EXPECT_EQ(spec.image, "a/b") << text << write(draft);
    EXPECT_EQ(spec.slots[0].port, 8081) << text << write(draft);
    EXPECT_EQ(spec.slots[1].port, 8082) << text;
  }
  for (const char* image : {"[image]", "ghcr.", "Acme/App"}) {
    Draft refused;
    EXPECT_FALSE(
        from_script(refused, "docker run -d -p 1:2 " + std::string(image) + " serve\n").docker.command);
    EXPECT_EQ(refused.gaps(), (Texts{"image", "hosts.app"})) << write(refused);
  }
  Draft draft;
  const auto spec =
      from_script(draft, "P=(8081 8082)\nN=(one two)\ndocker run -d --name ${N[$i]} -p ${P[$i]}:80 a/b\n");
  EXPECT_EQ(spec.slots[0], (spec::Slot{"one", 8081, "one"})) << write(draft);
  EXPECT_EQ(spec.slots[1], (spec::Slot{"two", 8082, "two"}));
}

TEST(Scripts, TextsAreReadAsTheShellReadsThem) {
  const std::string run = "docker run -d \\\n  --name api -p 9001:80 \\\n  acme/api:1\n";
  std::string twice = run;
  for (std::size_t at = twice.find('\\'); at != std::string::npos; at = twice.find('\\', at + 2))
    twice.insert(at, 1, '\\');
  for (const std::string& text : std::vector<std::string>{
           "ssh deploy@a bash -s <<EOF\n" + twice + "EOF\n", "ssh deploy@a bash -s <<'EOF'\n" + run + "EOF\n",
           "ssh deploy@a \"\n  docker pull acme/api:1 &&\n  " + run + "\"\n", "ssh deploy@a '" + run + "'\n",
           "script:\n  - |\n    ssh deploy@a \"\n      docker run -d --name api -p 9001:80 acme/api:1\"\n"}) {
    Draft draft;
    const auto spec = from_script(draft, text);
    EXPECT_EQ(spec.app_hosts[0].name, "a") << text << write(draft);
    EXPECT_EQ(spec.slots[0], (spec::Slot{"blue", 9001, "api"})) << text << write(draft);
    EXPECT_FALSE(spec.docker.command) << text;
  }
  Draft draft;
  const auto spec = from_script(
      draft,
      "docker run -d -p 1:2 -e \"JSON={\\\"a\\\":1}\" -e \"D=a\\$b\" -e E=\\$5 -e 'F=\\n' -e \"G=\\n\" a/b\n"
      "ssh h \"docker run -d -p 1:2 -e \\\"H=i j\\\" a/c\"\n");
  EXPECT_EQ(spec.docker.environment,
            (std::map<std::string, std::string>{
                {"JSON", "{\"a\":1}"}, {"D", "a$b"}, {"E", "$5"}, {"F", "\\n"}, {"G", "\\n"}}));
}

TEST(Scripts, HowLongALoopAsksIsTheDeadline) {
  const std::string ask = "curl -fs http://localhost:8080/up && break; sleep 3; done\n";
  for (const auto& [text, seconds] : std::vector<std::pair<std::string, int>>{
           std::pair("for i in {1..10}; do " + ask, 30), std::pair("for i in 1 2 3 4; do " + ask, 12),
           std::pair("for ((i = 0; i < 20; i++)); do " + ask, 60),
           std::pair("- for i in $(seq 1 5); do " + ask, 15), std::pair("while (( n < 6 )); do " + ask, 18),
           std::pair("while [ $n -lt 7 ]; do " + ask, 21),
           std::pair("timeout 90 bash -c 'until curl -fs localhost:8080/up; do sleep 2; done'\n", 90),
           std::pair("timeout 45s sh -c \"while ! curl -fs localhost:8080/up; do sleep 2; done\"\n", 45),
           std::pair("curl --retry 10 --retry-delay 4 --retry-connrefused localhost:8080/up\n", 40),
           std::pair("up() {\n  for i in {1..8}; do " + ask + "}\nfor h in a b; do up $h; done\n", 24)}) {
    Draft draft;
    const auto spec = from_script(draft, "docker run -d -p 8080:80 a/b\n" + text);
    EXPECT_EQ(http(spec).path, "/up") << text << write(draft);
    EXPECT_EQ(spec.health.deadline, std::chrono::seconds(seconds)) << text << write(draft);
  }
}

TEST(Scripts, WhatCurlSendsIsSent) {
  Draft draft;
  const auto spec =
      from_script(draft,
                  "docker run -d -p 8080:80 a/b\ncurl -fs -H 'Host: shop.test' -H \"Accept: a/b\" --header "
                  "'Authorization: Bearer hunter2' -H \"X-Id: $ID\" -X POST --max-time 5 "
                  "http://localhost:8080/up > /dev/null\n");
  EXPECT_EQ(http(spec).headers,
            (std::map<std::string, std::string>{{"Host", "shop.test"}, {"Accept", "a/b"}}));
  EXPECT_EQ(spec.health.timeout, std::chrono::seconds(5));
  EXPECT_FALSE(write(draft).contains("hunter2"));
  for (const char* note : {"the header Authorization", "the header X-Id", "the method POST"})
    EXPECT_TRUE(notes(draft, note)) << note;
}

TEST(Scripts, ALoopMayAskDockerForHealth) {
  for (const char* until :
       {"until [ \"$(docker inspect -f '{{.State.Health.Status}}' app)\" = healthy ]; do sleep 2; done\n",
        "for i in $(seq 30); do\n  S=$(docker inspect --format='{{.State.Health.Status}}' app)\n  sleep "
        "2\ndone\n"}) {
    Draft draft;
    const auto spec = from_script(draft, "docker run -d --name app -p 8080:80 a/b\n" + std::string(until));
    EXPECT_TRUE(std::holds_alternative<spec::HealthDocker>(spec.health.probe)) << until << write(draft);
  }
}

// Nothing in a file may end the program, or run.
TEST(Scripts, AnyTextIsTaken) {
  std::string deep = "docker run ";
  for (int i = 0; i < 2000; ++i) deep += "\"$(";
  for (const std::string& text : std::vector<std::string>{"",
                                                          "\"",
                                                          "'",
                                                          "\\",
                                                          "$(",
                                                          "${",
                                                          "docker run",
                                                          "docker run -p",
                                                          "docker run -p : x",
                                                          "docker run --name",
                                                          "sudo",
                                                          "cp",
                                                          "docker tag a",
                                                          "ssh",
                                                          "ssh -o",
                                                          "A=$A\ndocker run $A",
                                                          "A=$B$B\nB=$A$A\ndocker run $A",
                                                          "curl http://",
                                                          "tee",
                                                          "cd",
                                                          "docker compose -p",
                                                          "docker run -p 99999:1 {X}",
                                                          "{",
                                                          "}",
                                                          "docker run ${x",
                                                          deep,
                                                          std::string("a\0b", 3),
                                                          "\xff\xfe docker run \xff"}) {
    Draft draft;
    const File file{"deploy.sh", text};
    read_scripts(draft, std::span(&file, 1), {});
    complete(draft, "shop");
    EXPECT_TRUE(load(write(draft))) << text.substr(0, 100) << "\n" << write(draft);
  }
}

TEST(Words, SlotsAndTextsThatDiffer) {
  using Pair = std::array<std::string, 2>;
  EXPECT_EQ(differing_words("docker-compose-blue.yml", "docker-compose-green.yml"), (Pair{"blue", "green"}));
  EXPECT_EQ(differing_words("docker-compose.a.yml", "docker-compose.b.yml"), (Pair{"a", "b"}));
  EXPECT_EQ(differing_words("app-set1", "app-set2"), (Pair{"set1", "set2"}));
  EXPECT_EQ(differing_words("app-8080", "app-8081"), (Pair{"blue", "green"})) << "no names";
  EXPECT_EQ(differing_words("", ""), (Pair{"blue", "green"}));
  EXPECT_EQ(by_slot({"/log/blue:/log", "/log/green:/log"}, {"blue", "green"}, {"1", "2"}),
            "/log/{slot}:/log");
  EXPECT_EQ(by_slot({"data.a.yml", "data.b.yml"}, {"a", "b"}, {"1", "2"}), "data.{slot}.yml")
      << "whole words";
  EXPECT_EQ(by_slot({"8081", "8082"}, {"a", "b"}, {"8081", "8082"}), "{port}");
  EXPECT_EQ(by_slot({"x", "y"}, {"a", "b"}, {"1", "2"}), std::nullopt);
  EXPECT_EQ(repository_of("r:5000/a/b:1.2@sha256:abc"), "r:5000/a/b");
  EXPECT_EQ(repository_of("${R:-r:5000}/a:${T}"), "${R:-r:5000}/a");
  EXPECT_EQ(tag_variable_of("a:${TAG:-x}"), "TAG");
  EXPECT_EQ(in_spec("${A}-${B:-b}-$C-$$-${D?no}", {{"A", "x"}}), "x-${B:-b}-${C:-}-$$-${D:?no}");
}

TEST(Compose, AnImageOfVariablesThatNobodySetsIsToBeFilledIn) {
  Draft draft;
  from_compose(draft, "services: {app: {image: '${HUB}/${TEAM}/app:${TAG}', ports: ['8080:80']}}\n");
  EXPECT_EQ(draft.text({"image"}), "${HUB:-registry.example.com}/${TEAM:-app}/app");
  EXPECT_EQ(draft.gaps(), (Texts{"image", "hosts.app"}));
}

TEST(Compose, NginxBesideTwoServicesFindsThemByTheirNames) {
  const auto file = [](const std::string& keys) {
    return "services:\n  nginx: {image: nginx, container_name: edge, ports: ['80:80']}\n"
           "  web-blue: {image: acme/web, " +
           keys + "}\n  web-green: {image: acme/web, " + keys + "}\n";
  };
  for (const char* keys : {"expose: [3000]", "expose: [3000], profiles: [x]"}) {
    Draft draft;
    const auto spec = from_compose(draft, file(keys));
    EXPECT_EQ(spec.nginx.container, "edge");
    EXPECT_EQ(spec.nginx.address, "web-{slot}");
    EXPECT_EQ(spec.nginx.port, "3000");
  }
  Draft unknown;
  from_compose(unknown, file("restart: always"));
  EXPECT_EQ(unknown.gaps(), (Texts{"proxy.nginx.port", "hosts.app"}));
}

TEST(Compose, NginxOnAnotherNetworkFindsNoServiceByItsName) {
  for (const auto& [networks, there] : {std::pair("[back]", false), std::pair("[back, front]", true),
                                        std::pair("{front: {aliases: [x]}}", true)})
    for (const bool pair : {true, false}) {
      Draft draft;
      const std::string app = std::string("{image: a/w, expose: [3], networks: ") + networks + "}";
      from_compose(draft,
                   "services: {nginx: {image: nginx, ports: ['80:80'], networks: [front]}, web-blue: " + app +
                       (pair ? ", web-green: " + app : "") + "}\nnetworks: {front: {}, back: {}}\n");
      EXPECT_EQ(draft.has({"proxy", "nginx", "address"}), there) << networks << write(draft);
      EXPECT_EQ(notes(draft, "nginx of docker-compose.yml shares no network with the app"), !there);
    }
}

TEST(Compose, TheIncludeOfAScriptIsCalledAsNginxMountsIt) {
  for (const auto& [mount, writes, include] :
       {std::tuple("/srv/inc:/etc/nginx/inc:ro", "/srv/inc/a.inc", "/etc/nginx/inc/a.inc"),
        std::tuple("./conf:/etc/nginx/conf.d", "conf//a.inc", "/etc/nginx/conf.d/a.inc"),
        std::tuple("./conf/:/etc/nginx/conf.d/", "./conf/x/a.inc", "/etc/nginx/conf.d/x/a.inc"),
        std::tuple("/srv/a.inc:/etc/nginx/b.inc", "/srv/a.inc", "/etc/nginx/b.inc"),
        std::tuple("/srv/in:/etc/nginx/inc", "/srv/inc/a.inc", "/etc/nginx/conf.d/a.inc")}) {
    Draft draft;
    const File file{"docker-compose.yml",
                    "services:\n  nginx: {image: nginx, container_name: edge, ports: ['80:80'], volumes: ['" +
                        std::string(mount) +
                        "']}\n  app_blue: {image: acme/web, ports: ['8081:3000']}\n"
                        "  app_green: {image: acme/web, ports: ['8082:3000']}\n"};
    ASSERT_TRUE(read_compose(draft, std::span(&file, 1), {}, "shop"));
    const auto spec = from_script(draft, "echo 'set $service_url http://app_blue:3000;' > " +
                                             std::string(writes) + "\ndocker exec edge nginx -s reload\n");
    EXPECT_EQ(spec.nginx.include, include) << write(draft);
  }
}

TEST(Compose, AScriptMaySayWhereNginxFindsTheServices) {
  const auto file = [](const std::string& slot) {
    return "services: {app: {image: acme/app, expose: [8080], container_name: app-" + slot + "}}\n";
  };
  const File files[] = {{"docker-compose-blue.yml", file("blue")},
                        {"docker-compose-green.yml", file("green")}};
  const std::string by_variable = R"(if docker ps | grep -q app-blue; then N=green; else N=blue; fi
docker compose -p app-$N -f docker-compose-$N.yml up -d
echo "set \$service_url http://app-$N:8080;" > ./conf/service-url.inc
docker exec lb nginx -s reload
)";
  const std::string in_branches = R"(if docker ps | grep -q app-blue; then
  echo 'set $service_url http://app-green:8080;' > ./conf/service-url.inc
else
  echo 'set $service_url http://app-blue:8080;' > ./conf/service-url.inc
fi
docker exec lb nginx -s reload
)";
  for (const std::string& script : {by_variable, in_branches}) {
    Draft draft;
    ASSERT_TRUE(read_compose(draft, files, {}, "x"));
    const auto spec = from_script(draft, script);
    EXPECT_FALSE(notes(draft, "`proxy.nginx.address`"));
    EXPECT_EQ(spec.nginx.container, "lb");
    EXPECT_EQ(spec.nginx.address, "app-{slot}") << write(draft);
    EXPECT_EQ(spec.nginx.port, "8080");
    EXPECT_EQ(spec.nginx.include, "/etc/nginx/conf.d/service-url.inc");
  }
}

TEST(Scripts, HowNginxInAContainerReachesTheSlotsIsAsked) {
  Draft draft;
  from_script(draft,
              "docker run -d -p 8081:80 acme/api:1\nsed -i s/8081/8082/ /srv/a.inc\ndocker exec edge nginx "
              "-s reload\n");
  EXPECT_TRUE(notes(draft, "`proxy.nginx.address`: how nginx in edge reaches the slots"));
}

TEST(Compose, NginxAsAServiceIsWhereTheIncludeIsWritten) {
  for (const bool published : {true, false}) {
    Draft draft;
    const auto spec =
        from_compose(draft, std::string("services:\n  api: {image: acme/shop, ") +
                                (published ? "ports: ['8081:8080']" : "expose: ['8080']") +
                                "}\n  proxy: {image: 'nginx:1', container_name: edge, ports: ['80:80'], "
                                "volumes: ['./conf.d:/etc/nginx/conf.d']}\n");
    EXPECT_EQ(spec.nginx.container, "edge");
    EXPECT_EQ(spec.nginx.address, "{container}");
    EXPECT_EQ(spec.docker.host_ip.has_value(), !published);
    EXPECT_EQ(spec.docker.container_port, "8080");
    EXPECT_TRUE(write(draft).contains("in a folder that the container mounts from the host")) << write(draft);
  }
  Draft draft;
  const auto spec = from_compose(draft,
                                 "services: {api: {image: acme/shop, ports: ['8081:80']}, proxy: {image: "
                                 "nginx, ports: ['80:80']}}");
  EXPECT_EQ(spec.nginx.container, "shop-proxy-1");
  EXPECT_TRUE(write(draft).contains("guessed: nginx runs in it"));
}

}  // namespace
}  // namespace bgdeploy::init
