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
  for (const char* name : {"docker-compose.yml", "docker-compose.dev.yml", "compose.override.yml",
                           "Dockerfile", ".env", "deploy.sh", "notes.txt", "package.json",
                           ".github/workflows/deploy.yml", ".github/workflows/test.yml", "config/deploy.yml",
                           ".kamal/hooks/pre-deploy", ".kamal/hooks/pre-build.sample", "src/a.sh"})
    file(name);
  fs::create_directory(folder + "/folder.sh");
  ASSERT_EQ(::mkfifo((folder + "/fifo.sh").c_str(), 0600), 0);
  fs::create_symlink("deploy.sh", folder + "/linked.sh");
  fs::create_symlink("/etc/passwd", folder + "/outside.sh");
  EXPECT_EQ(files_of_interest(folder),
            (Texts{".env", ".github/workflows/deploy.yml", ".kamal/hooks/pre-deploy", "Dockerfile",
                   "config/deploy.yml", "deploy.sh", "docker-compose.yml", "linked.sh"}));
  EXPECT_EQ(files_of_interest(folder + "/none"), Texts{});
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
  ASSERT_TRUE(read_folder(draft, folder, files_of_interest(folder)));
  const auto spec = completed(draft);
  EXPECT_EQ(spec.slots[0].port, 3000);
  EXPECT_EQ(spec.docker.environment.at("P"), "3000");
  EXPECT_FALSE(write(draft).contains("hunter2"));

  fs::remove(folder + "/docker-compose.yml");
  file("Dockerfile", "FROM a\nEXPOSE 80\n");
  Draft other;
  ASSERT_TRUE(read_folder(other, folder, files_of_interest(folder)));
  EXPECT_EQ(completed(other).docker.env_file.size(), 1U);
  EXPECT_FALSE(write(other).contains("hunter2"));
}

TEST_F(Folder, AnEnvFileOfTheHostIsToBeFilledIn) {
  file("here.env");
  file(".github/workflows/deploy.yml",
       "steps:\n  - run: docker run -d --env-file /etc/widget-none.env --env-file here.env -p 8081:80 "
       "acme/api:1\n");
  Draft draft;
  ASSERT_TRUE(read_folder(draft, folder, files_of_interest(folder)));
  EXPECT_EQ(completed(draft).docker.env_file.size(), 1U);
  EXPECT_EQ(draft.gaps()[0], "docker.env_file");
  EXPECT_TRUE(write(draft).contains("/etc/widget-none.env not here")) << write(draft);
  fs::remove(folder + "/here.env");
  Draft other;
  ASSERT_TRUE(read_folder(other, folder, files_of_interest(folder)));
  EXPECT_TRUE(completed(other).docker.env_file.empty());
}

TEST_F(Folder, WhatComposeMergesAndInitDoesNotIsTold) {
  file("docker-compose.yml",
       "include: [other.yml]\nservices: {api: {image: acme/api, ports: ['8081:80']}}\n");
  file("docker-compose.override.yml", "services: {api: {image: acme/other}}\n");
  for (const bool named : {false, true}) {
    Draft draft;
    ASSERT_TRUE(read_folder(
        draft, folder,
        named ? Texts{"docker-compose.yml", "docker-compose.override.yml"} : files_of_interest(folder)));
    EXPECT_EQ(completed(draft).image, "acme/api");
    EXPECT_TRUE(notes(draft, "docker-compose.override.yml was not read"));
    EXPECT_FALSE(notes(draft, "docker-compose.yml was not read"));
    EXPECT_TRUE(notes(draft, "`include` of docker-compose.yml"));
  }
}

TEST_F(Folder, ASecretOfADotenvIsNeverCopied) {
  file(".env", "DB_PASSWORD=hunter2\nDB_URL=postgres://app:hunter2@db/app\n");
  file("compose.yml",
       "services: {api: {image: acme/api, ports: ['8081:80'], command: [serve, '--pw=${DB_PASSWORD}'],\n"
       "  environment: ['A=a-$DB_PASSWORD', 'B=${DB_URL}'], entrypoint: [run, '${DB_URL}']}}\n");
  Draft compose;
  ASSERT_TRUE(read_folder(compose, folder, files_of_interest(folder)));
  EXPECT_EQ(*completed(compose).docker.command, (Texts{"serve", "--pw=SECRET"}));
  EXPECT_FALSE(write(compose).contains("${DB_PASSWORD:-}")) << "it would stand on a command line";
  EXPECT_FALSE(write(compose).contains("hunter2")) << write(compose);

  fs::remove(folder + "/compose.yml");
  file("deploy.sh",
       "docker run -d -p 8081:80 -e A=a-$DB_PASSWORD -e B=$DB_URL -e DB_PASSWORD=$DB_PASSWORD acme/api:1 "
       "serve --pw $DB_PASSWORD\n");
  Draft script;
  ASSERT_TRUE(read_folder(script, folder, files_of_interest(folder)));
  EXPECT_EQ(completed(script).secrets.count("DB_PASSWORD"), 1U);
  EXPECT_FALSE(write(script).contains("hunter2")) << write(script);
}

TEST_F(Folder, LettersOfAnotherEncodingAreNotMadeUp) {
  file("deploy.sh", "#!/bin/sh\r\ndocker run -d \\\r\n  -e NAME=caf\xe9 -p 8081:80 acme/api:1\r\n");
  Draft draft;
  ASSERT_TRUE(read_folder(draft, folder, files_of_interest(folder)));
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
  ASSERT_TRUE(read_folder(draft, folder, files_of_interest(folder)));
  EXPECT_EQ(completed(draft).image, "acme/app");
  EXPECT_TRUE(notes(draft, "app was not found in ../../etc/passwd"));
}

TEST_F(Folder, NothingAtAllIsASpecToFillIn) {
  Draft draft;
  ASSERT_TRUE(read_folder(draft, folder, files_of_interest(folder)));
  completed(draft);
  EXPECT_EQ(draft.gaps(), (Texts{"image", "hosts.app"}));
}

}  // namespace
}  // namespace bgdeploy::init
