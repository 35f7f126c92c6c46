// From a launch to docker's request, and against what docker said of such a container (recorded from a
// daemon, version 20.10).
#include "bgdeploy/runtime/docker_container.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

namespace bgdeploy::runtime {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using Json = nlohmann::json;

std::string recorded(const std::string& name) {
  std::ifstream file(BGDEPLOY_SOURCE_DIR "/tests/unit/runtime/data/" + name);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_FALSE(text.str().empty()) << name;
  return text.str();
}

// What the recorded container was launched from.
spec::Spec recorded_spec() {
  spec::Spec spec;
  spec.service = "shop";
  spec.image = "app";
  spec.slots = {spec::Slot{"blue", 8081, "shop-blue"}, spec::Slot{"green", 8082, "shop-green"}};
  spec.docker.environment = {{"PLAIN", "a value"}, {"PASSWORD", "hunter2"}};
  spec.docker.networks = {"front", "back"};
  spec.docker.mem_limit = 64 << 20;
  spec.docker.volumes = {"/tmp:/host:ro"};
  return spec;
}

ContainerRequest request_for(const spec::Spec& spec, const SecretValues& secrets = {}) {
  const plan::Launch launch{{"another-id", "2", "app", ""}, spec.docker};
  return container_request(spec, 0, launch, {"local", "127.0.0.1", "127.0.0.1"}, secrets).value();
}

Json body_for(const spec::Spec& spec, const SecretValues& secrets = {}) {
  return Json::parse(request_for(spec, secrets).body.reveal());
}

std::vector<std::string> compared(const spec::Spec& spec) {
  return differences(recorded("inspect_container.json"), recorded("inspect_image.json"), request_for(spec));
}

TEST(Differences, NoneForTheSame) {
  EXPECT_THAT(compared(recorded_spec()), IsEmpty());
}

TEST(Differences, AreNamesWithoutValues) {
  auto spec = recorded_spec();
  spec.docker.environment["PASSWORD"] = "hunter3";
  spec.docker.mem_limit = 65 << 20;
  spec.docker.networks = {"front"};
  EXPECT_THAT(compared(spec), ElementsAre("environment PASSWORD", "networks", "mem_limit"));
}

TEST(Differences, WhatTheImageSetsIsNoneOfOurs) {
  const auto container = recorded("inspect_container.json");
  // Without the image's own settings all that it set looks foreign.
  EXPECT_THAT(differences(container, "", request_for(recorded_spec())),
              ElementsAre("environment FROM_IMAGE", "command", "user", "working_dir", "volumes", "labels"));
}

// As `docker run` makes it: without our labels, and with docker's own defaults for what nobody asked for.
TEST(Differences, OfWhatSomebodyElseStartedAreThoseOfWhatItRunsWith) {
  auto container = Json::parse(recorded("inspect_container.json"));
  auto spec = recorded_spec();
  auto& labels = container["Config"]["Labels"];
  for (const char* name :
       {"service", "slot", "release", "tag", "digest", "image", "container_port", "restart", "explicit"})
    labels.erase(std::string("bgdeploy.") + name);
  container["Config"]["StopTimeout"] = nullptr;
  spec.docker.stop_grace_period = std::chrono::seconds(10);
  const auto compare = [&] {
    return differences(container.dump(), recorded("inspect_image.json"), request_for(spec));
  };
  EXPECT_THAT(compare(), IsEmpty());
  auto& bindings = container["HostConfig"]["PortBindings"];
  const auto published = std::exchange(bindings, Json::object());
  const auto exposed = std::exchange(container["Config"]["ExposedPorts"], nullptr);
  spec.docker.host_ip = "none";
  EXPECT_THAT(compare(), IsEmpty()) << "what listens where nothing is exposed is not known";
  spec.docker.host_ip.reset();
  bindings = published;
  container["Config"]["ExposedPorts"] = exposed;
  labels["com.docker.compose.project"] = "shop";
  EXPECT_THAT(compare(), ElementsAre("labels"));
  labels.erase("com.docker.compose.project");
  spec.docker.stop_grace_period = std::chrono::seconds(30);
  container["HostConfig"]["Privileged"] = true;
  container["HostConfig"]["PidsLimit"] = 100;
  container["HostConfig"]["MemorySwap"] = 1;
  container["HostConfig"]["ShmSize"] = 32 << 20;
  container["Config"]["Tty"] = true;
  container["Config"]["Hostname"] = "shop";
  auto& aliases = container["NetworkSettings"]["Networks"].front()["Aliases"];
  aliases = {container["Id"].get<std::string>().substr(0, 12),
             container["Name"].get<std::string>().substr(1)};
  EXPECT_THAT(compare(), ElementsAre("stop_grace_period", "shm_size", "--pids-limit", "--privileged",
                                     "--memory-swap", "--hostname", "--tty"));
  aliases.push_back("web");
  EXPECT_THAT(compare(), Contains("--network-alias"));
}

// What another version or another tool sent may be spelled otherwise, and means the same.
TEST(Differences, TwoSpellingsOfOneMeaningAreTheSame) {
  auto container = Json::parse(recorded("inspect_container.json"));
  auto& host = container["HostConfig"];
  host["Binds"] = {"/tmp:/host:z,ro", "data:/data:rw"};
  host["ExtraHosts"] = {"db=10.0.0.5", "six:[::1]"};
  host["CapAdd"] = {"CAP_NET_ADMIN", "sys_time"};
  host["Tmpfs"] = {{"/run", "size=64m,mode=1777"}};
  container["Config"]["StopSignal"] = "15";
  container["Config"]["Volumes"]["/host"] =
      Json::object();  // as version 1 of compose adds the targets of binds
  auto spec = recorded_spec();
  spec.docker.volumes = {"/tmp:/host:ro,z", "data:/data"};
  spec.docker.extra_hosts = {"db:10.0.0.5", "six:::1"};
  spec.docker.cap_add = {"NET_ADMIN", "SYS_TIME"};
  spec.docker.tmpfs = {"/run:mode=1777,size=64m"};
  spec.docker.stop_signal = "SIGTERM";
  const auto compare = [&] {
    return differences(container.dump(), recorded("inspect_image.json"), request_for(spec));
  };
  EXPECT_THAT(compare(), IsEmpty());
  spec.docker.volumes[0] = "/tmp:/host:z";
  spec.docker.extra_hosts[0] = "db:10.0.0.6";
  spec.docker.tmpfs[0] = "/run:mode=1777";
  spec.docker.stop_signal = "SIGINT";
  EXPECT_THAT(compare(), ElementsAre("stop_signal", "volumes", "extra_hosts", "tmpfs"));
}

// As `docker run --mount` asks for them.
TEST(Differences, MountsAreVolumes) {
  auto container = Json::parse(recorded("inspect_container.json"));
  auto& host = container["HostConfig"];
  host.erase("Binds");
  host["Tmpfs"] = nullptr;
  host["Mounts"] = Json::parse(R"([
      {"Type": "bind", "Source": "/tmp", "Target": "/host", "ReadOnly": true},
      {"Type": "volume", "Source": "data", "Target": "/data", "VolumeOptions": {"NoCopy": true, "Labels": {}}},
      {"Type": "volume", "Target": "/nameless"},
      {"Type": "tmpfs", "Target": "/run", "TmpfsOptions": {"SizeBytes": 67108864, "Mode": 1023}}])");
  auto spec = recorded_spec();
  spec.docker.volumes = {"/tmp:/host:ro", "data:/data:nocopy", "/nameless"};
  spec.docker.tmpfs = {"/run:mode=1777,size=67108864"};
  const auto compare = [&] {
    return differences(container.dump(), recorded("inspect_image.json"), request_for(spec));
  };
  EXPECT_THAT(compare(), IsEmpty());
  container["Config"]["Labels"].erase("bgdeploy.service");
  EXPECT_THAT(compare(), Not(Contains("--mount")));
  host["Mounts"][1]["VolumeOptions"]["Subpath"] = "a";
  EXPECT_THAT(compare(), Contains("--mount"));
  host["Mounts"] = Json::parse(R"([{"Type": "bind", "Source": "/tmp", "Target": "/host"}, 1, null])");
  EXPECT_THAT(compare(), ::testing::IsSupersetOf({"volumes", "tmpfs"}));
}

// Recorded from Podman 4.3, which tells what became of a request.
TEST(Differences, OfPodmanAreThoseThatWereAskedFor) {
  spec::Spec spec = recorded_spec();
  spec.image = "127.0.0.1:5000/demo/app";
  spec.docker = {};
  spec.docker.container_port = "8080";
  spec.docker.environment = {{"A", "1"}};
  spec.docker.user = "1000";
  spec.docker.stop_signal = "SIGINT";
  spec.docker.stop_grace_period = std::chrono::seconds(10);
  spec.docker.restart = "on-failure:3";
  spec.docker.volumes = {"/tmp:/host:ro", "data:/data", "/tmp:/h2:z", "/anon"};
  spec.docker.extra_hosts = {"db:10.0.0.5", "six:::1", "h:host-gateway"};
  spec.docker.mem_limit = 64 << 20;
  spec.docker.cpus = 0.5;
  spec.docker.shm_size = 32 << 20;
  spec.docker.ulimits = {{"nofile", 1000, 2000}};
  spec.docker.cap_add = {"NET_ADMIN"};
  spec.docker.cap_drop = {"CHOWN"};
  spec.docker.read_only = true;
  spec.docker.tmpfs = {"/run:size=64m,mode=1777"};
  spec.docker.logging = spec::Logging{"json-file", {{"max-size", "1m"}}};
  spec.slots[0].port = 8092;
  const auto compare = [&] {
    const plan::Launch launch{
        {"id", "1.0", spec.image, "sha256:a8a48acffa0e0cecdba446e18f198c2dc020a885a08e24817f5383eac197250d"},
        spec.docker};
    const auto request = container_request(spec, 0, launch, {"local", "127.0.0.1", "127.0.0.1"}, {}).value();
    auto container = Json::parse(recorded("podman_container.json"));
    // It was not created by us.
    container["Config"]["Labels"] = Json::parse(request.body.reveal())["Labels"];
    return differences(container.dump(), R"({"Config":{"Env":["VERSION=1.0"],"Entrypoint":["/app"]}})",
                       request, true);
  };
  EXPECT_THAT(compare(), IsEmpty());
  spec.docker.environment = {{"B", "1"}};
  spec.docker.volumes[0] = "/tmp:/host";
  spec.docker.tmpfs = {"/run:size=32m"};
  spec.docker.cap_drop = {};
  spec.docker.ulimits[0].soft = 999;
  spec.docker.working_dir = "/srv";
  spec.docker.networks = {"front"};
  EXPECT_THAT(compare(), ElementsAre("environment A", "environment B", "working_dir", "networks", "volumes",
                                     "cap_drop", "tmpfs", "ulimits"));
}

TEST(Differences, SomethingThatIsNoContainerDiffersAndDoesNoHarm) {
  for (const auto* strange :
       {"", "[]", "{}", "null", R"({"Config": 3, "HostConfig": [], "NetworkSettings": "x"})",
        R"({"Config": {"Env": [1, {}], "Labels": 2}, "HostConfig": {"Binds": {}}})"})
    EXPECT_THAT(differences(strange, strange, request_for(recorded_spec())), Not(IsEmpty())) << strange;
}

TEST(Differences, ANumberThatIsNoneDiffers) {
  auto spec = recorded_spec();
  spec.docker.shm_size = 1 << 20;  // a difference only where it was asked for
  const auto request = request_for(spec);
  for (const auto& [key, name] :
       {std::pair("Memory", "mem_limit"), {"NanoCpus", "cpus"}, {"ShmSize", "shm_size"}})
    for (const std::string number :
         {"1e300", "1.5", "9223372036854775808", "18446744073709551616", "\"7\""}) {
      Json host{{"HostConfig", Json::parse("{\"" + std::string(key) + "\":" + number + "}")}};
      host["Config"]["Labels"] = Json::parse(request.body.reveal())["Labels"];
      EXPECT_THAT(differences(host.dump(), "{}", request), ::testing::Contains(name)) << number;
    }
}

TEST(ContainerRequest, MoreProcessorsThanThereAreIsANumberStill) {
  auto spec = recorded_spec();
  spec.docker.cpus = 1e300;
  EXPECT_EQ(body_for(spec)["HostConfig"]["NanoCpus"], 1'000'000'000'000'000'000);
}

TEST(ContainerRequest, RunsExactlyTheDigest) {
  EXPECT_EQ(image_reference({"id", "v1", "r:5000/a", "sha256:1"}), "r:5000/a@sha256:1");
  EXPECT_EQ(image_reference({"id", "v1", "a", ""}), "a:v1");
}

TEST(ContainerRequest, SecretsOutrankEnvironmentOutranksEnvFile) {
  auto spec = recorded_spec();
  spec.docker.environment = {{"S", "environment"}, {"E", "environment"}};
  spec.secrets = {{"S", spec::FromEnv{"X"}}};
  const SecretValues values{
      {{"S", core::Secret("secret")}, {"E", core::Secret("file")}, {"F", core::Secret("file")}}, {}};
  EXPECT_THAT(body_for(spec, values)["Env"].get<std::vector<std::string>>(),
              ElementsAre("E=environment", "F=file", "S=secret"));
}

TEST(ContainerRequest, PublishesWhereAskedElseWhereTheProxyIs) {
  auto spec = recorded_spec();
  const auto bindings = [&] { return body_for(spec)["HostConfig"].value("PortBindings", Json()).dump(); };
  EXPECT_EQ(bindings(), R"({"8081/tcp":[{"HostIp":"127.0.0.1","HostPort":"8081"}]})");
  spec.docker.host_ip = "::";
  spec.docker.container_port = "80";
  EXPECT_EQ(bindings(), R"({"80/tcp":[{"HostIp":"::","HostPort":"8081"}]})");
  spec.docker.host_ip = "none";
  EXPECT_EQ(bindings(), "null");
}

TEST(ContainerRequest, AContainerPortThatIsNoneIsAUsageError) {
  for (const auto* port : {"", "0", "65536", "80x", "-1", "{nothing}"}) {
    auto spec = recorded_spec();
    spec.docker.container_port = port;
    const auto request = container_request(spec, 0, {{}, spec.docker}, {}, {});
    ASSERT_FALSE(request) << port;
    EXPECT_EQ(request.error().kind, core::ErrorKind::usage);
  }
}

TEST(ContainerRequest, AnEarlierReleaseRunsWithWhatItRanWith) {
  auto spec = recorded_spec();
  plan::Launch earlier{{"id", "1", "app", ""}, spec.docker};
  auto& docker = std::get<spec::Docker>(earlier.with);
  docker.container_port = "3000";
  docker.environment = {{"PORT", "{container_port}"}};
  spec.docker.container_port = "4000";
  const auto request = container_request(spec, 0, earlier, {}, {});
  ASSERT_TRUE(request);
  EXPECT_EQ(Json::parse(request->body.reveal())["Env"], Json::parse(R"(["PORT=3000"])"));
}

TEST(ContainerRequest, BuiltinNetworksHaveNoAliases) {
  auto spec = recorded_spec();
  spec.docker.networks = {"host"};
  EXPECT_FALSE(body_for(spec).contains("NetworkingConfig"));
  EXPECT_EQ(body_for(spec)["HostConfig"]["NetworkMode"], "host");
}

TEST(ContainerRequest, AValueThatDockerCannotCarryIsRefusedByName) {
  for (const auto& value : {std::string("\xe4"), std::string("a\0b", 3)}) {
    const auto spec = recorded_spec();
    const SecretValues secrets{{{"LATIN", core::Secret(value)}}, {}};
    const auto request = container_request(spec, 0, {{}, spec.docker}, {}, secrets);
    ASSERT_FALSE(request);
    EXPECT_EQ(request.error().kind, core::ErrorKind::usage);
    EXPECT_THAT(request.error().message, ::testing::HasSubstr("LATIN"));
  }
}

// As "IP:port", or the kind of the error.
std::string where(const engine::Container& container, std::optional<int> container_port, int by_spec = 0) {
  const auto found = reachable_at(container, 8081, container_port, by_spec);
  return found ? found->address + ":" + std::to_string(found->port)
               : std::string(core::to_string(found.error().kind));
}

TEST(ReachableAt, APublishedPortIsAskedOnTheHostWhereverItIsPublished) {
  engine::Container container;
  container.network_mode = "bridge";
  container.networks = {{"bridge", "172.17.0.2"}};
  container.ports = {{8080, "udp", "0.0.0.0", 8081},
                     {8080, "tcp", "0.0.0.0", 9000},
                     {8080, "tcp", "10.0.0.5", 8081},
                     {9090, "tcp", "::", 9091},
                     {9100, "tcp", "", 0}};
  EXPECT_EQ(where(container, std::nullopt), "10.0.0.5:8081");
  EXPECT_EQ(where(container, 8080), "10.0.0.5:8081") << "the slot's own binding, where there are several";
  EXPECT_EQ(where(container, 9090), "127.0.0.1:9091");
  EXPECT_EQ(where(container, 9100), "172.17.0.2:9100") << "exposed, not published";
  EXPECT_EQ(where(container, 8081), "172.17.0.2:8081") << "the host's port is not the container's";
}

TEST(ReachableAt, WhatHasNoAddressSaysWhy) {
  engine::Container container;
  container.name = "shop-blue";
  container.network_mode = "bridge";
  container.networks = {{"bridge", ""}};
  container.exit_code = 3;
  container.running = true;
  container.status = "restarting";
  const auto why = [&] { return reachable_at(container, 8081, std::nullopt).error().message; };
  EXPECT_EQ(why(), "shop-blue is restarting, exited with code 3");
  container.oom_killed = true;
  EXPECT_EQ(why(), "shop-blue is restarting, exited with code 3 (out of memory)");
  container.status = "running";
  EXPECT_EQ(why(), "shop-blue has no address: it publishes no port and is on no network");
  container.running = false;
  container.status = "exited";
  EXPECT_EQ(why(), "shop-blue does not run");
}

TEST(ReachableAt, AnUnpublishedPortIsAskedAtTheContainersOwnAddressOrOnTheHostsNetwork) {
  engine::Container container;
  container.labels = {{label::k_container_port, "3000"}};
  container.network_mode = "front";
  container.networks = {{"back", "172.18.0.2"}, {"front", "172.19.0.2"}};
  EXPECT_EQ(where(container, std::nullopt), "172.19.0.2:3000");
  EXPECT_EQ(where(container, 9090), "172.19.0.2:9090");
  container.ports = {{5005, "tcp", "", 0}};
  EXPECT_EQ(where(container, std::nullopt, 4000), "172.19.0.2:3000") << "as it was launched";
  container.ports.clear();
  container.network_mode = "host";
  EXPECT_EQ(where(container, std::nullopt), "127.0.0.1:3000");
  EXPECT_EQ(where(container, 9090), "127.0.0.1:9090");
  container.network_mode = "none";
  container.networks = {{"none", ""}};
  EXPECT_EQ(where(container, 9090), "not_found");
}

// As `docker run` made it.
TEST(PortBySpec, IsTheContainersOwnWhereProxiesReachItThere) {
  auto spec = recorded_spec();
  EXPECT_EQ(port_by_spec(spec, 0), 0) << "as the image exposes it";
  spec.docker.container_port = "8080";
  EXPECT_EQ(port_by_spec(spec, 1), 8080);
  spec.docker.container_port = "{port}";
  EXPECT_EQ(port_by_spec(spec, 1), 8082);
  spec.docker = {};
  spec.compose = spec::Compose{};
  EXPECT_EQ(port_by_spec(spec, 0), 0) << "the slot's own is published";
  spec.nginx.port = "3000";
  EXPECT_EQ(port_by_spec(spec, 0), 0) << "a forwarder's";
  spec.nginx.address = "{container}";
  EXPECT_EQ(port_by_spec(spec, 0), 3000);
  spec.nginx.port.reset();
  EXPECT_EQ(port_by_spec(spec, 1), 8082) << "as the proxy is told";
}

TEST(ReachableAt, WhatSomebodyElseStartedIsAskedWhereTheSpecSaysThatItListens) {
  engine::Container container;
  container.network_mode = "front";
  container.networks = {{"front", "172.19.0.2"}};
  EXPECT_EQ(where(container, std::nullopt, 8080), "172.19.0.2:8080") << "its image exposes nothing";
  container.ports = {{53, "udp", "", 0}, {5005, "tcp", "", 0}, {8080, "tcp", "", 0}};
  EXPECT_EQ(where(container, std::nullopt, 8080), "172.19.0.2:8080") << "nor has anything to listen there";
  EXPECT_EQ(where(container, std::nullopt), "172.19.0.2:5005");
  container.network_mode = "host";
  EXPECT_EQ(where(container, std::nullopt, 8080), "127.0.0.1:8080");
}

}  // namespace
}  // namespace bgdeploy::runtime
