#include "bgdeploy/health/silence.hpp"

#include <gtest/gtest.h>

namespace bgdeploy::health {
namespace {

class SilenceTest : public testing::Test {
protected:
  std::string told(int asked, std::vector<host::TcpEndpoint> sockets) {
    runtime::Clues clues{.listening = std::move(sockets), .on_host_network = on_host};
    const auto reason = explain({.spec = spec,
                                 .slot = 0,
                                 .name = "shop-blue",
                                 .host = "web-1",
                                 .asked = asked,
                                 .up = std::chrono::milliseconds(20345),
                                 .tls = tls},
                                clues);
    return reason ? reason->why + " -> " + reason->next : "";
  }

  spec::Spec spec = [] {
    spec::Spec made;
    made.slots[0].name = "blue";
    made.slots[0].port = 8081;
    made.health.probe = spec::HealthHttp{};
    made.health.deadline = std::chrono::seconds(20);
    return made;
  }();
  bool tls = false, on_host = false;
};

TEST_F(SilenceTest, AnotherPortIsNamed) {
  EXPECT_EQ(told(9090, {{"0.0.0.0", 8080}}),
            "nothing listens on 9090 in shop-blue; it listens on 8080 -> set docker.container_port: 8080");
  EXPECT_EQ(
      told(9090, {{"::", 8443}, {"0.0.0.0", 8080}, {"::", 8080}}),
      "nothing listens on 9090 in shop-blue; it listens on 8080, 8443 -> set docker.container_port: PORT "
      "(whichever of 8080, 8443 serves requests)");
  spec.health.probe = spec::HealthHttp{.port = 9090};
  EXPECT_EQ(told(9090, {{"0.0.0.0", 8080}}),
            "nothing listens on 9090 in shop-blue; it listens on 8080 -> set health.http.port: 8080");
}

TEST_F(SilenceTest, ComposeNamesItsFile) {
  spec.compose.emplace();
  spec.compose->file = "/home/me/docker-compose-{slot}.yml";
  EXPECT_EQ(
      told(9090, {{"0.0.0.0", 8080}}),
      "nothing listens on 9090 in shop-blue; it listens on 8080 -> publish it in docker-compose-blue.yml: "
      "\"8081:8080\"");
}

TEST_F(SilenceTest, TheLoopbackIsInsideOnly) {
  EXPECT_EQ(told(8080, {{"127.0.0.1", 8080}}),
            "shop-blue listens on 127.0.0.1:8080 inside the container only -> let it listen on 0.0.0.0");
  EXPECT_EQ(told(8080, {{"::1", 8080}}),
            "shop-blue listens on [::1]:8080 inside the container only -> let it listen on 0.0.0.0");
  EXPECT_EQ(told(9090, {{"127.0.0.1", 8080}}),
            "nothing listens on 9090 in shop-blue; it listens on 127.0.0.1:8080, inside the container only "
            "-> let it "
            "listen on 0.0.0.0, and set docker.container_port: 8080");
}

TEST_F(SilenceTest, ASlowBootIsNoWrongPort) {
  EXPECT_EQ(
      told(8080, {}),
      "nothing listens in shop-blue yet, 20s after its start -> raise health.deadline (20s), where it needs "
      "longer to boot; its log says what it does: bgdeploy logs --failed");
}

TEST_F(SilenceTest, TlsIsToldApart) {
  tls = true;
  EXPECT_EQ(
      told(8080, {{"0.0.0.0", 8080}}),
      "shop-blue speaks TLS on 8080, and is asked in plain HTTP -> let it serve plain HTTP on 8080, or set "
      "health: {tcp: true}");
}

TEST_F(SilenceTest, OnTheHostsNetworkOthersListenToo) {
  on_host = true;
  EXPECT_EQ(told(8081, {{"0.0.0.0", 22}, {"127.0.0.1", 5432}}),
            "nothing listens on 8081 on web-1, whose network shop-blue uses -> let the app listen on 8081");
  EXPECT_EQ(told(8081, {{"127.0.0.1", 8081}}), "") << "nginx beside it reaches that";
}

TEST_F(SilenceTest, NothingIsGuessed) {
  EXPECT_EQ(told(8080, {{"0.0.0.0", 8080}}), "") << "it listens, and closed the connection itself";
  EXPECT_EQ(told(0, {{"0.0.0.0", 8080}}), "");
  EXPECT_FALSE(explain({.spec = spec, .name = "shop-blue", .host = "web-1", .asked = 8080}, {}));
}

}  // namespace
}  // namespace bgdeploy::health
