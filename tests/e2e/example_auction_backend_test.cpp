// examples/auction-backend: from what its old script left running to a rollback, under load.
#include "example.hpp"

namespace e2e {
namespace {

constexpr const char* k_image = "127.0.0.1:5000/eastshine/auction-backend:";  // seen as Docker Hub's
constexpr const char* k_include_text = "set $service_url http://127.0.0.1:";

struct Variant {
  std::string name, spec, compose;
};
void PrintTo(const Variant& variant, std::ostream* stream) {
  *stream << variant.spec << " with " << variant.compose;
}

class AuctionBackend : public Example, public ::testing::WithParamInterface<Variant> {
protected:
  static void SetUpTestSuite() { s_lab = std::make_unique<Lab>(LabOptions{.user = "ec2-user:docker"}); }
  static void TearDownTestSuite() { s_lab.reset(); }
  static Lab& lab() { return *s_lab; }

  void SetUp() override {
    Example::SetUp();
    lab().reset();
    use_example("auction-backend", {&lab()});
    use_options({"-f", GetParam().spec});
    set_environment("AUCTION_HOST", lab().env("LAB_ADDRESS"));
    use_front(lab(), "http://auction.example.com");
    Environment app{{"APP_HEALTH_PATH", "/api/health"}, {"APP_MIGRATE_LOG", "/log/migrated"}};
    for (const char* tag : {"old", "1.0", "2.0", "3.0"}) lab().image(std::string(k_image) + tag, app);
    app.insert({{"APP_EXIT_AFTER_MS", "500"}, {"APP_EXIT_CODE", "3"}, {"APP_HEALTH", "503"}});
    lab().image(std::string(k_image) + "broken", app);
    set_up_as_before();
  }

  // The host as its owner had it: another site, another container, and the stack that deploy.sh started.
  void set_up_as_before() {
    lab().remove("/etc/nginx/sites-enabled/app.conf");
    lab().write("/etc/nginx/conf.d/auction-backend.conf", file("nginx/auction-backend.conf"));
    lab().write(k_include, file("nginx/service-url.inc"));
    lab().write(lab().home() + "/application-prod.yml", "spring: {}\n");
    for (const char* slot : {"blue", "green"}) {
      const auto name = std::string("docker-compose-") + slot + ".yml";
      lab().write(lab().home() + "/" + name, replaced(file(name), "127.0.0.1:", ""));
    }
    if (GetParam().compose == "docker compose") lab().add_compose_v2();
    lab().sh("sudo nginx -s reload\n" + GetParam().compose +
                 " -p app-server-blue -f docker-compose-blue.yml up -d\n"
                 "docker run -d --name app-server-redis -p 6379:8080 eastshine/auction-backend:old",
             {{"AUCTION_BACKEND_TAG", "old"}});
    ASSERT_TRUE(eventually(std::chrono::seconds{60}, [&] { return served() == "old"; }));
  }

  static std::size_t running() {
    std::size_t count = 0;
    for (const auto& [name, state] : containers_on(lab())) count += state.starts_with("running") ? 1 : 0;
    return count;
  }
  // In the order of the slots, which take turns, each with a log folder of its own.
  static std::string migrated() { return lab().sh("cat /home/ec2-user/log/*/migrated | sort"); }
  std::string include() const { return lab().read(k_include).value_or(""); }

  static std::unique_ptr<Lab> s_lab;
};
std::unique_ptr<Lab> AuctionBackend::s_lab;

TEST_P(AuctionBackend, LosesNothingFromTheOldStackToARollback) {
  const auto neighbour = containers_on(lab()).at("app-server-redis");
  start_load();
  deploy_well("1.0");
  EXPECT_EQ(include(), std::string(k_include_text) + "8082;\n") << "the old stack had blue";
  deploy_well("2.0");
  deploy_well("3.0");
  EXPECT_EQ(migrated(), "1.0\n2.0\n3.0\n") << "each release once";
  const auto before = include();
  deploy_broken("broken", "cannot reach the database", "3.0");
  EXPECT_EQ(include(), before);
  roll_back_to("2.0");
  EXPECT_EQ(migrated(), "1.0\n2.0\n3.0\nbroken\n") << "a rollback migrates nothing";
  const auto summary = stop_load_expect_all();
  EXPECT_EQ(summary["versions"].size(), 4U) << summary;

  const auto containers = containers_on(lab());
  for (const auto& [name, state] : containers) {
    const bool slot = name.find("blue") != std::string::npos || name.find("green") != std::string::npos;
    EXPECT_TRUE(slot || name == "app-server-redis") << name << ": " << state;
  }
  EXPECT_EQ(running(), 2U) << "the live slot, and the neighbour: " << ::testing::PrintToString(containers);
  EXPECT_EQ(containers.at("app-server-redis"), neighbour);
  EXPECT_EQ(lab().get("/", 8090).body, "other\n") << "the other site";
}

class AuctionBackendInit : public AuctionBackend {};

// From the compose files and the host; the compose files say no health path.
TEST_P(AuctionBackendInit, OnWhatTheOldScriptLeftGivesASpecThatDeploys) {
  for (const char* name : {"docker-compose-blue.yml", "docker-compose-green.yml"})
    write_file(name, replaced(file(name), "127.0.0.1:", ""));
  const auto spec = init_from({"ec2-user@" + lab().env("LAB_ADDRESS")},
                              {"docker-compose-blue.yml", "docker-compose-green.yml"});
  EXPECT_NE(spec.find("project: \"app-server-{slot}\""), std::string::npos) << spec;
  const auto checked = bgdeploy({"check", "--tag", "1.0"});
  EXPECT_EQ(checked.exit_code, 0) << checked << spec;
  const auto before = containers_on(lab());
  nothing_to_do("old", spec);
  EXPECT_EQ(containers_on(lab()), before);
  deploy_well("1.0");
}

INSTANTIATE_TEST_SUITE_P(With, AuctionBackendInit,
                         ::testing::Values(Variant{"Compose1", "bgdeploy.yml", "docker-compose"},
                                           Variant{"Compose2", "bgdeploy.yml", "docker compose"}),
                         [](const auto& variant) { return variant.param.name; });
INSTANTIATE_TEST_SUITE_P(With, AuctionBackend,
                         ::testing::Values(Variant{"Compose1", "bgdeploy.yml", "docker-compose"},
                                           Variant{"Compose2", "bgdeploy.yml", "docker compose"},
                                           Variant{"Docker", "bgdeploy.docker.yml", "docker-compose"}),
                         [](const auto& variant) { return variant.param.name; });

}  // namespace
}  // namespace e2e
