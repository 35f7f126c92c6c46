// The lock's scripts under every shell that hosts have, against a made-up /proc. Needs no root.
#include <gmock/gmock.h>
#include <stdlib.h>

#include <filesystem>
#include <future>
#include <iterator>
#include <regex>
#include <set>
#include <string>

#include "bgdeploy/host/account.hpp"
#include "bgdeploy/io/child.hpp"
#include "deploy/lock/lease_script.hpp"

namespace bgdeploy::deploy {
namespace {

namespace fs = std::filesystem;
using ::testing::IsEmpty;

// Two children of the script stand for the sshd of its connection ($session) and for the listening one.
constexpr auto k_begin = R"sh(
describe() {
  mkdir -p "$proc/$1"
  printf '%s (a) (b) S %s 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 %s 0 0\n' "$1" "$2" "$3" >"$proc/$1/stat"
  printf '%s\0' "$4" >"$proc/$1/cmdline"
}
mkdir -p "$proc/sys/kernel/random"
echo this-boot >"$proc/sys/kernel/random/boot_id"
ln -s /proc/self "$proc/self"
sh -c 'trap "kill \$!; rm -r \"\$1/\$\$\"; exit" TERM; sleep 20 & wait' sh "$proc" >/dev/null 2>&1 </dev/null &
session=$!
sleep 20 >/dev/null 2>&1 </dev/null &
listener=$!
)sh";
constexpr auto k_end = R"sh(
kill -KILL "$listener"
wait "$listener"
echo "listener $?"
[ ! -d "$proc/$session" ] || echo "session lives"
kill -TERM "$session" 2>/dev/null
wait "$session"
: >"$proc/ended"
)sh";

class LeaseScript : public ::testing::TestWithParam<std::vector<std::string>> {
protected:
  void SetUp() override {
    std::string folder = (fs::temp_directory_path() / "bgdeploy-lease-XXXXXX").string();
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    m_folder = folder;
  }
  void TearDown() override { fs::remove_all(m_folder); }

  // What a holder says that hears nothing for longer than a second, and what it left alive.
  std::string silent(const std::string& name, const std::string& ancestors) const {
    auto argv = GetParam();
    const fs::path folder = m_folder / name;
    fs::create_directory(folder);
    const std::string text = "proc=" + (folder / "proc").string() +
                             "\n{ while [ ! -e \"$proc/ended\" ]; do sleep 0.1; done; } | {\n" + k_begin +
                             ancestors + std::string(host::k_account) + std::string(k_lock_files) +
                             std::string(k_hold_script) + k_end + "}";
    argv.insert(argv.end(),
                {"-c", text, "bgdeploy", (folder / ".lock").string(), "owner", "1", "1", "77", "this-boot"});
    const auto output = io::run_child(argv, "", core::Wait::for_at_most(std::chrono::seconds(60)));
    if (!output) return output.error().message;
    const std::string first = "held " + (folder / ".lock").string();
    return output->out.starts_with(first) ? "held" + output->out.substr(first.size()) : output->out;
  }

  const fs::path& scratch() const { return m_folder; }

private:
  fs::path m_folder;
};

INSTANTIATE_TEST_SUITE_P(Under, LeaseScript,
                         ::testing::Values(std::vector<std::string>{"dash"},
                                           std::vector<std::string>{"bash", "--posix"},
                                           std::vector<std::string>{"busybox", "sh"}),
                         [](const auto& shell) { return shell.param.front(); });

TEST_P(LeaseScript, OnSilenceEndsOnlyTheConnectionThatItCameThrough) {
  const std::string listener =
      "describe $listener 1 2 'sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups'\n";
  const std::string below_sudo = "describe $$ 900001 5 sh\ndescribe 900001 $session 4 'sudo sh'\n" + listener;
  const auto start = [this](const std::string& name, const std::string& ancestors) {
    return std::async(std::launch::async, [=, this] { return silent(name, ancestors); });
  };
  auto sshd = start("sshd", below_sudo + "describe $session $listener 3 'sshd: jo@notty'\n");
  auto session = start("session", below_sudo + "describe $session $listener 3 'sshd-session: jo@notty'\n");
  // Everything between has died.
  auto orphan = start("orphan", "describe $$ $listener 5 sh\ndescribe $session 1 2 other\n" + listener);
  // Another process has the deployer's pid now, so its start is not 77.
  auto reused = start("reused",
                      "describe $$ $session 5 sh\ndescribe $session 1 78 bgdeploy\n"
                      "set -- \"$1\" owner 1 $session 77 this-boot\n");
  EXPECT_EQ(sshd.get(), "held\nlistener 137\n");
  EXPECT_EQ(session.get(), "held\nlistener 137\n");
  EXPECT_EQ(orphan.get(), "held\nlistener 137\nsession lives\n");
  EXPECT_EQ(reused.get(), "held\nlistener 137\nsession lives\n");
}

TEST_P(LeaseScript, StandsInLineForALockThatIsHeld) {
  auto argv = GetParam();
  const std::string text =
      "proc=/proc\nmkdir \"${1%/*}\"; : >\"$1.lock\"\n"
      "printf '%s\\n%s\\n' '1 1' >\"$1.wait.000000000000.00.00000001\"\n"  // of one that is gone
      "flock \"$1.lock\" sh -c ': >\"$1.held\"; until [ -e \"$1.seen\" ]; do sleep 0.1; done' sh \"$1\" "
      ">/dev/null 2>&1 </dev/null &\n"
      "until [ -e \"$1.held\" ]; do sleep 0.1; done\ntrue | {\n" +
      std::string(host::k_account) + std::string(k_lock_files) + std::string(k_hold_script) +
      "} | while read -r line; do echo \"$line\"; : >\"$1.seen\"; done";
  const auto folder = scratch() / "line";
  argv.insert(argv.end(), {"-c", text, "bgdeploy", (folder / ".lock").string(), "owner", "5", "1", "77",
                           "this-boot", "line"});
  const auto output = io::run_child(argv, "", core::Wait::for_at_most(std::chrono::seconds(60)));
  ASSERT_TRUE(output) << output.error().message;
  EXPECT_TRUE(output->out.starts_with("waiting\n")) << output->out << output->err;
  EXPECT_TRUE(output->out.ends_with("waiting\nheld " + (folder / ".lock").string() + "\n"))
      << output->out << output->err;
  for (const auto& entry : fs::directory_iterator(folder))
    EXPECT_EQ(entry.path().string().find(".wait."), std::string::npos) << entry.path();
}

TEST_P(LeaseScript, SaysWhatIsMissingAndWhatToDoBehindATab) {
  auto argv = GetParam();
  argv.insert(argv.end(),
              {"-c", "PATH=/nowhere\n" + std::string(k_lock_files), "bgdeploy", "/nowhere/.lock"});
  const auto output = io::run_child(argv, "", core::Wait::for_at_most(std::chrono::seconds(60)));
  ASSERT_TRUE(output) << output.error().message;
  EXPECT_TRUE(output->out.starts_with("broken there is no ")) << output->out;
  EXPECT_TRUE(output->out.ends_with("\tinstall util-linux and coreutils\n")) << output->out;
}

std::set<std::string> matches(const std::string& text, const std::string& pattern) {
  std::set<std::string> found;
  const std::regex regex(pattern);
  for (std::sregex_iterator each(text.begin(), text.end(), regex), end; each != end; ++each)
    found.insert((*each)[1]);
  return found;
}

TEST(LeaseScripts, HaveNoFunctionAndVariableOfOneName) {
  const std::string text = std::string(host::k_account) + std::string(k_lock_files) +
                           std::string(k_hold_script) + std::string(k_status_script) +
                           std::string(k_freeze_script) + std::string(k_unfreeze_script);
  const auto functions = matches(text, "(?:^|\n)([a-z_]+)\\(\\) ");
  const auto variables = matches(text, "\\b([a-z_]+)=");
  ASSERT_GT(functions.size(), 5);
  ASSERT_GT(variables.size(), 5);
  std::set<std::string> both;
  std::ranges::set_intersection(functions, variables, std::inserter(both, both.end()));
  EXPECT_THAT(both, IsEmpty());
}

}  // namespace
}  // namespace bgdeploy::deploy
