// examples/momo: two app servers, nginx on machines of its own, a private registry; and what may go wrong
// between several hosts.
#include <algorithm>
#include <filesystem>
#include <set>

#include "example.hpp"

namespace e2e {
namespace {

constexpr const char* k_upstream = "/etc/nginx/conf.d/springApp.conf";
constexpr const char* k_ssh_config = R"(Host edge
  HostName {EDGE}
Host was1
  HostName {WAS1}
  ProxyJump edge
Host was2
  HostName {WAS2}
  Port 2222
  ProxyJump edge
  IdentityFile {WAS2_KEY}
Host edge was1
  IdentityFile {FOLDER}/../key
Host *
  User ubuntu
  IdentitiesOnly yes
  UserKnownHostsFile {FOLDER}/known_hosts
)";
constexpr const char* k_second_sshd = "/run/sshd-2222.pid";
constexpr const char* k_sites = "/etc/nginx/sites-enabled/";

class Momo : public Example {
protected:
  struct Labs {
    Lab app1{LabOptions{.without = "nginx,registry", .user = "ubuntu:docker"}};
    Lab app2{LabOptions{.without = "nginx,registry", .user = "ubuntu:docker"}};
    Lab proxy{LabOptions{.without = "docker", .user = "ubuntu", .registry_port = "8080"}};
    Lab second_proxy{LabOptions{.without = "docker,registry", .user = "ubuntu"}};
  };
  static void SetUpTestSuite() {
    s_labs = std::make_unique<Labs>();
    s_labs->app1.link(s_labs->app2);
    for (auto* lab : {&s_labs->proxy, &s_labs->second_proxy})
      for (auto* app : {&s_labs->app1, &s_labs->app2}) lab->link(*app);
  }
  static void TearDownTestSuite() { s_labs.reset(); }
  static Lab& app1() { return s_labs->app1; }
  static Lab& app2() { return s_labs->app2; }
  static Lab& proxy() { return s_labs->proxy; }
  static Lab& second_proxy() { return s_labs->second_proxy; }
  static std::vector<Lab*> apps() { return {&app1(), &app2()}; }
  static std::vector<Lab*> proxies() { return {&proxy(), &second_proxy()}; }

  void SetUp() override {
    Example::SetUp();
    for (auto* lab : {&app1(), &app2(), &proxy(), &second_proxy()}) {
      lab->exec({"iptables", "-F", "INPUT"});
      lab->reset();
    }
    use_example("momo", {&app1(), &app2(), &proxy(), &second_proxy()});
    set_environment("WAS_SERVER1_IP", app1().env("LAB_ADDRESS"));
    set_environment("WAS_SERVER2_IP", app2().env("LAB_ADDRESS"));
    set_environment("NGINX_SERVER_IP", proxy().env("LAB_ADDRESS"));
    set_environment("PRIVATE_REGISTRY_IP", proxy().env("LAB_ADDRESS"));
    set_environment("WATCH_FOR", "300ms");
    use_front(proxy(), "https://dev-api.moyeora.site");
    push("-blue:latest", {{"VERSION", "old"}, {"APP_SICK_FILE", "/never"}});
    for (const char* tag : {"1", "2", "3"}) push(std::string(":") + tag);
    start_old_containers();
  }

  static std::string image() { return proxy().env("LAB_ADDRESS") + ":8080/momo-sping-application"; }
  static void push(const std::string& name, Environment app = {}) {
    app.insert({{"APP_HEALTH_PATH", "/actuator/health"}, {"APP_SICK_FILE", "/momo/sick"}});
    app1().push_again(image() + name, app);
  }
  static void push_broken() {
    push(":broken", {{"APP_EXIT_AFTER_MS", "500"}, {"APP_EXIT_CODE", "3"}, {"APP_HEALTH", "503"}});
  }

  static void start_old_containers() {
    for (auto* app : apps())
      app->sh(
          "docker run -d -p 8081:8080 -m 700m --cpus=1.8 -v /home/ubuntu/applicationlog:/momo "
          "-e PROFILE=dev --name momo-app-8081 " +
          image() + "-blue:latest");
  }

  // A file of the example with the addresses filled in.
  std::string filled(const std::string& name) const {
    const auto one = replaced(file(name), "{WAS_SERVER1_IP}", app1().env("LAB_ADDRESS"));
    return replaced(one, "{WAS_SERVER2_IP}", app2().env("LAB_ADDRESS"));
  }

  static void prepare_proxy(const Lab& lab) {
    make_certificate(lab, "/home/ubuntu/momokeys/fullchain.pem", "/home/ubuntu/momokeys/privkey.pem",
                     "dev-api.moyeora.site");
    lab.remove(std::string(k_sites) + "app.conf");
  }

  // The README's one change on the proxy: the upstream out of the site, into a file of its own.
  void use_include(const std::vector<Lab*>& on = {&proxy()}) const {
    for (auto* lab : on) {
      prepare_proxy(*lab);
      lab->write(k_upstream, replaced(filled("nginx/springApp.conf"), ":8080", ":8081"));
      lab->write(std::string(k_sites) + "momo.conf", file("nginx/momo.conf"));
      lab->sh("sudo nginx -s reload");
      ASSERT_TRUE(eventually(std::chrono::seconds{60}, [&] { return served_by(*lab) == "old"; }));
    }
  }

  // As the old script left it.
  void use_sites() const {
    prepare_proxy(proxy());
    proxy().sh("mkdir momo-conf");
    for (const char* name : {"momo-8080.conf", "momo-8081.conf"})
      proxy().write(proxy().home() + "/momo-conf/" + name, filled(std::string("momo-conf/") + name));
    proxy().sh("sudo cp momo-conf/momo-8081.conf /etc/nginx/sites-enabled/ && sudo nginx -s reload");
    ASSERT_TRUE(eventually(std::chrono::seconds{60}, [&] { return served() == "old"; }));
  }

  void use_two_proxies() {
    use_include(proxies());
    write_file("bgdeploy.yml",
               replaced(file("bgdeploy.yml"), "  proxy:\n",
                        "  proxy:\n    - {host: " + second_proxy().env("LAB_ADDRESS") + ", sudo: true}\n"));
  }

  // was1, was2 and edge in the place of addresses; and, until the end of the test, a second sshd for was2.
  void use_aliases() const {
    const auto one = app1().env("LAB_ADDRESS"), two = app2().env("LAB_ADDRESS");
    auto spec = replaced(file("bgdeploy.yml"), "- ${WAS_SERVER1_IP}", "- {host: was1, address: " + one + "}");
    spec = replaced(spec, "- ${WAS_SERVER2_IP}", "- {host: was2, address: " + two + "}");
    spec = replaced(spec, "\"${NGINX_SERVER_IP}\"", "edge");
    write_file("bgdeploy.yml", replaced(spec,
                                        "ssh:\n  user: ubuntu\n  identity_file: ${SSH_KEY}\n"
                                        "  known_hosts_file: ${KNOWN_HOSTS}\n",
                                        ""));
    write_file("known_hosts", replaced(file("../known_hosts"), two + " ", "[" + two + "]:2222 "));
    std::filesystem::create_directory(folder() + "/../home/.ssh");
    auto config = replaced(k_ssh_config, "{FOLDER}", folder());
    config = replaced(replaced(config, "{WAS1}", one), "{WAS2}", two);
    config = replaced(config, "{WAS2_KEY}", app2().env("LAB_IDENTITY_FILE"));
    write_file("../home/.ssh/config", replaced(config, "{EDGE}", proxy().env("LAB_ADDRESS")));
    const auto started = app2().exec({"/usr/sbin/sshd", "-f", "/run/lab/sshd_config", "-p", "2222", "-o",
                                      std::string("PidFile=") + k_second_sshd, "-o",
                                      "AuthorizedKeysFile=/run/lab/id_ed25519.pub"});
    ASSERT_EQ(started.exit_code, 0) << started;
  }
  void TearDown() override {
    app2().exec(
        {"sh", "-c", std::string("test ! -e ") + k_second_sshd + " || kill $(cat " + k_second_sshd + ")"});
    Example::TearDown();
  }

  // The old stack to a rollback, and what has to be as before then.
  void walk_through() {
    push_broken();
    start_load();
    for (const char* tag : {"1", "2", "3"}) deploy_well(tag);
    const auto before = routing();
    deploy_broken("broken", "cannot reach the database", "3");
    EXPECT_EQ(routing(), before);
    roll_back_to("2");
    const auto summary = stop_load_expect_all();
    EXPECT_EQ(summary["versions"].size(), 4U) << summary;
    for (auto* app : apps()) {
      auto containers = containers_on(*app);
      EXPECT_EQ(containers.size(), 2U) << ::testing::PrintToString(containers);
      EXPECT_EQ(containers.count("momo-app-8080") + containers.count("momo-app-8081"), 2U);
    }
    EXPECT_EQ(proxy().get("/", 8090).body, "other\n") << "the other site";
  }

  // Every file that nginx may read on the proxies.
  static Environment routing() {
    Environment out;
    for (auto* lab : proxies())
      out[lab->env("LAB_ADDRESS")] =
          lab->exec({"sh", "-c", "cd /etc/nginx && tail -n +1 conf.d/* sites-enabled/*"}).out;
    return out;
  }
  struct World {
    Environment routing;
    std::vector<Containers> containers;
    bool operator==(const World&) const = default;
  };
  static World world() {
    World out{routing(), {}};
    for (auto* app : apps()) out.containers.push_back(containers_on(*app));
    return out;
  }
  friend void PrintTo(const World& world, std::ostream* stream) {
    *stream << ::testing::PrintToString(world.routing) << ::testing::PrintToString(world.containers);
  }

  // No packet of this machine reaches the host's sshd; an open connection is reset.
  static void cut(const Lab& lab) {
    lab.exec({"iptables", "-I", "INPUT", "-p", "tcp", "--dport", "22", "-j", "REJECT", "--reject-with",
              "tcp-reset"});
  }
  static void mend(const Lab& lab) { lab.exec({"iptables", "-F", "INPUT"}); }

  static std::unique_ptr<Labs> s_labs;
};
std::unique_ptr<Momo::Labs> Momo::s_labs;

// From the three hosts alone. One repository serves both slots from then on.
TEST_F(Momo, InitOnWhatTheOldPipelineLeftGivesASpecThatDeploys) {
  use_include();
  Words targets;
  for (const auto* lab : {&app1(), &app2(), &proxy()}) targets.push_back("ubuntu@" + lab->env("LAB_ADDRESS"));
  const auto spec = init_from(targets);
  EXPECT_NE(spec.find("template: \"upstream springApp {"), std::string::npos) << spec;
  EXPECT_NE(spec.find("mem_limit: 700m"), std::string::npos) << spec;
  const auto checked = bgdeploy({"check", "--tag", "latest"});
  EXPECT_EQ(checked.exit_code, 0) << checked << spec;
  const auto before = world();
  nothing_to_do("latest", spec);
  EXPECT_EQ(world(), before);
  push("-blue:latest", {{"VERSION", "1"}, {"APP_SICK_FILE", "/never"}});
  deploy_well("latest", "1");
}

TEST_F(Momo, WithTheUpstreamLosesNothingFromTheOldContainersToARollback) {
  use_include();
  walk_through();
}

TEST_F(Momo, WithWholeSitesLosesNothingFromTheOldContainersToARollback) {
  use_sites();
  use_options({"-f", "bgdeploy.sites.yml"});
  walk_through();
}

TEST_F(Momo, TheContainersHaveTheLimits) {
  use_include();
  deploy_well("1");
  for (auto* app : apps())
    EXPECT_EQ(
        app->docker({"inspect", "-f", "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}", "momo-app-8080"}),
        std::to_string(700 << 20) + " 1800000000");
}

// Everything that SSH needs stands in ~/.ssh/config; the app hosts are reached through the proxy host only,
// and one of them at another port and with another key.
TEST_F(Momo, ByAliasesBehindAJumpHost) {
  use_include();
  use_aliases();
  for (auto* app : apps())
    app->exec({"iptables", "-I", "INPUT", "-i", "eth0", "-p", "tcp", "-m", "multiport", "--dports", "22,2222",
               "-j", "REJECT"});
  start_load();
  deploy_well("1");
  deploy_well("2");
  roll_back_to("1");
  stop_load_expect_all();
  for (auto* app : apps()) EXPECT_EQ(containers_on(*app).size(), 2U);
}

TEST_F(Momo, OneAppHostDownBeforeChangesNothing) {
  use_include();
  const auto before = world();
  start_load();
  cut(app2());
  const auto finished = deploy("1");
  mend(app2());
  EXPECT_EQ(finished.exit_code, 3) << finished;
  EXPECT_NE(finished.err.find(app2().env("LAB_ADDRESS")), std::string::npos) << finished;
  EXPECT_EQ(world(), before);
  stop_load_expect_all();
}

TEST_F(Momo, WhatOnlyLooksShowsTheHostsThatAreThere) {
  use_include();
  deploy_well("1");
  cut(app2());
  const auto status = bgdeploy({"status"});
  const auto history = bgdeploy({"history"});
  mend(app2());
  EXPECT_EQ(status.exit_code, 3) << status;
  const auto one = app1().env("LAB_ADDRESS"), two = app2().env("LAB_ADDRESS");
  EXPECT_NE(status.out.find("\n" + one + "  "), std::string::npos) << status;
  EXPECT_EQ(status.out.find("\n" + two + "  "), std::string::npos) << status;
  EXPECT_NE(status.out.find("LIVE"), std::string::npos) << status;
  EXPECT_NE(status.out.find("\nnot shown: " + two), std::string::npos) << status;
  EXPECT_EQ(status.out.find("is not what the spec would write"), std::string::npos) << status;
  EXPECT_EQ(history.exit_code, 0) << history;

  app1().exec({"mv", "/run/docker.sock", "/run/docker.sock.away"});
  const auto logs = bgdeploy({"logs"});
  const auto anywhere = bgdeploy({"exec", "--", "/app", "--migrate"});
  const auto there = bgdeploy({"exec", "--host", one, "--", "/app", "--migrate"});
  const auto json = bgdeploy({"status", "-o", "json"});
  app1().exec({"mv", "/run/docker.sock.away", "/run/docker.sock"});
  EXPECT_EQ(logs.exit_code, 1) << logs;
  EXPECT_NE(logs.out.find(two + " | "), std::string::npos) << logs;
  EXPECT_NE(logs.err.find(one), std::string::npos) << logs;
  EXPECT_EQ(anywhere.exit_code, 0) << anywhere;
  EXPECT_EQ(there.exit_code, 1) << there;
  EXPECT_NE(there.err.find("docker"), std::string::npos) << there;
  EXPECT_EQ(json.exit_code, 1) << json;
  const auto document = nlohmann::json::parse(json.out);
  ASSERT_EQ(document["failed"].size(), 1U) << json;
  EXPECT_EQ(document["failed"][0]["host"], one);
  EXPECT_EQ(document["hosts"].size(), 1U);
}

// What a container writes, in this order, though each host keeps a log of its own.
TEST_F(Momo, LogsOfAllHostsAreMergedByTime) {
  use_include();
  deploy_well("1");
  const auto write = [](const Lab& lab, const std::string& line) {
    lab.sh(
        "pid=$(docker inspect -f '{{.State.Pid}}' momo-app-8080) && "
        "printf '%b\\n' \"$LINE\" | sudo tee /proc/$pid/fd/1 >/dev/null",
        {{"LINE", line}});
  };
  const auto line_of = [](const Lab& lab, const std::string& text) {
    return lab.env("LAB_ADDRESS") + " | " + text + "\n";
  };
  write(app2(), "one");
  write(app1(), "two \\033[31m");
  write(app2(), "three");
  write(app1(), "four");
  const auto logs = bgdeploy({"logs", "-n", "2"});
  EXPECT_EQ(logs.exit_code, 0) << logs;
  EXPECT_EQ(logs.out, line_of(app2(), "one") + line_of(app1(), "two \\x1b[31m") + line_of(app2(), "three") +
                          line_of(app1(), "four"));
  auto following = start_bgdeploy({"logs", "-n", "1", "-f"}, true);
  const auto says = [&](const std::string& text) {
    return following.wait_for_line(std::chrono::seconds{60},
                                   [&](std::string_view line) { return line.ends_with(" | " + text); });
  };
  EXPECT_TRUE(says("four")) << following.err();
  write(app1(), "five");
  EXPECT_TRUE(says("five")) << following.err();
  following.signal(SIGINT);
  const auto followed = following.wait();
  EXPECT_EQ(followed.exit_code, 0) << followed;
  EXPECT_EQ(followed.both(), line_of(app2(), "three") + line_of(app1(), "four") + line_of(app1(), "five"));
}

TEST_F(Momo, OneAppHostThatNeverGetsHealthyUndoesBoth) {
  use_include();
  write_file("bgdeploy.yml", replaced(file("bgdeploy.yml"), "deadline: 100s", "deadline: 3s"));
  app2().sh("sudo touch applicationlog/sick");
  const auto before = world();
  start_load();
  const auto finished = deploy("1");
  EXPECT_EQ(finished.exit_code, 1) << finished;
  EXPECT_NE(finished.err.find("503"), std::string::npos) << finished;
  EXPECT_EQ(world(), before);
  stop_load_expect_all();
}

// The first one is well, and waits for the second one; when that is well too, it no longer is.
TEST_F(Momo, OneAppHostThatDoesNotStayHealthyUndoesBoth) {
  use_include();
  app2().sh("sudo touch applicationlog/sick");
  const auto before = world();
  start_load();
  auto run = start_bgdeploy({"--progress", "json", "deploy", "--tag", "1"});
  ASSERT_TRUE(run.wait_for_line(std::chrono::seconds{60}, [](std::string_view line) {
    const auto event = parse_event(line);
    return event && event->name == "step.finished" && event->step == "health" &&
           event->host == app1().env("LAB_ADDRESS");
  })) << run.err();
  app1().sh("sudo touch applicationlog/sick");
  app2().sh("sudo rm applicationlog/sick");
  const auto finished = run.wait();
  EXPECT_EQ(finished.exit_code, 1) << finished;
  EXPECT_NE(finished.err.find("503"), std::string::npos) << finished;
  EXPECT_EQ(world(), before);
  const auto summary = stop_load_expect_all();
  EXPECT_EQ(summary["versions"].size(), 1U) << summary;
}

// It is kept on the first proxy.
TEST_F(Momo, TheHistoryIsFoundWhereTheFirstProxyLeavesOrChangesPlaces) {
  use_two_proxies();
  deploy_well("1");
  deploy_well("2");
  const auto second = "    - {host: " + second_proxy().env("LAB_ADDRESS") + ", sudo: true}\n";
  const std::string other = "    - {host: \"${NGINX_SERVER_IP}\", sudo: true}\n";
  const auto alone = replaced(file("bgdeploy.yml"), second, "");
  write_file("bgdeploy.yml", alone);
  const auto before = world();
  const auto refused = deploy("3");
  EXPECT_EQ(refused.exit_code, 2) << refused;
  EXPECT_NE(refused.err.find(second_proxy().env("LAB_ADDRESS") + " was in the last deploy"),
            std::string::npos)
      << refused;
  EXPECT_EQ(world(), before);
  write_file("bgdeploy.yml", replaced(alone, other, other + second));
  const auto history = bgdeploy({"history"});
  EXPECT_NE(history.out.find("deploy"), std::string::npos) << history;
  const auto back = bgdeploy({"rollback"});
  EXPECT_EQ(back.exit_code, 0) << back;
  EXPECT_EQ(served(), "1");
  EXPECT_EQ(served_by(second_proxy()), "1");
  const auto carried = proxy().read(proxy().home() + "/.local/state/bgdeploy/momo.jsonl").value_or("");
  EXPECT_EQ(std::ranges::count(carried, '\n'), 3) << carried;
}

TEST_F(Momo, OneProxyThatFailsItsTestIsFoundBeforeAnythingStarts) {
  use_two_proxies();
  second_proxy().write(std::string(k_sites) + "other.conf", "server { listen 8090; nonsense on; }\n");
  const auto before = world();
  start_load({&second_proxy()});
  const auto finished = bgdeploy({"--progress", "json", "deploy", "--tag", "1"});
  EXPECT_EQ(finished.exit_code, 1) << finished;
  EXPECT_NE(finished.err.find("other.conf"), std::string::npos) << finished;
  for (const auto& event : events_in(finished.err))
    EXPECT_FALSE(event.name == "step.started" && (event.step == "start" || event.step == "pull")) << event;
  EXPECT_EQ(world(), before);
  stop_load_expect_all();
}

TEST_F(Momo, TwoProxiesSwitchTogether) {
  use_two_proxies();
  start_load({&second_proxy()});
  deploy_well("1");
  EXPECT_EQ(served_by(second_proxy()), "1");
  deploy_well("2");
  EXPECT_EQ(served_by(second_proxy()), "2");
  stop_load_expect_all();
}

TEST_F(Momo, WhatWaitsOnTwoHostsIsAbortedOrPromotedBehindTwoProxies) {
  use_two_proxies();
  deploy_well("1");
  start_load({&second_proxy()});
  const auto well = [&](const Words& command) {
    const auto finished = bgdeploy(command);
    EXPECT_EQ(finished.exit_code, 0) << finished;
    return finished;
  };
  const Words hold{"deploy", "--hold", "--tag", "2"};
  const auto before = world();
  well(hold);
  EXPECT_EQ(world().routing, before.routing);
  const auto status = well({"status"});
  EXPECT_NE(status.out.find(" waits in "), std::string::npos) << status;
  for (auto* app : apps())
    EXPECT_NE(status.out.find("reach it with http://" + app->env("LAB_ADDRESS") + ":808"), std::string::npos)
        << status;
  well({"abort"});
  EXPECT_EQ(world(), before);
  well(hold);
  well({"promote"});
  EXPECT_EQ(served(), "2");
  EXPECT_EQ(served_by(second_proxy()), "2");
  roll_back_to("1");
  stop_load_expect_all();
}

// `nginx -t` binds nothing: only the reload of the commit finds that sshd has the other site's port.
TEST_F(Momo, OneProxyThatRefusesInTheCommitLeavesBothOnTheOldRelease) {
  use_two_proxies();
  const auto other = std::string(k_sites) + "other.conf";
  const auto well = second_proxy().read(other).value_or("");
  second_proxy().write(other, "server { listen 127.0.0.1:22; }\n");
  const auto before = world();
  start_load({&second_proxy()});
  const auto finished = bgdeploy({"--progress", "json", "deploy", "--tag", "1"});
  EXPECT_EQ(finished.exit_code, 1) << finished;
  EXPECT_NE(finished.err.find("bind() to 127.0.0.1:22 failed"), std::string::npos) << finished;
  EXPECT_TRUE(std::ranges::any_of(events_in(finished.err), [](const Event& event) {
    return event.name == "step.failed" && event.step == "switch";
  })) << finished;
  EXPECT_EQ(world(), before) << finished;
  for (auto* lab : proxies()) EXPECT_EQ(served_by(*lab), "old") << finished;
  const auto summary = stop_load_expect_all();
  EXPECT_TRUE(summary["versions"].contains("1")) << "the first one was to switch, and back: " << summary;
  second_proxy().write(other, well);
  deploy_well("1");
  EXPECT_EQ(served_by(second_proxy()), "1");
}

// The proxies' own test holds the switch between "staged" and "commit" while the second one gets lost.
TEST_F(Momo, OneProxyLostBetweenStageAndCommitLeavesBothOnTheOldRelease) {
  use_two_proxies();
  for (auto* lab : proxies())
    lab->sh(
        "printf '%s\\n' '#!/bin/sh' 'nginx \"$@\" || exit' 'while [ -e /home/ubuntu/hold ]; do sleep 0.05; "
        "done' "
        ">test-nginx && chmod +x test-nginx");
  write_file("bgdeploy.yml", replaced(file("bgdeploy.yml"), "    upstream: springApp\n",
                                      "    upstream: springApp\n    test: [/home/ubuntu/test-nginx, -t]\n"));
  start_load({&second_proxy()});
  auto run = start_bgdeploy({"--progress", "json", "deploy", "--tag", "1"});
  ASSERT_TRUE(run.wait_for_line(std::chrono::seconds{60}, [](std::string_view line) {
    const auto event = parse_event(line);
    return event && event->name == "step.started" && event->step == "start";
  })) << run.err();
  proxy().write("/home/ubuntu/hold", "");
  const std::string staged = "/etc/nginx/conf.d/.springApp.conf.bgdeploy.new";
  ASSERT_TRUE(eventually(std::chrono::seconds{60}, [&] {
    return proxy().read(staged).has_value() && second_proxy().read(staged).has_value();
  })) << run.err();
  cut(second_proxy());
  proxy().remove("/home/ubuntu/hold");
  const auto finished = run.wait();
  EXPECT_EQ(finished.exit_code, 5) << "what the second one sends to cannot be checked" << finished;
  EXPECT_NE(finished.err.find(second_proxy().env("LAB_ADDRESS")), std::string::npos) << finished;
  EXPECT_EQ(served(), "old") << finished;
  EXPECT_TRUE(eventually(std::chrono::seconds{60}, [&] { return served_by(second_proxy()) == "old"; }))
      << finished;
  mend(second_proxy());
  EXPECT_TRUE(eventually(std::chrono::seconds{60}, [&] { return deploy("2").exit_code == 0; }));
  EXPECT_EQ(served(), "2");
  EXPECT_EQ(served_by(second_proxy()), "2");
  stop_load_expect_all();
}

// Until the watch has seen both app hosts well.
void wait_for_watch_of(Process& run, std::size_t hosts) {
  std::set<std::string> well;
  EXPECT_TRUE(run.wait_for_line(std::chrono::seconds{60}, [&](std::string_view line) {
    const auto event = parse_event(line);
    if (event && event->name == "watch.seen" && event->all.value("ok", false)) well.insert(event->host);
    return well.size() == hosts;
  })) << run.err();
}

TEST_F(Momo, WhatTurnsBadOnOneAppHostIsTakenBackOnBothProxies) {
  use_two_proxies();
  set_environment("WATCH_FOR", "10m");
  const auto before = world();
  start_load({&second_proxy()});
  auto run = start_bgdeploy({"--progress", "json", "deploy", "--tag", "1"});
  wait_for_watch_of(run, apps().size());
  app2().sh("sudo touch applicationlog/sick");
  const auto finished = run.wait();
  EXPECT_EQ(finished.exit_code, 1) << finished;
  EXPECT_EQ(last_event(finished).all.value("result", ""), "rolled_back") << finished;
  EXPECT_NE(finished.err.find(app2().env("LAB_ADDRESS") + ": health: HTTP 503"), std::string::npos)
      << finished;
  EXPECT_EQ(world(), before);
  const auto summary = stop_load_expect_all();
  EXPECT_EQ(summary["versions"].size(), 2U) << summary;
}

TEST_F(Momo, OneProxyLostOnTheWayBackIsNamedAndNothingIsStopped) {
  use_two_proxies();
  set_environment("WATCH_FOR", "10m");
  start_load({&second_proxy()});
  auto run = start_bgdeploy({"--progress", "json", "deploy", "--tag", "1"});
  wait_for_watch_of(run, apps().size());
  cut(second_proxy());
  app2().sh("sudo touch applicationlog/sick");
  const auto finished = run.wait();
  EXPECT_EQ(finished.exit_code, 5) << finished;
  EXPECT_NE(last_event(finished).all.dump().find(second_proxy().env("LAB_ADDRESS")), std::string::npos)
      << finished;
  for (auto* app : apps()) EXPECT_EQ(containers_on(*app).size(), 2U) << finished;
  EXPECT_EQ(served(), "old") << "the other one went back";
  mend(second_proxy());
  app2().sh("sudo rm applicationlog/sick");
  set_environment("WATCH_FOR", "300ms");
  EXPECT_TRUE(eventually(std::chrono::seconds{60}, [&] { return deploy("2").exit_code == 0; }));
  for (auto* lab : proxies()) EXPECT_EQ(served_by(*lab), "2");
  stop_load_expect_all();
}

struct Phase {
  std::string step;
  int exit_code;
};
void PrintTo(const Phase& phase, std::ostream* stream) {
  *stream << phase.step;
}

class LosesAnAppHost : public Momo, public ::testing::WithParamInterface<Phase> {};

TEST_P(LosesAnAppHost, AndTheNextDeployNeedsNoRepair) {
  use_include();
  // The cut has to land before the last word of the step: the old release takes its grace period to stop.
  if (GetParam().step == "retire") {
    push(":1", {{"APP_IGNORE_SIGTERM", "1"}});
    write_file("bgdeploy.yml",
               replaced(file("bgdeploy.yml"), "  cpus: 1.8\n", "  cpus: 1.8\n  stop_grace_period: 5s\n"));
  }
  deploy_well("1");
  push(":2", {{"APP_BOOT_MS", "1500"}});
  start_load();
  auto run = start_bgdeploy({"--progress", "json", "deploy", "--tag", "2"});
  ASSERT_TRUE(run.wait_for_line(std::chrono::seconds{60}, [](std::string_view line) {
    const auto event = parse_event(line);
    return event && event->name == "step.started" && event->step == GetParam().step &&
           event->host != app1().env("LAB_ADDRESS");
  })) << run.err();
  cut(app2());
  const auto finished = run.wait();
  EXPECT_TRUE(finished.exit_code == GetParam().exit_code ||
              (GetParam().step == "switch" && finished.exit_code == 1))
      << finished;
  EXPECT_EQ(served(), finished.exit_code == 1 ? "1" : "2") << finished;
  EXPECT_NE(finished.err.find(app2().env("LAB_ADDRESS")), std::string::npos) << finished;
  mend(app2());
  EXPECT_TRUE(eventually(std::chrono::seconds{60}, [&] {
    const auto next = deploy("3");
    if (next.exit_code != 0) std::printf("           the next deploy: %d\n", next.exit_code);
    return next.exit_code == 0;
  }));
  EXPECT_EQ(served(), "3");
  for (auto* app : apps()) {
    const auto containers = containers_on(*app);
    EXPECT_EQ(containers.size(), 2U) << ::testing::PrintToString(containers);
  }
  stop_load_expect_all();
}

INSTANTIATE_TEST_SUITE_P(At, LosesAnAppHost,
                         ::testing::Values(Phase{"pull", 1}, Phase{"start", 1}, Phase{"health", 1},
                                           Phase{"switch", 6}, Phase{"drain", 6}, Phase{"retire", 6}),
                         [](const auto& phase) { return phase.param.step; });

}  // namespace
}  // namespace e2e
