// What of the spec reaches a container, what a comparison sees, and what a failed launch leaves behind.
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "support/docker_lab.hpp"

namespace bgdeploy {
namespace {

using core::ErrorKind;
using ::testing::Contains;
using testing::Docker;
using testing::DockerLab;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using testing::soon;
using ::testing::UnorderedElementsAre;
using Json = nlohmann::json;

constexpr const char* k_hard_secret = "quote\" 'single' $HOME ${X} `id` \\n\nline 2\n\ttab ünïcode 🦀 =";

// Every key of `docker:` with a value of its own.
void all_keys(spec::Spec& spec) {
  auto& docker = spec.docker;
  docker.container_port = "9{port}";
  spec.slots[0].port = 808;
  docker.host_ip = "127.0.0.1";
  docker.networks = {"front", "back"};
  docker.environment = {
      {"PLAIN", "a value"},
      {"WHERE", "{service}/{slot}/{port}/{container}/{container_port}/{host}/{address}/{tag}/{x}"},
      {"API_KEY", "of the environment"},
      {"ENV_FILE_TOO", "of the environment"}};
  docker.volumes = {"/tmp:/host/{slot}:ro", "data-{slot}:/data", "/anonymous"};
  docker.extra_hosts = {"db:10.0.0.1", "gateway:host-gateway"};
  docker.mem_limit = 64 << 20;
  docker.cpus = 0.75;
  docker.restart = "on-failure:3";
  docker.command = {{"/app", "serve"}};
  docker.entrypoint = std::vector<std::string>{};
  docker.user = "12:34";
  docker.working_dir = "/data";
  docker.labels = {{"team", "shop"}};
  docker.logging = spec::Logging{"json-file", {{"max-size", "1m"}}};
  docker.ulimits = {{"nofile", 100, 200}};
  docker.cap_add = {"NET_ADMIN"};
  docker.cap_drop = {"MKNOD"};
  docker.read_only = true;
  docker.tmpfs = {"/run", "/scratch:size=1m"};
  docker.init = true;
  docker.shm_size = 8 << 20;
  docker.stop_signal = "SIGUSR1";
  docker.stop_grace_period = std::chrono::milliseconds(6500);
  spec.secrets = {{"API_KEY", spec::FromEnv{"X"}}, {"HARD", spec::FromEnv{"X"}}};
}

runtime::SecretValues all_secrets() {
  return {{{"API_KEY", core::Secret("secret wins")},
           {"HARD", core::Secret(k_hard_secret)},
           {"FROM_FILE", core::Secret("env_file")},
           {"ENV_FILE_TOO", core::Secret("env_file loses")}},
          {}};
}

plan::Launch as_specified(const Docker& docker) {
  return {{"release-1", "1", "app", ""}, docker.spec().docker};
}

TEST(DockerLaunch, EveryKeyReachesTheContainer) {
  Docker docker(all_keys, all_secrets());
  const auto container = docker.launch_ready(0, as_specified(docker));
  const auto json = Json::parse(docker.inspect(container.id, "{{json .}}"));
  const auto& config = json["Config"];
  const auto& host = json["HostConfig"];

  EXPECT_EQ(json["Name"], "/shop-blue");
  EXPECT_EQ(host["PortBindings"],
            Json::parse(R"({"9808/tcp": [{"HostIp": "127.0.0.1", "HostPort": "808"}]})"));
  EXPECT_EQ(host["NetworkMode"], "front");
  for (const auto* network : {"front", "back"}) {
    ASSERT_TRUE(json["NetworkSettings"]["Networks"].contains(network));
    EXPECT_THAT(json["NetworkSettings"]["Networks"][network]["Aliases"].get<std::vector<std::string>>(),
                Contains("shop-blue"));
  }
  EXPECT_THAT(
      config["Env"].get<std::vector<std::string>>(),
      UnorderedElementsAre("PLAIN=a value", "WHERE=shop/blue/808/shop-blue/9808/local/127.0.0.1/1/{x}",
                           "API_KEY=secret wins", std::string("HARD=") + k_hard_secret, "FROM_FILE=env_file",
                           "ENV_FILE_TOO=of the environment", "FROM_IMAGE=yes"));
  EXPECT_THAT(host["Binds"].get<std::vector<std::string>>(),
              UnorderedElementsAre("/tmp:/host/blue:ro", "data-blue:/data"));
  EXPECT_TRUE(config["Volumes"].contains("/anonymous"));
  EXPECT_THAT(host["ExtraHosts"].get<std::vector<std::string>>(),
              UnorderedElementsAre("db:10.0.0.1", "gateway:host-gateway"));
  EXPECT_EQ(host["Memory"], 64 << 20);
  EXPECT_EQ(host["NanoCpus"], 750'000'000);
  EXPECT_EQ(host["RestartPolicy"], Json::parse(R"({"Name": "on-failure", "MaximumRetryCount": 3})"));
  EXPECT_EQ(config["User"], "12:34");
  EXPECT_EQ(config["WorkingDir"], "/data");
  EXPECT_EQ(host["LogConfig"], Json::parse(R"({"Type": "json-file", "Config": {"max-size": "1m"}})"));
  EXPECT_EQ(host["Ulimits"], Json::parse(R"([{"Name": "nofile", "Soft": 100, "Hard": 200}])"));
  EXPECT_THAT(host["CapAdd"].dump(), HasSubstr("NET_ADMIN"));
  EXPECT_THAT(host["CapDrop"].dump(), HasSubstr("MKNOD"));
  EXPECT_EQ(host["ReadonlyRootfs"], true);
  EXPECT_EQ(host["Tmpfs"], Json::parse(R"({"/run": "", "/scratch": "size=1m"})"));
  EXPECT_EQ(host["Init"], true);
  EXPECT_EQ(host["ShmSize"], 8 << 20);
  EXPECT_EQ(config["StopSignal"], "SIGUSR1");
  EXPECT_EQ(config["StopTimeout"], 7);
  EXPECT_EQ(config["Labels"]["team"], "shop");
  EXPECT_EQ(config["Labels"]["image.label"], "1");
  EXPECT_EQ(config["Labels"]["bgdeploy.service"], "shop");
  EXPECT_EQ(config["Labels"]["bgdeploy.slot"], "blue");
  EXPECT_EQ(config["Labels"]["bgdeploy.release"], "release-1");

  // As the process itself sees it.
  std::string seen;
  const auto exit_code = docker.runtime().exec(
      container.id, {"/app", "env"}, nullptr, [&](bool, std::string_view piece) { seen += piece; }, soon());
  ASSERT_TRUE(exit_code) << exit_code.error().message;
  const std::string entry = std::string("HARD=") + k_hard_secret;
  EXPECT_NE(seen.find(entry + std::string(1, '\0')), std::string::npos);
  EXPECT_EQ(container.status, plan::Container::Status::running);
  EXPECT_TRUE(container.managed);
  EXPECT_EQ(container.release, as_specified(docker).release);
}

std::vector<std::string> compared(Docker& docker, const plan::Launch& launch) {
  const auto slots = docker.runtime().observe({launch, std::nullopt}, soon());
  if (!slots) return {slots.error().message};
  if (!(*slots)[0].container || !(*slots)[0].container->differences) return {"not compared"};
  return *(*slots)[0].container->differences;
}

TEST(DockerLaunch, TheSameAgainDiffersInNothing) {
  Docker docker(all_keys, all_secrets());
  docker.launch_ready(0, as_specified(docker));
  auto again = as_specified(docker);
  again.release.id = "release-2";
  EXPECT_THAT(compared(docker, again), IsEmpty());
  // Nor does a stopped one, for which the networks have no addresses any more.
  const auto slots = docker.runtime().observe({}, soon()).value();
  ASSERT_TRUE(docker.runtime().stop(slots[0].container->id, std::chrono::seconds(0), soon()));
  EXPECT_THAT(compared(docker, again), IsEmpty());
}

TEST(DockerLaunch, DefaultsDifferInNothing) {
  Docker docker;
  docker.launch_ready(0, docker.launch());
  EXPECT_THAT(compared(docker, docker.launch()), IsEmpty());
}

TEST(DockerLaunch, EveryChangedKeyIsNamed) {
  Docker docker(all_keys, all_secrets());
  docker.launch_ready(0, as_specified(docker));
  const auto changed = [&](const std::function<void(spec::Docker&)>& change) {
    auto launch = as_specified(docker);
    change(std::get<spec::Docker>(launch.with));
    return compared(docker, launch);
  };
  using D = spec::Docker;
  EXPECT_THAT(changed([](D& d) { d.container_port = "81"; }),
              ElementsAre("environment WHERE", "container_port"));
  EXPECT_THAT(changed([](D& d) { d.host_ip = "0.0.0.0"; }), ElementsAre("host_ip"));
  EXPECT_THAT(changed([](D& d) { d.host_ip = "none"; }), ElementsAre("host_ip"));
  EXPECT_THAT(changed([](D& d) { d.networks = {"front"}; }), ElementsAre("networks"));
  EXPECT_THAT(changed([](D& d) { d.environment["PLAIN"] = "another"; }), ElementsAre("environment PLAIN"));
  EXPECT_THAT(changed([](D& d) { d.environment.erase("PLAIN"); }), ElementsAre("environment PLAIN"));
  EXPECT_THAT(changed([](D& d) { d.environment["MORE"] = ""; }), ElementsAre("environment MORE"));
  EXPECT_THAT(changed([](D& d) { d.volumes.pop_back(); }), ElementsAre("volumes"));
  EXPECT_THAT(changed([](D& d) { d.volumes[0] = "/tmp:/host/{slot}"; }), ElementsAre("volumes"));
  EXPECT_THAT(changed([](D& d) { d.extra_hosts = {}; }), ElementsAre("extra_hosts"));
  EXPECT_THAT(changed([](D& d) { d.mem_limit = 65 << 20; }), ElementsAre("mem_limit"));
  EXPECT_THAT(changed([](D& d) { d.mem_limit.reset(); }), ElementsAre("mem_limit"));
  EXPECT_THAT(changed([](D& d) { d.cpus = 1; }), ElementsAre("cpus"));
  EXPECT_THAT(changed([](D& d) { d.restart = "on-failure:4"; }), ElementsAre("restart"));
  EXPECT_THAT(changed([](D& d) { d.command = {{"/app", "stubborn"}}; }), ElementsAre("command"));
  EXPECT_THAT(changed([](D& d) { d.entrypoint = {{"/app"}}; }), ElementsAre("entrypoint"));
  EXPECT_THAT(changed([](D& d) { d.user = "0"; }), ElementsAre("user"));
  EXPECT_THAT(changed([](D& d) { d.working_dir.reset(); }), ElementsAre("working_dir"));
  EXPECT_THAT(changed([](D& d) { d.labels["team"] = "other"; }), ElementsAre("labels"));
  EXPECT_THAT(changed([](D& d) { d.logging->options = {}; }), ElementsAre("logging"));
  EXPECT_THAT(changed([](D& d) { d.logging.reset(); }), ElementsAre("logging"));
  EXPECT_THAT(changed([](D& d) { d.ulimits[0].hard = 300; }), ElementsAre("ulimits"));
  EXPECT_THAT(changed([](D& d) { d.ulimits = {}; }), ElementsAre("ulimits"));
  EXPECT_THAT(changed([](D& d) { d.cap_add = {"cap_net_admin"}; }), IsEmpty());
  EXPECT_THAT(changed([](D& d) { d.cap_add = {"SYS_TIME"}; }), ElementsAre("cap_add"));
  EXPECT_THAT(changed([](D& d) { d.cap_drop = {}; }), ElementsAre("cap_drop"));
  EXPECT_THAT(changed([](D& d) { d.read_only = false; }), ElementsAre("read_only"));
  EXPECT_THAT(changed([](D& d) { d.tmpfs[1] = "/scratch:size=2m"; }), ElementsAre("tmpfs"));
  EXPECT_THAT(changed([](D& d) { d.init = false; }), ElementsAre("init"));
  EXPECT_THAT(changed([](D& d) { d.shm_size = 9 << 20; }), ElementsAre("shm_size"));
  EXPECT_THAT(changed([](D& d) { d.shm_size.reset(); }), ElementsAre("shm_size"));
  EXPECT_THAT(changed([](D& d) { d.stop_signal.reset(); }), ElementsAre("stop_signal"));
  EXPECT_THAT(changed([](D& d) { d.stop_grace_period = std::chrono::seconds(8); }),
              ElementsAre("stop_grace_period"));
}

TEST(DockerLaunch, AChangedSecretIsNamedAndNotShown) {
  Docker before(all_keys, all_secrets());
  before.launch_ready(0, as_specified(before));
  auto secrets = all_secrets();
  secrets.environment["HARD"] = core::Secret("rotated");
  // Only another pair of eyes on the same daemon: the containers stay those of `before`.
  spec::Spec spec = before.spec();
  const auto host = host::connect(spec.app_hosts[0], soon()).value_or(nullptr);
  ASSERT_TRUE(host);
  const auto after = runtime::open(*host, spec, {}, 0, secrets, soon());
  ASSERT_TRUE(after);
  const auto slots = after->runtime->observe({as_specified(before), std::nullopt}, soon());
  ASSERT_TRUE(slots);
  EXPECT_THAT(*(*slots)[0].container->differences, ElementsAre("environment HARD"));
}

TEST(DockerLaunch, AnotherImageIsNamed) {
  Docker docker;
  docker.launch_ready(0, docker.launch());
  auto launch = docker.launch();
  launch.release.digest = "sha256:" + std::string(64, '1');
  EXPECT_THAT(compared(docker, launch), ElementsAre("image"));
}

// Nothing with our name, in whatever state.
void expect_nothing_left() {
  EXPECT_EQ(DockerLab::get().docker({"ps", "-aq", "--filter", "name=shop-"}), "");
}

TEST(DockerLaunch, AMissingEntrypointIsDockersWordsAndLeavesNothing) {
  Docker docker;
  const auto failed = docker.runtime().launch(0, docker.launch({"/nothing-here"}), soon());
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::refused);
  EXPECT_THAT(failed.error().message, HasSubstr("/nothing-here"));
  expect_nothing_left();
}

TEST(DockerLaunch, AMissingImageIsNotFound) {
  Docker docker;
  auto launch = docker.launch();
  launch.release.digest = "sha256:" + std::string(64, '0');
  const auto failed = docker.runtime().launch(0, launch, soon());
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::not_found);
  expect_nothing_left();
}

TEST(DockerLaunch, ATakenPortIsAConflictThatNamesWhoHasIt) {
  Docker docker;
  DockerLab::get().docker({"run", "-d", "--name", "squatter", "-p", "127.0.0.1:8081:80", "app:1"});
  const auto failed = docker.runtime().launch(0, docker.launch(), soon());
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::conflict);
  EXPECT_THAT(failed.error().message, MatchesRegex("port 8081 on .* is published by the container squatter"));
  EXPECT_THAT(failed.error().details, Contains(HasSubstr("8081")));
  expect_nothing_left();
}

TEST(DockerLaunch, APortTakenByAProcessIsAConflict) {
  Docker docker;
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(8081);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(listener, 8), 0);
  const auto failed = docker.runtime().launch(0, docker.launch(), soon());
  close(listener);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::conflict);
  EXPECT_THAT(failed.error().message, MatchesRegex("port 8081 on .* is used by docker_launch.*"));
  expect_nothing_left();
}

TEST(DockerLaunch, ATakenNameIsAConflictAndItsHolderStays) {
  Docker docker;
  DockerLab::get().docker({"create", "--name", "shop-blue", "app:1"});
  const auto failed = docker.runtime().launch(0, docker.launch(), soon());
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::conflict);
  EXPECT_EQ(docker.inspect("shop-blue", "{{.State.Status}}"), "created");
}

TEST(DockerLaunch, AnInterruptedLaunchLeavesNothing) {
  Docker docker;
  std::stop_source stop;
  stop.request_stop();
  const auto failed = docker.runtime().launch(
      0, docker.launch(), core::Wait::for_at_most(std::chrono::seconds(30), stop.get_token()));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::cancelled);
  expect_nothing_left();
}

// Docker goes on with what it was told. A container that came up late would have the name of the next one.
TEST(DockerLaunch, NothingComesUpLateOfALaunchThatWasInterrupted) {
  Docker docker;
  int interrupted = 0;
  for (int tried = 0; tried < 20; ++tried) {
    std::stop_source stop;
    const std::jthread later([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(1 + tried));
      stop.request_stop();
    });
    const auto launched = docker.runtime().launch(
        0, docker.launch(), core::Wait::for_at_most(std::chrono::seconds(30), stop.get_token()));
    if (launched) {
      ASSERT_TRUE(docker.runtime().stop(launched->id, std::chrono::seconds(0), soon()));
      ASSERT_TRUE(docker.runtime().remove(launched->id, soon()));
    } else {
      ASSERT_EQ(launched.error().kind, ErrorKind::cancelled) << launched.error().message;
      ++interrupted;
    }
  }
  EXPECT_GT(interrupted, 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  expect_nothing_left();
}

}  // namespace
}  // namespace bgdeploy
