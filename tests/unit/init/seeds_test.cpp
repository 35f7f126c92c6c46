// The five set-ups that examples/ are made from, as their authors had them.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "bgdeploy/init/gather.hpp"
#include "support.hpp"

namespace bgdeploy::init {
namespace {

namespace fs = std::filesystem;

class Seeds : public ::testing::Test {
protected:
  void SetUp() override {
    std::string path = fs::temp_directory_path() / "bgdeploy-init-XXXXXX";
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    m_folder = path;
  }
  void TearDown() override { fs::remove_all(m_folder); }

  // The files of a set-up have ".txt" behind their names, so that no linter takes them for ours.
  spec::Spec read(const std::string& name) {
    const fs::path from = fs::path(BGDEPLOY_SOURCE_DIR "/tests/unit/init/seeds") / name;
    for (const auto& entry : fs::recursive_directory_iterator(from)) {
      if (!entry.is_regular_file()) continue;
      const fs::path to = fs::path(m_folder) / fs::relative(entry.path(), from).replace_extension();
      fs::create_directories(to.parent_path());
      fs::copy_file(entry.path(), to);
    }
    const auto done = read_folder(draft, m_folder);
    EXPECT_TRUE(done) << done.error().message;
    complete(draft, name);
    return written(draft);
  }

  Draft draft;

private:
  std::string m_folder;
};

TEST_F(Seeds, AuctionBackendIsAComposeProjectASlot) {
  const spec::Spec spec = read("auction-backend");
  EXPECT_EQ(spec.service, "auction-backend");
  EXPECT_EQ(spec.image, "eastshine/auction-backend");
  EXPECT_EQ(spec.app_hosts[0].name, "ec2-52-79-43-121.ap-northeast-2.compute.amazonaws.com");
  EXPECT_EQ(spec.app_hosts[0].ssh.user, "ec2-user");
  EXPECT_TRUE(spec.app_hosts[0].ssh.sudo.all);
  EXPECT_EQ(spec.slots[0].name, "blue");
  EXPECT_EQ(spec.slots[0].port, 8081);
  EXPECT_EQ(spec.slots[1].name, "green");
  EXPECT_EQ(spec.slots[1].port, 8082);
  ASSERT_TRUE(spec.compose);
  EXPECT_EQ(spec.compose->file, "/work/docker-compose-{slot}.yml");
  EXPECT_EQ(spec.compose->project, "app-server-{slot}");
  EXPECT_EQ(spec.compose->service, "api");
  EXPECT_EQ(spec.compose->environment.at("AUCTION_BACKEND_TAG"), "{tag}");
  EXPECT_EQ(http(spec).path, "/api/health");
  EXPECT_EQ(http(spec).body, "server is on");
  EXPECT_EQ(spec.health.success_threshold, 3);
  EXPECT_EQ(spec.health.deadline, std::chrono::seconds(100));
  EXPECT_EQ(spec.nginx.include, "/etc/nginx/conf.d/service-url.inc");
  EXPECT_TRUE(draft.gaps().empty()) << ::testing::PrintToString(draft.gaps());
}

TEST_F(Seeds, AuctionBackendBeforeItsScriptWasOneContainer) {
  const spec::Spec spec = read("auction-backend-before");
  EXPECT_EQ(spec.image, "eastshine/auction-backend") << "which `docker tag` gave another name";
  EXPECT_EQ(spec.slots[0].port, 8080);
  EXPECT_EQ(spec.slots[0].container, "server");
  EXPECT_EQ(spec.slots[1].port, 8081);
  EXPECT_EQ(spec.docker.container_port, "8080");
  EXPECT_EQ(spec.docker.extra_hosts, std::vector<std::string>{"host.docker.internal:host-gateway"});
  EXPECT_EQ(spec.docker.environment.at("SPRING_PROFILES_ACTIVE"), "prod");
  EXPECT_EQ(spec.docker.volumes.size(), 2U);
}

TEST_F(Seeds, FreamIsTwoContainersOfOneScriptBehindNginxInAContainer) {
  const spec::Spec spec = read("fream");
  EXPECT_EQ(spec.service, "fream");
  EXPECT_EQ(spec.image, "127.0.0.1:5000/fream");
  EXPECT_EQ(spec.slots[0], (spec::Slot{"set1", 8081, "fream-app-set1"}));
  EXPECT_EQ(spec.slots[1], (spec::Slot{"set2", 8082, "fream-app-set2"}));
  EXPECT_EQ(spec.docker.container_port, "{port}");
  EXPECT_EQ(spec.docker.networks, std::vector<std::string>{"fream"});
  EXPECT_EQ(spec.docker.environment.at("SERVER_PORT"), "{port}");
  EXPECT_EQ(spec.docker.environment.at("FREAM_DB_SCHEME"), "fream");
  EXPECT_EQ(spec.docker.environment.at("FREAM_DB_USERNAME"), "") << "MYSQL_USER is not set here";
  EXPECT_FALSE(spec.docker.environment.contains("FREAM_DB_PASSWORD"));
  EXPECT_TRUE(spec.secrets.contains("FREAM_DB_PASSWORD"));
  EXPECT_EQ(http(spec).path, "/products");
  EXPECT_EQ(spec.nginx.container, "fream-nginx");
  EXPECT_EQ(spec.nginx.include, "/etc/nginx/conf.d/service-url.inc") << "through the mount";
  EXPECT_EQ(spec.nginx.address, "{container}");
  EXPECT_EQ(draft.gaps(), std::vector<std::string>{"hosts.app"});
}

TEST_F(Seeds, MomoHasTwoAppHostsAndWholeSites) {
  const spec::Spec spec = read("momo");
  ASSERT_EQ(spec.app_hosts.size(), 2U);
  EXPECT_EQ(spec.app_hosts[0].ssh.user, "ubuntu");
  ASSERT_EQ(spec.proxy_hosts.size(), 1U);
  EXPECT_EQ(spec.slots[0].port, 8080);
  EXPECT_EQ(spec.slots[0].container, "momo-app-8080");
  EXPECT_EQ(spec.slots[1].container, "momo-app-8081");
  EXPECT_EQ(spec.docker.container_port, "8080");
  EXPECT_EQ(spec.docker.mem_limit, 700 << 20);
  EXPECT_EQ(spec.docker.cpus, 1.8);
  EXPECT_EQ(spec.docker.volumes, std::vector<std::string>{"/home/ubuntu/applicationlog:/momo"});
  EXPECT_EQ(spec.docker.environment.at("PROFILE"), "dev");
  EXPECT_EQ(http(spec).path, "/actuator/health");
  EXPECT_EQ(spec.health.deadline, std::chrono::seconds(100)) << "of the loop that calls health_check";
  ASSERT_TRUE(spec.nginx.sites);
  EXPECT_EQ(spec.nginx.sites->from, "~/momo-conf/momo-{port}.conf");
  EXPECT_EQ(spec.nginx.sites->to, "/etc/nginx/sites-enabled/momo-{port}.conf");
  EXPECT_EQ(draft.gaps(), (std::vector<std::string>{"hosts.app", "hosts.proxy", "image"}));
}

TEST_F(Seeds, EvanIsTwoServicesOfOneProject) {
  const spec::Spec spec = read("evan");
  EXPECT_EQ(spec.image, "evan523/server1");
  EXPECT_EQ(spec.slots[0], (spec::Slot{"a", 8080, "server-a"}));
  EXPECT_EQ(spec.slots[1], (spec::Slot{"b", 8081, "server-b"}));
  ASSERT_TRUE(spec.compose);
  EXPECT_EQ(spec.compose->file, "/work/docker-compose.{slot}.yml");
  EXPECT_EQ(spec.compose->service, "server-{slot}");
  EXPECT_EQ(http(spec).path, "/health");
  EXPECT_EQ(http(spec).body, "running");
  EXPECT_EQ(spec.health.success_threshold, 1);
  EXPECT_EQ(spec.health.deadline, std::chrono::seconds(100));
  EXPECT_EQ(spec.nginx.include, "/etc/nginx/conf.d/service-url.inc");
  EXPECT_EQ(draft.gaps(), (std::vector<std::string>{"compose.project", "hosts.app"}));
}

TEST_F(Seeds, NextjsIsAPairOfComposeFiles) {
  const spec::Spec spec = read("nextjs-codedeploy");
  EXPECT_EQ(spec.slots[0].port, 3000);
  EXPECT_EQ(spec.slots[1].port, 3001);
  ASSERT_TRUE(spec.compose);
  EXPECT_EQ(spec.compose->project, "{slot}");
  EXPECT_EQ(spec.compose->service, "{slot}");
  ASSERT_TRUE(spec.build) << "build_docker.sh builds it where it runs";
  EXPECT_EQ(spec.image, "docker-image");
}

}  // namespace
}  // namespace bgdeploy::init
