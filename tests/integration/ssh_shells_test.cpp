// Login shells: each reads quotes, backslashes and newlines in its own way, and some print, or run nothing at
// all.
#include <gmock/gmock.h>

#include "ssh_server.hpp"

namespace bgdeploy::testing_ssh {
namespace {

using core::ErrorKind;
using host::Tool;
using testing::HasSubstr;

// All bytes but NUL, and what shells trip over.
std::vector<std::string> awkward_words() {
  std::string all;
  for (int byte = 1; byte < 256; ++byte) all += static_cast<char>(byte);
  return {"",
          all,
          R"(\\ \' \n ' '' ")",
          "!! !$ a!b",
          "$HOME $(id) `id`",
          "\n\n two\nlines \\\n",
          "-n",
          "żółć€",
          "{a,b} ~ * [x",
          "%s # ; & | < > ( )",
          std::string(20'000, '\'')};
}

class Shells : public SshTest {
protected:
  ~Shells() override { m_etc.login_shell("/bin/sh"); }

  void open_with(const std::string& shell) {
    m_etc.login_shell(shell);
    if (!m_server) set_up();
    auto target = host();
    target.ssh.user = "plain";
    auto connected = host::connect(target, soon());
    ASSERT_TRUE(connected) << shell << all_text(connected.error());
    m_host = std::move(*connected);
  }

  // Every way in which a host is used.
  void everything_works(const std::string& where) {
    const auto words = awkward_words();
    std::vector<std::string> argv = {"sh", "-c", "printf '%s|' \"$@\"\ncat", "it's $0"};
    argv.insert(argv.end(), words.begin(), words.end());
    std::string expected;
    for (const auto& word : words) expected += word + "|";
    const std::string input("input\n\0\xff'\\!", 11);
    const auto output = m_host->run({argv, Tool::other, input}, soon());
    ASSERT_TRUE(output) << where << all_text(output.error());
    EXPECT_TRUE(output->out == expected + input) << where << ": " << output->out << output->err;
    EXPECT_EQ(output->err, "") << where;

    const auto process = m_host->start({{"sh", "-c", "read -r l\necho \"<$l>\"; exit 5"}}, soon()).value();
    ASSERT_TRUE(process->write("one\n"));
    EXPECT_EQ(process->read_line(soon()).value(), "<one>") << where;
    EXPECT_EQ(process->finish(soon())->exit_code, 5) << where;

    const auto folder = "/tmp/" + m_name;
    const auto written = m_host->write_file(folder + "/it's", words[1], {}, soon());
    EXPECT_TRUE(written) << where;
    EXPECT_TRUE(read_file(folder + "/it's") == words[1]) << where;
    fs::remove_all(folder);

    EXPECT_TRUE(m_host->reachable(host::CommandEndpoint{{"true"}}, soon())) << where;
    EXPECT_FALSE(m_host->reachable(host::CommandEndpoint{{"false"}}, soon())) << where;
  }

  const std::string m_name = "bgdeploy-shells-" + std::to_string(::getpid());
  std::unique_ptr<host::Host> m_host;
};

TEST_F(Shells, AllReadTheSame) {
  const auto ash = m_folder / "ash";
  fs::permissions(m_folder / "", fs::perms(0711));
  fs::create_symlink("/bin/busybox", ash);
  for (const std::string shell : {"/bin/sh", "/bin/bash", "/bin/dash", ash.c_str(), "/bin/zsh",
                                  "/usr/bin/fish", "/bin/tcsh", "/bin/csh"}) {
    ASSERT_TRUE(fs::exists(shell)) << shell << " is not installed";
    open_with(shell);
    everything_works(shell);
  }
}

TEST_F(Shells, WhatOnePrintsIsNoOutputOfACommand) {
  const auto rc = m_folder / "rc";
  set_up({.extra = "AllowTcpForwarding no\n", .environment = "BASH_ENV=" + rc.string()});
  for (const std::string noise : {"echo Welcome; echo Careful >&2", "printf Welcome; printf Careful >&2",
                                  "head -c 1000000 /dev/zero | tr '\\0' x"}) {
    write_file(rc, noise + "; unset BASH_ENV\n");
    m_host = connect();
    everything_works(noise);
  }
}

TEST_F(Shells, OneThatRunsNothingIsNamed) {
  for (const std::string shell : {"/usr/sbin/nologin", "/bin/false"}) {
    open_with(shell);
    const auto output = m_host->run({{"true"}}, soon());
    ASSERT_FALSE(output) << shell;
    EXPECT_EQ(output.error().kind, ErrorKind::denied);
    EXPECT_THAT(all_text(output.error()),
                HasSubstr("the login shell runs no command: it ended with exit code 1"));
    if (shell == "/usr/sbin/nologin") {
      EXPECT_THAT(all_text(output.error()), HasSubstr("currently not available"));
    }
    const auto process = m_host->start({{"cat"}}, soon()).value();
    EXPECT_EQ(process->read_line(soon()).error().kind, ErrorKind::denied) << shell;
    EXPECT_FALSE(m_host->reachable(host::CommandEndpoint{{"true"}}, soon())) << shell;
  }
}

}  // namespace
}  // namespace bgdeploy::testing_ssh
