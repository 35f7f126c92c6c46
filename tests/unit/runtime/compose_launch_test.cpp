#include "runtime/compose/launch.hpp"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <fstream>

#include "../plan/spec_for_tests.hpp"
#include "bgdeploy/runtime/launches.hpp"

namespace bgdeploy::runtime {
namespace {

using core::ErrorKind;
using testing::HasSubstr;

class ComposeLaunchFiles : public testing::Test {
protected:
  ComposeLaunchFiles() {
    std::string folder = "/tmp/bgdeploy-compose-XXXXXX";
    m_folder = mkdtemp(folder.data());
    m_spec.compose.emplace();
    m_spec.compose->project = "p-{slot}";
    m_spec.compose->file = m_folder + "/{slot}-{port}.yml";
  }
  ~ComposeLaunchFiles() override { std::filesystem::remove_all(m_folder); }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(m_folder + "/" + name, std::ios::binary) << text;
  }
  std::string m_folder;
  spec::Spec m_spec = test::small_spec();
};

TEST_F(ComposeLaunchFiles, AContainerThatBothSlotsNeedIsSeenOffline) {
  const auto refusal = [&] {
    const auto checked = check_files(m_spec);
    return checked ? "" : checked.error().message;
  };
  m_spec.compose->file = m_folder + "/compose.yml";
  write("compose.yml", "services:\n  api:\n    container_name: my-api\n  db: {}\n");
  EXPECT_EQ(refusal(), "both slots, blue and green, need the container my-api");
  EXPECT_EQ(check_files(m_spec).error().kind, ErrorKind::usage);
  EXPECT_THAT(check_files(m_spec).error().details, testing::ElementsAre(HasSubstr("${BGDEPLOY_SLOT}")));
  m_spec.compose->named = {true, true};
  EXPECT_EQ(refusal(), "") << "bgdeploy names it";
  m_spec.compose->named = {};
  m_spec.compose->project = "app";
  EXPECT_EQ(refusal(), "") << "what is beside the service exists once there";
  m_spec.compose->project = "p-{slot}";
  for (const char* name : {"my-api-${BGDEPLOY_SLOT}", "$NAME"}) {
    write("compose.yml", std::string("services:\n  api:\n    container_name: ") + name + "\n");
    EXPECT_EQ(refusal(), "") << name;
  }
  write("compose.yml", "services: [no: yaml");
  EXPECT_EQ(refusal(), "") << "compose itself says what is wrong";
}

TEST_F(ComposeLaunchFiles, ReadsOneForEachSlot) {
  write("blue-8081.yml", "services: {a: }\n");
  write("green-8082.yml", "services: {b: 'ü'}\n");
  const auto read = read_compose_files(m_spec);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->files[0], "services: {a: }\n");
  EXPECT_EQ(read->files[1], "services: {b: 'ü'}\n");
  EXPECT_EQ(read->settings, *m_spec.compose);
  EXPECT_EQ(parse_compose_record(compose_record(*read)), *read);
}

TEST_F(ComposeLaunchFiles, AreWhatASpecWithComposeLaunchesAndNoOther) {
  write("blue-8081.yml", "services: {a: }\n");
  write("green-8082.yml", "services: {b: }\n");
  const plan::Release release{"id", "1", "app", "sha256:1"};
  const auto launch = launch_by_spec(m_spec, release);
  ASSERT_TRUE(launch);
  EXPECT_EQ(*launch, (plan::Launch{release, *read_compose_files(m_spec, "1")}));
  const auto record = record_of(*launch);
  EXPECT_EQ(recorded_launch(m_spec, release, record), launch);
  m_spec.compose.reset();
  EXPECT_EQ(recorded_launch(m_spec, release, record), std::nullopt);
  EXPECT_EQ(launch_by_spec(m_spec, release), (plan::Launch{release, m_spec.docker}));
}

TEST_F(ComposeLaunchFiles, ReadsNothingThatIsOnTheHost) {
  m_spec.compose->file.clear();
  m_spec.compose->remote_file = "/srv/compose.yml";
  EXPECT_EQ(read_compose_files(m_spec)->files[0], "");
}

TEST_F(ComposeLaunchFiles, TellsWhichCannotBeRead) {
  write("blue-8081.yml", "services: {}\n");
  auto read = read_compose_files(m_spec);
  EXPECT_EQ(read.error().kind, ErrorKind::usage);
  EXPECT_EQ(read.error().message,
            "compose.file " + m_folder + "/green-8082.yml cannot be read: No such file or directory");
  write("green-8082.yml", "\xff");
  EXPECT_THAT(read_compose_files(m_spec).error().message, HasSubstr("is not UTF-8 text"));
  write("green-8082.yml", std::string((256 << 10) + 1, '#'));
  EXPECT_THAT(read_compose_files(m_spec).error().message, HasSubstr("at most 256 kB"));
}

// By path: its kind, and what is in it.
std::map<std::string, std::string> listed(const std::vector<plan::ComposeFile>& files) {
  std::map<std::string, std::string> list;
  for (const auto& file : files) {
    const auto* kind = file.kind == plan::ComposeFile::Kind::secret ? "secret "
                       : file.kind == plan::ComposeFile::Kind::data ? "data "
                                                                    : "part ";
    list[file.path] = kind + file.content.reveal();
  }
  return list;
}

class ComposeLaunchBeside : public ComposeLaunchFiles {
protected:
  ComposeLaunchBeside() {
    m_spec.compose->file = m_folder + "/c/compose.yml";
    std::filesystem::create_directories(m_folder + "/c/conf/d");
  }
  std::string error() const {
    const auto read = read_compose_files(m_spec);
    return read ? "read"
                : read.error().message.substr(std::string("compose.file ").size() +
                                              m_spec.compose->file.size() + 1);
  }
};

TEST_F(ComposeLaunchBeside, GathersWhatTheFileRefersTo) {
  write(
      "c/compose.yml",
      "include: [more/inc.yml]\nservices:\n  api:\n    extends: {file: base.yml, service: x}\n    env_file: "
      "[\"${BGDEPLOY_SLOT}.env\", /etc/host.env]\n    volumes: ['./conf:/conf', './made:/made', "
      "'${WHERE}/x:/x']\n"
      "secrets: {s: {file: key}}\nconfigs: {c: {file: conf/c}}\n");
  write("c/base.yml", "services: {x: {env_file: base.env}}\n");
  write("c/.env", "WHERE=./where\n");
  for (const char* name : {"blue.env", "green.env", "base.env", "key", "conf/c", "conf/d/e", "unrelated"})
    write(std::string("c/") + name, name);
  std::filesystem::create_directories(m_folder + "/c/more");
  std::filesystem::create_directories(m_folder + "/c/where");
  write("c/more/inc.yml", "services: {y: {env_file: ./y.env}}\n");
  write("c/more/y.env", "y");
  write("c/where/x", "x");
  std::filesystem::create_symlink("c", m_folder + "/c/conf/link");
  const auto read = read_compose_files(m_spec);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(listed(read->beside[0]),
            (std::map<std::string, std::string>{{".env", "secret WHERE=./where\n"},
                                                {"base.env", "secret base.env"},
                                                {"base.yml", "part services: {x: {env_file: base.env}}\n"},
                                                {"blue.env", "secret blue.env"},
                                                {"conf/c", "data conf/c"},
                                                {"conf/d/e", "data conf/d/e"},
                                                {"conf/link", "data conf/c"},
                                                {"key", "secret key"},
                                                {"more/inc.yml", "part services: {y: {env_file: ./y.env}}\n"},
                                                {"more/y.env", "secret y"},
                                                {"where/x", "data x"}}));
  EXPECT_TRUE(listed(read->beside[1]).contains("green.env"));
}

TEST_F(ComposeLaunchBeside, TheRecordHoldsNoSecretAndIsCompletedFromThisMachine) {
  write("c/compose.yml", "services: {api: {extends: {file: base.yml, service: x}, env_file: a.env}}\n");
  write("c/base.yml", "services: {x: {image: old}}\n");
  write("c/a.env", "s3cret=1");
  const auto then = read_compose_files(m_spec);
  ASSERT_TRUE(then);
  const auto record = compose_record(*then);
  EXPECT_EQ(record.find("s3cret"), std::string::npos);
  write("c/base.yml", "services: {x: {image: new}}\n");
  write("c/a.env", "s3cret=2");
  auto again = parse_compose_record(record);
  ASSERT_TRUE(again);
  ASSERT_TRUE(complete_compose_files(m_spec, "", *again));
  EXPECT_EQ(listed(again->beside[0]),
            (std::map<std::string, std::string>{{"a.env", "secret s3cret=2"},
                                                {"base.yml", "part services: {x: {image: old}}\n"}}));
}

TEST_F(ComposeLaunchBeside, NothingIsFollowedOutOfTheFolder) {
  write("outside", "s3cret");
  write("c/compose.yml", "services: {api: {env_file: ../outside}}\n");
  EXPECT_EQ(error(), "refers to " + m_folder + "/outside, which lies outside of its folder");
  std::filesystem::create_symlink(m_folder + "/outside", m_folder + "/c/link");
  write("c/compose.yml", "services: {api: {env_file: link}}\n");
  EXPECT_EQ(error(), "refers to " + m_folder + "/c/link, which lies outside of its folder");
  std::filesystem::create_symlink("..", m_folder + "/c/conf/up");
  write("c/compose.yml", "services: {api: {volumes: ['./conf:/conf']}}\n");
  EXPECT_NE(error(), "read") << "a folder that holds itself";
}

TEST_F(ComposeLaunchBeside, WhatIsMissingOrTooMuchIsNamed) {
  write("c/compose.yml", "services: {api: {env_file: none.env}}\n");
  EXPECT_EQ(error(), "refers to " + m_folder + "/c/none.env, which does not exist");
  write("c/compose.yml", "services: {api: {env_file: conf}}\n");
  EXPECT_EQ(error(), "refers to " + m_folder + "/c/conf, which is not a file");
  write("c/conf/big", std::string((4 << 20) + 1, 'x'));
  write("c/compose.yml", "services: {api: {volumes: ['./conf:/conf']}}\n");
  EXPECT_EQ(error(), "refers to more than 4 MB or 1000 files, with conf/big");
}

TEST(ComposeRecord, RefusesWhatIsNone) {
  for (const char* text :
       {"", "[]", "{}", R"({"settings":"{}"})", R"({"settings":"{}","files":["",""],"named":[1,2]})",
        R"({"settings":"x","files":["",""],"named":[true,true]})",
        R"({"settings":"{\"file\":\"/c\"}","files":["",""],"named":[true,true],)"
        R"("beside":[[{"path":"../x","text":""}],[]]})",
        R"({"settings":"{\"file\":\"/c\"}","files":["",""],"named":[true,true],)"
        R"("beside":[[{"path":"/x","text":""}],[]]})"})
    EXPECT_FALSE(parse_compose_record(text)) << text;
}

}  // namespace
}  // namespace bgdeploy::runtime
