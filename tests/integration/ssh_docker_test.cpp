// Docker and a health probe over an SSH connection that may forward nothing, with and without sudo.
#include <gmock/gmock.h>

#include "bgdeploy/engine/client.hpp"
#include "bgdeploy/health/health.hpp"
#include "ssh_server.hpp"
#include "support/docker_lab.hpp"

namespace bgdeploy::testing_ssh {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* k_nothing_forwarded =
    "AllowTcpForwarding no\nAllowStreamLocalForwarding no\nDisableForwarding yes\n";

class SshDocker : public SshTest {
protected:
  std::unique_ptr<host::Host> log_in(const std::string& user, const spec::Sudo& sudo,
                                     const std::string& extra = "") {
    if (!m_server)
      set_up({.extra = k_nothing_forwarded + extra,
              .environment = "DOCKER_HOST=unix://" + m_lab.socket().string()});
    auto target = host();
    target.ssh.user = user;
    target.ssh.sudo = sudo;
    auto connected = host::connect(target, soon());
    EXPECT_TRUE(connected) << all_text(connected.error());
    return connected ? std::move(*connected) : nullptr;
  }

  // And nothing else.
  void allow_dial_stdio() {
    auto docker = run_tool({"sh", "-c", "command -v docker"});
    docker.pop_back();
    m_etc.sudoers(
        "Defaults !syslog\nDefaults env_keep += \"DOCKER_HOST\"\n"
        "plain ALL=(root) NOPASSWD: " +
        docker + " system dial-stdio\n");
  }

  // It moves into a network of its own: before there is a thread.
  bgdeploy::testing::DockerLab& m_lab = bgdeploy::testing::DockerLab::get();
};

TEST_F(SshDocker, IsReachedThroughACommandWhereNothingMayBeForwarded) {
  const auto host = log_in("root", {});
  EXPECT_FALSE(host->reachable(host::UnixEndpoint{m_lab.socket()}, soon()));
  const auto client = engine::Client::open(*host, {}, soon());
  ASSERT_TRUE(client) << all_text(client.error());
  const auto id = m_lab.docker({"create", "--name", "one", "app:1"});
  const auto listed = (*client)->list_containers(soon());
  ASSERT_TRUE(listed) << all_text(listed.error());
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_EQ(listed->front().id, id);
  ASSERT_TRUE((*client)->start_container("one", soon()));
  EXPECT_EQ(m_lab.docker({"inspect", "--format", "{{.State.Running}}", "one"}), "true");
  m_lab.docker({"rm", "-f", "one"});
}

// The socket is there no more either, which is nobody's fault but the connection's.
TEST_F(SshDocker, ALostConnectionIsWhyDockerIsNotReached) {
  const auto host = log_in("root", {});
  const auto client = engine::Client::open(*host, {}, soon());
  ASSERT_TRUE(client) << all_text(client.error());
  for (const auto pid : m_server->children()) ::kill(pid, SIGKILL);
  EXPECT_FALSE(host->run({{"true"}}, soon()));
  const auto listed = (*client)->list_containers(soon());
  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().kind, core::ErrorKind::unreachable);
  EXPECT_THAT(listed.error().message, HasSubstr("the SSH connection broke"));
}

// Docker's own connection is kept for the next request, and yet everybody gets a turn.
TEST_F(SshDocker, SharesOneSessionWithCommandsAndOtherRequests) {
  const auto host = log_in("root", {}, "MaxSessions 1\n");
  const auto client = engine::Client::open(*host, {}, soon());
  ASSERT_TRUE(client) << all_text(client.error());
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE((*client)->list_containers(soon()));
    EXPECT_TRUE(host->run({{"true"}}, soon()));
  }
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 3; ++i)
      callers.emplace_back([&] {
        for (int j = 0; j < 3; ++j)
          if ((*client)->list_containers(soon()) && host->run({{"true"}}, soon())) ++good;
      });
  }
  EXPECT_EQ(good, 9);
}

TEST_F(SshDocker, AHealthProbeToo) {
  const auto host = log_in("root", {});
  const Port port(true);
  const std::jthread server([&] {
    std::string request;
    // The first to come only looks whether anybody listens, since forwarding was refused.
    while (request.empty()) {
      const auto connection = port.accept();
      for (char byte = 0;
           request.find("\r\n\r\n") == std::string::npos && ::recv(connection.get(), &byte, 1, 0) == 1;)
        request += byte;
      const std::string answer = request.starts_with("GET /health ")
                                     ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nup"
                                     : "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
      if (!request.empty()) ::send(connection.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    }
  });
  bgdeploy::testing::Docker docker;
  spec::Health health;
  health.probe = spec::HealthHttp{.path = "/health", .body = "up"};
  health.timeout = 10s;
  runtime::Reachable where;
  where.address = "127.0.0.1";
  where.port = port.number();
  const auto prober = health::make_prober(health, {*host, docker.runtime(), "", where, ""});
  const auto answer = prober->probe(soon());
  EXPECT_TRUE(answer.healthy) << answer.text;
}

TEST_F(SshDocker, SudoLeadsThereAndItsRefusalIsShown) {
  allow_dial_stdio();
  const auto host = log_in("plain", {.all = false, .docker = true, .nginx = false});
  const auto client = engine::Client::open(*host, {}, soon());
  ASSERT_TRUE(client) << all_text(client.error());
  EXPECT_TRUE((*client)->list_containers(soon()));
  m_etc.sudoers("Defaults !syslog\nplain ALL=(root) ALL\n");
  const auto refused = engine::Client::open(*host, {}, soon());
  ASSERT_FALSE(refused);
  EXPECT_THAT(all_text(refused.error()), HasSubstr("a password is required"));
}

TEST_F(SshDocker, ComposeNeedsAShellThroughSudoAndSaysSo) {
  allow_dial_stdio();
  const auto host = log_in("plain", {.all = false, .docker = true, .nginx = false});
  spec::Spec spec;
  spec.service = "shop";
  spec.slots = {spec::Slot{"blue", 8081, "shop-blue"}, spec::Slot{"green", 8082, "shop-green"}};
  spec.compose.emplace().project = "shop-{slot}";
  spec.app_hosts = {this->host()};
  const auto docker = runtime::open(*host, spec, {}, 0, {}, soon());
  ASSERT_TRUE(docker) << all_text(docker.error());
  const auto image = docker->runtime->repository({{}, plan::ComposeLaunch{*spec.compose, {}}}, soon());
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().kind, core::ErrorKind::denied);
  EXPECT_THAT(all_text(image.error()), Not(HasSubstr("there is no docker compose")));
  EXPECT_THAT(all_text(image.error()), HasSubstr("a password is required"));
}

}  // namespace
}  // namespace bgdeploy::testing_ssh
