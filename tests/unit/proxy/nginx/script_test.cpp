#include "proxy/nginx/script.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <deque>

#include "../../host/idle_host.hpp"
#include "bgdeploy/proxy/nginx.hpp"
#include "bgdeploy/proxy/nginx_command.hpp"
#include "proxy/nginx/switch.hpp"

namespace bgdeploy::proxy {
namespace {

using namespace std::chrono_literals;
using core::ErrorKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Wait k_script_wait = Wait::for_at_most(5s);

// A script that has said all it is going to say.
class Recorded final : public host::Process {
public:
  Recorded(std::deque<std::string> lines, host::Output end)
      : m_lines(std::move(lines)), m_end(std::move(end)) {}
  Result<void> write(std::string_view data) override {
    written += data;
    return {};
  }
  Result<void> write_slowly(std::string_view data, const Wait&) override { return write(data); }
  Result<void> close_input() override { return {}; }
  Result<std::optional<std::string>> read_line(const Wait&) override {
    if (m_lines.empty()) return std::nullopt;
    auto line = m_lines.front();
    m_lines.pop_front();
    return line;
  }
  Result<std::optional<std::string>> read_piece(const Wait& wait) override { return read_line(wait); }
  Result<host::Output> finish(const Wait&) override { return m_end; }
  static inline std::string written;

private:
  std::deque<std::string> m_lines;
  host::Output m_end;
};

Conversation saying(std::deque<std::string> lines, host::Output end = {}) {
  Recorded::written.clear();
  return Conversation(std::make_unique<Recorded>(std::move(lines), std::move(end)));
}

host::Output printed(const std::string& out) {
  return {.exit_code = 0, .signal = {}, .out = out, .err = {}};
}

spec::Nginx commands(std::vector<std::string> test,
                     std::vector<std::string> reload = {"nginx", "-s", "reload"}) {
  spec::Nginx nginx;
  nginx.test = std::move(test);
  nginx.reload = std::move(reload);
  return nginx;
}

TEST(NginxCommand, DumpsWhatIsTested) {
  EXPECT_THAT(nginx_command({}).dump, ElementsAre("nginx", "-T"));
  const auto command =
      nginx_command(commands({"/opt/nginx", "-t", "-c", "/etc/n.conf", "-p/srv", "-g", "pid /run/x.pid;"}));
  EXPECT_THAT(command.dump,
              ElementsAre("/opt/nginx", "-T", "-c", "/etc/n.conf", "-p/srv", "-g", "pid /run/x.pid;"));
  EXPECT_THAT(command.version,
              ElementsAre("/opt/nginx", "-V", "-c", "/etc/n.conf", "-p/srv", "-g", "pid /run/x.pid;"));
  EXPECT_EQ(command.conf, "/etc/n.conf");
  EXPECT_EQ(command.prefix, "/srv");
  EXPECT_EQ(command.globals, "pid /run/x.pid;");
  EXPECT_THAT(nginx_command(commands({"nginx", "-qt"})).dump, ElementsAre("nginx", "-T"));
  EXPECT_THAT(nginx_command(commands({"docker", "exec", "-t", "web", "nginx", "-t"})).dump,
              ElementsAre("docker", "exec", "-t", "web", "nginx", "-T"));
}

TEST(NginxCommand, TakesTheReloadWhenTheTestIsSomethingElse) {
  EXPECT_THAT(
      nginx_command(commands({"service", "nginx", "configtest"}, {"nginx", "-c", "/x", "-s", "reload"})).dump,
      ElementsAre("nginx", "-c", "/x", "-T"));
  EXPECT_THAT(nginx_command(commands({"check.sh"}, {"systemctl", "reload", "nginx"})).dump,
              ElementsAre("nginx", "-T"));
}

// A host that is only asked how its tools are reached.
class Prefixed final : public host::IdleHost {
public:
  explicit Prefixed(host::Tool with_sudo) : m_with_sudo(with_sudo) {}
  std::vector<std::string> prefix(host::Tool tool) const override {
    return tool == m_with_sudo ? std::vector<std::string>{"sudo", "-n", "--"} : std::vector<std::string>{};
  }

private:
  host::Tool m_with_sudo;
};

spec::Spec two_slots() {
  spec::Spec spec;
  spec.service = "momo";
  spec.slots = {spec::Slot{"blue", 8080, "momo-blue"}, spec::Slot{"green", 8081, "momo-green"}};
  return spec;
}

TEST(Settings, RunNginxsCommandsInItsContainer) {
  auto spec = two_slots();
  spec.nginx.include = "/etc/nginx/x.inc";
  spec.nginx.container = "web";
  spec.nginx.test = {"nginx", "-t", "-c", "/a b.conf"};
  const auto settings = settings_for(Prefixed(host::Tool::docker), spec);
  EXPECT_EQ(settings.at("test_command"), "sudo -n -- docker exec web nginx -t -c '/a b.conf'");
  EXPECT_EQ(settings.at("dump_command"), "sudo -n -- docker exec web nginx -T -c '/a b.conf'");
  EXPECT_EQ(settings.at("reload_command"), "sudo -n -- docker exec web nginx -s reload");
  EXPECT_EQ(settings.at("logs_command"), "sudo -n -- docker logs web");
  EXPECT_THAT(settings.at("inspect_command"), HasSubstr("sudo -n -- docker inspect --type container"));
  // With sudo for everything the script is root already; sudo for nginx is not what docker needs.
  for (const auto tool : {host::Tool::other, host::Tool::nginx})
    EXPECT_EQ(settings_for(Prefixed(tool), spec).at("reload_command"), "docker exec web nginx -s reload");
  spec.nginx.container.reset();
  EXPECT_EQ(settings_for(Prefixed(host::Tool::nginx), spec).at("reload_command"),
            "sudo -n -- nginx -s reload");
}

// A host on which nginx runs, as only root can tell.
class Sudoed final : public host::IdleHost {
public:
  explicit Sudoed(std::string refused) : m_refused(std::move(refused)) {}
  std::vector<std::string> prefix(host::Tool tool) const override {
    return tool == host::Tool::nginx ? std::vector<std::string>{"sudo", "-n", "--"}
                                     : std::vector<std::string>{};
  }
  Result<host::Output> run(const host::Command& command, const Wait&) override {
    if (command.tool == host::Tool::other) return printed("bgdeploy\nfile missing\ntest 1\ndump\n\nend\n");
    if (command.argv.back() == m_refused)
      return core::fail(ErrorKind::denied, "refused", {"sudo: a password is required"});
    return printed("");
  }

private:
  std::string m_refused;
};

TEST(NginxProxy, DoesNotTakeWhatSudoHidesForStopped) {
  const auto spec = two_slots();
  for (const std::string refused : {"-V", "-T"}) {
    Sudoed host(refused);
    const auto proxy = nginx_on(host, spec);
    const auto seen = proxy->observe({}, k_script_wait);
    ASSERT_FALSE(seen) << refused;
    EXPECT_EQ(seen.error().kind, ErrorKind::denied);
    EXPECT_EQ(seen.error().message, "web-1: sudo wants a password to run nginx");
    EXPECT_THAT(seen.error().next, HasSubstr("NOPASSWD: /usr/sbin/nginx -V, /usr/sbin/nginx -t"));
    EXPECT_EQ(proxy->check(k_script_wait).error(), seen.error());
  }
  Sudoed host("nothing");
  const auto seen = nginx_on(host, spec)->observe({}, k_script_wait);
  ASSERT_TRUE(seen) << seen.error().message;
  EXPECT_FALSE(seen->running);
}

TEST(Settings, NameBothSlotsSites) {
  auto spec = two_slots();
  spec.docker.container_port = "9000";
  spec.nginx.sites = spec::Sites{"~/{service}-{container}.conf", "/e/{slot}-{port}-{container_port}"};
  const auto settings = settings_for(Prefixed(host::Tool::other), spec);
  EXPECT_EQ(settings.at("from_0"), "~/momo-momo-blue.conf");
  EXPECT_EQ(settings.at("to_0"), "/e/blue-8080-9000");
  EXPECT_EQ(settings.at("from_1"), "~/momo-momo-green.conf");
  EXPECT_EQ(settings.at("to_1"), "/e/green-8081-9000");
}

TEST(SocketPatterns, AreWhatTheKernelPrints) {
  const auto of = [](const std::string& address) {
    return socket_patterns(
        {{.host = {}, .address = address, .port = "8081", .container = {}, .slot = {}, .tag = {}}});
  };
  EXPECT_THAT(of("127.0.0.1"), ElementsAre("0100007F:1F91", "0000000000000000FFFF00000100007F:1F91"));
  EXPECT_THAT(of("::1"), ElementsAre("00000000000000000000000001000000:1F91"));
  EXPECT_THAT(of("[::1]"), ElementsAre("00000000000000000000000001000000:1F91"));
  EXPECT_THAT(of("app-blue"), ElementsAre(":1F91"));
  EXPECT_EQ(of("localhost").size(), 3);
}

RC_GTEST_PROP(Workers, RoundTrip, (const std::vector<std::pair<std::uint16_t, std::uint64_t>>& numbers)) {
  std::vector<plan::Worker> workers;
  for (const auto& [pid, start] : numbers) workers.push_back({pid + 1, start});
  RC_ASSERT(parse_workers(format_workers(workers)) == workers);
}

TEST(Workers, WhatIsNoneIsLeftOut) {
  EXPECT_THAT(parse_workers(" 12:34 x 0:1 :5 7 "), ElementsAre(plan::Worker{12, 34}));
}

TEST(Observation, IsReadFromTheScriptsLines) {
  const auto observed = parse_observation(printed(
      "bgdeploy\npath /etc/nginx/a b.inc\npid_file /run/nginx.pid\nfile file\n 73 65 74\n 00 0a\n"
      "leftover before\nuser 1000 ec2-user\nfolder unwritable\n"
      "master 12\nleaving 13:99 14:100 \nreload_pending\nincluded yes\ntest 0\ndump\nhttp {\nend\n}\nend\n"));
  ASSERT_TRUE(observed) << observed.error().message;
  EXPECT_EQ(observed->file.path, "/etc/nginx/a b.inc");
  EXPECT_EQ(observed->file.content, std::string("set\0\n", 5));
  EXPECT_TRUE(observed->unfinished);
  EXPECT_TRUE(observed->reload_pending);
  EXPECT_EQ(observed->uid, 1000);
  EXPECT_EQ(observed->user, "ec2-user");
  EXPECT_EQ(observed->folder, "unwritable");
  EXPECT_TRUE(observed->running);
  EXPECT_TRUE(observed->included);
  EXPECT_EQ(observed->dump, "http {\nend\n}");
  EXPECT_THAT(observed->leaving, ElementsAre(plan::Worker{13, 99}, plan::Worker{14, 100}));
}

TEST(Observation, HasEveryMasterAndTheContainersState) {
  const auto upgraded =
      parse_observation(printed("bgdeploy\ncontainer running\nmaster 14\nmasters 12:9 14:20\ndump\n\nend\n"));
  ASSERT_TRUE(upgraded) << upgraded.error().message;
  EXPECT_TRUE(upgraded->running);
  EXPECT_THAT(upgraded->masters, ElementsAre(plan::Worker{12, 9}, plan::Worker{14, 20}));
  EXPECT_EQ(upgraded->container_state, "running");
  const auto stopped = parse_observation(printed("bgdeploy\ncontainer exited\ndump\n\nend\n"));
  ASSERT_TRUE(stopped);
  EXPECT_FALSE(stopped->running);
  EXPECT_TRUE(stopped->masters.empty());
  EXPECT_EQ(stopped->container_state, "exited");
}

TEST(Drained, SaysWhetherNginxRuns) {
  EXPECT_TRUE(drained_from({{"left", ""}, {"drained", "0"}}).running);
  EXPECT_FALSE(drained_from({{"left", ""}, {"down", ""}, {"drained", "0"}}).running);
}

TEST(Observation, HasBothSlotsSites) {
  const auto observed = parse_observation(
      printed("bgdeploy\nsite_path /f 0\nsite file\n 61\nsite_path /t 0\nsite missing\nsite_path /f 1\n"
              "site unreadable\nsite_path /t 1\nsite file\n 62\nsite_path /x\nsite other\ndump\n\nend\n"));
  ASSERT_TRUE(observed);
  EXPECT_EQ(observed->sites[0].from.path, "/f 0");
  EXPECT_EQ(observed->sites[0].from.content, "a");
  EXPECT_FALSE(observed->sites[0].to.there());
  EXPECT_EQ(observed->sites[1].from.state, "unreadable");
  EXPECT_EQ(observed->sites[1].to.path, "/t 1");
  EXPECT_EQ(observed->sites[1].to.content, "b");
}

TEST(Observation, SaysWhyTheScriptGaveUp) {
  const auto observed =
      parse_observation(printed("bgdeploy\ndetail No such container\nfailed refused no web\n"));
  ASSERT_FALSE(observed);
  EXPECT_EQ(observed.error(), (core::Error{ErrorKind::refused, "no web", {"No such container"}}));
}

TEST(Observation, NginxsWordsAreNeverTheScripts) {
  const auto observed = parse_observation(printed(
      "bgdeploy\ndetail master 1\ndetail failed refused x\ndetail \x1b[2Jend\ntest 1\ndump\n\nend\n"));
  ASSERT_TRUE(observed);
  EXPECT_FALSE(observed->running);
  EXPECT_EQ(observed->test_status, 1);
  EXPECT_THAT(observed->test_output, ElementsAre("master 1", "failed refused x", "\\x1b[2Jend"));
}

TEST(Observation, AScriptThatNeverRanWasDenied) {
  const auto observed =
      parse_observation({.exit_code = 1, .signal = {}, .out = {}, .err = "sudo: a password is required\n"});
  ASSERT_FALSE(observed);
  EXPECT_EQ(observed.error().kind, ErrorKind::denied);
  EXPECT_THAT(observed.error().details, ElementsAre("sudo: a password is required"));
}

TEST(Observation, HalfAnAnswerIsNone) {
  for (const std::string text : {"", "dump\n", "dump\n# configuration file /n:\nhttp {\n"}) {
    const auto observed = parse_observation(printed("bgdeploy\nfile missing\n" + text));
    ASSERT_FALSE(observed) << text;
    EXPECT_EQ(observed.error().kind, ErrorKind::refused) << text;
  }
}

RC_GTEST_PROP(Observation, TakesAnyBytes, (const std::string& text)) {
  parse_observation(printed("bgdeploy\n" + text));
}

TEST(Switch, SaysWhatTheScriptSays) {
  auto done = make_switch(saying({"committed", "accepted", "left 1:2", "drained 3"}));
  ASSERT_TRUE(done->commit(k_script_wait));
  ASSERT_TRUE(done->accept(k_script_wait));
  const auto drained = done->drain(
      1500ms, {{.host = {}, .address = "127.0.0.1", .port = "80", .container = {}, .slot = {}, .tag = {}}},
      k_script_wait);
  ASSERT_TRUE(drained);
  EXPECT_FALSE(drained->complete);
  EXPECT_EQ(drained->connections, 3);
  EXPECT_THAT(drained->left, ElementsAre(plan::Worker{1, 2}));
  EXPECT_EQ(Recorded::written,
            "commit\naccept\ndrain 150 0100007F:0050 0000000000000000FFFF00000100007F:0050\n");
  EXPECT_TRUE(drained->still_ours);
}

TEST(Switch, SaysThatTheFilesAreNotOursAnyMore) {
  auto done = make_switch(saying({"changed", "left ", "drained 0"}));
  const auto drained = done->drain(1s, {}, k_script_wait);
  ASSERT_TRUE(drained);
  EXPECT_TRUE(drained->complete);
  EXPECT_FALSE(drained->still_ours);
}

TEST(Switch, LooksAtANewConfigurationBeforeItIsInForce) {
  std::string dump, name;
  const auto look = [&](const Settings& lines) -> std::optional<core::Error> {
    dump = lines.at(">");
    name = lines.at("read_as");
    if (dump.find("good") != std::string::npos) return std::nullopt;
    return core::Error{ErrorKind::refused, "nothing uses it", {}};
  };
  auto good = make_switch(
      saying({"bgdeploy", "read_as /x", "> # configuration file /n:", "> good;", "seen", "committed"}), look);
  EXPECT_TRUE(good->commit(k_script_wait));
  EXPECT_EQ(Recorded::written, "commit\nreload\n");
  EXPECT_EQ(dump, "# configuration file /n:\ngood;\n");
  EXPECT_EQ(name, "/x");
  auto bad = make_switch(saying({"bgdeploy", "read_as /x", "> bad;", "seen",
                                 "failed refused the connection to the deployer ended"}),
                         look);
  const auto refused = bad->commit(k_script_wait);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::refused);
  EXPECT_EQ(refused.error().message, "nothing uses it");
  EXPECT_EQ(Recorded::written, "commit\n");
  auto stuck = make_switch(
      saying({"bgdeploy", "read_as /x", "> bad;", "seen", "failed inconsistent no way back"}), look);
  const auto worse = stuck->commit(k_script_wait);
  ASSERT_FALSE(worse);
  EXPECT_EQ(worse.error().kind, ErrorKind::inconsistent);
}

TEST(Switch, AFailureCarriesNginxsWords) {
  auto failing =
      make_switch(saying({"detail nginx: [emerg] no", "failed refused nginx refuses the configuration"}));
  EXPECT_EQ(failing->commit(k_script_wait).error(),
            (core::Error{ErrorKind::refused, "nginx refuses the configuration", {"nginx: [emerg] no"}}));
  auto torn = make_switch(saying({"failed inconsistent and the old file could not be put back"}));
  EXPECT_EQ(torn->commit(k_script_wait).error().kind, ErrorKind::inconsistent);
}

TEST(Switch, AnEndWithoutAnAnswerLeavesTheStateOpen) {
  auto killed = make_switch(saying({"bgdeploy"}, {.exit_code = 137, .signal = "KILL", .out = {}, .err = {}}));
  const auto committed = killed->commit(k_script_wait);
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().kind, ErrorKind::inconsistent);
}

}  // namespace
}  // namespace bgdeploy::proxy
