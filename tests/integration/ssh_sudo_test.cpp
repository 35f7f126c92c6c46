// A login user who is not root, and what sudoers lets it do.
#include <gmock/gmock.h>

#include "ssh_server.hpp"

namespace bgdeploy::testing_ssh {
namespace {

using core::ErrorKind;
using host::Tool;
using testing::HasSubstr;
using testing::Not;

constexpr const char* k_all = "Defaults !syslog\nplain ALL=(root) NOPASSWD: ALL\n";

class Sudo : public SshTest {
protected:
  void open(const spec::Sudo& sudo, const std::string& sudoers) {
    m_etc.sudoers(sudoers);
    if (!m_server) set_up();
    fs::remove_all(m_folder / "roots");
    fs::create_directory(m_folder / "roots");
    fs::permissions(m_folder / "", fs::perms(0711));
    fs::permissions(m_folder / "roots", fs::perms(0700));
    auto target = host();
    target.ssh.user = "plain";
    target.ssh.sudo = sudo;
    auto connected = host::connect(target, soon());
    ASSERT_TRUE(connected) << all_text(connected.error());
    m_host = std::move(*connected);
  }
  std::string user_of(Tool tool) { return m_host->run({{"id", "-un"}, tool, {}}, soon())->out; }

  std::unique_ptr<host::Host> m_host;
};

TEST_F(Sudo, NothingRunsThroughItUnlessTheSpecSaysSo) {
  open({}, k_all);
  for (const auto tool : {Tool::other, Tool::docker, Tool::nginx}) EXPECT_EQ(user_of(tool), "plain\n");
  EXPECT_FALSE(m_host->write_file(m_folder / "roots" / "x", "x", {}, soon()));
  EXPECT_FALSE(fs::exists(m_folder / "roots" / "x"));
}

TEST_F(Sudo, DockerOrNginxAloneRunThroughIt) {
  const std::string rules = "Defaults !syslog\nplain ALL=(root) NOPASSWD: /usr/bin/id -un\n";
  open({.all = false, .docker = true, .nginx = false}, rules);
  EXPECT_EQ(user_of(Tool::docker) + user_of(Tool::nginx) + user_of(Tool::other), "root\nplain\nplain\n");
  open({.all = false, .docker = false, .nginx = true}, rules);
  EXPECT_EQ(user_of(Tool::docker) + user_of(Tool::nginx) + user_of(Tool::other), "plain\nroot\nplain\n");
}

// With and without a pseudo-terminal of sudo's own, which newer versions of it start a command in.
TEST_F(Sudo, AFileIsWrittenWithItsOwnerAndModeAndStreamsEnd) {
  for (const std::string more : {"Defaults !use_pty\n", "Defaults use_pty\n"}) {
    open({.all = true, .docker = false, .nginx = false}, more + k_all);
    std::string content(1'000'000, 'x');
    for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 7);
    const auto path = m_folder / "roots" / "it's here.conf";
    const auto written = m_host->write_file(path, content, {0640, "other:61000"}, soon());
    ASSERT_TRUE(written) << all_text(written.error());
    EXPECT_TRUE(read_file(path) == content);
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, 61002U);
    EXPECT_EQ(status.st_gid, 61000U);
    EXPECT_EQ(status.st_mode & 07777, 0640U);
    EXPECT_EQ(m_host->run({{"cat"}, Tool::other, content}, soon())->out.size(), content.size());
    const auto process =
        m_host->start({{"sh", "-c", "read -r l; echo \"<$l>\"; cat; exit 7"}}, soon()).value();
    ASSERT_TRUE(process->write("one\ntwo"));
    EXPECT_EQ(process->read_line(soon()).value(), "<one>");
    ASSERT_TRUE(process->close_input());
    const auto output = process->finish(soon());
    EXPECT_EQ(output->out, "two");
    EXPECT_EQ(output->exit_code, 7);
  }
}

TEST_F(Sudo, OneThatAsksForAPasswordFailsAtOnceAndSaysSo) {
  for (const std::string rules : {"plain ALL=(root) ALL\n", "other ALL=(root) NOPASSWD: ALL\n"}) {
    open({.all = true, .docker = false, .nginx = false}, "Defaults !syslog\nDefaults !mailerpath\n" + rules);
    const auto limit = Wait::for_at_most(10s);
    const auto output = m_host->run({{"true"}}, limit);
    ASSERT_FALSE(output);
    EXPECT_EQ(output.error().kind, ErrorKind::denied);
    EXPECT_THAT(all_text(output.error()), HasSubstr("a password is required"));
    EXPECT_THAT(output.error().next,
                HasSubstr("/etc/sudoers.d/bgdeploy on 127.0.0.1: plain ALL=(root) NOPASSWD: ALL"));
    EXPECT_THAT(all_text(output.error()), Not(HasSubstr("\\x0a")));
    const auto written = m_host->write_file("/root/x", "x", {}, limit);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().kind, ErrorKind::denied);
    const auto process = m_host->start({{"cat"}}, limit).value();
    EXPECT_EQ(process->read_line(limit).value(), std::nullopt);
    EXPECT_EQ(process->finish(limit).error().kind, ErrorKind::denied);
  }
}

TEST_F(Sudo, EveryWayInWhichItRefusesIsTheSame) {
  const std::string quiet = "Defaults !syslog\nDefaults !mailerpath\n";
  for (const std::string rules :
       {"plain ALL=(root) NOPASSWD: /usr/bin/id\n", "Defaults requiretty\nplain ALL=(root) NOPASSWD: ALL\n",
        "other ALL=(root) NOPASSWD: ALL\n", "plain ALL=(other) NOPASSWD: ALL\n"}) {
    open({.all = false, .docker = true, .nginx = false}, quiet + rules);
    const auto output = m_host->run({{"/usr/bin/true"}, Tool::docker, {}}, soon());
    ASSERT_FALSE(output) << rules;
    EXPECT_EQ(output.error().kind, ErrorKind::denied) << rules << all_text(output.error());
  }
  open({.all = true, .docker = false, .nginx = false}, quiet + "plain ALL=(root) NOPASSWD:NOEXEC: ALL\n");
  const auto noexec = m_host->run({{"sh", "-c", "exec /bin/true"}}, soon());
  ASSERT_FALSE(noexec);
  EXPECT_EQ(noexec.error().kind, ErrorKind::denied) << all_text(noexec.error());
  // A command's own failure is none, whatever sudo warns of.
  open({.all = true, .docker = false, .nginx = false}, quiet + k_all);
  EXPECT_EQ(
      m_host->run({{"sh", "-c", "echo 'sudo: unable to resolve host x' >&2; exit 1"}}, soon())->exit_code, 1);
}

}  // namespace
}  // namespace bgdeploy::testing_ssh
