// Hostile and odd input: never interpreted, carried byte for byte, never shown when secret.
#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "scenario.hpp"

namespace e2e {
namespace {

namespace fs = std::filesystem;

class Input : public Scenario {};

TEST_F(Input, AHostileTagIsRefusedAsUsageAndNothingRuns) {
  lab().image("1.0");
  write_spec();
  deploy_well("1.0");
  const auto before = world();
  const auto mark = lab().folder() + "/mark";
  for (const std::string& tag :
       {"$(touch " + mark + ")", std::string("`touch /root/mark`"), std::string(";id"), std::string("../x"),
        std::string("a b"), std::string("-x"), std::string(""), std::string("1.0\n1.1"),
        std::string("1.0@sha256:00")}) {
    const auto finished = bgdeploy({"deploy", "--tag=" + tag});
    EXPECT_EQ(finished.exit_code, 2) << tag << finished;
    EXPECT_EQ(world(), before) << tag;
  }
  EXPECT_FALSE(fs::exists(mark));
  EXPECT_FALSE(fs::exists(lab().env("LAB_ROOT") + mark));
  EXPECT_FALSE(lab().read("/root/mark"));
}

TEST_F(Input, WhatIsRefusedIsTheLastEventToo) {
  lab().image("1.0");
  write_spec();
  for (const Words& words : {Words{"deploy", "--tag", ";id", "--progress", "json"},
                             Words{"rollback", "--to", "", "--progress", "json"}}) {
    const auto finished = bgdeploy(words);
    EXPECT_EQ(finished.exit_code, 2) << finished;
    EXPECT_EQ(last_event(finished).name, words[0] + ".finished") << finished;
    EXPECT_EQ(last_event(finished).all.value("exit_code", -1), 2) << finished;
  }
}

TEST_F(Input, AServiceNameWithQuotesIsRefusedWithItsPlace) {
  write_spec({{"service", "service: 'shop\"; touch /root/mark; \"'"}});
  const auto finished = deploy("1.0");
  EXPECT_EQ(finished.exit_code, 2) << finished;
  EXPECT_NE(finished.both().find("bgdeploy.yml:"), std::string::npos) << finished;
  EXPECT_FALSE(lab().read("/root/mark"));
}

TEST_F(Input, AnIncludePathWithShellWordsIsJustAPath) {
  lab().image("1.0");
  lab().image("1.1");
  const std::string odd = "/etc/nginx/conf.d/it's $(touch mark) \"url\".inc";
  lab().write(odd, "set $service_url http://127.0.0.1:8081;\n");
  auto site = *lab().read("/etc/nginx/sites-enabled/app.conf");
  const std::string plain = "include " + std::string(k_include);
  site.replace(site.find(plain), plain.size(),
               "include \"/etc/nginx/conf.d/it's $(touch mark) \\\"url\\\".inc\"");
  lab().write("/etc/nginx/sites-enabled/app.conf", site);
  write_spec({{"proxy", "proxy: {nginx: {include: '/etc/nginx/conf.d/it''s $(touch mark) \"url\".inc'}}"}});
  deploy_well("1.0");
  EXPECT_EQ(lab().read(odd), "set $service_url http://127.0.0.1:8081;\n");
  deploy_well("1.1");
  EXPECT_EQ(lab().read(odd), "set $service_url http://127.0.0.1:8082;\n");
  EXPECT_EQ(lab().exec({"sh", "-c", "ls /mark /root/mark /etc/nginx/mark 2>/dev/null"}).out, "");
}

TEST_F(Input, EnvironmentAndSecretsArriveByteForByte) {
  lab().image("1.0");
  const std::string odd = "it's \"quoted\" `id` $(id) $HOME ${X} \\n %s\nsecond line\ttab; & | < > é ";
  set_environment("ODD_SECRET", odd);
  std::ofstream(workspace() + "/file-secret") << odd;
  write_spec(
      {{"docker", "docker: {container_port: 8080, environment: {PLAIN: \"a'b \\\"c\\\" $x `y`\\nz\"}}"},
       {"secrets",
        "secrets: {FROM_ENV: {env: ODD_SECRET}, FROM_COMMAND: {command: [printf, '%s', \"x'y $z\"]}, "
        "FROM_FILE: {file: file-secret}}"}});
  deploy_well("1.0");
  EXPECT_EQ(lab().get("/env?name=FROM_ENV").body, odd);
  EXPECT_EQ(lab().get("/env?name=FROM_FILE").body, odd);
  EXPECT_EQ(lab().get("/env?name=FROM_COMMAND").body, "x'y $z");
  EXPECT_EQ(lab().get("/env?name=PLAIN").body, "a'b \"c\" $x `y`\nz");
}

// Command lines of all processes, the lab's too: its processes are in this machine's /proc.
bool on_a_command_line(const std::string& text) {
  for (const auto& entry : fs::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "cmdline", std::ios::binary);
    // Not through an iterator, which throws when the process ends between open and read.
    std::ostringstream words;
    words << file.rdbuf();
    if (words.str().find(text) != std::string::npos) return true;
  }
  return false;
}

TEST_F(Input, ASecretIsNowhereButInTheContainer) {
  for (const char* tag : {"1.0", "1.1"}) lab().image(tag);
  lab().image("crash", {{"APP_EXIT_AFTER_MS", "100"}});
  const std::string secret = "correct-horse-7719";
  set_environment("SHOP_TOKEN", secret);
  write_spec({{"secrets", "secrets: {TOKEN: {env: SHOP_TOKEN}}"}});

  std::string shown;
  for (const Words& arguments :
       {Words{"-v", "deploy", "--tag", "1.0"}, Words{"-v", "--progress", "json", "deploy", "--tag", "1.1"},
        Words{"-v", "deploy", "--tag", "crash"}, Words{"-v", "rollback"}, Words{"plan", "--tag", "1.1"},
        Words{"plan", "--tag", "1.1", "-o", "json"}, Words{"status", "-o", "json"},
        Words{"history", "-o", "json"}, Words{"config"}, Words{"check"}}) {
    auto run = start_bgdeploy(arguments);
    bool seen = false;
    while (!run.wait_for_line(Duration{20}, [](std::string_view) { return false; }) && !seen) {
      seen = on_a_command_line(secret);
      siginfo_t info{};
      if (::waitid(P_PID, static_cast<id_t>(run.pid()), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
          info.si_pid != 0)
        break;
    }
    EXPECT_FALSE(seen) << arguments.back();
    shown += run.wait().both();
  }
  EXPECT_EQ(shown.find(secret), std::string::npos);
  EXPECT_EQ(lab().get("/env?name=TOKEN").body, secret) << "the application has it";

  // Docker's own record of the container is the one place on the host.
  const auto found = lab().exec(
      {"grep", "-rlF", secret, "/root", "/etc/nginx", "/run/lock", "/run/nginx.pid", "/var/log/nginx"});
  EXPECT_EQ(found.out, "") << found;
  const auto labels = lab().docker({"ps", "-a", "--format", "{{.Labels}}"});
  EXPECT_EQ(labels.find(secret), std::string::npos) << labels;
  const auto here = run({{"grep", "-rlF", secret, workspace()}, {{"PATH", "/usr/bin:/bin"}}});
  EXPECT_EQ(here.out, "") << here;
}

TEST_F(Input, ASecretThatTheSpecHasOnceMoreIsHiddenInIt) {
  set_environment("SHOP_TOKEN", "correct-horse-7719");
  write_spec({{"secrets", "secrets: {TOKEN: {env: SHOP_TOKEN}}"},
              {"docker", "docker: {environment: {URL: \"https://x:${SHOP_TOKEN}@h/\"}}"}});
  for (const Words& words : {Words{"config"}, Words{"config", "-o", "json"}}) {
    const auto shown = bgdeploy(words);
    EXPECT_EQ(shown.exit_code, 0) << shown;
    EXPECT_NE(shown.out.find("https://x:***@h/"), std::string::npos) << shown;
    EXPECT_EQ(shown.both().find("correct-horse"), std::string::npos);
  }
}

// From a pipe, and where nobody writes into it a signal ends the wait.
TEST_F(Input, ASpecComesThroughAPipe) {
  write_spec();
  const auto validated = [&](const std::string& before, const std::string& file) {
    return run({{"sh", "-c", before + " \"$0\" validate --offline -f " + file, bgdeploy_binary()},
                {{"PATH", "/usr/bin:/bin"}},
                workspace()});
  };
  const auto from_stdin = validated("cat bgdeploy.yml |", "-");
  EXPECT_EQ(from_stdin.exit_code, 0) << from_stdin;
  const auto from_fifo = validated("mkfifo fifo; cat bgdeploy.yml >fifo &", "fifo");
  EXPECT_EQ(from_fifo.exit_code, 0) << from_fifo;
  const auto silent = validated("timeout -k 5 0.5", "fifo");
  EXPECT_EQ(silent.exit_code, 124) << "it took the signal" << silent;
}

TEST_F(Input, ASecretThatTheApplicationTellsIsNotPassedOn) {
  lab().image("1.0");
  const std::string secret = "correct-horse-7719";
  set_environment("SHOP_TOKEN", secret);
  write_spec({{"secrets", "secrets: {TOKEN: {env: SHOP_TOKEN}}"},
              {"health",
               "health: {http: {path: '/env?name=TOKEN', body: something else}, interval: 100ms, deadline: "
               "2s}"}});
  for (const char* progress : {"plain", "json", "github"}) {
    const auto finished = bgdeploy({"-v", "--progress", progress, "deploy", "--tag", "1.0"});
    EXPECT_EQ(finished.exit_code, 1) << finished;
    EXPECT_EQ(finished.both().find(secret), std::string::npos) << finished;
  }
  EXPECT_EQ(bgdeploy({"history", "-o", "json"}).both().find(secret), std::string::npos);
  EXPECT_EQ(lab().exec({"grep", "-rlF", secret, "/root", "/etc/nginx"}).out, "");
}

TEST_F(Input, AnUnknownHostKeyIsRefused) {
  lab().image("1.0");
  std::ofstream(workspace() + "/empty_known_hosts");
  write_spec({{"ssh", "ssh: {identity_file: " + lab().env("LAB_IDENTITY_FILE") +
                          ", known_hosts_file: empty_known_hosts}"}});
  const auto before = world();
  const auto finished = deploy("1.0");
  EXPECT_EQ(finished.exit_code, 3) << finished;
  EXPECT_NE(finished.both().find(lab().env("LAB_ADDRESS")), std::string::npos) << finished;
  EXPECT_EQ(world(), before);
}

TEST_F(Input, TrustShowsTheFingerprintAndAddsTheKeyOnlyAfterAYes) {
  lab().image("1.0");
  const auto file = workspace() + "/empty_known_hosts";
  const auto content = [&] {
    std::ifstream stream(file);
    return std::string{std::istreambuf_iterator<char>(stream), {}};
  };
  write_spec({{"ssh", "ssh: {identity_file: " + lab().env("LAB_IDENTITY_FILE") +
                          ", known_hosts_file: empty_known_hosts}"}});
  const auto key = run({{"ssh-keygen", "-lf", lab().env("LAB_KNOWN_HOSTS")}, {{"PATH", "/usr/bin:/bin"}}});
  const auto at = key.out.find("SHA256:");
  ASSERT_NE(at, std::string::npos) << key;
  const auto fingerprint = key.out.substr(at, key.out.find(' ', at) - at);

  const auto asked = bgdeploy({"trust"});  // its stdin is at its end: no yes
  EXPECT_EQ(asked.exit_code, 3) << asked;
  EXPECT_NE(asked.out.find(fingerprint), std::string::npos) << asked;
  EXPECT_EQ(content(), "");
  const auto trusted = bgdeploy({"trust", "--yes"});
  EXPECT_EQ(trusted.exit_code, 0) << trusted;
  deploy_well("1.0");
  const auto once = content();
  EXPECT_EQ(bgdeploy({"trust", "--yes"}).exit_code, 0);
  EXPECT_EQ(content(), once);
}

TEST_F(Input, AChangedHostKeyIsRefusedEvenByTrust) {
  lab().image("1.0");
  const auto other = workspace() + "/other";
  write_spec({{"ssh", "ssh: {identity_file: " + lab().env("LAB_IDENTITY_FILE") +
                          ", known_hosts_file: known_hosts}"}});
  const auto before = world();
  for (const std::string kind : {"ed25519", "ecdsa"}) {
    run({{"ssh-keygen", "-q", "-t", kind, "-N", "", "-f", other + kind}, {{"PATH", "/usr/bin:/bin"}}});
    std::string type, blob;
    std::ifstream(other + kind + ".pub") >> type >> blob;
    ASSERT_FALSE(blob.empty());
    std::ofstream(workspace() + "/known_hosts")
        << lab().env("LAB_ADDRESS") << ' ' << type << ' ' << blob << '\n';
    for (const Words& arguments : {Words{"deploy", "--tag", "1.0"}, Words{"trust", "--yes"}}) {
      const auto finished = bgdeploy(arguments);
      EXPECT_EQ(finished.exit_code, 3) << finished;
      EXPECT_NE(finished.both().find(lab().env("LAB_ADDRESS")), std::string::npos) << finished;
    }
  }
  EXPECT_EQ(world(), before);
}

TEST_F(Input, AHostThatIsNotThereIsExitThree) {
  write_spec({{"hosts", "hosts: {app: [root@127.0.0.1:1]}"}});
  EXPECT_EQ(deploy("1.0").exit_code, 3);
}

TEST_F(Input, TrustCanBeInterruptedAtItsQuestion) {
  write_spec({{"ssh", "ssh: {identity_file: " + lab().env("LAB_IDENTITY_FILE") +
                          ", known_hosts_file: " + workspace() + "/nobody}"}});
  auto command = bgdeploy_command({"trust"});
  // Whoever is asked does not answer.
  command.argv.insert(command.argv.begin(),
                      {"/bin/sh", "-c", R"(mkfifo question && exec 3<>question && exec "$@" <&3)", "sh"});
  Process asked(command);
  std::this_thread::sleep_for(std::chrono::seconds{1});
  asked.signal(SIGINT);
  const auto finished = asked.wait(std::chrono::seconds{20});
  EXPECT_EQ(finished.exit_code, 130) << finished;
}

}  // namespace
}  // namespace e2e
