// examples/evan: two services of one compose project behind TLS, and the tag `latest`.
#include "example.hpp"

namespace e2e {
namespace {

constexpr const char* k_image = "127.0.0.1:5000/evan523/server1:latest";  // seen as Docker Hub's

class Evan : public Example {
protected:
  static void SetUpTestSuite() { s_lab = std::make_unique<Lab>(LabOptions{.user = "ec2-user"}); }
  static void TearDownTestSuite() { s_lab.reset(); }
  static Lab& lab() { return *s_lab; }

  void SetUp() override {
    Example::SetUp();
    lab().reset();
    use_example("evan", {&lab()});
    set_environment("EC2_HOST", lab().env("LAB_ADDRESS"));
    use_front(lab(), "https://evan523.shop");
    set_up_as_before();
  }

  static void push(const std::string& version, Environment app = {}) {
    app.insert({{"APP_HEALTH_BODY", "server is running"}, {"VERSION", version}});
    lab().push_again(k_image, app);
  }

  // The stack that deploy.sh started, from the compose files as they were; then the new ones in their place.
  void set_up_as_before() {
    push("old");
    lab().remove("/etc/nginx/sites-enabled/app.conf");
    lab().write("/etc/nginx/conf.d/default.conf", file("nginx/default.conf"));
    lab().write(k_include, file("nginx/service-url.inc"));
    make_certificate(lab(), "/etc/letsencrypt/live/evan523.shop/fullchain.pem",
                     "/etc/letsencrypt/live/evan523.shop/privkey.pem", "evan523.shop");
    write_old_files();
    lab().sh(
        "sudo nginx -s reload\n"
        "sudo docker network create evannet\n"
        "sudo docker pull evan523/server1:latest\n"
        "sudo docker-compose -f docker-compose.a.yml up -d --build\n"
        "sudo docker run -d --name server-a-db --network evannet evan523/server1");
    for (const char* name : {"docker-compose.a.yml", "docker-compose.b.yml"})
      lab().write(lab().home() + "/" + name, file(name));
    ASSERT_TRUE(eventually(std::chrono::seconds{60}, [&] { return served() == "old"; }));
  }

  void write_old_files() const {
    for (const char* name : {"docker-compose.a.yml", "docker-compose.b.yml"})
      lab().write(lab().home() + "/" + name,
                  replaced(replaced(file(name), "127.0.0.1:", ""), "unless-stopped", "always"));
  }

  std::string include() const { return lab().read(k_include).value_or(""); }

  static std::unique_ptr<Lab> s_lab;
};
std::unique_ptr<Lab> Evan::s_lab;

TEST_F(Evan, LosesNothingFromTheOldStackToARollback) {
  const auto neighbour = containers_on(lab()).at("server-a-db");
  start_load();
  for (const char* version : {"1", "2", "3"}) {
    push(version);
    deploy_well("latest", version);
  }
  EXPECT_EQ(include(), "set $service_url http://127.0.0.1:8081;\n");
  const auto before = include();
  push("broken", {{"APP_EXIT_AFTER_MS", "500"}, {"APP_EXIT_CODE", "3"}, {"APP_HEALTH", "503"}});
  deploy_broken("latest", "cannot reach the database", "3");
  EXPECT_EQ(include(), before);
  roll_back_to("2");
  const auto summary = stop_load_expect_all();
  EXPECT_EQ(summary["versions"].size(), 4U) << summary;

  const auto containers = containers_on(lab());
  EXPECT_EQ(containers.size(), 3U) << ::testing::PrintToString(containers);
  EXPECT_EQ(containers.count("server-a") + containers.count("server-b"), 2U);
  EXPECT_EQ(containers.at("server-a-db"), neighbour);
  EXPECT_EQ(lab().get("/", 8090).body, "other\n") << "the other site";
}

// From the host alone: nginx's dump, the container, and the compose files that its labels name.
TEST_F(Evan, InitOnWhatTheOldScriptLeftGivesASpecThatDeploys) {
  write_old_files();
  const auto spec = init_from({"ec2-user@" + lab().env("LAB_ADDRESS")});
  EXPECT_NE(spec.find("remote_file: \"/home/ec2-user/docker-compose.{slot}.yml\""), std::string::npos)
      << spec;
  const auto checked = bgdeploy({"check", "--tag", "latest"});
  EXPECT_EQ(checked.exit_code, 0) << checked << spec;
  const auto before = containers_on(lab());
  nothing_to_do("latest", spec);
  EXPECT_EQ(containers_on(lab()), before);
  push("1");
  deploy_well("latest", "1");
}

// As after a CI job, whose folder goes with it.
TEST_F(Evan, InitGoesOnFromTheContainerWhereItsComposeFileIsGone) {
  lab().sh("rm docker-compose.a.yml");
  const auto spec = init_from({"ec2-user@" + lab().env("LAB_ADDRESS")});
  EXPECT_NE(spec.find("container: server-a"), std::string::npos) << spec;
  EXPECT_NE(spec.find("that init could not use"), std::string::npos) << spec;
  const auto checked = bgdeploy({"check", "--tag", "latest"});
  EXPECT_EQ(checked.exit_code, 0) << checked << spec;
}

TEST_F(Evan, LatestThatDidNotMoveChangesNothing) {
  push("1");
  deploy_well("latest", "1");
  const auto before = containers_on(lab());
  deploy_well("latest", "1");
  EXPECT_EQ(containers_on(lab()), before);
}

}  // namespace
}  // namespace e2e
