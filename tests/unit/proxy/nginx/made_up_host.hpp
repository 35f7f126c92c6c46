// A proxy host that tests make up: a /proc tree, and the shells that hosts have. Needs no root and no nginx.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "bgdeploy/core/shell_words.hpp"
#include "bgdeploy/io/child.hpp"
#include "proxy/nginx/script.hpp"

namespace bgdeploy::proxy {

namespace fs = std::filesystem;

inline const fs::path k_scripts = fs::path(BGDEPLOY_SOURCE_DIR) / "src/proxy/nginx/scripts";
inline constexpr int k_fork_no_exec = 64;  // linux/sched.h: PF_FORKNOEXEC

// A process as /proc describes it.
struct Described {
  int pid = 0;
  int parent = 1;
  std::string title;
  std::uint64_t start = 1000;
  int flags = 0;
  char state = 'S';
  std::string pids_in_namespaces = {};  // "NSpid:" of a container's process has several
  std::string pending = "0000000000000000";
  std::string blocked = "0000000000000000";
};

// The parameter is the shell: dash, bash (as sh, in POSIX mode) or busybox, which brings its own awk, sed and
// the rest.
class MadeUpHost : public ::testing::TestWithParam<std::string> {
protected:
  // A folder a shell, in which it is `sh`.
  static void SetUpTestSuite() {
    std::string name = (fs::temp_directory_path() / "bgdeploy-shells-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    s_tools = name;
    for (const auto* shell : {"dash", "bash", "busybox"}) fs::create_directory(s_tools / shell);
    for (const auto* shell : {"dash", "bash"})
      fs::create_symlink(fs::path("/bin") / shell, s_tools / shell / "sh");
    ASSERT_EQ(finished({"busybox", "--install", "-s", (s_tools / "busybox").string()}).exit_code, 0);
    // Debian's busybox has none.
    fs::create_symlink("/usr/bin/flock", s_tools / "busybox/flock");
  }
  static void TearDownTestSuite() {
    if (!s_tools.empty()) fs::remove_all(s_tools);
  }
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "bgdeploy-host-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    m_root = name;
    fs::create_directories(proc());
    m_path = (s_tools / GetParam()).string();
    if (GetParam() != "busybox") m_path += ":/usr/bin:/bin";
    fs::create_symlink("/proc/self", proc() / "self");
    fs::create_symlink("/proc/uptime", proc() / "uptime");
    settings = {{"proc", proc().string()},
                {"pid_file", path("nginx.pid")},
                {"container", ""},
                {"by_signal", "0"},
                {"globals", ""},
                {"prefix", ""},
                {"conf", ""},
                {"include", ""},
                {"from_0", ""},
                {"to_0", ""},
                {"from_1", ""},
                {"to_1", ""},
                {"slot", ""},
                {"upgrade_patience", "0"}};
  }
  void TearDown() override {
    if (!m_root.empty()) fs::remove_all(m_root);
  }

  fs::path proc() const { return m_root / "proc"; }
  std::string path(const std::string& name) const { return (m_root / name).string(); }

  std::string write(const std::string& name, const std::string& content) const {
    fs::create_directories((m_root / name).parent_path());
    std::ofstream(m_root / name, std::ios::binary) << content;
    return path(name);
  }
  std::string read(const std::string& name) const {
    std::ifstream file(m_root / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  // Its parent, when that is made up too, has to come first.
  void add(const Described& process) const {
    const auto folder = fmt::format("proc/{}/", process.pid);
    write(folder + "stat",
          fmt::format("{} (a) (b c) {} {} 1 1 0 -1 {} 0 0 0 0 0 0 0 0 20 0 1 0 {} 0 0\n", process.pid,
                      process.state, process.parent, process.flags, process.start));
    write(folder + "cmdline", process.title + std::string(1, '\0'));
    write(folder + "status", fmt::format("Name:\tnginx\nNSpid:\t{}\nShdPnd:\t{}\nSigBlk:\t{}\n",
                                         process.pids_in_namespaces.empty() ? std::to_string(process.pid)
                                                                            : process.pids_in_namespaces,
                                         process.pending, process.blocked));
    write(children_of(process.pid), "");
    if (fs::exists(m_root / children_of(process.parent)))
      std::ofstream(m_root / children_of(process.parent), std::ios::app) << process.pid << ' ';
  }
  // nginx: a master and one worker.
  void add_nginx(int master, int worker) const {
    add({.pid = master, .title = "nginx: master process nginx"});
    add({.pid = worker, .parent = master, .title = "nginx: worker process", .flags = k_fork_no_exec});
    write("nginx.pid", std::to_string(master) + "\n");
  }
  static std::string children_of(int pid) { return fmt::format("proc/{0}/task/{0}/children", pid); }

  std::vector<std::string> shell(const std::string& text) const {
    return {"env", "-i", "PATH=" + m_path, "HOME=" + path("home"), (s_tools / GetParam() / "sh").string(),
            "-c",  text, "bgdeploy"};
  }
  static host::Output finished(const std::vector<std::string>& argv) {
    auto output = io::run_child(argv, "", core::Wait::for_at_most(std::chrono::seconds(60)));
    return output ? *output
                  : host::Output{.exit_code = -1, .signal = {}, .out = {}, .err = output.error().message};
  }

  // What `commands` print when they follow the settings and these parts of the scripts.
  std::string say(const std::vector<std::string>& parts, const std::string& commands) const {
    std::string text;
    for (const auto& [name, value] : settings) text += fmt::format("{}={}\n", name, core::shell_quote(value));
    for (const auto& part : parts)
      text += fmt::format(". {}\n", core::shell_quote((k_scripts / "parts" / (part + ".sh")).string()));
    const auto output = finished(shell(text + commands));
    EXPECT_EQ(output.err, "");
    return output.out;
  }
  // A whole script, as it is sent.
  std::vector<std::string> script(std::string_view text) const {
    return shell(script_command(settings, text).argv.at(2));
  }

  Settings settings;

private:
  static inline fs::path s_tools;
  fs::path m_root;
  std::string m_path;
};

#define EVERY_SHELL(suite)                                                             \
  INSTANTIATE_TEST_SUITE_P(Under, suite, ::testing::Values("dash", "bash", "busybox"), \
                           [](auto& shell) { return shell.param; })

}  // namespace bgdeploy::proxy
