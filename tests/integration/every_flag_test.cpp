// Every option of every command runs once, by the real program against a real host: under the sanitizers
// where they are built in. The list comes from the parser, so that a new option without a run fails.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "bgdeploy/cli/main.hpp"
#include "scenario.hpp"

namespace e2e {
namespace {

using bgdeploy::cli::KnownCommand;

struct Use {
  Words global;   // options that every command takes
  Words command;  // its name, and its own options
  int exit_code = 0;
};

// No small string holds it, so that one that is gone is freed memory.
constexpr const char* k_long_tag = "1.1-and-a-name-that-no-small-string-holds";

class EveryFlag : public Scenario {
protected:
  void SetUp() override {
    Scenario::SetUp();
    for (const std::string tag : {"1.0", k_long_tag}) lab().image(tag);
    write_spec({{"environments", "environments: {staging: {drain: {timeout: 2s}}}"}});
    std::ofstream stranger(workspace() + "/stranger.yml");
    for (const auto& [key, text] : default_sections())
      stranger << (key == "ssh" ? "ssh: {known_hosts_file: " + workspace() + "/known_hosts}" : text) << '\n';
  }

  void expect(const Use& wanted) const {
    Words words = wanted.global;
    words.insert(words.end(), wanted.command.begin(), wanted.command.end());
    const auto finished = bgdeploy(words);
    std::string line;
    for (const auto& word : words) line += word + " ";
    EXPECT_EQ(finished.exit_code, wanted.exit_code) << line << finished;
    for (const char* found : {"Sanitizer", "runtime error:"})
      EXPECT_EQ(finished.both().find(found), std::string::npos) << line << finished;
  }
};

bool has(const Use& use, const KnownCommand& command, const Words& spellings) {
  if (command.name.empty()) return std::ranges::find_first_of(use.global, spellings) != use.global.end();
  return !use.command.empty() && use.command.front() == command.name &&
         std::ranges::find_first_of(use.command, spellings) != use.command.end();
}

TEST_F(EveryFlag, RunsOnceWithoutAFinding) {
  const std::string address = lab().env("LAB_ADDRESS");
  deploy_well("1.0");
  const auto named = lab().docker({"images", "--digests", "--format", "{{.Digest}}", lab().env("LAB_IMAGE")});
  const std::string digest = named.substr(0, named.find('\n'));
  std::vector<Use> uses = {
      {{"--version"}, {}},
      {{"--help"}, {}},
      {{"-f", "stranger.yml"}, {"trust", "--yes"}},
      {{"--progress", "plain"}, {"check", "-o", "json"}},
      {{"-e", "staging"}, {"config", "-o", "json"}},
      {{}, {"config", "--offline"}},
      {{}, {"validate"}},
      {{}, {"validate", "--offline"}},
      {{}, {"history", "-n", "5"}},
      {{}, {"history", "--html"}},
      {{}, {"status", "-o", "json"}},
      {{"-v", "--progress", "json"}, {"deploy", "--tag", "1.0"}},
      {{}, {"deploy", "--tag", "1.0", "--dry-run", "-o", "json"}},
      {{"--progress", "tty", "--no-color"}, {"deploy", "--tag", k_long_tag}},
      {{"--progress", "github", "-q"}, {"deploy", "--digest", digest, "--force"}},
      {{}, {"plan", "--digest", digest, "--force", "-o", "json"}},
      {{}, {"plan", "--tag", k_long_tag}},
      {{}, {"deploy", "--tag", k_long_tag, "--hold"}},
      {{}, {"abort", "--lock-wait", "1m", "-o", "json"}},
      {{}, {"deploy", "--tag", "1.0", "--report", "report.html"}},
      {{}, {"deploy", "--tag", "1.0", "--report", "nowhere/report.html"}, 2},
      {{}, {"deploy", "--tag", "1.0", "--lock-wait", "soon"}, 2},
      {{}, {"deploy", "--archive", "nonexistent.tar"}, 2},
      {{}, {"plan", "--archive", "nonexistent.tar"}, 2},
      {{}, {"check", "--tag", "1.0"}},
      {{}, {"check", "--preflight"}, 2},
      {{}, {"check", "--preflight", "--tag", "1.0"}},
      {{}, {"status", "--watch", "--exit-code"}, 2},
      {{}, {"status", "--exit-code"}},
      {{}, {"plan", "--tag", "1.0", "--exit-code"}},
      {{}, {"logs", "--since", "5m", "--until", "2100-12-27T08:00"}},
      {{}, {"logs", "--since", "yesterday"}, 2},
      {{}, {"logs", "--failed"}, 1},  // none has failed
      {{}, {"rollback", "--rehearse", "--lock-wait", "1m"}},
      {{}, {"rollback", "--to", "sha256:" + std::string(64, 'a')}, 2},
      {{}, {"rollback", "--to", k_long_tag, "--report", "report.html"}},
      {{}, {"rollback", "--force", "-o", "json"}},
      {{}, {"rollback", "--with-current-secrets"}},
      {{}, {"rollback", "--with-current-config", "--trust-history"}},
      {{}, {"plan", "--tag", k_long_tag, "--hold", "--out", "plan.json"}},
      {{}, {"deploy", "--plan", "plan.json", "--dry-run", "--exit-code"}, 10},
      {{}, {"deploy", "--plan", "stranger.yml"}, 2},
      {{}, {"logs", "--slot", "blue", "--host", address, "-n", "5", "-o", "json"}},
      {{}, {"logs", "--slot", "green", "-f"}},  // it is stopped, so that there is an end
      {{}, {"exec", "--slot", "blue", "--host", address, "--", "/app", "--probe"}},
      {{}, {"history", "-o", "json"}},
      {{}, {"lock", "-m", "longer than any string that is held in place"}},
      {{}, {"deploy", "--tag", "1.0"}, 4},
      {{}, {"lock", "-m", "an hour", "--for", "1h", "-o", "json"}},
      {{}, {"lock", "-m", "the holidays", "--until", "2100-12-27T08:00"}},
      {{}, {"lock", "-m", "yesterday", "--until", "2020-12-27T08:00"}, 2},
      {{}, {"deploy", "--tag", "1.0", "--lock-wait", "15m"}, 4},
      {{}, {"unlock", "-o", "json"}},
      {{}, {"promote", "--force", "--lock-wait", "1m", "--report", "report.html", "-o", "json"}, 2},
      {{}, {"run"}, 2},
      {{}, {"run", "--tag", "1.0", "--", "--migrate"}},
      {{}, {"setup"}},
      {{}, {"setup", "--yes", "--host", address}},
      {{}, {"site"}},
      {{}, {"site", "--write", "--server-name", "shop.example.com"}, 1},  // another one has the include
      {{}, {"site", "--write", "--force", "--to", "/etc/nginx/sites-enabled/app.conf"}},
      {{}, {"init"}, 2},  // there is a spec
      {{}, {"init", "--from", "none.yml", "--force"}, 2},
      {{}, {"init", "-f", "/", "--force"}, 2},
      {{}, {"init", "--stdout"}},
      {{}, {"init", "--stdout", "--host", address}, 3},  // its key is not known outside of the spec
      {{}, {"prune", "--dry-run"}},
      {{}, {"prune", "-o", "json"}},
      {{}, {"schema"}},
      {{}, {"completion"}, 2},
      {{}, {"completion", "fish"}},
      {{}, {"__complete", "--", "bgdeploy rollback --to "}},
      {{}, {"__man", "bgdeploy.yml.5"}},
  };
  const auto commands = bgdeploy::cli::known_commands();
  for (const KnownCommand& command : commands) {
    if (command.name.empty()) continue;
    EXPECT_TRUE(std::ranges::any_of(
        uses, [&](const Use& use) { return !use.command.empty() && use.command.front() == command.name; }))
        << command.name << " is not run";
    uses.push_back({{}, {command.name, "--help"}});
  }
  for (const Use& use : uses) expect(use);
  for (const KnownCommand& command : commands)
    for (const Words& spellings : command.options)
      EXPECT_TRUE(std::ranges::any_of(uses, [&](const Use& use) { return has(use, command, spellings); }))
          << command.name << " is not run with " << spellings.back();
}

TEST_F(EveryFlag, WhatCannotBePrintedFails) {
  deploy_well("1.0");
  for (const Words& words : std::vector<Words>{{"status"},
                                               {"status", "-o", "json"},
                                               {"history"},
                                               {"check"},
                                               {"config"},
                                               {"plan", "--tag", "1.0"},
                                               {"logs"},
                                               {"unlock"},
                                               {"--help"},
                                               {"--version"},
                                               {"exec", "--", "/app", "--migrate"}}) {
    auto command = bgdeploy_command(words);
    command.argv.insert(command.argv.begin(), {"sh", "-c", R"("$0" "$@" >/dev/full)"});
    const auto finished = run(command);
    EXPECT_EQ(finished.exit_code, 1) << words.front() << finished;
    EXPECT_NE(finished.err.find("stdout cannot be written: No space left on device"), std::string::npos)
        << finished;
    command.argv[2] = R"({ "$0" "$@"; echo $? >&3; } 3>&2 | :)";
    EXPECT_EQ(run(command).err.find("cannot be written"), std::string::npos) << words.front();
  }
  auto command = bgdeploy_command({"deploy", "--tag", "1.0", "--force", "-o", "json"});
  command.argv.insert(command.argv.begin(), {"sh", "-c", R"("$0" "$@" >/dev/full)"});
  const auto switched = run(command);
  EXPECT_EQ(switched.exit_code, 6) << switched;
}

TEST_F(EveryFlag, AWorkingDirectoryThatWasRemovedIsSaidPlainly) {
  for (const Words& words : std::vector<Words>{{"config"},
                                               {"-f", "../bgdeploy.yml", "config"},
                                               {"deploy", "--tag", "1.0"},
                                               {"-f", workspace() + "/bgdeploy.yml", "config"}}) {
    auto command = bgdeploy_command(words);
    command.argv.insert(command.argv.begin(),
                        {"sh", "-c", R"(mkdir gone && cd gone && rmdir ../gone && exec "$0" "$@")"});
    const auto finished = run(command);
    const bool needs_it = words.front() != "-f" || words[1].starts_with("..");
    EXPECT_EQ(finished.exit_code, needs_it ? 2 : 0) << finished;
    EXPECT_EQ(finished.err.starts_with("error: the working directory cannot be found"), needs_it) << finished;
  }
}

// Instead of a host's shell, what prints without an end.
TEST_F(EveryFlag, AnInterruptIsOneWhateverTheHostSays) {
  write_spec({{"hosts", "hosts: {app: [local]}"}, {"ssh", ""}, {"proxy", "proxy: none"}});
  std::filesystem::create_directory(workspace() + "/bin");
  std::ofstream(workspace() + "/bin/sh") << "#!/bin/bash\n: >" << workspace() << "/begun\nexec yes\n";
  std::filesystem::permissions(workspace() + "/bin/sh", std::filesystem::perms(0755));
  set_environment("PATH", workspace() + "/bin:/usr/bin:/bin");
  for (const Words& words :
       std::vector<Words>{{"deploy", "--tag", "1.0"}, {"rollback"}, {"history"}, {"lock", "-m", "x"}}) {
    std::filesystem::remove(workspace() + "/begun");
    auto running = start_bgdeploy(words);
    EXPECT_TRUE(eventually(std::chrono::seconds{30},
                           [&] { return std::filesystem::exists(workspace() + "/begun"); }));
    running.signal(SIGINT);
    const auto finished = running.wait(std::chrono::seconds{30});
    EXPECT_EQ(finished.exit_code, 130) << words.front() << finished;
  }
}

}  // namespace
}  // namespace e2e
