// What status, check and history say, in ordinary and in odd states.
#include <csignal>
#include <ctime>
#include <sstream>

#include "in_terminal.hpp"
#include "scenario.hpp"

namespace e2e {
namespace {

class Status : public Scenario {
protected:
  nlohmann::json json_of(const Words& arguments, int exit_code = 0) {
    const auto finished = bgdeploy(arguments);
    EXPECT_EQ(finished.exit_code, exit_code) << finished;
    auto document = nlohmann::json::parse(finished.out, nullptr, false);
    EXPECT_FALSE(document.is_discarded()) << "one JSON document on stdout" << finished;
    return document;
  }
  void expect_says(const Words& arguments, const std::string& words) {
    const auto finished = bgdeploy(arguments);
    EXPECT_NE(finished.out.find(words), std::string::npos) << "does not say: " << words << finished;
  }
};

TEST_F(Status, BeforeAFirstDeploy) {
  write_spec();
  const auto finished = bgdeploy({"status"});
  EXPECT_EQ(finished.exit_code, 0) << finished;
  EXPECT_NE(finished.out.find("blue"), std::string::npos) << finished;
}

TEST_F(Status, NamesReleaseStateAndLiveSlot) {
  for (const char* tag : {"1.0", "1.1"}) lab().image(tag);
  write_spec();
  deploy_well("1.0");
  deploy_well("1.1");
  for (const char* words : {"1.0", "1.1", "LIVE", "idle, stopped", "<- rollback", "nginx ok"})
    expect_says({"status"}, words);
  json_of({"status", "-o", "json"});
}

TEST_F(Status, BeginsWithWhetherAnybodyIsServed) {
  lab().image("1.0");
  write_spec();
  deploy_well("1.0");
  const auto first_line = [&] {
    const auto finished = bgdeploy({"status"});
    const bool nobody = finished.out.find("NOBODY IS SERVED") != std::string::npos;
    EXPECT_EQ(finished.exit_code, nobody ? 5 : 0) << finished;
    return finished.out.substr(0, finished.out.find('\n'));
  };
  const auto exit_code = [&] { return bgdeploy({"status", "--exit-code"}).exit_code; };
  EXPECT_TRUE(first_line().starts_with("shop   1.0 serves (")) << first_line();
  EXPECT_EQ(exit_code(), 0);

  lab().docker({"kill", "shop-" + live_slot()});
  EXPECT_TRUE(first_line().starts_with("shop   NOBODY IS SERVED   ")) << first_line();
  EXPECT_EQ(exit_code(), 1);
  EXPECT_EQ(bgdeploy({"check"}).exit_code, 5);
  lab().docker({"start", "shop-" + live_slot()});

  lab().exec({"nginx", "-s", "stop"});
  EXPECT_TRUE(first_line().starts_with("shop   NOBODY IS SERVED   unlocked   nginx NOT RUNNING"))
      << first_line();
  EXPECT_EQ(exit_code(), 1);
  const auto same = deploy("1.0");
  EXPECT_EQ(same.exit_code, 5) << "there is nothing to deploy, and nobody is served" << same;
  EXPECT_EQ(lab().exec({"nginx"}).exit_code, 0);
  EXPECT_EQ(exit_code(), 0);
}

TEST_F(Status, SurvivesOddStates) {
  lab().image("1.0");
  write_spec();
  deploy_well("1.0");
  const auto live = "shop-" + live_slot();
  lab().docker({"pause", live});
  expect_says({"status"}, "paused");
  lab().docker({"unpause", live});
  lab().docker({"kill", live});
  expect_says({"status"}, "exited");
  lab().docker({"rm", live});
  expect_says({"status"}, "no container");
  const auto create = [&](const Words& options) {
    Words words{"create", "--name", live, "--entrypoint", "/nothing"};
    words.insert(words.end(), options.begin(), options.end());
    words.push_back(lab().env("LAB_IMAGE") + ":1.0");
    lab().docker(words);
  };
  create({});
  expect_says({"status"}, live);
  expect_says({"status"}, "no container");
  lab().docker({"rm", live});
  create({"-p", "8081:8080"});
  expect_says({"status"}, "created");
  expect_says({"status"}, "was not started by bgdeploy");
  lab().write(k_include, "garbage \x01\x1b[31m {{{");
  const auto finished = bgdeploy({"status"});
  EXPECT_EQ(finished.exit_code, 5) << finished;
  EXPECT_EQ(finished.both().find('\x1b'), std::string::npos)
      << "a file's bytes reach the terminal" << finished;
}

TEST_F(Status, ReadsWhileADeployRuns) {
  lab().image("1.0");
  lab().image("slow-boot", {{"APP_BOOT_MS", "60000"}});
  write_spec();
  deploy_well("1.0");
  auto holder = start_bgdeploy({"--progress", "json", "deploy", "--tag", "slow-boot"});
  ASSERT_TRUE(holder.wait_for_line(std::chrono::seconds{60}, [](std::string_view line) {
    const auto event = parse_event(line);
    return event && event->name == "health.probe";
  })) << holder.err();
  expect_says({"status"}, "root");  // who holds the lock
  holder.signal(SIGINT);
  EXPECT_EQ(holder.wait().exit_code, 130);
}

TEST_F(Status, WatchesAndPrintsWhatChanges) {
  lab().image("1.0");
  write_spec();
  deploy_well("1.0");
  const auto live = "shop-" + live_slot();
  const auto watch = [&](const Words& arguments) {
    auto command = bgdeploy_command(arguments);
    command.argv.insert(command.argv.begin(), {"/bin/sh", "-c", R"(exec "$0" "$@" >&2)"});
    return Process(command);
  };
  auto text = watch({"status", "--watch"});
  auto json = watch({"status", "--watch", "-o", "json"});
  const auto says = [](Process& process, const std::string& words) {
    return process.wait_for_line(std::chrono::seconds{60}, [&](std::string_view line) {
      return line.find(words) != std::string_view::npos;
    });
  };
  EXPECT_TRUE(says(text, "shop   1.0 serves (")) << text.err();
  EXPECT_TRUE(says(json, R"("served":"everybody")")) << json.err();
  const auto logins = [&] { return lab().exec({"pgrep", "-f", "sshd: .*@notty"}).out; };
  const auto before = logins();
  EXPECT_NE(before, "");
  lab().docker({"kill", live});
  EXPECT_TRUE(says(text, "shop   NOBODY IS SERVED")) << text.err();
  EXPECT_TRUE(says(json, R"("served":"nobody")")) << json.err();
  EXPECT_EQ(logins(), before) << "the connections are kept";
  lab().docker({"start", live});
  EXPECT_TRUE(says(text, "shop   1.0 serves (")) << text.err();
  std::string documents;
  for (auto* each : {&text, &json}) {
    each->signal(SIGINT);
    const auto finished = each->wait();
    EXPECT_EQ(finished.exit_code, 0) << finished;
    documents = finished.err;
  }
  std::istringstream lines(documents);
  for (std::string line, last; std::getline(lines, line); last = line) {
    auto document = nlohmann::json::parse(line, nullptr, false);
    ASSERT_TRUE(document.contains("time")) << line;
    document.erase("time");
    EXPECT_NE(document.dump(), last) << "what has not changed is not printed again";
    line = document.dump();
  }
}

TEST_F(Status, WatchesOnATerminal) {
  lab().image("1.0");
  write_spec();
  deploy_well("1.0");
  set_environment("TERM", "xterm");
  InTerminal terminal(bgdeploy_command({"status", "--watch"}));
  EXPECT_TRUE(terminal.shows("1.0 serves")) << terminal.shown();
  EXPECT_TRUE(terminal.shows("Ctrl-C ends")) << terminal.shown();
  lab().docker({"kill", "shop-" + live_slot()});
  EXPECT_TRUE(terminal.shows("\x1b[H")) << "drawn over what stands there: " << terminal.shown();
  EXPECT_TRUE(terminal.shows("NOBODY IS SERVED")) << terminal.shown();
  terminal.type("\x03");
  EXPECT_EQ(terminal.exit_code(), 0) << terminal.shown();
}

TEST_F(Status, AWatchThatCannotBeginEnds) {
  write_spec({{"hosts", "hosts: {app: [192.0.2.1]}"}, {"ssh", "ssh: {connect_timeout: 1s}"}});
  EXPECT_EQ(bgdeploy({"status", "--watch"}).exit_code, 3);
}

TEST_F(Status, HistoryListsDeploysAndRollbacks) {
  for (const char* tag : {"1.0", "1.1"}) lab().image(tag);
  write_spec();
  deploy_well("1.0");
  deploy_well("1.1");
  ASSERT_EQ(bgdeploy({"rollback"}).exit_code, 0);
  EXPECT_EQ(json_of({"history", "-o", "json"}).size(), 3U);
  expect_says({"history"}, "1.1");
}

TEST_F(Status, CheckIsWellAndChangesNothing) {
  lab().image("1.0");
  write_spec();
  deploy_well("1.0");
  const auto before = world();
  const auto finished = bgdeploy({"check"});
  EXPECT_EQ(finished.exit_code, 0) << finished;
  EXPECT_EQ(bgdeploy({"check", "--tag", "1.0"}).exit_code, 0);
  const auto unknown = bgdeploy({"check", "--tag", "1.O"});
  EXPECT_EQ(unknown.exit_code, 1) << unknown;
  EXPECT_NE(unknown.out.find(lab().env("LAB_IMAGE") + " has no tag 1.O"), std::string::npos) << unknown;
  EXPECT_EQ(world(), before);
  lab().write("/etc/nginx/sites-enabled/other.conf", "server { listen 8090; nonsense on; }\n");
  const auto broken = bgdeploy({"check"});
  EXPECT_EQ(broken.exit_code, 1) << broken;
  EXPECT_NE(broken.both().find("/etc/nginx/sites-enabled/other.conf"), std::string::npos) << broken;
}

TEST_F(Status, CheckNamesEverythingThatIsWrongInOneRun) {
  lab().image("1.0");
  write_spec();
  deploy_well("1.0");
  lab().write("/etc/nginx/sites-enabled/other.conf", "server { listen 8090; nonsense on; }\n");
  lab().exec({"mv", "/run/docker.sock", "/run/docker.sock.away"});
  const auto finished = bgdeploy({"check"});
  const auto refused = deploy("1.0");
  lab().exec({"mv", "/run/docker.sock.away", "/run/docker.sock"});
  EXPECT_EQ(finished.exit_code, 1) << finished;
  EXPECT_EQ(refused.exit_code, 1) << refused;
  for (const char* words : {"docker", "/etc/nginx/sites-enabled/other.conf"})
    EXPECT_NE(finished.out.find(words), std::string::npos) << "does not name: " << words << finished;
  EXPECT_NE(refused.both().find("docker"), std::string::npos) << refused;
  EXPECT_EQ(served(), "1.0");
}

TEST_F(Status, CheckNamesARegistryThatIsDown) {
  lab().image("1.0");
  write_spec();
  deploy_well("1.0");
  lab().registry("stop");
  const auto finished = bgdeploy({"check"});
  lab().registry("start");
  EXPECT_EQ(finished.exit_code, 1) << finished;
  EXPECT_NE(finished.out.find("FAILED  registry of " + lab().env("LAB_IMAGE") +
                              ": the registry 127.0.0.1:5000 does not answer " + lab().env("LAB_ADDRESS")),
            std::string::npos)
      << finished;
  EXPECT_EQ(finished.both().find(":latest"), std::string::npos) << "nobody named it";
}

TEST_F(Status, CheckNamesAnIncludeFolderThatIsNotThere) {
  write_spec({{"proxy", "proxy: {nginx: {include: /etc/nginx/nowhere/url.inc}}"}});
  const auto finished = bgdeploy({"check"});
  EXPECT_EQ(finished.exit_code, 1) << finished;
  EXPECT_NE(finished.out.find("/etc/nginx/nowhere"), std::string::npos) << finished;
}

TEST_F(Status, EveryCommandNamesSudoThatAsksForAPassword) {
  for (const char* tag : {"1.0", "1.1"}) lab().image(tag);
  write_spec();
  deploy_well("1.0");
  // What sudo says on a host whose sudoers do not allow it without a password.
  const auto placed = lab().exec({"sh", "-c", R"(
    mount -t tmpfs -o mode=755,exec lab /usr/local/sbin && cd /usr/local/sbin &&
    printf '#!/bin/sh\necho "sudo: a password is required" >&2\nexit 1\n' >sudo && chmod 755 sudo)"});
  ASSERT_EQ(placed.exit_code, 0) << placed;
  const auto before = world();
  const auto ssh = default_sections().at("ssh");
  for (const std::string sudo : {"true", "[nginx]"}) {
    write_spec({{"ssh", ssh.substr(0, ssh.size() - 1) + ", sudo: " + sudo + "}"}});
    const auto finished = bgdeploy({"check"});
    const auto refused = deploy("1.1");
    const auto status = bgdeploy({"status"});
    for (const auto* each : {&finished, &refused, &status}) {
      EXPECT_EQ(each->exit_code, 3) << sudo << *each;
      EXPECT_EQ(each->both().find("not running"), std::string::npos) << sudo << *each;
      EXPECT_EQ(each->both().find("NOBODY IS SERVED"), std::string::npos) << sudo << *each;
      EXPECT_NE(each->both().find("sudo wants a password to run"), std::string::npos) << sudo << *each;
      EXPECT_EQ(each->both().find("x0a"), std::string::npos) << sudo << *each;
    }
    EXPECT_NE(finished.out.find("FAILED  sudo"), std::string::npos) << sudo << finished;
    EXPECT_NE(refused.both().find("nothing was changed"), std::string::npos) << sudo << refused;
  }
  lab().exec({"umount", "/usr/local/sbin"});
  EXPECT_EQ(world(), before);
}

TEST_F(Status, LogsAndExecReachTheLiveContainer) {
  lab().image("1.0");
  write_spec();
  deploy_well("1.0");
  expect_says({"logs", "-n", "5"}, "version 1.0 listening on 8080");
  expect_says({"logs", "--since", "1h"}, "version 1.0 listening on 8080");
  const auto earlier = bgdeploy({"logs", "--since", "2020-01-01T00:00", "--until", "1h"});
  EXPECT_EQ(earlier.exit_code, 0) << earlier;
  EXPECT_EQ(earlier.out, "");
  // Docker itself ends neither before the next line, which never comes.
  expect_says({"logs", "-f", "--until", "0s"}, "version 1.0 listening on 8080");
  const std::time_t soon = std::time(nullptr) + 3;
  char until[32];
  std::tm parts{};
  std::strftime(until, sizeof until, "%FT%TZ", ::gmtime_r(&soon, &parts));
  expect_says({"logs", "-f", "--until", until}, "version 1.0 listening on 8080");
  EXPECT_GE(std::time(nullptr), soon);
  const auto finished = bgdeploy({"exec", "--", "/app", "--migrate"});
  EXPECT_EQ(finished.exit_code, 0) << finished;
  EXPECT_NE(finished.out.find("migrating to 1.0"), std::string::npos) << finished;
  const auto long_one = bgdeploy({"exec", "--", "/app", "--dump"});
  EXPECT_EQ(long_one.exit_code, 5) << long_one.err;
  EXPECT_EQ(long_one.out.size(), 20'000'000U);
  auto unread = bgdeploy_command({"exec", "--", "/app", "--dump"});
  unread.argv.insert(unread.argv.begin(),
                     {"/bin/sh", "-c", R"({ "$@"; echo "exit $?" >&2; } | head -c 5)", "sh"});
  const auto head = run(unread);
  EXPECT_EQ(head.out, "xxxxx");
  EXPECT_EQ(head.err, "exit 141\n");
  const auto odd = bgdeploy({"exec", "--", "[a,b]"});
  EXPECT_NE(odd.exit_code, 0) << odd;
  EXPECT_NE(odd.both().find("[a,b]"), std::string::npos) << odd;
  EXPECT_EQ(bgdeploy({"exec"}).exit_code, 2);
}

}  // namespace
}  // namespace e2e
