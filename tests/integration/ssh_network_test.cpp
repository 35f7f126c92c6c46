// A network that swallows everything: no answer, no reset. The server is in a network namespace of its own,
// at the other end of a cable, and its address is taken away.
#include <gmock/gmock.h>
#include <sched.h>

#include "ssh_server.hpp"

namespace bgdeploy::testing_ssh {
namespace {

using core::ErrorKind;
using std::chrono::steady_clock;

constexpr const char* k_near = "192.0.2.1";
constexpr const char* k_far = "192.0.2.2";  // RFC 5737: in use nowhere

// A process that holds a network namespace, from which it can be entered, until it is destroyed.
class OtherNetwork {
public:
  OtherNetwork() {
    int ready[2];
    EXPECT_EQ(::pipe2(ready, O_CLOEXEC), 0);
    m_pid = ::fork();
    if (m_pid == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      char ok = ::unshare(CLONE_NEWNET) == 0 ? 'y' : 'n';
      [[maybe_unused]] const auto told = ::write(ready[1], &ok, 1);
      for (;;) ::pause();
    }
    char ok = 0;
    EXPECT_EQ(::read(ready[0], &ok, 1), 1);
    EXPECT_EQ(ok, 'y') << "a network namespace needs root";
    ::close(ready[0]);
    ::close(ready[1]);
  }
  ~OtherNetwork() {
    ::kill(m_pid, SIGKILL);
    ::waitpid(m_pid, nullptr, 0);
  }
  OtherNetwork(const OtherNetwork&) = delete;
  std::string pid() const { return std::to_string(m_pid); }
  void run(std::vector<std::string> argv) const {
    argv.insert(argv.begin(), {"nsenter", "-t", pid(), "-n", "--"});
    run_tool(argv);
  }
  void enter() const {
    const io::Fd fd(::open(("/proc/" + pid() + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(::setns(fd.get(), CLONE_NEWNET), 0);
  }

private:
  pid_t m_pid = 0;
};

class Network : public SshTest {
protected:
  void open(core::Duration keepalive) {
    for (const auto* network : {&m_here, &m_there}) network->run({"ip", "link", "set", "lo", "up"});
    run_tool({"nsenter", "-t", m_here.pid(), "-n", "--", "ip", "link", "add", "cable", "type", "veth", "peer",
              "name", "cable", "netns", m_there.pid()});
    m_here.run({"ip", "addr", "add", std::string(k_near) + "/24", "dev", "cable"});
    m_here.run({"ip", "link", "set", "cable", "up"});
    m_there.run({"ip", "addr", "add", std::string(k_far) + "/24", "dev", "cable"});
    m_there.run({"ip", "link", "set", "cable", "up"});
    m_there.enter();
    set_up({.address = k_far});
    m_here.enter();
    write_file(m_folder / "known_hosts", "[" + std::string(k_far) + "]:" + std::to_string(m_server->port()) +
                                             " " + m_server->host_key() + "\n");
    m_target = host();
    m_target.name = k_far;
    m_target.ssh.keepalive = keepalive;
    auto connected = host::connect(m_target, soon());
    ASSERT_TRUE(connected) << all_text(connected.error());
    m_host = std::move(*connected);
  }
  // The neighbour stays known, so that what is sent does go out, and nobody takes it.
  void swallow() {
    m_here.run({"sh", "-c",
                "ip neigh replace \"$1\" dev cable nud permanent lladdr $(ip neigh show \"$1\" | "
                "sed -n 's/.*lladdr \\([^ ]*\\).*/\\1/p')",
                "sh", k_far});
    m_there.run({"ip", "addr", "del", std::string(k_far) + "/24", "dev", "cable"});
  }

  const OtherNetwork m_here, m_there;
  spec::Host m_target;
  std::unique_ptr<host::Host> m_host;
};

TEST_F(Network, ABlackHoleIsNoticedByWhoeverWaits) {
  open(2s);
  const auto process = m_host->start({{"cat"}}, soon()).value();
  swallow();
  const auto before = steady_clock::now();
  core::Result<host::Output> started;
  std::jthread command([&] { started = m_host->run({{"true"}}, soon()); });
  EXPECT_EQ(process->read_line(soon()).error().kind, ErrorKind::lost);
  command.join();
  EXPECT_EQ(started.error().kind, ErrorKind::lost);
  EXPECT_GT(steady_clock::now() - before, 1s);
  EXPECT_LT(steady_clock::now() - before, 10s);
  EXPECT_EQ(m_host->run({{"true"}}, soon()).error().kind, ErrorKind::lost);
  EXPECT_FALSE(m_host->reachable(host::TcpEndpoint{"127.0.0.1", m_server->port()}, soon()));
}

TEST_F(Network, ABlackHoleIsNoticedWhileMuchIsBeingSentAndTheHostIsDroppedAtOnce) {
  open(2s);
  const auto process = m_host->start({{"sh", "-c", "cat >/dev/null"}}, soon()).value();
  swallow();
  ASSERT_TRUE(process->write(std::string(20'000'000, 'x')));
  const auto before = steady_clock::now();
  EXPECT_EQ(process->finish(soon()).error().kind, ErrorKind::lost);
  EXPECT_LT(steady_clock::now() - before, 10s);
  const auto dropped = steady_clock::now();
  m_host.reset();
  EXPECT_LT(steady_clock::now() - dropped, 2s);
}

TEST_F(Network, ALoginIntoABlackHoleEndsWithItsTimeLimit) {
  open(2s);
  swallow();
  m_target.ssh.connect_timeout = 1s;
  const auto before = steady_clock::now();
  const auto connected = host::connect(m_target, soon());
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().kind, ErrorKind::unreachable);
  EXPECT_THAT(all_text(connected.error()), testing::HasSubstr("connect_timeout"));
  EXPECT_LT(steady_clock::now() - before, 5s);
}

}  // namespace
}  // namespace bgdeploy::testing_ssh
