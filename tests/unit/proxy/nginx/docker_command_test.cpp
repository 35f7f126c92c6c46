// Each place that asks docker about nginx's container asks the engine that docker.socket names.
#include "proxy/nginx/docker_command.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../../host/idle_host.hpp"
#include "../../plan/spec_for_tests.hpp"
#include "bgdeploy/proxy/nginx.hpp"
#include "proxy/nginx/script.hpp"
#include "proxy/nginx/way.hpp"

namespace bgdeploy::proxy {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const Wait k_wait = Wait::for_at_most(std::chrono::seconds(5));

// Writes down what it is to run, and answers nothing.
class Recorder final : public host::IdleHost {
public:
  using IdleHost::IdleHost;
  Result<host::Output> run(const host::Command& command, const Wait&) override {
    std::string line;
    for (const std::string& word : command.argv) line += (line.empty() ? "" : " ") + word;
    lines.push_back(line);
    return host::Output{.exit_code = 99, .signal = {}, .out = {}, .err = {}};
  }

  std::vector<std::string> lines;
};

spec::Spec in_container(std::size_t proxies) {
  spec::Spec spec = test::small_spec(1, proxies);
  spec.nginx.container = "edge";
  spec.docker_socket = "/run/other.sock";
  return spec;
}

std::vector<std::string> asked_of_docker(const std::string& host_name, const spec::Spec& spec) {
  Recorder host(host_name);
  EXPECT_TRUE(networks_of(host, spec, k_wait));
  const Backend backend{.host = "web-1",
                        .address = "shop-blue",
                        .port = "8081",
                        .container = "shop-blue",
                        .slot = "blue",
                        .tag = {}};
  EXPECT_TRUE(way_to(host, spec, {.pid = 7, .network = "bridge", .address = {}}, backend, k_wait));
  std::vector<std::string> lines;
  for (const std::string& line : host.lines)
    if (line.starts_with("docker ")) lines.push_back(line);
  const Settings settings = settings_for(host, spec);
  for (const char* name : {"test_command", "inspect_command", "logs_command"})
    lines.push_back(settings.at(name));
  return lines;
}

TEST(DockerCommand, IsOfTheEngineThatRunsTheSlotsOnAnAppHost) {
  const auto lines = asked_of_docker("web-1", in_container(0));
  EXPECT_THAT(lines, Each(StartsWith("docker --host unix:///run/other.sock ")));
  EXPECT_EQ(lines.size(), 6U)
      << "networks, the way from inside, the backend's address, and the script's three";
  EXPECT_THAT(lines, Contains(HasSubstr("exec -i edge")));
}

TEST(DockerCommand, IsOfTheUsualEngineElsewhere) {
  EXPECT_THAT(docker_command(Recorder("nginx-1"), in_container(1)), ElementsAre("docker"));
  EXPECT_THAT(asked_of_docker("nginx-1", in_container(1)), Each(testing::Not(HasSubstr("--host"))));
}

}  // namespace
}  // namespace bgdeploy::proxy
