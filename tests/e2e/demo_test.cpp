// examples/demo/run with a bgdeploy that is there. tests/soak/run times the one that builds it.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "scenario.hpp"

namespace e2e {
namespace {

namespace fs = std::filesystem;

// What can be read: a process may end meanwhile.
std::string slurp(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The namespaces of a process, as in "net:[4026532000]".
std::set<std::string> namespaces_of(const fs::path& process) {
  std::set<std::string> found;
  std::error_code gone;
  for (const char* kind : {"mnt", "net", "pid", "uts", "ipc"})
    found.insert(fs::read_symlink(process / "ns" / kind, gone));
  return found;
}

// Field 6 of its stat; 0 of one that is dead and not yet buried.
int session_of(const fs::path& process) {
  auto stat = slurp(process / "stat");
  std::istringstream fields(stat.substr(std::min(stat.size(), stat.rfind(')') + 1)));
  std::string state;
  int parent = 0, group = 0, session = 0;
  fields >> state >> parent >> group >> session;
  return state == "Z" ? 0 : session;
}

class Demo : public ::testing::Test {
protected:
  void SetUp() override {
    std::string path = fs::temp_directory_path() / "bgdeploy-demo-XXXXXX";
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    m_folder = path;
    fs::create_directories(m_folder + "/tmp");
  }
  void TearDown() override { fs::remove_all(m_folder); }

  // In a session of its own, and with SIGINT as a terminal has it: a test program that runs in the background
  // of a shell ignores it, and a shell cannot undo that.
  Process start() const {
    return Process({{"env", "--default-signal=INT", "setsid", BGDEPLOY_EXAMPLES "/demo/run"},
                    {{"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
                     {"HOME", m_folder},
                     {"LC_ALL", "C.UTF-8"},
                     {"TMPDIR", m_folder + "/tmp"},
                     {"BGDEPLOY", bgdeploy_binary()}}});
  }

  // The one folder that it works in, "" when there is none.
  std::string work() const {
    for (const auto& entry : fs::directory_iterator(m_folder + "/tmp"))
      if (fs::exists(entry.path() / "host")) return entry.path();
    return "";
  }

  void remember_host() {
    ASSERT_TRUE(eventually(std::chrono::minutes{2}, [&] { return fs::exists(work() + "/host/ready"); }));
    const auto pid = slurp(work() + "/host/pid");
    m_namespaces = namespaces_of("/proc/" + pid.substr(0, pid.find('\n')));
    ASSERT_EQ(m_namespaces.size(), 5U);
  }

  // Of whatever belonged to it: its session, its folder, its host.
  void expect_nothing_left(int session) const {
    for (const auto& entry : fs::directory_iterator("/proc")) {
      if (entry.path().filename().string().find_first_not_of("0123456789") != std::string::npos) continue;
      const auto words = slurp(entry.path() / "cmdline");
      EXPECT_EQ(words.find(m_folder), std::string::npos) << entry << words;
      EXPECT_NE(session_of(entry), session) << entry << words;
      // The kernel uses the number of one that is gone again, but not all five at once.
      EXPECT_NE(namespaces_of(entry), m_namespaces) << entry << words;
    }
    EXPECT_EQ(slurp("/proc/self/mountinfo").find(m_folder), std::string::npos);
    EXPECT_TRUE(fs::is_empty(m_folder + "/tmp"));
  }

private:
  std::string m_folder;
  std::set<std::string> m_namespaces;
};

TEST_F(Demo, LosesNoRequestAndLeavesNothingBehind) {
  auto run = start();
  const int session = run.pid();
  remember_host();
  const auto finished = run.wait(std::chrono::minutes{3});
  EXPECT_EQ(finished.exit_code, 0) << finished;
  EXPECT_NE(finished.out.find("2 of 2: lab_app"), std::string::npos) << finished;
  EXPECT_NE(finished.out.find("Failed requests in all: 0"), std::string::npos) << finished;
  expect_nothing_left(session);
}

TEST_F(Demo, InterruptedUnderLoadLeavesNothingBehind) {
  auto run = start();
  const int session = run.pid();
  remember_host();
  ASSERT_TRUE(eventually(std::chrono::minutes{1},
                         [&] { return slurp(work() + "/load.log").find("started") != std::string::npos; }));
  // To all of them, as a terminal does.
  ASSERT_EQ(::kill(-session, SIGINT), 0);
  const auto finished = run.wait(std::chrono::minutes{1});
  EXPECT_EQ(finished.exit_code, 130) << finished;
  expect_nothing_left(session);
}

}  // namespace
}  // namespace e2e
