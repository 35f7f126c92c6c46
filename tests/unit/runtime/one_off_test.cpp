// What docker is asked for when a container is to run one command.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "bgdeploy/runtime/docker_container.hpp"
#include "runtime/compose/one_off_request.hpp"
#include "runtime/compose/script.hpp"

namespace bgdeploy::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

struct NoConsole final : engine::Console {
  int input() const override { return reads ? 0 : -1; }
  std::optional<engine::Window> window() override { return size; }
  int resized() const override { return -1; }
  void begin() override {}
  void end() override {}
  bool reads = false;
  std::optional<engine::Window> size{};
};

spec::Spec shop() {
  spec::Spec spec;
  spec.service = "shop";
  spec.image = "shop";
  spec.slots = {{{.name = "blue", .port = 8081, .container = "shop-blue"},
                 {.name = "green", .port = 8082, .container = "shop-green"}}};
  spec.docker.networks = {"inside", "outside"};
  spec.docker.labels = {{"traefik.enable", "true"}};
  spec.docker.restart = "always";
  return spec;
}

Json docker_body(const spec::Spec& spec, engine::Console* console) {
  const OneOff::Request request{.slot = 1,
                                .launch = {{"r1", "1.0", "shop", "sha256:1"}, spec.docker},
                                .argv = {"migrate", "-x"},
                                .purpose = "run",
                                .lock = "/run/one",
                                .console = console};
  const auto made = one_off_request(spec, request, {"web-1", "10.0.0.1", "127.0.0.1"}, {});
  EXPECT_TRUE(made) << "needs no port";
  EXPECT_THAT(made->name, HasSubstr("shop-run-"));
  EXPECT_THAT(made->networks, ElementsAre("inside", "outside"));
  return Json::parse(made->body.reveal());
}

TEST(OneOff, OfDockerHasNoPortNoAliasAndNobodysLabels) {
  const auto body = docker_body(shop(), nullptr);
  EXPECT_THAT(body["Cmd"], ElementsAre("migrate", "-x"));
  EXPECT_FALSE(body.contains("NetworkingConfig"));
  EXPECT_FALSE(body.contains("ExposedPorts"));
  EXPECT_FALSE(body["HostConfig"].contains("PortBindings"));
  EXPECT_EQ(body["HostConfig"]["NetworkMode"], "inside");
  EXPECT_EQ(body["HostConfig"]["RestartPolicy"]["Name"], "no");
  EXPECT_EQ(body["Healthcheck"]["Test"], Json({"NONE"}));
  EXPECT_EQ(body["Labels"], (Json{{"bgdeploy.service", "shop"},
                                  {"bgdeploy.image", "shop"},
                                  {"bgdeploy.tag", "1.0"},
                                  {"bgdeploy.digest", "sha256:1"},
                                  {"bgdeploy.one_off", "run"},
                                  {"bgdeploy.one_off.lock", "/run/one"},
                                  {"bgdeploy.one_off.of", "shop-blue:8081 shop-green:8082"}}));
}

TEST(OneOff, HasTheStreamsOfItsConsole) {
  const auto none = docker_body(shop(), nullptr);
  EXPECT_EQ(none["OpenStdin"], false);
  EXPECT_EQ(none["Tty"], false);
  NoConsole console;
  console.reads = true;
  const auto pipe = docker_body(shop(), &console);
  EXPECT_EQ(pipe["StdinOnce"], true);
  EXPECT_EQ(pipe["Tty"], false);
  console.size = engine::Window{30, 100};
  const auto terminal = docker_body(shop(), &console);
  EXPECT_EQ(terminal["Tty"], true);
  EXPECT_EQ(terminal["HostConfig"]["ConsoleSize"], Json({30, 100}));
}

constexpr const char* k_made = R"({
  "Config": {"Hostname": "api", "Image": "shop@sha256:1", "Env": ["A=1"], "Cmd": ["migrate"], "Entrypoint": ["/app"],
    "Volumes": {"/proc/bgdeploy-creates-and-does-not-start": {}, "/anon": {}},
    "Labels": {"com.docker.compose.project": "shop-green", "com.docker.compose.oneoff": "True",
               "traefik.enable": "true"}},
  "HostConfig": {"NetworkMode": "shop_default", "Memory": 7, "RestartPolicy": {"Name": "always"},
    "Binds": ["/proc/bgdeploy-creates-and-does-not-start:/proc/bgdeploy-creates-and-does-not-start:ro",
      "/h/shop/compose/shop-run-1/conf:/conf:ro", "/h/shop/compose/shop-run-1/logs:/logs", "data:/data:rw"],
    "Mounts": [{"Type": "bind", "Source": "/h/shop/compose/shop-run-1/db", "Target": "/db"},
      {"Type": "volume", "Source": "shop_data", "Target": "/data"}]},
  "NetworkSettings": {"Networks": {
    "shop_back": {"Aliases": ["api"], "IPAMConfig": {"IPv4Address": "10.0.0.7"}},
    "shop_default": {"Aliases": ["api"], "Links": ["shop_db_1:db"], "IPAMConfig": {"IPv4Address": "10.1.0.7"}}}}})";

TEST(OneOff, OfComposeIsLikeWhatComposeMadeButFoundByNobody) {
  const OneOffFiles files{
      "/h/shop/compose/shop-run-1", "green", {{.path = "conf/app.conf", .content = core::Secret("")}}};
  const auto made = request_like(k_made, "shop-run-1", {{"bgdeploy.one_off", "run"}}, files, nullptr);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_THAT(made->networks, ElementsAre("shop_default", "shop_back"));
  const auto body = Json::parse(made->body.reveal());
  EXPECT_FALSE(body.contains("Hostname"));
  EXPECT_EQ(body["Entrypoint"], Json({"/app"}));
  EXPECT_EQ(body["Volumes"], (Json{{"/anon", Json::object()}}));
  EXPECT_EQ(body["Labels"], (Json{{"bgdeploy.one_off", "run"},
                                  {"com.docker.compose.project", "shop-green"},
                                  {"com.docker.compose.oneoff", "True"}}));
  EXPECT_THAT(body["HostConfig"]["Binds"], ElementsAre("/h/shop/compose/shop-run-1/conf:/conf:ro",
                                                       "/h/shop/compose/green/logs:/logs", "data:/data:rw"));
  EXPECT_EQ(body["HostConfig"]["Mounts"][0]["Source"], "/h/shop/compose/green/db");
  EXPECT_EQ(body["HostConfig"]["Mounts"][1]["Source"], "shop_data");
  EXPECT_EQ(body["HostConfig"]["Memory"], 7);
  EXPECT_EQ(body["HostConfig"]["RestartPolicy"]["Name"], "no");
  EXPECT_EQ(body["NetworkingConfig"]["EndpointsConfig"],
            (Json{{"shop_default", {{"Links", {"shop_db_1:db"}}}}}));
  EXPECT_EQ(request_like("{}", "x", {}, {}, nullptr).error().kind, core::ErrorKind::refused);
}

TEST(OneOff, OfComposeIsCreatedButNotStarted) {
  SecretValues secrets;
  secrets.environment["DB_PASSWORD"] = core::Secret("hunter2");
  const OneOff::Request request{
      .launch = {{"r1", "1.0", "shop", "sha256:1"}, plan::ComposeLaunch{}}, .argv = {"x"}, .purpose = "a $b"};
  const auto text = compose_one_off_override(shop(), request, {.name = "api"}, secrets);
  EXPECT_THAT(text, Not(HasSubstr("hunter2")));
  const auto service = Json::parse(text)["services"]["api"];
  EXPECT_EQ(service["image"], "shop@sha256:1");
  EXPECT_EQ(service["labels"]["bgdeploy.one_off"], "a $$b");
  EXPECT_FALSE(service["labels"].contains("bgdeploy.slot"));
  EXPECT_THAT(service["volumes"][0].get<std::string>(),
              HasSubstr("/proc/bgdeploy-creates-and-does-not-start:"));
}

// What docker makes in it is root's, but the folder is the login user's, who puts files there later.
TEST(OneOff, OfComposeMakesTheSlotsFolderBeforeDockerDoes) {
  const ComposeCall call{.program = {"compose"},
                         .folder = "shop/compose/shop-run-1",
                         .other_folder = "shop/compose/blue",
                         .keep = true};
  EXPECT_THAT(
      compose_script(call).reveal(),
      HasSubstr("mkdir -p -- \"$1\"' sh \"$BGDEPLOY_HOME/.local/state/bgdeploy/\"shop/compose/blue\n"));
}

}  // namespace
}  // namespace bgdeploy::runtime
