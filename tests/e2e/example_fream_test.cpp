// examples/fream: nginx and the database in containers on one network, and the app beside them.
#include "example.hpp"

namespace e2e {
namespace {

constexpr const char* k_image = "127.0.0.1:5000/fream:";
constexpr const char* k_conf = "/home/fream/fream-conf/nginx/";

class Fream : public Example {
protected:
  static void SetUpTestSuite() {
    s_lab = std::make_unique<Lab>(LabOptions{.without = "nginx", .user = "fream:docker"});
  }
  static void TearDownTestSuite() { s_lab.reset(); }
  static Lab& lab() { return *s_lab; }

  void SetUp() override {
    Example::SetUp();
    lab().reset();
    use_example("fream", {&lab()});
    set_environment("FREAM_HOST", lab().env("LAB_ADDRESS"));
    set_environment("MYSQL_USER", "fream");
    set_environment("MYSQL_PASSWORD", k_password);
    use_front(lab(), "http://fream.example.com:18080");
    for (const char* image : {"nginx:latest", "mysql:8"}) lab().stand_in(image);
    Environment app{{"APP_HEALTH_PATH", "/products"}};
    for (const char* tag : {"old", "1.0.1", "1.0.2", "1.0.3"}) lab().image(std::string(k_image) + tag, app);
    app.insert({{"APP_EXIT_AFTER_MS", "500"}, {"APP_EXIT_CODE", "3"}, {"APP_HEALTH", "503"}});
    lab().image(std::string(k_image) + "broken", app);
    set_up_as_before();
  }

  // set-up.sh, and the container that 020-deploy-fream.sh started.
  void set_up_as_before() {
    lab().upload(folder(), "/home/fream/fream");
    lab().sh("cd fream && ./set-up.sh",
             {{"MYSQL_ROOT_PASSWORD", "root"}, {"MYSQL_USER", "fream"}, {"MYSQL_PASSWORD", k_password}});
    lab().sh(
        "docker run -d --name fream-app-set1 -p 8081:8081 --network fream -e SERVER_PORT=8081 "
        "-e SPRING_PROFILES_ACTIVE=prod -e FREAM_DB_URL=fream-mysql -e TZ=Asia/Seoul "
        "127.0.0.1:5000/fream:old\n"
        "echo 'set $service_url http://fream-app-set1:8081;' | sudo tee fream-conf/nginx/service-url.inc\n"
        "docker exec fream-nginx nginx -s reload");
    ASSERT_TRUE(eventually(std::chrono::seconds{60}, [&] { return served() == "old"; }));
  }

  std::string include() const { return lab().read(std::string(k_conf) + "service-url.inc").value_or(""); }

  static constexpr const char* k_password = "fream-password-7731";
  static std::unique_ptr<Lab> s_lab;
};
std::unique_ptr<Lab> Fream::s_lab;

TEST_F(Fream, InitOnWhatTheOldScriptLeftGivesASpecThatDeploys) {
  const auto spec = init_from({"fream@" + lab().env("LAB_ADDRESS")});
  const auto checked = bgdeploy({"check", "--tag", "1.0.1"});
  EXPECT_EQ(checked.exit_code, 0) << checked << spec;
  const auto before = containers_on(lab());
  nothing_to_do("old", spec);
  EXPECT_EQ(containers_on(lab()), before);
  deploy_well("1.0.1");
  deploy_well("1.0.2");
}

// Nothing says where it listens but nginx, in an image whose name does not say that it is one: the app's
// exposes no port, and none is published. The host's own nginx does not run.
TEST_F(Fream, InitOnAContainerThatOnlyNginxReachesGivesASpecThatDeploys) {
  lab().docker({"rm", "-f", "fream-app-set1", "fream-nginx"});
  lab().docker({"run", "-d", "--name", "fream-app-set1", "--network", "fream", "-e", "TZ=Asia/Seoul",
                std::string(k_image) + "old"});
  lab().docker({"tag", "nginx:latest", "acme/front:1"});
  lab().sh("echo 'set $service_url http://fream-app-set1:8080;' | sudo tee fream-conf/nginx/service-url.inc");
  lab().docker({"run", "-d", "--name", "fream-nginx", "--network", "fream", "-v",
                std::string(k_conf) + ":/etc/nginx/conf.d/", "-p", "18080:18080", "-p", "80:80",
                "acme/front:1"});
  lab().write("/etc/nginx/nginx.conf", "events {}\nhttp { server { listen 80; } }\n");
  ASSERT_TRUE(eventually(std::chrono::seconds{60}, [&] { return served() == "old"; }));
  const std::string target = "fream@" + lab().env("LAB_ADDRESS");
  const auto spec = init_from({target});
  lab().remove("/etc/nginx/nginx.conf");
  const auto checked = bgdeploy({"check", "--tag", "1.0.1"});
  EXPECT_EQ(checked.exit_code, 0) << checked << spec;
  nothing_to_do("old", spec);
  write_file("bgdeploy.yml", replaced(spec, "path: / ", "path: /products "));
  deploy_well("1.0.1");
  const auto again = bgdeploy({"init", "--stdout", "--host", target});
  EXPECT_NE(again.out.find("path: /products"), std::string::npos) << "as the deploy recorded it" << again;
}

TEST_F(Fream, LosesNothingFromTheOldContainerToARollback) {
  const auto neighbours = containers_on(lab());
  const auto site = lab().read(std::string(k_conf) + "default.conf");
  start_load();
  deploy_well("1.0.1");
  EXPECT_EQ(include(), "set $service_url http://fream-app-set2:8082;\n") << "the old container had set1";
  deploy_well("1.0.2");
  deploy_well("1.0.3");
  const auto before = include();
  deploy_broken("broken", "cannot reach the database", "1.0.3");
  EXPECT_EQ(include(), before);
  roll_back_to("1.0.2");
  const auto summary = stop_load_expect_all();
  EXPECT_EQ(summary["versions"].size(), 4U) << summary;

  auto containers = containers_on(lab());
  for (const char* name : {"fream-nginx", "fream-mysql"}) EXPECT_EQ(containers[name], neighbours.at(name));
  EXPECT_EQ(containers.size(), 4U) << "a slot each and the neighbours"
                                   << ::testing::PrintToString(containers);
  EXPECT_EQ(lab().read(std::string(k_conf) + "default.conf"), site);
  EXPECT_EQ(lab().sh("ls -A fream-conf/nginx | grep -v -e '^default.conf$' -e '^service-url.inc$' "
                     "-e '^.fream-app.bgdeploy' || true"),
            "");
}

TEST_F(Fream, AMachineThatIsListedTwiceDoesNotWaitForItself) {
  const std::string app = R"(  app: ["fream@${FREAM_HOST}"])";
  write_file("bgdeploy.yml",
             replaced(file("bgdeploy.yml"), app, app + "\n" + R"(  proxy: ["fream@${FREAM_HOST}:22"])"));
  deploy_well("1.0.1");
}

TEST_F(Fream, ThePasswordReachesTheAppAndNothingElse) {
  deploy_well("1.0.1");
  EXPECT_EQ(lab().docker({"exec", "fream-app-set2", "/app", "--probe"}), "");
  EXPECT_NE(lab()
                .docker({"inspect", "-f", "{{.Config.Env}}", "fream-app-set2"})
                .find(std::string("FREAM_DB_PASSWORD=") + k_password),
            std::string::npos);
  const auto found = lab().exec({"grep", "-rlF", k_password, "/home/fream", "/root"});
  EXPECT_EQ(found.exit_code, 1) << found;
}

}  // namespace
}  // namespace e2e
