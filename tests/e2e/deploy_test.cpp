// Deploys that go well, and what must not change when nothing is to be done.
#include "scenario.hpp"

namespace e2e {
namespace {

class Deploy : public Scenario {};

TEST_F(Deploy, TenInARowLoseNoRequest) {
  for (int i = 0; i <= 10; ++i) lab().image("1." + std::to_string(i));
  write_spec();
  deploy_well("1.0");
  start_load();
  for (int i = 1; i <= 10; ++i) deploy_well("1." + std::to_string(i));
  const auto summary = stop_load();
  EXPECT_EQ(summary["versions"].size(), 11U) << "each version was seen: " << summary;
  EXPECT_GE(summary["slow_ok"], 3) << "requests of 3 s finished across the switches";
  EXPECT_EQ(container_state("blue"), "running");
  EXPECT_EQ(container_state("green"), "exited") << "retire: stop is the default";
}

TEST_F(Deploy, KeepAliveClientsThatRetryAsRfc9110AllowsLoseNothing) {
  for (const char* tag : {"1.0", "1.1", "1.2"}) lab().image(tag);
  write_spec();
  deploy_well("1.0");
  start_load({.keep_alive = true});
  deploy_well("1.1");
  deploy_well("1.2");
  stop_load();
}

TEST_F(Deploy, FirstUsesTheFirstSlotAndWritesTheInclude) {
  lab().image("1.0");
  lab().remove(k_include);
  write_spec();
  const auto finished = deploy("1.0");
  ASSERT_EQ(finished.exit_code, 0) << finished;
  EXPECT_EQ(include(), "set $service_url http://127.0.0.1:8081;\n");
  EXPECT_EQ(served(), "1.0");
  EXPECT_EQ(containers(), Words{"shop-blue"});
}

TEST_F(Deploy, TheOldSlotIsStoppedOnlyAfterItsLastRequest) {
  for (const char* tag : {"1.0", "1.1"}) lab().image(tag);
  write_spec();
  deploy_well("1.0");
  start_load({.rate = 50, .slow_ms = 6000});
  const auto finished = deploy("1.1");
  EXPECT_EQ(finished.exit_code, 0) << finished;
  EXPECT_GE(stop_load()["slow_ok"], 1);
  EXPECT_EQ(container_state("blue"), "exited");
  EXPECT_EQ(lab().docker({"inspect", "-f", "{{.State.ExitCode}}", "shop-blue"}), "0") << "ended on SIGTERM";
}

TEST_F(Deploy, TheSameTagTwiceChangesNothing) {
  lab().image("1.0");
  write_spec();
  deploy_well("1.0");
  const auto before = world();
  const auto id = container_id("blue");
  const auto again = bgdeploy({"--progress", "json", "deploy", "--tag", "1.0"});
  EXPECT_EQ(again.exit_code, 0) << again;
  EXPECT_EQ(last_event(again).all.value("result", ""), "unchanged") << again;
  EXPECT_EQ(container_id("blue"), id);
  EXPECT_EQ(world(), before);
}

TEST_F(Deploy, ForceRedeploysWhatIsLive) {
  lab().image("1.0");
  write_spec();
  deploy_well("1.0");
  const auto again = bgdeploy({"deploy", "--tag", "1.0", "--force"});
  EXPECT_EQ(again.exit_code, 0) << again;
  EXPECT_EQ(live_slot(), "green");
  EXPECT_EQ(served(), "1.0");
}

TEST_F(Deploy, AChangedConfigurationOfTheSameTagIsDeployed) {
  lab().image("1.0");
  write_spec();
  deploy_well("1.0");
  write_spec({{"docker", "docker: {container_port: 8080, environment: {GREETING: hello}}"}});
  const auto again = deploy("1.0");
  EXPECT_EQ(again.exit_code, 0) << again;
  EXPECT_EQ(live_slot(), "green");
  EXPECT_EQ(lab().get("/env?name=GREETING").body, "hello");
}

TEST_F(Deploy, ATagThatMovedIsDeployedAgain) {
  lab().push_again("moving", {{"VERSION", "first"}});
  write_spec();
  ASSERT_EQ(deploy("moving").exit_code, 0);
  EXPECT_EQ(served(), "first");
  lab().push_again("moving", {{"VERSION", "second"}});
  const auto again = deploy("moving");
  EXPECT_EQ(again.exit_code, 0) << again;
  EXPECT_EQ(served(), "second");
}

TEST_F(Deploy, ByDigest) {
  lab().image("1.0");
  write_spec();
  deploy_well("1.0");
  const auto named = lab().docker({"image", "inspect", "-f", "{{index .RepoDigests 0}}",
                                   lab().docker({"inspect", "-f", "{{.Image}}", "shop-blue"})});
  const auto digest = named.substr(named.find("sha256:"));
  const auto same = bgdeploy({"--progress", "json", "deploy", "--digest", digest});
  EXPECT_EQ(same.exit_code, 0) << same;
  EXPECT_EQ(last_event(same).all.value("result", ""), "unchanged") << same;
}

TEST_F(Deploy, PlanAndDryRunChangeNothing) {
  for (const char* tag : {"1.0", "1.1"}) lab().image(tag);
  write_spec();
  deploy_well("1.0");
  const auto before = world();
  const auto images = lab().docker({"image", "ls", "-aq"});
  for (const Words& arguments :
       {Words{"plan", "--tag", "1.1"}, Words{"deploy", "--tag", "1.1", "--dry-run"}}) {
    const auto finished = bgdeploy(arguments);
    EXPECT_EQ(finished.exit_code, 0) << finished;
    EXPECT_NE(finished.out.find("shop-green"), std::string::npos) << finished;
    EXPECT_EQ(world(), before);
    EXPECT_EQ(lab().docker({"image", "ls", "-aq"}), images) << "nothing pulled";
  }
}

TEST_F(Deploy, RetireKeepLeavesTheOldSlotRunningAndRemoveTakesItAway) {
  for (const char* tag : {"1.0", "1.1", "1.2"}) lab().image(tag);
  write_spec({{"retire", "retire: keep"}});
  deploy_well("1.0");
  deploy_well("1.1");
  EXPECT_EQ(containers(true), (Words{"shop-blue", "shop-green"}));
  write_spec({{"retire", "retire: remove"}});
  deploy_well("1.2");
  EXPECT_EQ(containers(), Words{"shop-blue"});
}

TEST_F(Deploy, PullsFromAPrivateRegistryAndStoresNoPassword) {
  lab().image("1.0");
  set_environment("REGISTRY_TOKEN", lab().env("LAB_REGISTRY_PASSWORD"));
  const Sections sections = {{"image", "image: " + lab().env("LAB_PRIVATE_IMAGE")},
                             {"registry", "registry: {username: " + lab().env("LAB_REGISTRY_USER") +
                                              ", password: {env: REGISTRY_TOKEN}}"}};
  write_spec(sections);
  deploy_well("1.0");
  const auto found = lab().exec({"grep", "-rlF", lab().env("LAB_REGISTRY_PASSWORD"), "/root", "/etc/nginx"});
  EXPECT_EQ(found.exit_code, 1) << found;
}

TEST_F(Deploy, AWrongRegistryPasswordFailsBeforeAnythingStarts) {
  lab().image("1.0");
  set_environment("REGISTRY_TOKEN", "wrong-token-5521");
  write_spec({{"image", "image: " + lab().env("LAB_PRIVATE_IMAGE")},
              {"registry", "registry: {username: ci, password: {env: REGISTRY_TOKEN}}"}});
  const auto before = world();
  const auto finished = deploy("1.0");
  EXPECT_EQ(finished.exit_code, 1) << finished;
  EXPECT_EQ(finished.both().find("wrong-token-5521"), std::string::npos) << finished;
  EXPECT_NE(finished.err.find("refuses the login"), std::string::npos) << finished;
  write_spec({{"image", "image: " + lab().env("LAB_PRIVATE_IMAGE")}});
  const auto without = deploy("1.0");
  EXPECT_EQ(without.exit_code, 1) << without;
  EXPECT_NE(without.err.find("wants a login"), std::string::npos) << without;
  EXPECT_EQ(world(), before);
}

TEST_F(Deploy, TheContainerPortIsTheOnlyOneThatTheImageExposes) {
  write_spec({{"docker", "docker: {stop_grace_period: 1s}"}});
  lab().image("one", {{"EXPOSE", "8080"}});
  lab().image("other", {{"EXPOSE", "8080"}});
  lab().image("several", {{"EXPOSE", "8080 9090"}});
  lab().image("none");
  deploy_well("one");
  deploy_well("other");
  const auto before = world();
  for (const auto& [tag, words] : {std::pair{"several", ":several exposes several ports: 8080, 9090"},
                                   {"none", ":none exposes no port"}}) {
    const auto refused = deploy(tag);
    EXPECT_EQ(refused.exit_code, 2) << refused;
    EXPECT_NE(refused.err.find(words), std::string::npos) << refused;
    EXPECT_EQ(world(), before) << tag;
  }
}

}  // namespace
}  // namespace e2e
