// The lines, and the real scripts on this machine.
#include "bgdeploy/deploy/release/history.hpp"

#include <gmock/gmock.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "bgdeploy/core/timestamp.hpp"
#include "bgdeploy/host/account.hpp"

namespace bgdeploy::deploy {
namespace {

HistoryEntry entry(std::string tag) {
  return {.time = *core::parse_time("2026-11-21T05:07:10.042Z"),
          .took = core::Duration(2400),
          .who = "jenkins@ci-7 (pid 4242)",
          .command = "deploy",
          .result = "failed",
          .message = "web-1: \"HTTP 503\"\nénd",
          .from = {"20261120T050710Z-1f3a", "1.2.2", "app", "sha256:aa"},
          .to = {"20261121T050710Z-1f3a", std::move(tag), "app", "sha256:bb"},
          .same_as = "20261119T050710Z-1f3a",
          .slot = "green",
          .hosts = {"web-1", "web-2"},
          .ran_with = {{"docker", R"({"mem_limit":"700m"})"}, {"compose", R"({"settings":"x"})"}},
          .health = R"({"tcp":true})",
          .sources = R"({"env_file":[],"secrets":{"TOKEN":{"env":"TOKEN"}}})",
          .include = "/etc/nginx/shop.inc",
          .ports = {8081, 8082},
          .steps = {{"health", core::Duration(1240)}, {"pull", core::Duration(7)}}};
}

TEST(HistoryLine, ReadsBackWhatItWrote) {
  const auto line = to_json_line(entry("1.2.3"));
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto back = parse_history_line(line);
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, entry("1.2.3"));
  EXPECT_EQ(*parse_history_line(to_json_line({})), HistoryEntry{});
}

TEST(HistoryLine, RefusesWhatIsNoEntryAndSurvivesStrangeOnes) {
  EXPECT_FALSE(parse_history_line(""));
  EXPECT_FALSE(parse_history_line("{\"time\":"));
  EXPECT_FALSE(parse_history_line("[]"));
  EXPECT_FALSE(parse_history_line("{}"));
  const auto strange = parse_history_line(
      R"({"time":"2026-11-21T05:07:10Z","who":7,"to":[],"hosts":[1,"web-1"],"took_ms":"x","new":true})");
  ASSERT_TRUE(strange);
  EXPECT_EQ(strange->hosts, std::vector<std::string>{"web-1"});
}

TEST(HistoryLine, ANumberThatIsNoneReadsAsMissing) {
  for (const std::string number :
       {"1e300", "-1", "1.5", "9223372036854775808", "18446744073709551616", "\"7\""}) {
    const auto strange = parse_history_line(R"({"time":"2026-11-21T05:07:10Z","took_ms":)" + number +
                                            R"(,"ports":[)" + number + ",65536,8081]}");
    ASSERT_TRUE(strange) << number;
    EXPECT_EQ(strange->took, core::Duration(0)) << number;
    EXPECT_EQ(strange->ports, std::vector<int>{8081}) << number;
  }
}

TEST(History, OfSeveralEnvironmentsOnAHostEachHasItsOwn) {
  spec::Spec spec;
  spec.slots = {spec::Slot{"blue", 8081, "a"}, spec::Slot{"green", 8082, "b"}};
  spec.nginx.include = "/etc/nginx/shop.inc";
  spec.app_hosts.emplace_back().name = "web-1";
  const auto counts = [&](const std::string& include, std::vector<int> ports,
                          std::vector<std::string> hosts) {
    HistoryEntry one = entry("1");
    one.include = include;
    one.ports = std::move(ports);
    one.hosts = std::move(hosts);
    return of_environment({one}, spec).size() == 1;
  };
  EXPECT_TRUE(counts("/etc/nginx/shop.inc", {8081, 8082}, {"web-1"}));
  EXPECT_TRUE(counts("", {}, {"web-9"})) << "older entries say nothing of it";
  EXPECT_TRUE(counts("/etc/nginx/shop.inc", {8081, 8083}, {"web-9"})) << "a port or the hosts were changed";
  EXPECT_TRUE(counts("/etc/nginx/older.inc", {8081, 8082}, {"web-1"})) << "the include was moved";
  EXPECT_FALSE(counts("/etc/nginx/staging.inc", {9081, 9082}, {"web-1"})) << "on the same host";
  EXPECT_FALSE(counts("/etc/nginx/staging.inc", {8081, 8082}, {"staging"})) << "behind the same proxy";
  spec.proxied = false;
  EXPECT_TRUE(counts("none", {8081, 8082}, {"web-1"}));
  EXPECT_TRUE(counts("/etc/nginx/shop.inc", {8081, 8082}, {"web-1"})) << "nginx was ours before";
  EXPECT_FALSE(counts("none", {9081, 9082}, {"web-1"}));
}

class HistoryFile : public testing::Test {
protected:
  void SetUp() override {
    std::string folder = (std::filesystem::temp_directory_path() / "bgdeploy-history-XXXXXX").string();
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    m_folder = folder;
    m_history.dir = folder + "/it's/state";
    m_host = connected();
  }
  void TearDown() override { std::filesystem::remove_all(m_folder); }

  static std::unique_ptr<host::Host> connected() {
    return std::move(*host::connect({.name = "local", .local = true}, wait()));
  }
  static core::Wait wait() { return core::Wait::for_at_most(std::chrono::seconds(30)); }
  void append(const std::string& tag) {
    const auto written = append_history(*m_host, m_history, "auction", entry(tag), wait());
    EXPECT_TRUE(written) << written.error().message;
  }
  std::vector<std::string> tags() {
    std::vector<std::string> result;
    const auto entries = read_history(*m_host, m_history, "auction", wait());
    EXPECT_TRUE(entries) << entries.error().message;
    for (const auto& line : entries.value_or(std::vector<HistoryEntry>{})) result.push_back(line.to.tag);
    return result;
  }
  static unsigned mode(const std::filesystem::path& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777u : 0;
  }

  std::filesystem::path m_folder;
  spec::History m_history;
  std::unique_ptr<host::Host> m_host;
};

TEST_F(HistoryFile, IsEmptyBeforeTheFirstDeploy) {
  EXPECT_EQ(tags(), std::vector<std::string>{});
}

TEST_F(HistoryFile, KeepsTheLastOldestFirstForItsOwnerOnly) {
  m_history.keep = 3;
  for (const auto* tag : {"1", "2", "3", "4"}) append(tag);
  EXPECT_EQ(tags(), (std::vector<std::string>{"2", "3", "4"}));
  EXPECT_EQ(mode(m_folder / "it's/state"), 0700u);
  EXPECT_EQ(mode(m_folder / "it's/state/auction.jsonl"), 0600u);
  m_history.keep = 1;
  append("5");
  EXPECT_EQ(tags(), (std::vector<std::string>{"5"}));
  EXPECT_EQ((*read_history(*m_host, m_history, "auction", wait())).front(), entry("5"));
}

TEST_F(HistoryFile, IsWrittenByACommandThatWaitedForTheEntry) {
  append("1");
  {
    HistoryWriter unused(m_history, "auction");
    unused.begin(*m_host, wait());
  }
  HistoryWriter writer(m_history, "auction");
  writer.begin(*m_host, wait());
  writer.begin(*m_host, wait());
  EXPECT_EQ(tags(), (std::vector<std::string>{"1"})) << "nothing is known yet";
  append("2");  // it does not hold the history's lock
  ASSERT_TRUE(writer.append(*m_host, entry("3"), wait()));
  EXPECT_EQ(tags(), (std::vector<std::string>{"1", "2", "3"}));
  ASSERT_TRUE(writer.append(*m_host, entry("4"), wait()));
  HistoryWriter late(m_history, "auction");
  ASSERT_TRUE(late.append(*m_host, entry("5"), wait()));
  EXPECT_EQ(tags(), (std::vector<std::string>{"1", "2", "3", "4", "5"}));
  std::filesystem::remove_all(m_folder);
  std::ofstream(m_folder) << "no folder";
  HistoryWriter refused(m_history, "auction");
  refused.begin(*m_host, wait());
  EXPECT_FALSE(refused.append(*m_host, entry("6"), wait()));
}

TEST_F(HistoryFile, ALineThatWasCutOffIsLeftOutAndHarmsNoOther) {
  append("1");
  std::ofstream(m_folder / "it's/state/auction.jsonl", std::ios::app) << "{\"time\":\"2026-";
  append("2");
  EXPECT_EQ(tags(), (std::vector<std::string>{"1", "2"}));
}

TEST_F(HistoryFile, ConcurrentWritersLoseNothing) {
  {
    std::vector<std::jthread> writers;
    for (int i = 0; i < 8; ++i) {
      writers.emplace_back([this, i] {
        const auto host = connected();
        EXPECT_TRUE(append_history(*host, m_history, "auction", entry(std::to_string(i)), wait()));
      });
    }
  }
  EXPECT_THAT(tags(), testing::UnorderedElementsAre("0", "1", "2", "3", "4", "5", "6", "7"));
}

// An environment variable as it is during a test.
class Variable {
public:
  Variable(const char* name, const std::optional<std::string>& value) : m_name(name) {
    if (const char* old = std::getenv(name)) m_old = old;
    set(value);
  }
  ~Variable() { set(m_old); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

private:
  void set(const std::optional<std::string>& value) const {
    value ? ::setenv(m_name, value->c_str(), 1) : ::unsetenv(m_name);
  }
  const char* m_name;
  std::optional<std::string> m_old;
};

// Systemd and cron set no HOME, so that it is not asked first.
TEST_F(HistoryFile, ATildeIsTheHomeThatTheAccountHas) {
  const Variable home("HOME", "/nowhere");
  const auto found = [&](const std::string& before) {
    const auto output = m_host->run(
        {{"sh", "-c", std::string(host::k_account) + before + "find_home; printf '%s %s' \"$uid\" \"$home\""},
         host::Tool::other,
         {}},
        wait());
    return output ? output->out : output.error().message;
  };
  const passwd* own = ::getpwuid(::geteuid());
  EXPECT_EQ(found(""), std::to_string(::geteuid()) + " " + own->pw_dir);
  // Of an account that a directory service has.
  std::filesystem::create_directory(m_folder / "bin");
  std::ofstream(m_folder / "bin/getent") << "#!/bin/sh\necho \"jo:x:$2:0:of $1:/home/of jo:/bin/sh\"\n";
  std::filesystem::permissions(m_folder / "bin/getent", std::filesystem::perms(0755));
  const std::string other = "find_uid() { uid=4242424; }; ";
  EXPECT_EQ(found(other), "4242424 /nowhere") << "nobody knows it";
  const Variable path("PATH", (m_folder / "bin").string() + ":" + std::getenv("PATH"));
  EXPECT_EQ(found(other), "4242424 /home/of jo");
}

// A run looks at the folder once.
TEST_F(HistoryFile, IsReadWithTheOthersAndTheRoom) {
  const auto look = [&](bool all) { return look_at_history(*m_host, m_history, "auction", all, wait()); };
  const auto empty = look(true);
  ASSERT_TRUE(empty) << empty.error().message;
  EXPECT_TRUE(empty->own.empty() && empty->all.empty());
  EXPECT_GT(empty->room->free, 0);
  EXPECT_FALSE(empty->beside);
  append("1");
  append("2");
  ASSERT_TRUE(append_history(*m_host, m_history, "other", entry("9"), wait()));
  // Another user's file says that what follows is ours.
  std::ofstream(m_folder / "it's/state/zealous.jsonl") << "history auction.jsonl\n"
                                                       << to_json_line(entry("7")) << '\n';
  const auto seen = look(true);
  ASSERT_TRUE(seen) << seen.error().message;
  ASSERT_EQ(seen->own.size(), 2U);
  EXPECT_EQ(seen->own.back().to.tag, "2");
  EXPECT_EQ(seen->all.at("auction"), seen->own);
  EXPECT_EQ(seen->all.at("other").front().to.tag, "9");
  EXPECT_TRUE(look(false)->all.empty());
  EXPECT_EQ(look(false)->own.size(), 2U);
}

TEST_F(HistoryFile, IsReadWithTheRoomInAnotherFolder) {
  append("1");
  const auto look = [&](const std::string& folder) {
    auto command = look_at_history_command(m_history, "auction", true);
    command.push_back(folder);
    const auto output = m_host->run({command, host::Tool::other, {}}, wait());
    return parse_history_folder(*m_host, m_history, "auction", folder, output ? output->out : "");
  };
  const auto shared = look("/dev/shm");
  ASSERT_TRUE(shared.room && shared.beside);
  EXPECT_EQ(shared.beside->folder, "/dev/shm");
  EXPECT_GT(shared.beside->free, 0);
  EXPECT_NE(shared.beside->free, shared.room->free);
  EXPECT_EQ(shared.own.size(), 1U);
  // Another user may see it: where its parent is says nothing.
  const auto unseen = look("/dev/shm/not/there");
  EXPECT_FALSE(unseen.beside);
  ASSERT_TRUE(unseen.room);
  EXPECT_EQ(unseen.own.size(), 1U);
}

// What we keep of an output is 16 MB: the newest entries are those that count.
TEST_F(HistoryFile, OfMoreThanCanBeReadTheNewestAreRead) {
  append("1");
  auto large = entry("2");
  large.ran_with["compose"] = std::string(9'000'000, 'x');
  std::ofstream file(m_folder / "it's/state/auction.jsonl", std::ios::app);
  file << to_json_line(large) << '\n';
  large.to.tag = "3";
  file << to_json_line(large) << '\n';
  file.close();
  EXPECT_EQ(tags(), std::vector<std::string>{"3"});
  append("4");
  EXPECT_EQ(tags(), std::vector<std::string>{"4"}) << "no more than 8 MB are kept beside the new one";
}

TEST_F(HistoryFile, WhatIsNoFileIsNotWaitedFor) {
  std::filesystem::create_directories(m_history.dir);
  for (const std::string name : {"auction.jsonl", "auction.jsonl.lock"}) {
    const auto path = std::filesystem::path(m_history.dir) / name;
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    const auto written = append_history(*m_host, m_history, "auction", entry("1"), wait());
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().details, std::vector<std::string>{path.string() + " is not a regular file"});
    std::filesystem::remove(path);
  }
}

TEST_F(HistoryFile, SaysWhyItCannotBeWritten) {
  std::ofstream(m_folder / "it's") << "a file where a folder should be";
  const auto written = append_history(*m_host, m_history, "auction", entry("1"), wait());
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, core::ErrorKind::refused);
  EXPECT_EQ(written.error().message, "local: the history in " + m_history.dir + " failed");
  EXPECT_FALSE(written.error().details.empty());
}

}  // namespace
}  // namespace bgdeploy::deploy
