#include "bgdeploy/deploy/release/secrets.hpp"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace bgdeploy::deploy {
namespace {

using core::ErrorKind;
using core::Secret;
using testing::HasSubstr;

class Secrets : public testing::Test {
protected:
  void SetUp() override {
    std::string folder = (std::filesystem::temp_directory_path() / "bgdeploy-secrets-XXXXXX").string();
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    m_folder = folder;
  }
  void TearDown() override { std::filesystem::remove_all(m_folder); }

  std::filesystem::path file(const std::string& name, const std::string& content) const {
    std::ofstream(m_folder / name, std::ios::binary) << content;
    return m_folder / name;
  }
  core::Result<runtime::SecretValues> read() const {
    const spec::Environment variables = [](std::string_view name) -> std::optional<std::string> {
      if (name == "TOKEN") return "from the environment";
      if (name == "EMPTY") return "";
      return {};
    };
    return read_secrets(m_spec, variables, core::Wait::for_at_most(std::chrono::seconds(20)));
  }
  std::string value(const std::string& name) const {
    const auto values = read();
    if (!values) return "error: " + values.error().message;
    const auto found = values->environment.find(name);
    return found == values->environment.end() ? "absent" : found->second.reveal();
  }
  void secret(spec::SecretSource source) { m_spec.secrets.insert_or_assign("X", std::move(source)); }

  std::filesystem::path m_folder;
  spec::Spec m_spec;
};

TEST_F(Secrets, ComeFromTheEnvironment) {
  secret(spec::FromEnv{"TOKEN"});
  EXPECT_EQ(value("X"), "from the environment");
  secret(spec::FromEnv{"EMPTY"});
  EXPECT_EQ(value("X"), "");
  secret(spec::FromEnv{"NONE"});
  EXPECT_EQ(value("X"), "error: secrets.X: the environment variable NONE is not set");
  EXPECT_EQ(read().error().kind, ErrorKind::usage);
}

TEST_F(Secrets, ComeFromFilesWithoutTheLastNewline) {
  secret(spec::FromFile{file("key", "s3cret\n")});
  EXPECT_EQ(value("X"), "s3cret");
  secret(spec::FromFile{file("key", " two\nlines\n\n")});
  EXPECT_EQ(value("X"), " two\nlines\n");
  secret(spec::FromFile{m_folder / "none"});
  EXPECT_EQ(value("X"), "error: secrets.X: " + (m_folder / "none").string() + " does not exist");
  EXPECT_EQ(read().error().kind, ErrorKind::usage);
  secret(spec::FromFile{m_folder});
  EXPECT_EQ(value("X"), "error: secrets.X: " + m_folder.string() + " is a folder, not a file");
}

TEST_F(Secrets, ComeFromCommandsRunAsTheyAre) {
  secret(spec::FromCommand{{"printf", "%s\n", "$HOME; 'quoted'"}});
  EXPECT_EQ(value("X"), "$HOME; 'quoted'");
  secret(spec::FromCommand{{"sh", "-c", "echo s3cret; echo s3cret >&2; exit 3"}});
  const auto failed = read();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::usage);
  EXPECT_EQ(failed.error().message, "secrets.X: the command sh failed with exit code 3");
  EXPECT_TRUE(failed.error().details.empty());
  secret(spec::FromCommand{{"bgdeploy-no-such-program"}});
  EXPECT_EQ(read().error().kind, ErrorKind::usage);
  EXPECT_THAT(read().error().message, HasSubstr("bgdeploy-no-such-program"));
}

TEST_F(Secrets, ACommandRunsInTheFolderOfTheSpec) {
  m_spec.file = m_folder / "bgdeploy.yml";
  (void)file("s.txt", "beside the spec\n");
  std::filesystem::permissions(file("get.sh", "#!/bin/sh\ncat s.txt\n"), std::filesystem::perms::owner_all);
  m_spec.registry = spec::Registry{"ci", spec::FromCommand{{"cat", "s.txt"}}};
  for (const spec::FromCommand& command :
       {spec::FromCommand{{"cat", "s.txt"}}, spec::FromCommand{{"./get.sh"}}}) {
    secret(command);
    EXPECT_EQ(value("X"), "beside the spec");
    EXPECT_EQ(read()->registry_password, Secret("beside the spec"));
    const auto no_variables = [](auto) { return std::nullopt; };
    const auto soon = core::Wait::for_at_most(std::chrono::seconds(20));
    EXPECT_EQ(read_sources(m_spec, {{}, m_spec.secrets}, {}, no_variables, soon)->at("X"),
              Secret("beside the spec"));
    EXPECT_EQ(read_secret(m_spec, command, no_variables, soon), Secret("beside the spec"));
  }
}

TEST_F(Secrets, ACommandThatHangsIsEndedWithTheWait) {
  secret(spec::FromCommand{{"sleep", "1000"}});
  const auto began = std::chrono::steady_clock::now();
  const auto read = read_secrets(
      m_spec, [](auto) { return std::nullopt; }, core::Wait::for_at_most(std::chrono::milliseconds(100)));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::usage);
  EXPECT_THAT(read.error().message, HasSubstr("secrets.X: sleep: "));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
}

TEST_F(Secrets, OfARunThatWasEndedNothingElseIsTold) {
  m_spec.secrets = {{"A", spec::FromEnv{"NONE"}}, {"B", spec::FromCommand{{"sleep", "1000"}}}};
  std::stop_source stop;
  stop.request_stop();
  core::Wait wait = core::Wait::for_at_most(std::chrono::seconds(20));
  wait.stop = stop.get_token();
  const auto read = read_secrets(
      m_spec, [](auto) { return std::nullopt; }, wait);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::cancelled);
}

TEST_F(Secrets, NoValueWithANul) {
  secret(spec::FromFile{file("key", std::string("s3c\0ret", 7))});
  EXPECT_EQ(value("X"), "error: secrets.X: the value holds a NUL byte, which no environment variable can");
}

TEST_F(Secrets, ThePasswordOfTheRegistryIsOneToo) {
  EXPECT_EQ(read()->registry_password, std::nullopt);
  m_spec.registry = spec::Registry{"ci", spec::FromEnv{"TOKEN"}};
  EXPECT_EQ(read()->registry_password, Secret("from the environment"));
  m_spec.registry = spec::Registry{"ci", spec::FromEnv{"NONE"}};
  EXPECT_EQ(read().error().message, "registry.password: the environment variable NONE is not set");
}

TEST_F(Secrets, EnvFilesAreReadAsComposeReadsThem) {
  m_spec.docker.env_file = {file("env",
                                 "\xEF\xBB\xBF# comment\n"
                                 "\n"
                                 "  export A=1\r\n"
                                 "B=\"hello world\" # a remark\n"
                                 "C=it is $TOKEN # a remark\n"
                                 "TOKEN\n"
                                 "UNSET\n"
                                 "D=")};
  EXPECT_EQ(read()->environment, (std::map<std::string, Secret>{{"A", Secret("1")},
                                                                {"B", Secret("hello world")},
                                                                {"C", Secret("it is from the environment")},
                                                                {"D", Secret("")},
                                                                {"TOKEN", Secret("from the environment")}}));
}

TEST_F(Secrets, AVariableThatIsOnlyNamedComesFromTheEnvironment) {
  m_spec.docker.env_file = {file("env", "TOKEN=of the file\n")};
  m_spec.docker.inherited = {"TOKEN", "UNSET"};
  EXPECT_EQ(read()->environment, (std::map<std::string, Secret>{{"TOKEN", Secret("from the environment")}}));
}

TEST_F(Secrets, RankAboveEnvFilesAndLaterFilesAboveEarlier) {
  m_spec.docker.env_file = {file("one", "X=1\nY=1\n"), file("two", "Y=2\n")};
  secret(spec::FromEnv{"TOKEN"});
  EXPECT_EQ(value("X"), "from the environment");
  EXPECT_EQ(value("Y"), "2");
}

TEST_F(Secrets, AMalformedEnvFileIsNamedByItsLineWithoutItsValue) {
  const auto path = file("env", "A=1\nmy key=s3cret\n");
  m_spec.docker.env_file = {path};
  EXPECT_EQ(read().error().message,
            "docker.env_file: " + path.string() + ":2: the variable's name contains a space");
  m_spec.docker.env_file = {file("env", "=s3cret\n")};
  EXPECT_EQ(read().error().message,
            "docker.env_file: " + path.string() + ":1: no variable name before the =");
}

TEST_F(Secrets, AllThatIsMissingIsToldAtOnce) {
  m_spec.secrets = {{"A", spec::FromEnv{"NONE"}}, {"B", spec::FromFile{m_folder / "none"}}};
  const auto failed = read();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "2 secrets cannot be read");
  EXPECT_EQ(failed.error().details,
            (std::vector<std::string>{"secrets.A: the environment variable NONE is not set",
                                      "secrets.B: " + (m_folder / "none").string() + " does not exist"}));
}

}  // namespace
}  // namespace bgdeploy::deploy
