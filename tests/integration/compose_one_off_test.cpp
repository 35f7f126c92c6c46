// Containers for one command that compose describes, with both versions of it.
#include <gmock/gmock.h>
#include <stdlib.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/io/child.hpp"
#include "support/docker_lab.hpp"

namespace bgdeploy {
namespace {

namespace fs = std::filesystem;
using core::ErrorKind;
using testing::Docker;
using testing::DockerLab;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using testing::soon;
using Json = nlohmann::json;

constexpr const char* k_file = R"(version: "3.9"
services:
  db:
    image: app:1
    command: [/app, serve]
  api:
    image: "app:${APP_TAG}"
    container_name: "shop-${BGDEPLOY_SLOT}"
    hostname: api
    command: [/app, serve]
    depends_on: [db]
    restart: always
    ports: ["${BGDEPLOY_PORT}:8080"]
    environment: {PROFILE: prod}
    labels: {traefik.enable: "true"}
    volumes: ["data:/data", "./conf:/conf:ro", "./logs:/logs"]
    networks: [default, other]
networks: {other: {}}
volumes: {data: {}}
)";

class ComposeOneOff : public ::testing::TestWithParam<int> {
protected:
  ComposeOneOff() {
    const auto& second = second_version();
    m_program = GetParam() == 1 ? "/usr/bin/docker-compose" : second;
    m_home = DockerLab::get().folder() / "home";
    fs::remove_all(m_home);
    fs::create_directories(m_home);
    setenv("HOME", m_home.c_str(), 1);
    runtime::SecretValues secrets;
    secrets.environment["DB_PASSWORD"] = core::Secret("hunter$2 'x'");
    m_docker = std::make_unique<Docker>(
        [&](spec::Spec& spec) {
          spec.service = "shop";
          spec.compose.emplace();
          spec.compose->file = "/nowhere/compose.yml";
          spec.compose->service = "api";
          spec.compose->project = "shop-{slot}";
          spec.compose->environment = {{"APP_TAG", "{tag}"}};
          spec.compose->command = {m_program};
          spec.secrets["DB_PASSWORD"] = {};
        },
        secrets);
  }

  // Before the lab leaves the machine's network.
  static const std::string& second_version() {
    static const std::string k_path(core::trim(
        io::run_child({BGDEPLOY_SOURCE_DIR "/tests/lab/compose-v2"}, "", soon()).value_or(io::Output{}).out));
    return k_path;
  }

  static std::string docker(const std::vector<std::string>& argv) { return DockerLab::get().docker(argv); }
  static std::string one_offs() {
    return docker({"ps", "-aq", "--no-trunc", "--filter", "label=bgdeploy.one_off"});
  }

  runtime::OneOff::Request request(std::vector<std::string> argv) const {
    plan::ComposeLaunch compose{*m_docker->spec().compose, {k_file, k_file}};
    for (auto& files : compose.beside)
      files = {
          {.path = "conf/app.conf", .kind = plan::ComposeFile::Kind::data, .content = core::Secret("x=1")}};
    return {.slot = 0,
            .launch = {{"release-1", "1", "app", ""}, std::move(compose)},
            .argv = std::move(argv),
            .purpose = "test"};
  }

  runtime::Runtime& runtime() { return m_docker->runtime(); }

  fs::path m_home;
  std::unique_ptr<Docker> m_docker;

private:
  std::string m_program;
};

INSTANTIATE_TEST_SUITE_P(Version, ComposeOneOff, ::testing::Values(1, 2),
                         ::testing::PrintToStringParamName());

// A command that runs until it is told to stop.
class Running {
public:
  Running(runtime::Runtime& runtime, const runtime::OneOff::Request& request)
      : m_done(std::async(std::launch::async, [&runtime, request, this] {
          return runtime.run_once(
              request,
              [this](bool, std::string_view piece) {
                const std::lock_guard lock(m_mutex);
                m_out += piece;
                m_changed.notify_all();
              },
              core::Wait::for_at_most(std::chrono::minutes(2), m_stop.get_token()));
        })) {}
  bool ready() {
    std::unique_lock lock(m_mutex);
    return m_changed.wait_for(lock, std::chrono::minutes(1),
                              [&] { return m_out.find("ready") != std::string::npos; });
  }
  core::Result<int> stop() {
    m_stop.request_stop();
    return m_done.get();
  }

private:
  std::mutex m_mutex;
  std::condition_variable m_changed;
  std::string m_out;
  std::stop_source m_stop;
  std::future<core::Result<int>> m_done;
};

TEST_P(ComposeOneOff, HasWhatTheFileSaysButNoPortAndNoName) {
  Running running(runtime(), request({"/app", "serve"}));
  ASSERT_TRUE(running.ready()) << running.stop().error().message;
  const auto id = one_offs();
  const auto seen = Json::parse(docker({"inspect", id})).at(0);
  EXPECT_THAT(seen["Name"].get<std::string>(), HasSubstr("/shop-run-"));
  EXPECT_THAT(seen["Config"]["Env"].dump(), HasSubstr("\"PROFILE=prod\""));
  EXPECT_THAT(seen["Config"]["Env"].dump(), HasSubstr("\"DB_PASSWORD=hunter$2 'x'\""));
  EXPECT_NE(seen["Config"]["Hostname"], "api");
  EXPECT_FALSE(seen["Config"]["Labels"].contains("traefik.enable"));
  EXPECT_EQ(seen["Config"]["Labels"]["com.docker.compose.oneoff"], "True");
  EXPECT_EQ(seen["HostConfig"]["RestartPolicy"]["Name"], "no");
  EXPECT_THAT(seen["NetworkSettings"]["Ports"].dump(), Not(HasSubstr("808")));
  std::map<std::string, std::string> mounts;
  for (const auto& mount : seen["Mounts"])
    mounts[mount["Destination"]] = mount["Type"] == "volume" ? mount["Name"] : mount["Source"];
  const auto folder = (m_home / ".local/state/bgdeploy/shop/compose").string();
  EXPECT_EQ(mounts["/data"], "shop-blue_data");
  EXPECT_THAT(mounts["/conf"], HasSubstr(folder + "/shop-run-")) << "the new release's own";
  EXPECT_EQ(mounts["/logs"], folder + "/blue/logs") << "the slot's";
  EXPECT_EQ(mounts.size(), 3U);
  EXPECT_TRUE(seen["NetworkSettings"]["Networks"].contains("shop-blue_default"));
  EXPECT_TRUE(seen["NetworkSettings"]["Networks"].contains("shop-blue_other"));
  EXPECT_EQ(docker({"ps", "-aq", "--filter", "label=com.docker.compose.service=db"}), "") << "started with it";

  const auto slots = runtime().observe({}, soon()).value();
  EXPECT_EQ(slots[0], plan::SlotState{});
  EXPECT_EQ(slots[1], plan::SlotState{});

  EXPECT_EQ(running.stop().error().kind, ErrorKind::cancelled);
  EXPECT_EQ(docker({"ps", "-aq"}), "");
  EXPECT_THAT(docker({"network", "ls", "--format", "{{.Name}}"}), Not(HasSubstr("shop")));
  for (const auto& entry : fs::directory_iterator(folder))
    EXPECT_THAT(entry.path().filename().string(), Not(HasSubstr("run")));
}

TEST_P(ComposeOneOff, TellsTheExitCodeAndKeepsStdoutAndStderrApart) {
  std::string out, err;
  const auto sink = [&](bool is_stderr, std::string_view piece) { (is_stderr ? err : out) += piece; };
  const auto code = runtime().run_once(request({"/app", "print", "$out ${X}", "err", "7"}), sink, soon());
  ASSERT_TRUE(code) << code.error().message << ::testing::PrintToString(code.error().details);
  EXPECT_EQ(*code, 7);
  EXPECT_EQ(out, "$out ${X}");
  EXPECT_EQ(err, "err");
  EXPECT_EQ(runtime().run_once(request({"/nothing"}), sink, soon()), 127);
  auto missing = request({"/app"});
  missing.launch.release.image = "127.0.0.1:1/app";
  EXPECT_FALSE(runtime().run_once(missing, sink, soon()));
  EXPECT_EQ(docker({"ps", "-aq"}), "");
}

TEST_P(ComposeOneOff, LeavesTheSlotsContainerAndItsFilesAlone) {
  const auto launch = request({}).launch;
  const auto slot = runtime().launch(0, launch, soon());
  ASSERT_TRUE(slot) << slot.error().message;
  const auto before = docker({"ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Names}} {{.State}}"});
  const auto conf = m_home / ".local/state/bgdeploy/shop/compose/blue/conf/app.conf";
  const auto written = fs::last_write_time(conf);
  Running running(runtime(), request({"/app", "serve"}));
  ASSERT_TRUE(running.ready());
  const auto mounts = docker({"inspect", one_offs(), "--format", "{{json .Mounts}}"});
  EXPECT_THAT(mounts, HasSubstr("/compose/blue/conf")) << "the files that the slot runs with";
  EXPECT_EQ(runtime().observe({}, soon()).value()[0].container->id, slot->id);
  EXPECT_EQ(runtime().remove_leftovers([](const auto&) { return false; }, soon()).value().size(), 0U);
  EXPECT_THAT(runtime().remove_leftovers([](const auto&) { return true; }, soon()).value(), SizeIs(1));
  (void)running.stop();
  EXPECT_EQ(docker({"ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Names}} {{.State}}"}), before);
  EXPECT_EQ(fs::last_write_time(conf), written);
}

}  // namespace
}  // namespace bgdeploy
