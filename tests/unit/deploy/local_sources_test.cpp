// What is read on this machine, before anything connects: the hosts of these specs are nobody's.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "../plan/spec_for_tests.hpp"
#include "bgdeploy/deploy/check.hpp"
#include "bgdeploy/deploy/run.hpp"

namespace bgdeploy::deploy {
namespace {

using core::ErrorKind;
using testing::Contains;
using testing::ElementsAre;

class KeepsLast final : public report::Sink {
public:
  explicit KeepsLast(std::vector<report::Event>& events) : m_events(events) {}
  void emit(report::Event event) override { m_events.push_back(std::move(event)); }

private:
  std::vector<report::Event>& m_events;
};

class LocalSourcesTest : public testing::Test {
protected:
  LocalSourcesTest() {
    m_spec.app_hosts = {spec::Host{}};
    m_spec.app_hosts[0].name = "203.0.113.1";  // RFC 5737
    m_spec.app_hosts[0].ssh.connect_timeout = std::chrono::milliseconds(1);
    m_spec.proxy_hosts.clear();
  }
  Context context() { return {m_spec, m_variables, core::system_clock(), m_sink, {}, "jo@ci (pid 1)"}; }
  const report::Finished& last() const { return std::get<report::Finished>(m_events.back()); }

  spec::Spec m_spec = test::small_spec();
  spec::Environment m_variables = [](std::string_view) { return std::nullopt; };
  std::vector<report::Event> m_events;
  report::Redactor m_sink{std::make_unique<KeepsLast>(m_events)};
};

TEST_F(LocalSourcesTest, AreReadBeforeAnythingConnects) {
  m_spec.secrets = {{"TOKEN", spec::FromEnv{"GONE"}}, {"KEY", spec::FromFile{"/nowhere/key"}}};
  EXPECT_EQ(run(context(), {.tag = "1.0"}), 2);
  ASSERT_TRUE(last().error);
  EXPECT_EQ(last().error->message, "2 secrets cannot be read");
  EXPECT_THAT(last().error->details, ElementsAre("secrets.KEY: /nowhere/key does not exist",
                                                 "secrets.TOKEN: the environment variable GONE is not set"));
  EXPECT_TRUE(last().nothing_changed);
  const auto planned = preview(context(), {.tag = "1.0"});
  ASSERT_FALSE(planned);
  EXPECT_EQ(planned.error().kind, ErrorKind::usage);
  // A container that is there still needs none.
  EXPECT_EQ(run(context(), {.kind = plan::Request::Kind::rollback}), 3);
}

// An image without layers, as docker saves it.
TEST_F(LocalSourcesTest, AnArchiveNamesTheReleaseOfARunThatFails) {
  std::string folder = testing::TempDir() + "archive-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  std::ofstream(folder + "/manifest.json")
      << R"([{"Config": "c.json", "RepoTags": ["other:1.2"], "Layers": []}])";
  std::ofstream(folder + "/c.json")
      << R"({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": []}})";
  EXPECT_EQ(run(context(), {.archive = folder}), 3);
  std::filesystem::remove_all(folder);
  EXPECT_EQ(last().to.name, "1.2");
  std::vector<std::string> warnings;
  for (const report::Event& event : m_events)
    if (const auto* warning = std::get_if<report::Warning>(&event)) warnings.push_back(warning->message);
  EXPECT_THAT(warnings, ElementsAre("the archive calls its image other:1.2, and not " + m_spec.image));
}

TEST_F(LocalSourcesTest, AreCheckedAllAtOnce) {
  const auto wait = core::Wait::for_at_most(std::chrono::seconds(20));
  EXPECT_TRUE(check_local_sources(context(), wait));
  m_spec.docker.env_file = {"/nowhere/.env"};
  const auto one = check_local_sources(context(), wait);
  ASSERT_FALSE(one);
  EXPECT_EQ(one.error().message, "docker.env_file: /nowhere/.env does not exist");
  EXPECT_EQ(one.error().next, "create it, or correct its path in the spec");
  m_spec.secrets = {{"TOKEN", spec::FromEnv{"GONE"}}};
  m_spec.notify = {{.kind = spec::Notify::Kind::slack, .url = spec::FromEnv{"SLACK"}}};
  m_spec.build = spec::Build{.context = "/nowhere/context"};
  const auto all = check_local_sources(context(), wait);
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().details.size(), 4U);
  EXPECT_EQ(all.error().message, "4 things that a deploy needs are not on this machine, or wrong");
  EXPECT_THAT(all.error().details, Contains("docker.env_file: /nowhere/.env does not exist"));
  EXPECT_THAT(all.error().details, Contains("secrets.TOKEN: the environment variable GONE is not set"));
  EXPECT_THAT(all.error().details, Contains("notify 1 (slack): the environment variable SLACK is not set"));
}

// Whoever reads the events waits for the last one.
TEST_F(LocalSourcesTest, AnExceptionIsToldByTheLastEvent) {
  m_spec.secrets = {{"TOKEN", spec::FromEnv{"ANY"}}};
  m_variables = [](std::string_view) -> std::optional<std::string> { throw std::runtime_error("a bug"); };
  EXPECT_EQ(run(context(), {.tag = "1.0"}), 1);
  ASSERT_TRUE(last().error);
  EXPECT_EQ(last().error->kind, ErrorKind::internal);
  EXPECT_EQ(last().error->message, "a bug");
  EXPECT_EQ(last().error->next, "see what serves: bgdeploy status");
}

}  // namespace
}  // namespace bgdeploy::deploy
