// examples/nextjs-codedeploy: the hook that CodeDeploy runs on the server, which builds there.
#include <filesystem>

#include "example.hpp"

namespace e2e {
namespace {

namespace fs = std::filesystem;

constexpr const char* k_bundle = "/home/ec2-user/temp";
constexpr const char* k_backends = "/etc/nginx/conf.d/backends.conf";

class NextjsCodedeploy : public Example {
protected:
  static void SetUpTestSuite() { s_lab = std::make_unique<Lab>(LabOptions{.user = "ec2-user:docker"}); }
  static void TearDownTestSuite() { s_lab.reset(); }
  static Lab& lab() { return *s_lab; }

  void SetUp() override {
    Example::SetUp();
    lab().reset();
    const auto root = lab().env("LAB_ROOT");
    fs::create_directories(root + "/run/lab/bin");
    fs::copy_file(bgdeploy_binary(), root + "/run/lab/bin/bgdeploy", fs::copy_options::overwrite_existing);
    use_example("nextjs-codedeploy", {&lab()});
    use_front(lab(), "http://localhost");
    lab().stand_in("node:16-alpine");
    lab().remove("/etc/nginx/sites-enabled/app.conf");
    // The app that the Dockerfile builds.
    fs::create_directory(folder() + "/public");
    write_file("package.json", "{}\n");
    write_file("yarn.lock", "\n");
  }

  // What CodeDeploy does: copy the bundle, run the ApplicationStart hook as root.
  static Finished code_deploy(const std::string& id) {
    return lab().exec({"env", "-i", "PATH=/run/lab/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
                       "LIFECYCLE_EVENT=ApplicationStart", "DEPLOYMENT_ID=" + id,
                       std::string(k_bundle) + "/scripts/switch_docker.sh"});
  }
  Finished release(const std::string& version, const std::string& behaviour = "") const {
    write_file("version", "VERSION=" + version + "\n" + behaviour);
    lab().upload(folder(), k_bundle);
    return code_deploy("d-" + version);
  }
  void release_well(const std::string& version) const {
    const auto finished = release(version);
    ASSERT_EQ(finished.exit_code, 0) << finished;
    EXPECT_EQ(served(), version) << finished;
  }
  void release_broken(const std::string& behaviour) const {
    const auto finished = release("broken", "APP_EXIT_AFTER_MS=500\nAPP_EXIT_CODE=3\n" + behaviour);
    EXPECT_EQ(finished.exit_code, 1) << finished;
    EXPECT_NE(finished.both().find("cannot reach the database"), std::string::npos) << finished;
  }
  static Finished on_server(const Words& words) {
    Words all{"env", "-i", "PATH=/run/lab/bin:/usr/sbin:/usr/bin:/sbin:/bin",          "HOME=/root",
              "sh",  "-c", std::string("cd ") + k_bundle + " && exec bgdeploy \"$@\"", "sh"};
    all.insert(all.end(), words.begin(), words.end());
    return lab().exec(all);
  }

  // What build_docker.sh and switch_docker.sh left: an image, and a compose project named after its colour.
  void set_up_as_before(const std::string& site, const std::string& compose = "docker-compose") {
    write_file("version", "VERSION=old\n");
    for (const auto& [color, port] : {std::pair("blue", "3000"), std::pair("green", "3001")})
      write_file("docker-compose-" + std::string(color) + ".yml",
                 "version: \"3\"\nservices:\n  " + std::string(color) +
                     ":\n    image: docker-image\n    ports:\n      - " + port + ":3000\n");
    lab().upload(folder(), k_bundle);
    lab().write("/etc/nginx/conf.d/default.conf", site);
    lab().sh(
        "docker build -t docker-image temp && sudo nginx -s reload\n"
        "cd temp && " +
        compose +
        " -p blue -f docker-compose-blue.yml up -d\n"
        "docker run -d --name blue-2 docker-image");
    ASSERT_TRUE(eventually(std::chrono::seconds{60}, [&] { return served() == "old"; }));
  }

  static std::unique_ptr<Lab> s_lab;
};
std::unique_ptr<Lab> NextjsCodedeploy::s_lab;

TEST_F(NextjsCodedeploy, WithTheIncludeLosesNothing) {
  lab().write(k_backends, file("nginx/backends.conf"));
  set_up_as_before(file("nginx/default.conf"));
  const auto neighbour = containers_on(lab()).at("blue-2");
  start_load();
  for (const char* version : {"1", "2", "3"}) release_well(version);
  const auto before = lab().read(k_backends);
  release_broken("APP_HEALTH_PATH=/\nAPP_HEALTH=503\n");
  EXPECT_EQ(lab().read(k_backends), before);
  EXPECT_EQ(served(), "3");
  const auto back = on_server({"rollback"});
  EXPECT_EQ(back.exit_code, 0) << back;
  EXPECT_EQ(served(), "2") << back;
  const auto summary = stop_load_expect_all();
  EXPECT_EQ(summary["versions"].size(), 4U) << summary;
  EXPECT_EQ(containers_on(lab()).at("blue-2"), neighbour);
  EXPECT_EQ(lab().get("/", 8090).body, "other\n") << "the other site";
}

class AdoptedNextjs : public NextjsCodedeploy, public ::testing::WithParamInterface<const char*> {};

// On the server itself. No registry has the image: docker's id names what runs, and the next ones are built.
TEST_P(AdoptedNextjs, InitOnWhatTheOldScriptsLeftGivesASpecThatDeploys) {
  const std::string compose = GetParam();
  if (compose == "docker compose") lab().add_compose_v2();
  lab().write(k_backends, file("nginx/backends.conf"));
  set_up_as_before(file("nginx/default.conf"), compose);
  const auto made = on_server({"init", "--host", "local", "--force"});
  ASSERT_EQ(made.exit_code, 0) << made;
  const auto spec = lab().read(std::string(k_bundle) + "/bgdeploy.yml").value_or("");
  EXPECT_NE(spec.find("build:\n"), std::string::npos) << spec;
  EXPECT_NE(spec.find("file: \"docker-compose-{slot}.yml\""), std::string::npos) << spec;
  const auto checked = on_server({"check"});
  EXPECT_EQ(checked.exit_code, 0) << checked << spec;

  const auto before = containers_on(lab());
  const auto id =
      lab().docker({"inspect", "-f", "{{.Image}}", lab().docker({"ps", "-q", "--filter", "publish=3000"})});
  EXPECT_NE(spec.find("bgdeploy plan --digest " + id), std::string::npos) << spec;
  const auto plan = on_server({"plan", "--digest", id, "--exit-code"});
  EXPECT_EQ(plan.exit_code, 0) << plan << spec;
  EXPECT_NE(plan.out.find("nothing to do"), std::string::npos) << plan;
  const auto same = on_server({"deploy", "--digest", id});
  EXPECT_EQ(same.exit_code, 0) << same;
  EXPECT_EQ(same.err.find("warning"), std::string::npos) << "nothing is wrong with it" << same;
  EXPECT_EQ(containers_on(lab()), before);
  EXPECT_EQ(on_server({"plan", "--digest", "sha256:" + std::string(64, '0')}).exit_code, 2);

  write_file("version", "VERSION=1\n");
  lab().upload(folder() + "/version", k_bundle);
  const auto deployed = on_server({"deploy", "--tag", "1"});
  EXPECT_EQ(deployed.exit_code, 0) << deployed << spec;
  EXPECT_EQ(served(), "1");
  // An image that the host has is deployed by its id too.
  const auto older = on_server({"deploy", "--digest", id});
  EXPECT_EQ(older.exit_code, 0) << older;
  EXPECT_EQ(served(), "old");
}

INSTANTIATE_TEST_SUITE_P(Compose, AdoptedNextjs, ::testing::Values("docker-compose", "docker compose"),
                         [](const auto& with) {
                           return std::string(with.param) == "docker compose" ? "v2" : "v1";
                         });

class BothPorts : public NextjsCodedeploy {
protected:
  void SetUp() override {
    NextjsCodedeploy::SetUp();
    // As nginx is when nothing is said: connections that fail are tried on the other port.
    lab().write("/etc/nginx/nginx.conf", replaced(lab().read("/etc/nginx/nginx.conf").value_or(""),
                                                  "  proxy_next_upstream off;\n", ""));
    fs::copy_file(folder() + "/bgdeploy.none.yml", folder() + "/bgdeploy.yml",
                  fs::copy_options::overwrite_existing);
    set_up_as_before(file("nginx/both-ports.conf"));
  }
};

// Not a POST either, while a version boots: nothing accepts at that address before the app listens.
TEST_F(BothPorts, LosesNothing) {
  start_load();
  for (const char* version : {"1", "2"}) {
    const auto finished = release(version, "APP_BOOT_MS=1500\n");
    ASSERT_EQ(finished.exit_code, 0) << finished;
    EXPECT_EQ(served(), version) << finished;
  }
  // One that never listens: what a broken one answers would be seen by users, see below.
  release_broken("APP_BOOT_MS=60000\n");
  EXPECT_EQ(served(), "2");
  const auto back = on_server({"rollback"});
  EXPECT_EQ(back.exit_code, 0) << back;
  EXPECT_EQ(served(), "1") << back;
  const auto summary = stop_load_expect_all();
  EXPECT_GE(summary["versions"].size(), 3U) << summary;
}

// As the set-up had it: docker's proxy accepts before the app listens, and nginx finds out by a request.
// After a failed one each of its two workers avoids the port for ten seconds.
TEST_F(BothPorts, AtLoopbackLosesNoMoreThanThePostThatFindsOut) {
  auto site = replaced(file("nginx/both-ports.conf"), " max_fails=0;", ";");
  lab().write("/etc/nginx/conf.d/default.conf", replaced(site, "172.17.0.1:", "localhost:"));
  lab().sh("sudo nginx -s reload");
  start_load();
  for (const char* version : {"1", "2"}) {
    const auto finished = release(version, "APP_BOOT_MS=1500\n");
    ASSERT_EQ(finished.exit_code, 0) << finished;
  }
  const auto summary = stop_load();
  EXPECT_EQ(summary["failed"], summary["clients"]["post"]["failed"]) << summary;
  EXPECT_LE(summary.value("failed", -1), 2 * 2) << summary;
}

TEST_F(BothPorts, CheckRecommendsTheIncludeWithItsTwoLines) {
  const auto checked = on_server({"check"});
  EXPECT_EQ(checked.exit_code, 0) << checked;
  EXPECT_NE(checked.both().find("include /etc/nginx/conf.d/"), std::string::npos) << checked;
  EXPECT_NE(checked.both().find("proxy_pass $service_url;"), std::string::npos) << checked;
  EXPECT_EQ(checked.both().find("172.17.0.1"), std::string::npos) << "published there already" << checked;
  write_file("bgdeploy.yml", replaced(file("bgdeploy.yml"), "  host_ip: 0.0.0.0\n", ""));
  lab().upload(folder(), k_bundle);
  const auto at_loopback = on_server({"check"});
  EXPECT_NE(at_loopback.both().find("docker0's address (172.17.0.1) with max_fails=0"), std::string::npos)
      << at_loopback;
}

// Outside of the promise, and so documented: nginx lists the new port already, and passes on what it answers.
TEST_F(BothPorts, AnAppThatAnswers503WhileItBootsIsSeenByUsers) {
  start_load();
  const auto finished = release("slow", "APP_WARM_UP_MS=1500\n");
  EXPECT_EQ(finished.exit_code, 0) << finished;
  const auto summary = stop_load();
  EXPECT_GT(summary["failures"]["status"].value("count", 0), 0) << summary;
  EXPECT_EQ(summary["failures"].size(), 1U) << "nothing but answers of the app: " << summary;
}

}  // namespace
}  // namespace e2e
