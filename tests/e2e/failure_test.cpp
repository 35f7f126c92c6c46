// Deploys that fail before the switch: the old release goes on serving, nothing is left behind, and the
// cause stands where the user looks.
#include <array>

#include "scenario.hpp"

namespace e2e {
namespace {

class Failure : public Scenario {
protected:
  void SetUp() override {
    Scenario::SetUp();
    lab().image("1.0");
    write_spec();
    deploy_well("1.0");
    start_load();
    m_before = world();
  }

  // The failed run, checked for what every failure before the switch owes.
  Finished expect_failed(const std::string& tag, int exit_code = 1) {
    auto finished = bgdeploy({"--progress", "json", "deploy", "--tag", tag});
    EXPECT_EQ(finished.exit_code, exit_code) << finished;
    EXPECT_EQ(last_event(finished).name, "deploy.finished") << finished;
    EXPECT_EQ(last_event(finished).all.value("exit_code", -1), exit_code) << finished;
    EXPECT_EQ(world(), m_before) << "something was left behind" << finished;
    stop_load();
    return finished;
  }

  static void expect_says(const Finished& finished, const std::string& words) {
    EXPECT_NE(finished.both().find(words), std::string::npos) << "does not say: " << words << finished;
  }

  World m_before;
};

TEST_F(Failure, NeverHealthyShowsTheLastAnswer) {
  lab().image("never-healthy", {{"APP_HEALTH", "503"}});
  write_spec({{"health", "health: {http: {path: /health}, interval: 100ms, deadline: 2s}"}});
  expect_says(expect_failed("never-healthy"), "503");
}

TEST_F(Failure, WhatDoesNotAnswerIsLookedInto) {
  lab().image("2.0");
  lab().image("loopback", {{"APP_LOOPBACK", "1"}});
  const std::pair<const std::string, std::string> quick{
      "health", "health: {http: {path: /health}, interval: 100ms, deadline: 1s}"};
  write_spec({quick, {"docker", "docker: {container_port: 9090, stop_grace_period: 1s}"}});
  const auto wrong_port = bgdeploy({"deploy", "--tag", "2.0"});
  EXPECT_EQ(wrong_port.exit_code, 1) << wrong_port;
  expect_says(wrong_port,
              "GET http://127.0.0.1:8082/health: nothing listens on 9090 in shop-green; it listens on 8080");
  expect_says(wrong_port, "set docker.container_port: 8080");
  write_spec({quick});
  const auto loopback = expect_failed("loopback");
  expect_says(loopback, "shop-green listens on 127.0.0.1:8080 inside the container only");
}

TEST_F(Failure, APortThatAProcessHasIsFoundBeforeAnythingStarts) {
  lab().image("2.0");
  const std::string pid = lab().sh(
      "python3 -m http.server --bind 127.0.0.1 8082 >/dev/null 2>&1 & echo $!\n"
      "until ss -Hltn 'sport = :8082' | grep -q .; do sleep 0.05; done");
  const std::string used = "is used by python3 (pid " + pid.substr(0, pid.find('\n')) + ")";
  const auto checked = bgdeploy({"check"});
  const auto finished = expect_failed("2.0");
  lab().sh("kill " + pid);
  EXPECT_EQ(checked.exit_code, 1) << checked;
  expect_says(checked, used);
  expect_says(finished, used);
  EXPECT_EQ(finished.err.find("\"step\":\"start\""), std::string::npos)
      << "something was started" << finished;
}

TEST_F(Failure, AnswersNothingAtAll) {
  lab().image("hangs", {{"APP_HEALTH", "hang"}});
  write_spec({{"health", "health: {http: {path: /health}, interval: 100ms, timeout: 300ms, deadline: 2s}"}});
  expect_failed("hangs");
}

TEST_F(Failure, CrashShowsExitCodeAndLastLogLines) {
  lab().image("crash", {{"APP_EXIT_AFTER_MS", "200"}, {"APP_EXIT_CODE", "42"}, {"APP_HEALTH", "503"}});
  write_spec({{"health", "health: {http: {path: /health}, interval: 100ms, deadline: 1m}"}});
  const auto finished = expect_failed("crash");
  expect_says(finished, "42");
  expect_says(finished, "FATAL: cannot reach the database at db.internal:5432");
  EXPECT_LT(finished.took, std::chrono::seconds{30})
      << "a dead container is not waited for until the deadline";
}

// Nothing but a look back at the new container shows this: it was healthy, and served.
TEST_F(Failure, AReleaseThatDiesAfterItsHealthCheckIsTakenBackAndTheOldOneNeverStopped) {
  stop_load();
  lab().image("dies", {{"APP_EXIT_AFTER_MS", "1000"}, {"APP_EXIT_CODE", "42"}});
  const auto since = lab().sh("docker inspect -f '{{.State.StartedAt}}' shop-blue");
  const std::pair<const std::string, std::string> late{"hooks", "hooks: {after_switch: [{run: sleep 1.5}]}"};
  const std::array<Sections, 2> specs{{
      {late},  // docker starts it again and again
      {late,
       {"docker", "docker: {container_port: 8080, restart: 'no'}"},
       {"verify", "verify: off"},
       {"retire", "retire: keep"}},
  }};
  for (const Sections& spec : specs) {
    write_spec(spec);
    const auto finished = bgdeploy({"--progress", "json", "deploy", "--tag", "dies"});
    EXPECT_EQ(finished.exit_code, 1) << finished;
    EXPECT_EQ(last_event(finished).all.value("result", ""), "rolled_back") << finished;
    expect_says(finished, "was healthy and is not any more: it exited with exit code 42");
    expect_says(finished, "blue was not stopped, and all proxies send to it again");
    EXPECT_FALSE(last_event(finished).all["cause"].value("logs", nlohmann::json()).empty()) << finished;
    EXPECT_EQ(served(), "1.0");
    EXPECT_EQ(world().all, m_before.all);
    EXPECT_EQ(world().include, m_before.include);
    EXPECT_EQ(lab().sh("docker inspect -f '{{.State.StartedAt}}' shop-blue"), since);
  }
}

TEST_F(Failure, TwoSlotsThatDoNotFitAreFoundBeforeAnythingStarts) {
  lab().image("2.0");
  write_spec({{"docker", "docker: {container_port: 8080, mem_limit: 900g}"}});
  const auto finished = expect_failed("2.0");
  expect_says(finished, "both slots do not fit: the new container may use 900g (mem_limit), but only ");
  EXPECT_EQ(finished.err.find("\"step\":\"start\""), std::string::npos)
      << "something was started" << finished;
}

TEST_F(Failure, AHostOfTheLastDeployThatLeftTheSpecIsNamed) {
  lab().image("2.0");
  const std::string history = "/root/.local/state/bgdeploy/shop.jsonl";
  auto entries = lab().read(history).value_or("");
  const std::string now = "\"hosts\":[", proxies = "\"proxies\":[";
  ASSERT_NE(entries.rfind(now), std::string::npos) << entries;
  entries.insert(entries.rfind(now) + now.size(), "\"web-9\",");
  entries.insert(entries.rfind(proxies) + proxies.size(), "\"nginx-9\",");
  lab().write(history, entries);
  const auto finished = expect_failed("2.0", 2);
  expect_says(finished, "web-9, nginx-9 were in the last deploy");
  const auto forced = bgdeploy({"deploy", "--tag", "2.0", "--force"});
  EXPECT_EQ(forced.exit_code, 0) << forced;
  EXPECT_EQ(deploy("1.0").exit_code, 0) << "the deploy that was forced is the last one now";
}

TEST_F(Failure, OutOfMemoryIsSaidSo) {
  lab().image("greedy", {{"APP_EAT_MEMORY", "1"}});
  write_spec({{"docker", "docker: {container_port: 8080, mem_limit: 32m, restart: \"no\"}"}});
  const auto finished = expect_failed("greedy");
  EXPECT_TRUE(finished.both().find("OOM") != std::string::npos ||
              finished.both().find("out of memory") != std::string::npos)
      << finished;
  expect_says(finished, "137");
}

TEST_F(Failure, WrongBodyShowsWhatWasAnswered) {
  lab().image("wrong-body", {{"APP_HEALTH", "wrong"}});
  write_spec(
      {{"health", "health: {http: {path: /health, body: server is on}, interval: 100ms, deadline: 2s}"}});
  expect_says(expect_failed("wrong-body"), "server is on");
}

TEST_F(Failure, ATagThatDoesNotExistIsNamed) {
  const auto finished = expect_failed("no-such-tag");
  expect_says(finished, "has no tag no-such-tag");
  EXPECT_EQ(last_event(finished).all.value("from", ""), "1.0") << finished;
}

TEST_F(Failure, TheRegistryIsDown) {
  lab().image("1.1");
  lab().registry("stop");
  const auto finished = expect_failed("1.1");
  lab().registry("start");
  expect_says(finished, "127.0.0.1:5000");
}

TEST_F(Failure, AnUnrelatedBrokenSiteIsFoundBeforeAnythingStarts) {
  lab().image("1.1");
  lab().write("/etc/nginx/sites-enabled/other.conf", "server { listen 8090; nonsense on; }\n");
  const auto finished = expect_failed("1.1");
  expect_says(finished, "/etc/nginx/sites-enabled/other.conf");
  for (const auto& event : events_in(finished.err))
    EXPECT_FALSE(event.name == "step.started" && (event.step == "start" || event.step == "pull")) << event;
}

TEST_F(Failure, AProxyThatCannotBeReadIsForAHuman) {
  lab().image("1.1");
  write_spec({{"proxy", std::string("proxy: {nginx: {include: ") + k_include + ", container: nobody}}"}});
  const auto finished = deploy("1.1");
  EXPECT_EQ(finished.exit_code, 5) << finished;
  expect_says(finished, "docker says nothing about the container nobody");
  EXPECT_EQ(world(), m_before);
}

TEST_F(Failure, AForeignContainerOnTheIdlePortIsLeftAlone) {
  lab().image("1.1");
  lab().docker({"run", "-d", "--name", "shop-green-2", "-p", "127.0.0.1:8082:8080", "-e", "VERSION=foreign",
                lab().docker({"inspect", "-f", "{{.Image}}", "shop-blue"})});
  m_before = world();
  expect_says(expect_failed("1.1"), "8082");
  EXPECT_EQ(lab().docker({"inspect", "-f", "{{.State.Status}}", "shop-green-2"}), "running");
}

TEST_F(Failure, AContainerWithALookAlikeNameDoesNotMatter) {
  lab().image("1.1");
  lab().docker({"run", "-d", "--name", "shop-green-2", "-e", "VERSION=foreign",
                lab().docker({"inspect", "-f", "{{.Image}}", "shop-blue"})});
  deploy_well("1.1");
  EXPECT_EQ(lab().docker({"inspect", "-f", "{{.State.Status}}", "shop-green-2"}), "running");
  stop_load();
}

TEST_F(Failure, AnotherEnvironmentOfTheServiceOnTheHostIsLeftAlone) {
  for (const char* tag : {"1.1", "2.0"}) lab().image(tag);
  deploy_well("1.1");
  m_before = world();
  const auto refused_for = [&](const std::string& slots) {
    write_spec({{"slots", "slots: " + slots},
                {"proxy", "proxy: {nginx: {include: /etc/nginx/conf.d/staging.inc}}"}});
    for (const Words& command : {Words{"deploy", "--tag", "2.0"}, Words{"plan", "--tag", "2.0"},
                                 Words{"check"}, Words{"rollback"}}) {
      const auto refused = bgdeploy(command);
      EXPECT_EQ(refused.exit_code, 2) << refused;
      expect_says(refused, "a `service` of its own");
    }
    EXPECT_EQ(world(), m_before);
  };
  refused_for("{blue: 9081, green: 9082}");
  // Its own names, and the label of the service all the same.
  refused_for("{blue: {port: 9081, container: staging-blue}, green: {port: 9082, container: staging-green}}");
  write_spec();
  const auto back = bgdeploy({"rollback"});
  EXPECT_EQ(back.exit_code, 0) << back;
  EXPECT_EQ(served(), "1.0");
  stop_load();
}

TEST_F(Failure, AContainerUnderTheSlotsNameThatPublishesSomethingElseIsLeftAlone) {
  lab().image("1.1");
  const auto theirs = lab().docker({"create", "--name", "shop-green", "-p", "127.0.0.1:9999:8080",
                                    lab().docker({"inspect", "-f", "{{.Image}}", "shop-blue"})});
  m_before = world();
  expect_says(expect_failed("1.1", 2), "publishes port 9999, where slot green has port 8082");
  EXPECT_EQ(container_id("green"), theirs);
}

TEST_F(Failure, APausedContainerDoesNotBlockASlot) {
  for (const char* tag : {"1.1", "1.2"}) lab().image(tag);
  deploy_well("1.1");
  lab().docker({"start", "shop-blue"});
  lab().docker({"pause", "shop-blue"});
  const auto status = bgdeploy({"status"});
  EXPECT_NE(status.out.find("shop-blue is paused"), std::string::npos) << status;
  deploy_well("1.2");
  EXPECT_EQ(containers(), (Words{"shop-blue", "shop-green"}));
  stop_load();
}

TEST_F(Failure, TheStoppedReleaseThatRollbackNeedsIsNotConsumed) {
  lab().image("1.1");
  lab().image("crash", {{"APP_EXIT_AFTER_MS", "0"}});
  deploy_well("1.1");
  const auto old = container_id("blue");
  m_before = world();
  expect_failed("crash");
  EXPECT_EQ(container_id("blue"), old);
}

class Include : public Scenario {};

TEST_F(Include, ThatNamesNeitherSlotNeedsAHuman) {
  for (const char* tag : {"1.0", "1.1"}) lab().image(tag);
  write_spec();
  deploy_well("1.0");
  start_load();
  lab().write(k_include, "set $service_url http://127.0.0.1:9999;\n");
  const auto before = world();
  const auto finished = deploy("1.1");
  EXPECT_EQ(finished.exit_code, 5) << finished;
  EXPECT_NE(finished.both().find(k_include), std::string::npos) << finished;
  EXPECT_EQ(world(), before);
  stop_load();
}

TEST_F(Include, ThatSomebodyRemovedIsWrittenAgain) {
  for (const char* tag : {"1.0", "1.1", "1.2"}) lab().image(tag);
  write_spec();
  deploy_well("1.0");
  start_load();
  lab().exec({"rm", k_include});  // nginx goes on with what it has loaded
  deploy_well("1.1");
  deploy_well("1.2");
  stop_load();
  EXPECT_EQ(containers(true).size(), 1U);
}

TEST_F(Include, OfAReleaseThatIsDeadNeedsAHumanAlsoWhereTheNewOneIsNotThere) {
  lab().image("1.0");
  write_spec();
  deploy_well("1.0");
  lab().docker({"stop", "shop-blue"});
  const auto finished = deploy("no-such-tag");
  EXPECT_EQ(finished.exit_code, 5) << finished;
  EXPECT_NE(finished.both().find("the live slot blue is not healthy"), std::string::npos) << finished;
  const auto aborted = bgdeploy({"abort"});
  EXPECT_EQ(aborted.exit_code, 0) << aborted;
  EXPECT_EQ(aborted.both().find("serves"), std::string::npos) << aborted;
  EXPECT_NE(aborted.both().find("NOBODY IS SERVED: shop-blue (slot blue)"), std::string::npos) << aborted;
}

TEST_F(Include, ThatNamesBothSlotsNeedsAHuman) {
  for (const char* tag : {"1.0", "1.1"}) lab().image(tag);
  write_spec();
  deploy_well("1.0");
  start_load();
  lab().write(k_include,
              "set $service_url http://127.0.0.1:8081;\nset $service_url http://127.0.0.1:8082;\n");
  const auto before = world();
  const auto finished = deploy("1.1");
  EXPECT_EQ(finished.exit_code, 5) << finished;
  EXPECT_EQ(world(), before);
  stop_load();
}

TEST_F(Include, ThatNginxDoesNotReadIsRefused) {
  lab().image("1.0");
  write_spec({{"proxy", "proxy: {nginx: {include: /etc/nginx/unused.inc}}"}});
  const auto before = world();
  const auto finished = deploy("1.0");
  EXPECT_EQ(finished.exit_code, 1) << finished;
  EXPECT_NE(finished.both().find("/etc/nginx/unused.inc"), std::string::npos) << finished;
  EXPECT_EQ(world(), before);
}

constexpr const char* k_site = "/etc/nginx/sites-enabled/app.conf";

// The site with `to` in the place of `from`.
std::string site_with(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << text;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

TEST_F(Include, ThatItsSiteDoesNotUseIsRefusedBeforeAnythingStarts) {
  for (const char* tag : {"1.0", "1.1"}) lab().image(tag);
  write_spec();
  deploy_well("1.0");
  const auto literal =
      site_with(*lab().read(k_site), "proxy_pass $service_url;", "proxy_pass http://127.0.0.1:8081;");
  lab().write(k_site, literal);
  lab().exec({"nginx", "-s", "reload"});
  const auto before = world();
  for (const Words& words : {Words{"deploy", "--tag", "1.1"}, Words{"check"}}) {
    const auto finished = bgdeploy(words);
    EXPECT_EQ(finished.exit_code, 1) << finished;
    for (const char* told : {"sends to 127.0.0.1:8081, slot blue", "write in ", ": proxy_pass $service_url;"})
      EXPECT_NE(finished.both().find(told), std::string::npos) << told << finished;
  }
  EXPECT_EQ(world().all, before.all);
  EXPECT_EQ(world().include, before.include);

  // Before a first deploy as well.
  lab().docker({"rm", "-f", "shop-blue"});
  lab().remove(k_include);
  const auto first = deploy("1.0");
  EXPECT_EQ(first.exit_code, 1) << first;
  EXPECT_NE(first.both().find("nothing uses $service_url"), std::string::npos) << first;
  EXPECT_EQ(containers(), Words{});
  EXPECT_EQ(include(), "");

  // Where nginx reads a file of which bgdeploy knows nothing before it is there, the switch finds it.
  lab().write("/root/more.conf", "# nothing\n");
  lab().write(k_site, "include /root/*.conf;\n" + literal);
  const auto late = deploy("1.0");
  EXPECT_EQ(late.exit_code, 1) << late;
  EXPECT_NE(late.both().find("nothing uses $service_url"), std::string::npos) << late;
  EXPECT_EQ(containers(), Words{});
  EXPECT_EQ(include(), "");
}

// The dump says that the include is used; what clients get says more.
TEST_F(Include, WhoseSlotClientsDoNotGetThroughToIsTakenBack) {
  for (const char* tag : {"1.0", "1.1"}) lab().image(tag);
  write_spec();
  deploy_well("1.0");
  lab().write(k_site, site_with(*lab().read(k_site), "proxy_pass $service_url;",
                                "if ($service_url ~ 8082) { return 502; } proxy_pass $service_url;"));
  lab().exec({"nginx", "-s", "reload"});
  const auto before = world();
  const auto finished = bgdeploy({"--progress", "json", "deploy", "--tag", "1.1"});
  EXPECT_EQ(finished.exit_code, 1) << finished;
  EXPECT_EQ(last_event(finished).all.value("result", ""), "failed") << finished;
  EXPECT_NE(finished.err.find("requests through nginx do not get through to it"), std::string::npos)
      << finished;
  EXPECT_EQ(world().all, before.all);
  EXPECT_EQ(world().include, before.include);
  EXPECT_EQ(served(), "1.0");

  write_spec({{"verify", "verify: off"}});
  EXPECT_EQ(deploy("1.1").exit_code, 0) << "nobody asks";
}

// What goes to the old slot in a way that no reading of nginx's configuration, and no probe, shows.
TEST_F(Include, ThatIsNotWhereRequestsGoShowsOnceTheOldSlotHasStopped) {
  for (const char* tag : {"1.0", "1.1"}) lab().image(tag);
  write_spec();
  deploy_well("1.0");
  const auto redirect = [&](const char* action) {
    return lab().exec({"iptables", "-t", "nat", action, "OUTPUT", "-p", "tcp", "-d", "127.0.0.1", "--dport",
                       "8082", "-j", "REDIRECT", "--to-ports", "8081"});
  };
  ASSERT_EQ(redirect("-I").exit_code, 0);
  const auto finished = deploy("1.1");
  EXPECT_EQ(finished.exit_code, 1) << finished;
  EXPECT_NE(finished.err.find("nobody was served once blue had stopped"), std::string::npos) << finished;
  EXPECT_EQ(served(), "1.0");
  EXPECT_EQ(live_slot(), "blue");
  EXPECT_EQ(containers(), Words{"shop-blue"});
  redirect("-D");
}

// Redirects, logins, other sites on the same port, TLS: what was there before is no failure.
TEST_F(Include, OfASiteBehindALoginIsNoFailure) {
  for (const char* tag : {"1.0", "1.1"}) lab().image(tag);
  write_spec();
  deploy_well("1.0");
  const auto site = *lab().read(k_site);
  lab().write("/etc/nginx/passwords", "jo:{PLAIN}secret\n");
  lab().write("/etc/nginx/sites-enabled/0-default.conf", "server { listen 80; return 444; }\n");
  lab().write(k_site, site_with(site_with(site, "listen 80 default_server;",
                                          "listen 80; server_name shop.example.com;"),
                                "proxy_pass $service_url;",
                                "auth_basic shop; auth_basic_user_file /etc/nginx/passwords; proxy_pass "
                                "$service_url;"));
  lab().exec({"nginx", "-s", "reload"});
  EXPECT_EQ(deploy("1.1").exit_code, 0);
  EXPECT_EQ(live_slot(), "green");
  EXPECT_EQ(bgdeploy({"status", "--exit-code"}).exit_code, 0);
  lab().remove("/etc/nginx/passwords");
}

TEST_F(Include, ThatTheSpecWouldWriteOtherwiseIsWrittenWithTheSameTag) {
  lab().image("1.0");
  write_spec();
  deploy_well("1.0");
  start_load();
  const auto id = container_id("blue");
  const auto same_tag_writes = [&](const std::string& text) {
    const auto planned = bgdeploy({"plan", "--tag", "1.0", "--exit-code"});
    EXPECT_EQ(planned.exit_code, 10) << planned;
    const auto workers = world().workers;
    deploy_well("1.0");
    EXPECT_EQ(include(), text);
    EXPECT_NE(world().workers, workers);
    EXPECT_EQ(bgdeploy({"plan", "--tag", "1.0", "--exit-code"}).exit_code, 0);
    EXPECT_NE(deploy("1.0").both().find("nothing to do"), std::string::npos);
    EXPECT_EQ(container_id("blue"), id);
    EXPECT_EQ(container_state("blue"), "running");
    EXPECT_EQ(containers(), Words{"shop-blue"});
  };
  write_spec(
      {{"proxy",
        std::string("proxy: {nginx: {include: ") + k_include +
            ", template: \"set $service_url http://{{address}}:{{port}};\\nset $tag {{tag}};\\n\"}}"}});
  same_tag_writes("set $service_url http://127.0.0.1:8081;\nset $tag 1.0;\n");

  // To an upstream, for which the site has changed already: nginx refuses what is there.
  const std::string reads = "include " + std::string(k_include) + ";";
  lab().write(k_site, reads + "\n" +
                          site_with(site_with(*lab().read(k_site), reads, ""), "proxy_pass $service_url;",
                                    "proxy_pass http://shop;"));
  write_spec({{"proxy", std::string("proxy: {nginx: {include: ") + k_include + ", upstream: shop}}"}});
  same_tag_writes("upstream shop {\n    server 127.0.0.1:8081;\n    keepalive 32;\n}\n");

  // What cannot be written leaves everything as it was.
  write_spec({{"proxy", std::string("proxy: {nginx: {include: ") + k_include +
                            ", template: \"upstream shop { server {{address}}:{{port}} wrong=1; }\"}}"}});
  const auto before = world();
  const auto refused = deploy("1.0");
  EXPECT_EQ(refused.exit_code, 1) << refused;
  EXPECT_NE(refused.both().find("wrong=1"), std::string::npos) << refused;
  EXPECT_EQ(world(), before);
  stop_load();
}

TEST_F(Include, AReloadThatNginxRefusesIsSeenAndUndone) {
  for (const char* tag : {"1.0", "1.1"}) lab().image(tag);
  write_spec();
  deploy_well("1.0");
  start_load();
  // `nginx -t` binds nothing: only the reload finds that the new site's port is taken by the old release.
  lab().write("/etc/nginx/sites-enabled/other.conf", "server { listen 127.0.0.1:8081; }\n");
  const auto before = world();
  const auto finished = deploy("1.1");
  EXPECT_EQ(finished.exit_code, 1) << finished;
  EXPECT_EQ(world(), before);
  stop_load();
}

}  // namespace
}  // namespace e2e
