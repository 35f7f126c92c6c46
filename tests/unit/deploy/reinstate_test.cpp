#include "deploy/release/reinstate.hpp"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "../plan/spec_for_tests.hpp"
#include "bgdeploy/deploy/observe/observe.hpp"
#include "bgdeploy/io/regular_file.hpp"
#include "bgdeploy/spec/sources.hpp"
#include "deploy/release/known_sources.hpp"
#include "simulated_world.hpp"

namespace bgdeploy::deploy {
namespace {

using core::ErrorKind;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Deaf final : public report::Sink {
public:
  void emit(report::Event) override {}
};

class GoingBack : public testing::Test {
protected:
  void SetUp() override {
    std::string folder = (std::filesystem::temp_directory_path() / "bgdeploy-back-XXXXXX").string();
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    m_folder = folder;
    m_variables = {{"HOME", folder + "/home"}, {"NOW", "today's"}, {"THEN", "of then"}};
    spec.file = m_folder / "bgdeploy.yml";
    spec.secrets = {{"TOKEN", spec::FromEnv{"NOW"}}};
  }
  void TearDown() override { std::filesystem::remove_all(m_folder); }

  Context context() {
    return {spec,
            [this](std::string_view name) -> std::optional<std::string> {
              const auto found = m_variables.find(std::string(name));
              return found == m_variables.end() ? std::nullopt : std::optional(found->second);
            },
            core::system_clock(),
            sink,
            {},
            "me"};
  }
  RollbackTarget target(std::map<std::string, spec::SecretSource> secrets) {
    spec::Docker docker;
    docker.environment = {{"RAN_AS", "then"}};
    const spec::SourceFolders folders{m_folder, m_folder / "home"};
    return {.release = then,
            .launch = plan::Launch{then, docker},
            .sources = spec::sources_to_json({{}, std::move(secrets)}, folders)};
  }
  core::Result<Reinstated> back(RollbackTarget to, const Goal& goal = {}) {
    return reinstate(context(), goal, std::move(to), std::nullopt,
                     core::Wait::for_at_most(std::chrono::seconds(20)));
  }
  std::string value(const Reinstated& way, const std::string& name = "TOKEN") {
    if (way.without_secrets) return "without: " + way.without_secrets->message;
    if (!way.request.launch.secrets) return "of the spec";
    const auto& values = way.request.launch.secrets->values;
    const auto found = values.find(name);
    return found == values.end() ? "absent" : found->second.reveal();
  }

  spec::Spec spec = test::small_spec();
  report::Redactor sink{std::make_unique<Deaf>()};
  std::filesystem::path m_folder;
  std::map<std::string, std::string> m_variables;
  plan::Release then{"id-then", "1.0", "shop", "sha256:aa"};
};

TEST_F(GoingBack, ReadsSecretsFromWhereTheReleaseHadThem) {
  std::ofstream(m_folder / "token") << "in the file\n";
  spec.secrets = {{"TOKEN", spec::FromFile{m_folder / "token"}}};
  ASSERT_TRUE(remember_sources(spec, context().variables));
  spec.secrets = {{"TOKEN", spec::FromEnv{"NOW"}}};
  const auto way = back(target({{"TOKEN", spec::FromFile{m_folder / "token"}}}));
  ASSERT_TRUE(way) << way.error().message;
  EXPECT_EQ(value(*way), "in the file");
  EXPECT_EQ(way->request.launch.release, then);
  EXPECT_EQ(sink.redacted("in the file"), "***");
  // Written down again, for the next one who goes back to it.
  EXPECT_THAT(way->sources, HasSubstr("./token"));
}

TEST_F(GoingBack, ASourceThatIsGoneIsSaidWithTheWaysOut) {
  EXPECT_EQ(value(*back(target(spec.secrets))), "of the spec");
  spec.secrets = {{"TOKEN", spec::FromEnv{"GONE"}}};
  ASSERT_TRUE(remember_sources(spec, context().variables));
  spec.secrets = {{"TOKEN", spec::FromEnv{"NOW"}}};
  const auto way = back(target({{"TOKEN", spec::FromEnv{"GONE"}}}));
  ASSERT_TRUE(way && way->without_secrets);
  EXPECT_EQ(way->without_secrets->kind, ErrorKind::usage);
  EXPECT_EQ(way->without_secrets->message, "secrets.TOKEN: the environment variable GONE is not set");
  const auto told = with_ways_out(*way->without_secrets, then, true);
  EXPECT_THAT(told.next, HasSubstr("--with-current-secrets"));
  EXPECT_THAT(told.next, HasSubstr("--with-current-config"));
}

TEST_F(GoingBack, TheWaysOutAreAnotherReleaseOfTheSameImage) {
  const auto secrets = back(target({{"TOKEN", spec::FromEnv{"GONE"}}}), {.with_current_secrets = true});
  ASSERT_TRUE(secrets) << secrets.error().message;
  EXPECT_EQ(value(*secrets), "of the spec");
  EXPECT_EQ(std::get<spec::Docker>(secrets->request.launch.with).environment.at("RAN_AS"), "then");
  EXPECT_NE(secrets->request.launch.release.id, then.id);
  EXPECT_EQ(secrets->request.launch.release.digest, then.digest);
  EXPECT_THAT(secrets->sources, HasSubstr("NOW"));
  const auto config = back(target({{"TOKEN", spec::FromEnv{"GONE"}}}), {.with_current_config = true});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(std::get<spec::Docker>(config->request.launch.with), spec.docker);
}

// The history lies on a host, which somebody else may have written into.
TEST_F(GoingBack, WhatOnlyTheHistoryNamesIsNeitherRunNorRead) {
  const auto ran = m_folder / "ran";
  const spec::FromCommand command{{"sh", "-c", "echo x; : >" + ran.string()}};
  std::ofstream(m_folder / "id_ed25519") << "the key to everything";
  for (const spec::SecretSource& source :
       {spec::SecretSource(command), spec::SecretSource(spec::FromFile{m_folder / "id_ed25519"}),
        spec::SecretSource(spec::FromEnv{"THEN"})}) {
    const auto way = back(target({{"TOKEN", source}}));
    ASSERT_TRUE(way && way->without_secrets);
    EXPECT_EQ(way->without_secrets->kind, ErrorKind::usage);
    EXPECT_THAT(way->without_secrets->details, Contains(HasSubstr("--trust-history")));
    EXPECT_THAT(way->without_secrets->details, Contains("secrets.TOKEN: " + spec::describe(source)));
    EXPECT_THAT(way->request.launch.secrets->values, IsEmpty());
  }
  auto files = target({});
  files.sources = R"({"env_file":["./id_ed25519"],"secrets":{}})";
  EXPECT_TRUE(back(files)->without_secrets);
  auto inherited = target({});
  std::get<spec::Docker>(inherited.launch->with).inherited = {"THEN"};
  EXPECT_TRUE(back(inherited)->without_secrets);
  EXPECT_FALSE(std::filesystem::exists(ran));
  EXPECT_EQ(value(*back(target({{"TOKEN", spec::FromEnv{"THEN"}}}), {.trust_history = true})), "of then");
}

TEST_F(GoingBack, WhatThisMachineReadBeforeCountsForThatServiceAndEnvironment) {
  spec.secrets = {{"TOKEN", spec::FromEnv{"THEN"}}};
  ASSERT_TRUE(remember_sources(spec, context().variables));
  const auto file = m_folder / "home/.local/state/bgdeploy/known-sources/shop.jsonl";
  const auto once = io::read_file(file.string());
  ASSERT_TRUE(once);
  EXPECT_THAT(*once, testing::Not(HasSubstr("of then"))) << "the name, and no value";
  ASSERT_TRUE(remember_sources(spec, context().variables));
  EXPECT_EQ(io::read_file(file.string()), once) << "each once";
  spec.secrets = {{"OTHER", spec::FromEnv{"NOW"}}};
  ASSERT_TRUE(remember_sources(spec, context().variables));
  EXPECT_EQ(value(*back(target({{"TOKEN", spec::FromEnv{"THEN"}}}))), "of then");
  spec.environment = "staging";
  EXPECT_TRUE(back(target({{"TOKEN", spec::FromEnv{"THEN"}}}))->without_secrets);
  spec.environment = "";
  std::ofstream(file) << "nonsense\n{}\n";
  EXPECT_TRUE(back(target({{"TOKEN", spec::FromEnv{"THEN"}}}))->without_secrets);
}

TEST_F(GoingBack, AnOlderEntryRunsWithTodaysSecretsAsBefore) {
  auto older = target({});
  older.sources.clear();
  const auto way = back(older);
  ASSERT_TRUE(way);
  EXPECT_EQ(value(*way), "of the spec");
  EXPECT_TRUE(way->recorded);
  auto unknown = target({});
  unknown.launch.reset();
  EXPECT_FALSE(back(unknown)->recorded);
  auto broken = target({});
  broken.sources = "{";
  EXPECT_THAT(back(broken).error().message, HasSubstr("the history's record of id-then"));
}

// Today's check may want what an earlier release never had.
TEST(AskedAsOf, ItsOwnHealthCheckAndThePathThatFollowsFromIt) {
  spec::Spec spec = test::small_spec();
  spec.health.probe = spec::HealthHttp{.path = "/new"};
  spec.verify.emplace().path = "/new";
  test::SimulatedWorld simulated(spec, 1);
  World world = simulated.world();
  world.healths["id-old"].probe = spec::HealthHttp{.path = "/old"};
  const plan::Release old{.id = "id-old"}, other{.id = "id-other"};
  EXPECT_EQ(as_of(spec, world, old).verify->path, "/old");
  EXPECT_EQ(std::get<spec::HealthHttp>(health_of(spec, world, old).probe).path, "/old");
  EXPECT_EQ(as_of(spec, world, other), spec);
  EXPECT_EQ(as_of(spec, world, {}), spec);
  spec.verify->path = "/as-written";
  EXPECT_EQ(as_of(spec, world, old).verify->path, "/as-written");
}

}  // namespace
}  // namespace bgdeploy::deploy
