// Which files of a folder are read, and what happens with those that cannot be.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "bgdeploy/init/gather.hpp"
#include "support.hpp"

namespace bgdeploy::init {
namespace {

namespace fs = std::filesystem;
using Texts = std::vector<std::string>;

class Folder : public ::testing::Test {
protected:
  void SetUp() override {
    std::string path = fs::temp_directory_path() / "bgdeploy-init-XXXXXX";
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    folder = path;
  }
  void TearDown() override { fs::remove_all(folder); }
  void file(const std::string& name, const std::string& text = "x") const {
    fs::create_directories((fs::path(folder) / name).parent_path());
    std::ofstream(folder + "/" + name) << text;
  }

  std::string folder;
};

TEST_F(Folder, WhatIsOfInterestIsKnownByItsName) {
  const Texts read{".circleci/config.yml",
                   ".env",
                   ".github/workflows/test-and-deploy.yml",
                   ".gitlab-ci.yaml",
                   ".kamal/hooks/pre-deploy",
                   ".kamal/secrets",
                   ".kamal/secrets.staging",
                   "Dockerfile",
                   "blue.docker-compose.yml",
                   "compose/blue.yml",
                   "config/deploy.dev.yml",
                   "config/deploy.yml",
                   "deploy.bash",
                   "docker-compose.yml",
                   "docker/docker-compose.yml"};
  for (const std::string& name : read) file(name);
  for (const char* name :
       {"notes.txt", "package.json", "stack.yml", "config/deployment.yaml", "src/a.sh", "docker/entry.sh",
        ".kamal/hooks/pre-build.sample", "Dockerfile.dockerignore", ".env.production"})
    file(name);
  fs::create_directory(folder + "/folder.sh");
  ASSERT_EQ(::mkfifo((folder + "/fifo.sh").c_str(), 0600), 0);
  EXPECT_EQ(files_of_interest(folder), read);
  EXPECT_EQ(files_of_interest(folder + "/none"), Texts{});
}

TEST_F(Folder, ALinkThatLeadsOutIsTold) {
  file("deploy.sh", "docker run -d -p 8081:80 acme/api:1\n");
  fs::create_symlink("deploy.sh", folder + "/linked.sh");
  fs::create_symlink("/etc/passwd", folder + "/outside.sh");
  Draft draft;
  ASSERT_TRUE(read_folder(draft, folder));
  EXPECT_EQ(draft.sources(), (Texts{"deploy.sh", "linked.sh"}));
  EXPECT_TRUE(notes(draft, "not read: outside.sh is a link that leads out of the folder"));
}

constexpr const char* k_api = "services: {api: {image: acme/api, ports: ['8081:80']}}\n";
constexpr const char* k_other = "services: {other: {image: acme/other, ports: ['9090:80']}}\n";

TEST_F(Folder, ComposesOwnNamesComeFirst) {
  file("docker-compose.yml", k_api);
  const Texts others{"docker-compose.ci.yml",
                     "docker-compose.monitoring.yml",
                     "docker-compose.production.yaml",
                     "docker-compose-prod.yml",
                     "compose-build.yml",
                     "deploy/compose.yml",
                     "docker/docker-compose.yml",
                     "compose.dev.yml",
                     "blue.compose.yml"};
  for (const std::string& name : others) file(name, k_other);
  Draft draft;
  ASSERT_TRUE(read_folder(draft, folder));
  EXPECT_EQ(completed(draft).image, "acme/api");
  for (const std::string& name : others) EXPECT_TRUE(notes(draft, "not read: " + name)) << name;

  fs::remove(folder + "/docker-compose.yml");
  for (const char* name : {"deploy/compose.yml", "docker/docker-compose.yml"})
    fs::remove(folder + "/" + name);
  file("docker-compose-prod.yml", k_api);
  Draft prod;
  ASSERT_TRUE(read_folder(prod, folder));
  EXPECT_EQ(completed(prod).image, "acme/api") << "rather than any other";
}

TEST_F(Folder, WhatNobodyNamedEndsNothing) {
  file("Dockerfile", "FROM a\nEXPOSE 4000\n");
  for (const auto& [name, text] :
       {std::pair("docker-compose.yml", "services: {db: {image: postgres}}\n"),
        std::pair("docker-compose.yml", "web: {image: acme/api}\n"),
        std::pair("compose.yml", "services:\n\tapi: {}\n"), std::pair("compose.yml", "[]\n"),
        std::pair(".env", "A=1\nno such line\n"), std::pair("config/deploy.yml", "- a\n"),
        std::pair("config/deploy.yml", "a: 1\n---\nb: 2\n"), std::pair("deploy.sh", "\xff\xfe#"),
        std::pair("compose.yml", "\xc3\x28: 1\n")}) {
    file(name, text);
    Draft draft;
    const auto done = read_folder(draft, folder);
    ASSERT_TRUE(done) << name << ": " << done.error().message;
    EXPECT_TRUE(notes(draft, std::string("not read: ") + name)) << ::testing::PrintToString(draft.notes());
    EXPECT_EQ(completed(draft).docker.container_port, "4000") << name;
    Draft named;
    const auto failed = read_folder(named, folder, {name});
    ASSERT_FALSE(failed) << name;
    EXPECT_EQ(failed.error().kind, core::ErrorKind::usage);
    fs::remove(folder + "/" + name);
  }
}

TEST_F(Folder, ADestinationIsNeverReadInThePlaceOfTheMainFile) {
  file("config/deploy.yml", "service: shop\nimage: a\nimage: b\n");
  file("config/deploy.production.yml", "servers: [p.example.com]\nservice: shop\nimage: acme/shop\n");
  file("docker-compose.yml", k_api);
  file("Dockerfile", "FROM a\nEXPOSE 4000\n");
  Draft draft;
  ASSERT_TRUE(read_folder(draft, folder));
  completed(draft);
  EXPECT_EQ(draft.sources(), Texts{"Dockerfile"});
  EXPECT_FALSE(write(draft).contains("p.example.com")) << write(draft);
  EXPECT_TRUE(notes(draft, "not read: config/deploy.production.yml: it is meant over the main file"));
  ASSERT_EQ(draft.refused().size(), 1U);
  EXPECT_TRUE(draft.refused()[0].contains("config/deploy.yml:3:1: key 'image' is there twice"))
      << draft.refused()[0];
}

TEST_F(Folder, AnEnvFileThatNeedNotBeThereCountsWhereItIs) {
  file("compose.yml",
       "services: {api: {image: acme/api, ports: ['81:80'], env_file: [{path: a.env, required: false}, "
       "{path: b.env, "
       "required: false}]}}\n");
  file("a.env");
  Draft draft;
  ASSERT_TRUE(read_folder(draft, folder));
  EXPECT_EQ(draft.find({"docker", "env_file"})->value, Json::array({"a.env"}));
  EXPECT_TRUE(notes(draft, "`env_file` b.env"));
}

TEST_F(Folder, AnOverrideOfProductionLeavesTheMainFile) {
  file("docker-compose.yml", k_api);
  file("docker-compose.prod.yml", "services: {api: {restart: always}}\n");
  Draft draft;
  ASSERT_TRUE(read_folder(draft, folder));
  EXPECT_EQ(completed(draft).image, "acme/api");
  EXPECT_TRUE(notes(draft, "not read: docker-compose.prod.yml"));
}

TEST_F(Folder, AScriptMayGiveOneComposeFileAPortForEachSlot) {
  file("compose.yml", "services: {app: {image: 'acme/app:${TAG}', ports: ['${PORT:-80}:8080']}}\n");
  for (const char* up :
       {"PORT=$PORT TAG=$1 docker compose -p app-$COLOR up -d\n",
        "export PORT TAG=$1\ndocker-compose --project-name=app-$COLOR up -d\n",
        "COMPOSE_PROJECT_NAME=app-$COLOR\nexport PORT\ndocker compose -f compose.yml up -d\n"}) {
    file("deploy.sh", "if up; then COLOR=a; PORT=9002; else COLOR=b; PORT=9001; fi\n" + std::string(up));
    Draft draft;
    ASSERT_TRUE(read_folder(draft, folder));
    const auto spec = completed(draft);
    ASSERT_TRUE(spec.compose) << up << write(draft);
    EXPECT_EQ(spec.compose->project, "app-{slot}") << up << write(draft);
    EXPECT_EQ(spec.compose->environment,
              (std::map<std::string, std::string>{{"PORT", "{port}"}, {"TAG", "{tag}"}}));
    EXPECT_EQ(spec.slots[0].name, "b") << up << write(draft);
    EXPECT_EQ(spec.slots[0].port, 9001);
    EXPECT_EQ(spec.slots[1].name, "a");
    EXPECT_EQ(spec.slots[1].port, 9002);
  }
  file("deploy.sh", "if up; then PORT=9002; else PORT=9001; fi\ndocker compose -p app up -d\n");
  Draft draft;
  ASSERT_TRUE(read_folder(draft, folder));
  EXPECT_FALSE(completed(draft).compose) << "one project is one container at a time";
}

TEST_F(Folder, WithoutAServiceTheNextComposeFileIsRead) {
  file("docker-compose.yml", "services: {db: {image: postgres}}\n");
  file("docker-compose.prod.yml", k_api);
  Draft draft;
  ASSERT_TRUE(read_folder(draft, folder));
  EXPECT_EQ(completed(draft).image, "acme/api");
  EXPECT_TRUE(notes(draft, "not read: docker-compose.yml has no service"));
  EXPECT_EQ(draft.sources(), Texts{"docker-compose.prod.yml"});
}

TEST_F(Folder, AComposeFileBesideKamalsIsTold) {
  file("docker-compose.yml", k_other);
  file("config/deployment.yaml", "kind: Deployment\n---\nkind: Service\n");
  Draft kubernetes;
  ASSERT_TRUE(read_folder(kubernetes, folder));
  EXPECT_EQ(completed(kubernetes).image, "acme/other");
  file("config/deploy.yml", "service: shop\nimage: acme/shop\n");
  file("config/deploy.dev.yml", "service: shop-dev\n");
  Draft draft;
  ASSERT_TRUE(read_folder(draft, folder));
  EXPECT_EQ(completed(draft).image, "acme/shop");
  EXPECT_TRUE(draft.has({"environments", "dev"}));
  EXPECT_TRUE(notes(draft, "not read: docker-compose.yml: beside Kamal's file"));
}

TEST_F(Folder, APairIsKnownByManyNames) {
  const auto port = [](int published) {
    return "services: {api: {image: acme/api, ports: ['" + std::to_string(published) + ":80']}}\n";
  };
  for (const auto& [blue, green, both] :
       {std::tuple("docker-compose-set1.yml", "docker-compose-set2.yml", "docker-compose-{slot}.yml"),
        std::tuple("docker-compose.Blue.yml", "docker-compose.Green.yml", "docker-compose.{slot}.yml"),
        std::tuple("compose/blue.yml", "compose/green.yml", "compose/{slot}.yml"),
        std::tuple("blue.docker-compose.yml", "green.docker-compose.yml", "{slot}.docker-compose.yml")}) {
    file(blue, port(9001));
    file(green, port(9002));
    Draft draft;
    ASSERT_TRUE(read_folder(draft, folder));
    const auto spec = completed(draft);
    ASSERT_TRUE(spec.compose) << blue;
    EXPECT_EQ(spec.compose->file, std::string("/work/") + both);
    EXPECT_EQ(spec.slots[0].port, 9001) << blue;
    EXPECT_EQ(spec.slots[1].port, 9002) << blue;
    const bool renamed = std::string_view(blue).contains("Blue");
    EXPECT_EQ(draft.gaps().front() == "compose.file", renamed) << ::testing::PrintToString(draft.gaps());
    for (const char* name : {blue, green}) fs::remove(folder + "/" + name);
  }
  file("docker-compose-node1.yml", port(9001));
  file("docker-compose-node2.yml", port(9002));
  Draft draft;
  ASSERT_TRUE(read_folder(draft, folder));
  EXPECT_FALSE(completed(draft).compose) << "both may serve at once";
}

TEST_F(Folder, WhatTheUserNamesMayBeCalledInMoreWays) {
  const std::string script = "docker run -d -p 8081:4000 acme/api:1\n";
  for (const auto& [name, text] :
       {std::pair("Dockerfile.prod", std::string("FROM a\nEXPOSE 4000\n")),
        std::pair("Containerfile", std::string("FROM a\nEXPOSE 4000\n")),
        std::pair("app.dockerfile", std::string("FROM a\nEXPOSE 4000\n")),
        std::pair("stack.yml", std::string("services: {api: {image: acme/api, ports: ['8081:4000']}}\n")),
        std::pair("docker-compose.test.yml",
                  std::string("services: {api: {image: acme/api, expose: [4000]}}\n")),
        std::pair("deploy.bash", script), std::pair("Jenkinsfile.prod", script),
        std::pair(".gitlab-ci.yaml", script), std::pair("docker/go.sh", script)}) {
    file(name, text);
    Draft draft;
    const auto done = read_folder(draft, folder, {name});
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(completed(draft).docker.container_port, "4000") << name;
  }
  file("x/.env.production", "PORT=4000\n");
  file("stack.yml", "services: {api: {image: acme/api, ports: ['8081:${PORT}']}}\n");
  Draft draft;
  ASSERT_TRUE(read_folder(draft, folder, {"stack.yml", "x/.env.production"}));
  EXPECT_EQ(completed(draft).docker.container_port, "4000");
}

TEST_F(Folder, ADockerfileElsewhereIsBuiltThere) {
  file("x/Dockerfile", "FROM a\n");
  file("x/app.Dockerfile", "FROM a\n");
  fs::create_directory(folder + "/spec");
  for (const std::string name : {"Dockerfile", "app.Dockerfile"}) {
    Draft draft;
    ASSERT_TRUE(read_folder(draft, folder + "/spec", {"../x/" + name}));
    const auto spec = completed(draft);
    ASSERT_TRUE(spec.build);
    EXPECT_EQ(spec.build->context, "/x");
    EXPECT_EQ(spec.build->dockerfile, name);
  }
}

TEST_F(Folder, PathsAreRelativeToTheFolderOfTheSpec) {
  file("docker-compose-blue.yml", k_api);
  file("docker-compose-green.yml", k_other);
  Draft pair;
  ASSERT_TRUE(read_folder(pair, folder, {}, folder + "/deploy"));
  EXPECT_EQ(pair.text({"compose", "file"}), "../docker-compose-{slot}.yml");
  for (const char* name : {"docker-compose-blue.yml", "docker-compose-green.yml"})
    fs::remove(folder + "/" + name);

  file(
      "compose.yml",
      "services: {api: {build: {context: ., dockerfile: D}, ports: ['81:80'], env_file: [a.env, /b.env]}}\n");
  file("a.env");
  Draft single;
  ASSERT_TRUE(read_folder(single, folder, {}, folder + "/deploy/here"));
  EXPECT_EQ(single.text({"build", "context"}), "../..");
  EXPECT_EQ(single.text({"build", "dockerfile"}), "D");
  EXPECT_EQ(single.find({"docker", "env_file"})->value, Json::array({"../../a.env"}));
  fs::remove(folder + "/compose.yml");

  file("config/deploy.yml", "service: s\nimage: a/s\nssh: {keys: [keys/id]}\nenv: {secret: [A]}\n");
  file(".kamal/hooks/pre-deploy");
  file(".kamal/secrets", "A=$(cat a.key)\n");
  Draft kamal;
  ASSERT_TRUE(read_folder(kamal, folder, {}, folder + "/deploy"));
  EXPECT_EQ(kamal.text({"ssh", "identity_file"}), "../keys/id");
  EXPECT_EQ(kamal.find({"hooks", "before_deploy"})->value[0]["run"], "cd .. && ./.kamal/hooks/pre-deploy");
  EXPECT_EQ(kamal.find({"secrets", "A"})->value["file"], "../a.key");
  Draft here;
  ASSERT_TRUE(read_folder(here, folder, {}, folder));
  EXPECT_EQ(here.text({"ssh", "identity_file"}), "keys/id");
}

TEST_F(Folder, WhatCannotBeReadIsNamed) {
  ASSERT_EQ(::mkfifo((folder + "/fifo.sh").c_str(), 0600), 0);
  file("huge.sh", std::string((256 << 10) + 1, 'x'));
  file("compose.yml", "services: [");
  file("notes.txt");
  fs::create_symlink("nowhere", folder + "/dead.sh");
  for (const char* name :
       {"fifo.sh", "huge.sh", "compose.yml", "notes.txt", "dead.sh", "none.sh", "none.yml"}) {
    Draft draft;
    const auto done = read_folder(draft, folder, {name});
    ASSERT_FALSE(done) << name;
    EXPECT_EQ(done.error().kind, core::ErrorKind::usage);
    EXPECT_TRUE(done.error().message.contains(name)) << done.error().message;
  }
}

TEST_F(Folder, ADotenvFillsInComposeAndIsNamedBesideADockerfile) {
  file(".env", "PORT=3000\nDB_PASSWORD=hunter2\n");
  file(
      "docker-compose.yml",
      "services: {api: {image: acme/api, ports: ['${PORT}:80'], environment: [DB_PASSWORD, 'P=${PORT}']}}\n");
  Draft draft;
  ASSERT_TRUE(read_folder(draft, folder));
  const auto spec = completed(draft);
  EXPECT_EQ(spec.slots[0].port, 3000);
  EXPECT_EQ(spec.docker.environment.at("P"), "3000");
  EXPECT_FALSE(write(draft).contains("hunter2"));

  fs::remove(folder + "/docker-compose.yml");
  file("Dockerfile", "FROM a\nEXPOSE 80\n");
  Draft other;
  ASSERT_TRUE(read_folder(other, folder));
  EXPECT_EQ(completed(other).docker.env_file.size(), 1U);
  EXPECT_FALSE(write(other).contains("hunter2"));
}

TEST_F(Folder, AnEnvFileOfTheHostIsToBeFilledIn) {
  file("here.env");
  file(".github/workflows/deploy.yml",
       "steps:\n  - run: docker run -d --env-file /etc/widget-none.env --env-file here.env -p 8081:80 "
       "acme/api:1\n");
  Draft draft;
  ASSERT_TRUE(read_folder(draft, folder));
  EXPECT_EQ(completed(draft).docker.env_file.size(), 1U);
  EXPECT_EQ(draft.gaps()[0], "docker.env_file");
  EXPECT_TRUE(write(draft).contains("/etc/widget-none.env not here")) << write(draft);
  fs::remove(folder + "/here.env");
  Draft other;
  ASSERT_TRUE(read_folder(other, folder));
  EXPECT_TRUE(completed(other).docker.env_file.empty());
}

TEST_F(Folder, WhatComposeMergesAndInitDoesNotIsTold) {
  file("docker-compose.yml",
       "include: [other.yml]\nservices: {api: {image: acme/api, ports: ['8081:80']}}\n");
  file("docker-compose.override.yml", "services: {api: {image: acme/other}}\n");
  for (const bool named : {false, true}) {
    Draft draft;
    ASSERT_TRUE(read_folder(draft, folder,
                            named ? Texts{"docker-compose.yml", "docker-compose.override.yml"} : Texts{}));
    EXPECT_EQ(completed(draft).image, "acme/api");
    EXPECT_TRUE(notes(draft, "not read: docker-compose.override.yml"));
    EXPECT_FALSE(notes(draft, "not read: docker-compose.yml"));
    EXPECT_TRUE(notes(draft, "`include` of docker-compose.yml"));
  }
}

TEST_F(Folder, ASecretOfADotenvIsNeverCopied) {
  file(".env", "DB_PASSWORD=hunter2\nDB_URL=postgres://app:hunter2@db/app\n");
  file("compose.yml",
       "services: {api: {image: acme/api, ports: ['8081:80'], command: [serve, '--pw=${DB_PASSWORD}'],\n"
       "  environment: ['A=a-$DB_PASSWORD', 'B=${DB_URL}'], entrypoint: [run, '${DB_URL}']}}\n");
  Draft compose;
  ASSERT_TRUE(read_folder(compose, folder));
  EXPECT_EQ(*completed(compose).docker.command, (Texts{"serve", "--pw=SECRET"}));
  EXPECT_FALSE(write(compose).contains("${DB_PASSWORD:-}")) << "it would stand on a command line";
  EXPECT_FALSE(write(compose).contains("hunter2")) << write(compose);

  fs::remove(folder + "/compose.yml");
  file("deploy.sh",
       "docker run -d -p 8081:80 -e A=a-$DB_PASSWORD -e B=$DB_URL -e DB_PASSWORD=$DB_PASSWORD acme/api:1 "
       "serve --pw $DB_PASSWORD\n");
  Draft script;
  ASSERT_TRUE(read_folder(script, folder));
  EXPECT_EQ(completed(script).secrets.count("DB_PASSWORD"), 1U);
  EXPECT_FALSE(write(script).contains("hunter2")) << write(script);
}

TEST_F(Folder, LettersOfAnotherEncodingAreNotMadeUp) {
  file("deploy.sh", "#!/bin/sh\r\ndocker run -d \\\r\n  -e NAME=caf\xe9 -p 8081:80 acme/api:1\r\n");
  Draft draft;
  ASSERT_TRUE(read_folder(draft, folder));
  EXPECT_EQ(completed(draft).docker.environment.at("NAME"), "caf?");
  EXPECT_TRUE(notes(draft, "deploy.sh is not UTF-8"));
  file("deploy.sh", std::string("\xff\xfe#\0!\0", 6));
  Draft other;
  EXPECT_FALSE(read_folder(other, folder, {"deploy.sh"}));
}

TEST_F(Folder, AFileBesideIsReadAndNoneOutside) {
  file("compose.yml",
       "services: {web: {extends: {file: ./base.yml, service: app}},\n"
       "  other: {extends: {file: ../../etc/passwd, service: app}}}\n");
  file("base.yml", "services: {app: {image: acme/app}}\n");
  Draft draft;
  ASSERT_TRUE(read_folder(draft, folder));
  EXPECT_EQ(completed(draft).image, "acme/app");
  EXPECT_TRUE(notes(draft, "app was not found in ../../etc/passwd"));
}

TEST_F(Folder, NothingAtAllIsASpecToFillIn) {
  Draft draft;
  ASSERT_TRUE(read_folder(draft, folder));
  completed(draft);
  EXPECT_EQ(draft.gaps(), (Texts{"image", "hosts.app"}));
}

}  // namespace
}  // namespace bgdeploy::init
