// Commands and tunnels over one connection to a real sshd, and what happens when it breaks.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <netinet/tcp.h>
#include <sys/un.h>

#include <algorithm>

#include "bgdeploy/io/socket_folder.hpp"
#include "ssh_server.hpp"

namespace bgdeploy::testing_ssh {
namespace {

using core::ErrorKind;
using host::CommandEndpoint;
using host::TcpEndpoint;
using host::Tool;
using host::UnixEndpoint;
using testing::HasSubstr;

io::Fd dial(const fs::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.native().copy(address.sun_path, sizeof address.sun_path - 1);
  io::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fd.reset();
  return fd;
}

std::string read_all(const io::Fd& fd) {
  std::string text(65536, '\0'), all;
  for (ssize_t count = 0; (count = ::read(fd.get(), text.data(), text.size())) > 0;)
    all.append(text, 0, static_cast<std::size_t>(count));
  return all;
}

void say(const io::Fd& fd, std::string_view text) {
  while (!text.empty()) {
    const auto count = ::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
    ASSERT_GT(count, 0);
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

// Sends back what it gets, on every connection.
class Echo {
public:
  Echo()
      : m_thread([this] {
          for (;;) {
            auto fd = m_port.accept();
            if (!fd || m_stop) return;
            m_connections.emplace_back(
                [connection = std::move(fd)] { say(connection, read_all(connection)); });
          }
        }) {}
  ~Echo() {
    m_stop = true;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(m_port.number()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const io::Fd last(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ::connect(last.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    m_thread.join();
  }
  Echo(const Echo&) = delete;
  Echo& operator=(const Echo&) = delete;
  int port() const { return m_port.number(); }

private:
  Port m_port{true};
  std::atomic<bool> m_stop = false;
  std::vector<std::jthread> m_connections;
  std::thread m_thread;
};

std::string ask(const fs::path& socket, const std::string& question) {
  const auto fd = dial(socket);
  if (!fd) return "no connection";
  say(fd, question);
  ::shutdown(fd.get(), SHUT_WR);
  return read_all(fd);
}

class Channels : public SshTest {
protected:
  void open(const std::string& extra = "", core::Duration keepalive = 15s) {
    set_up({{"ed25519"}, extra});
    auto target = host();
    target.ssh.keepalive = keepalive;
    auto connected = host::connect(target, soon());
    ASSERT_TRUE(connected) << connected.error().message;
    m_host = std::move(*connected);
  }
  // Of this server: no command.
  bool only_sshd_runs() const {
    return std::ranges::all_of(m_server->children(), [](const pid_t pid) {
      return read_file("/proc/" + std::to_string(pid) + "/comm") == "sshd\n";
    });
  }
  std::unique_ptr<host::Host> m_host;
};

TEST_F(Channels, RunsACommandWithItsInputAndStreams) {
  open();
  const auto output = m_host->run({{"sh", "-c", "cat; echo oops >&2; exit 7"}, Tool::other, "in"}, soon());
  ASSERT_TRUE(output);
  EXPECT_EQ(output->out, "in");
  EXPECT_EQ(output->err, "oops\n");
  EXPECT_EQ(output->exit_code, 7);
}

TEST_F(Channels, NamesTheSignalThatEndedACommand) {
  open();
  const auto output = m_host->run({{"sh", "-c", "kill -KILL $$"}}, soon());
  ASSERT_TRUE(output);
  EXPECT_EQ(output->signal, "KILL");
  EXPECT_EQ(output->exit_code, 137);
}

TEST_F(Channels, WordsReachTheCommandAsTheyAre) {
  open();
  const std::vector<std::string> words = {"",   " ", "'", "\"", "$(id)", "`id`", "a\nb",
                                          "\\", "*", "~", "!",  "-n",    "\xff"};
  std::vector<std::string> argv = {"printf", "%s\\n"};
  std::string expected;
  for (const auto& word : words) {
    argv.push_back("<" + word + ">");
    expected += "<" + word + ">\n";
  }
  EXPECT_EQ(m_host->run({argv}, soon())->out, expected);
}

TEST_F(Channels, MovesTenMegabytesBothWaysAtOnce) {
  open();
  std::string input(10'000'000, 'x');
  for (std::size_t i = 0; i < input.size(); i += 997) input[i] = static_cast<char>(i);
  const auto output = m_host->run({{"sh", "-c", "tee /dev/stderr"}, Tool::other, input}, soon());
  ASSERT_TRUE(output);
  EXPECT_TRUE(output->out == input);
  EXPECT_TRUE(output->err == input);
}

TEST_F(Channels, TalksToARunningProcessAndDeliversWhatItWroteLast) {
  open();
  auto process =
      m_host->start({{"sh", "-c", "while read -r l; do echo \"<$l>\"; done; exit 5"}}, soon()).value();
  ASSERT_TRUE(process->write("one\n"));
  EXPECT_EQ(process->read_line(soon()).value(), "<one>");
  ASSERT_TRUE(process->close_input());
  EXPECT_EQ(process->read_line(soon()).value(), std::nullopt);
  EXPECT_EQ(process->finish(soon())->exit_code, 5);

  const auto bye = m_folder / "bye";
  process =
      m_host->start({{"sh", "-c", "cat >\"$0.new\"; mv \"$0.new\" \"$0\"", bye.string()}}, soon()).value();
  ASSERT_TRUE(process->write("bye"));
  process.reset();
  m_host.reset();
  EXPECT_TRUE(eventually([&] { return read_file(bye) == "bye"; }));
}

// sshd gives a command's place away only once it has looked at its channels again: whoever asks right behind
// the end of another command is refused, and must ask once more.
TEST_F(Channels, MoreCommandsThanSshdAllowsAtOnceWaitTheirTurn) {
  open("MaxSessions 2\n");
  // As a lock does, it holds its place for as long as all the others take.
  const auto holder = m_host->start({{"cat"}}, soon()).value();
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 4; ++i)
      callers.emplace_back([&] {
        for (int j = 0; j < 10; ++j) {
          const auto output = m_host->run({{"echo", "hello"}}, soon());
          if (output && output->out == "hello\n") ++good;
        }
      });
  }
  EXPECT_EQ(good, 40);
}

TEST_F(Channels, OneCommandAtATimeIsEnough) {
  open("MaxSessions 1\n");
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(m_host->run({{"true"}}, soon())) << i;
  const auto holder = m_host->start({{"cat"}}, soon()).value();
  const auto waited = m_host->run({{"true"}}, Wait::for_at_most(300ms));
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().kind, ErrorKind::timeout);
  EXPECT_THAT(all_text(waited.error()), HasSubstr("1 sessions at once (MaxSessions)"));
}

TEST_F(Channels, HowManyCommandsSshdAllowsAtOnceIsTriedAndGivenBack) {
  open("MaxSessions 2\n");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(m_host->places(3, soon()), 2) << i;
  const auto holder = m_host->start({{"cat"}}, soon()).value();
  EXPECT_EQ(m_host->places(3, soon()), 1);
  EXPECT_TRUE(m_host->run({{"true"}}, soon()));
  EXPECT_EQ(connect()->places(3, soon()), 2);
}

TEST_F(Channels, ForwardingIsTold) {
  open("MaxSessions 2\n");
  EXPECT_EQ(m_host->forwards_tcp(soon()), true);
}

TEST_F(Channels, ACommandInThePlaceOfForwardingIsTold) {
  open("MaxSessions 2\nAllowTcpForwarding no\n");
  EXPECT_EQ(m_host->forwards_tcp(soon()), false);
}

TEST_F(Channels, AnExceptionOnTheThreadOfAConnectionLosesThatAndNothingElse) {
  open("MaxSessions 1\n");
  const auto holder = m_host->start({{"cat"}}, soon()).value();
  m_host->when_crowded([] { throw std::bad_alloc(); });
  const auto output = m_host->run({{"true"}}, soon());
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().kind, ErrorKind::lost);
  EXPECT_THAT(all_text(output.error()), HasSubstr("out of memory"));
  EXPECT_EQ(holder->finish(soon()).error().kind, ErrorKind::lost);
  EXPECT_TRUE(connect()->run({{"true"}}, soon()));
}

// Whoever keeps a connection open for later is asked to end it.
TEST_F(Channels, WhoeverHoldsAPlaceForLaterIsAskedForIt) {
  open("MaxSessions 1\n");
  auto tunnel = dial(m_host->socket_to(CommandEndpoint{{"cat"}}).value());
  say(tunnel, "x");
  char echoed = 0;
  ASSERT_EQ(::recv(tunnel.get(), &echoed, 1, 0), 1);
  EXPECT_FALSE(m_host->crowded());
  m_host->when_crowded([&] { tunnel.reset(); });
  EXPECT_TRUE(m_host->run({{"true"}}, soon()));
  EXPECT_FALSE(tunnel);
  EXPECT_FALSE(m_host->crowded());
}

TEST_F(Channels, WhereSshdAllowsNoCommandThatIsSaid) {
  open("MaxSessions 0\n");
  const auto output = m_host->run({{"true"}}, soon());
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().kind, ErrorKind::denied);
  EXPECT_THAT(all_text(output.error()), HasSubstr("MaxSessions"));
}

TEST_F(Channels, WritesAFile) {
  open();
  const auto path = m_folder / "conf.d" / "it's.conf";
  ASSERT_TRUE(m_host->write_file(path, "content\n", {0640, "root:root"}, soon()));
  EXPECT_EQ(read_file(path), "content\n");
  EXPECT_EQ(fs::status(path).permissions(), fs::perms(0640));
  const auto refused = m_host->write_file("/proc/none/x", "x", {}, soon());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::refused);
}

TEST_F(Channels, AFileOfWhichOnlyAPartArrivedDoesNotTakeThePlaceOfTheOld) {
  open();
  const auto folder = m_folder / "conf.d";
  fs::create_directories(folder);
  write_file(folder / "file", "old");
  const auto part = [&]() -> fs::path {
    for (const auto& entry : fs::directory_iterator(folder))
      if (entry.path() != folder / "file") return entry.path();
    return {};
  };
  core::Result<void> written;
  std::jthread writer(
      [&] { written = m_host->write_file(folder / "file", std::string(64'000'000, 'x'), {}, soon()); });
  ASSERT_TRUE(eventually([&] {
    std::error_code none;
    const auto path = part();
    return !path.empty() && fs::file_size(path, none) > 0 && !none;
  }));
  for (const auto pid : m_server->children())
    if (read_file("/proc/" + std::to_string(pid) + "/comm") == "sshd\n") ::kill(pid, SIGKILL);
  writer.join();
  ASSERT_FALSE(written) << "all of it had arrived";
  EXPECT_EQ(written.error().kind, ErrorKind::lost);
  EXPECT_TRUE(eventually([&] { return part().empty(); }));
  EXPECT_EQ(fs::file_size(folder / "file"), 3U);
}

TEST_F(Channels, FiftyTunnelsAtOnceMixNothingUp) {
  open();
  const Echo echo;
  const auto path = m_host->socket_to(TcpEndpoint{"127.0.0.1", echo.port()}).value();
  EXPECT_EQ(m_host->socket_to(TcpEndpoint{"127.0.0.1", echo.port()}).value(), path);
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> tunnels;
    for (int i = 0; i < 50; ++i)
      tunnels.emplace_back([&, i] {
        std::string question(300'000, static_cast<char>('a' + i % 26));
        question += std::to_string(i);
        if (ask(path, question) == question) ++good;
      });
  }
  EXPECT_EQ(good, 50);
}

TEST_F(Channels, ATunnelLeadsToAUnixSocketOrACommand) {
  open();
  auto listening = io::SocketFolder::make().value();
  const auto socket = listening->listen().value();
  const auto tunnel = dial(m_host->socket_to(UnixEndpoint{socket.path}).value());
  ASSERT_TRUE(tunnel);
  io::Fd server;
  ASSERT_TRUE(eventually([&] {
    server = io::Fd(::accept4(socket.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
    return static_cast<bool>(server);
  }));
  say(tunnel, "question");
  ::shutdown(tunnel.get(), SHUT_WR);
  EXPECT_EQ(read_all(server), "question");
  EXPECT_TRUE(m_host->reachable(UnixEndpoint{socket.path}, soon()));
  EXPECT_FALSE(m_host->reachable(UnixEndpoint{socket.path.string() + "x"}, soon()));

  EXPECT_EQ(ask(m_host->socket_to(CommandEndpoint{{"tr", "a-z", "A-Z"}}).value(), "shout"), "SHOUT");
  EXPECT_TRUE(m_host->reachable(CommandEndpoint{{"true"}}, soon()));
  EXPECT_FALSE(m_host->reachable(CommandEndpoint{{"false"}}, soon()));
}

TEST_F(Channels, ATunnelToNobodyEndsAtOnceAndHarmsNoOther) {
  open();
  const Echo echo;
  const auto nobody = m_host->socket_to(TcpEndpoint{"127.0.0.1", Port(false).release()}).value();
  const auto good = m_host->socket_to(TcpEndpoint{"127.0.0.1", echo.port()}).value();
  EXPECT_EQ(ask(nobody, ""), "");
  EXPECT_EQ(ask(good, "still here"), "still here");
  EXPECT_TRUE(m_host->reachable(TcpEndpoint{"127.0.0.1", echo.port()}, soon()));
  EXPECT_FALSE(m_host->reachable(TcpEndpoint{"127.0.0.1", Port(false).release()}, soon()));
}

TEST_F(Channels, WhereForwardingIsForbiddenACommandTakesItsPlace) {
  open("AllowTcpForwarding no\nAllowStreamLocalForwarding no\n");
  const Port port(true);
  const TcpEndpoint endpoint{"127.0.0.1", port.number()};
  const std::jthread server([&] {
    std::string question(8, '\0');
    io::Fd connection;
    do {  // one more comes before it, which finds out that somebody listens
      connection = port.accept();
    } while (::recv(connection.get(), question.data(), question.size(), MSG_WAITALL) == 0);
    say(connection, "answer to " + question);
  });
  const auto tunnel = dial(m_host->socket_to(endpoint).value());
  say(tunnel, "question");
  EXPECT_EQ(read_all(tunnel), "answer to question");
  EXPECT_TRUE(m_host->reachable(endpoint, soon()));
  EXPECT_FALSE(m_host->reachable(TcpEndpoint{"127.0.0.1", Port(false).release()}, soon()));
  EXPECT_FALSE(m_host->reachable(UnixEndpoint{"/run/nobody.sock"}, soon()));
}

// An application that keeps connections open must not be held up when it stops, by a process of ours.
TEST_F(Channels, ARelayEndsWithItsClient) {
  open("AllowTcpForwarding no\n");
  const Port port(true);
  const auto path = m_host->socket_to(TcpEndpoint{"127.0.0.1", port.number()}).value();
  auto tunnel = dial(path);
  say(tunnel, "question");
  io::Fd connection;
  std::string question(8, '\0');
  do {  // one more comes before it, which finds out that somebody listens
    connection = port.accept();
  } while (::recv(connection.get(), question.data(), question.size(), MSG_WAITALL) == 0);
  // Who has said all may still wait for the answer.
  ::shutdown(tunnel.get(), SHUT_WR);
  say(connection, "answer");
  std::string answer(6, '\0');
  EXPECT_EQ(::recv(tunnel.get(), answer.data(), answer.size(), MSG_WAITALL), 6);
  EXPECT_EQ(answer, "answer");
  tunnel.reset();
  EXPECT_EQ(read_all(connection), "");
  EXPECT_TRUE(eventually([&] { return only_sshd_runs(); }, 10s));

  tunnel = dial(path);
  say(tunnel, "question");
  connection = port.accept();
  ASSERT_EQ(::recv(connection.get(), question.data(), question.size(), MSG_WAITALL), 8);
  // As after SIGKILL of this process.
  for (const auto pid : m_server->children())
    if (read_file("/proc/" + std::to_string(pid) + "/comm") == "sshd\n") ::kill(pid, SIGKILL);
  EXPECT_EQ(read_all(connection), "");
}

TEST_F(Channels, ARelayEndsWithItsClientAlsoWhereThereIsNoBash) {
  const auto bin = m_folder / "bin";
  fs::create_directories(bin);
  for (const auto* tool : {"sh", "cat", "nc", "timeout", "mktemp", "mkfifo", "rm"})
    fs::create_symlink("/bin/busybox", bin / tool);
  set_up({.extra = "AllowTcpForwarding no\n", .environment = "PATH=" + bin.string()});
  m_host = connect();
  const Port port(true);
  auto tunnel = dial(m_host->socket_to(TcpEndpoint{"127.0.0.1", port.number()}).value());
  say(tunnel, "question");
  std::string question(8, '\0');
  io::Fd connection;
  do {
    connection = port.accept();
  } while (::recv(connection.get(), question.data(), question.size(), MSG_WAITALL) == 0);
  EXPECT_EQ(question, "question");
  tunnel.reset();
  EXPECT_EQ(read_all(connection), "");
  EXPECT_TRUE(eventually([&] { return only_sshd_runs(); }, 10s));
}

// A command would do too, but costs a process for each connection.
TEST_F(Channels, ATargetThatNobodyListensAtDoesNotCountAsForbiddenForwarding) {
  const Echo echo;
  const Port port(false);
  open(fmt::format("PermitOpen 127.0.0.1:{} 127.0.0.1:{}\n", echo.port(), port.number()));
  EXPECT_FALSE(m_host->reachable(TcpEndpoint{"127.0.0.1", port.number()}, soon()));
  const auto tunnel = dial(m_host->socket_to(TcpEndpoint{"127.0.0.1", echo.port()}).value());
  say(tunnel, "through");
  ASSERT_TRUE(m_host->reachable(TcpEndpoint{"127.0.0.1", echo.port()}, soon()));
  EXPECT_TRUE(only_sshd_runs());
  ::shutdown(tunnel.get(), SHUT_WR);
  EXPECT_EQ(read_all(tunnel), "through");
}

TEST_F(Channels, WhoBeginsToListenWhileThatIsFoundOutDoesNotMakeForwardingForbidden) {
  const auto asked = (m_folder / "asked").string(), go = (m_folder / "go").string();
  ASSERT_EQ(::mkfifo(asked.c_str(), 0600), 0);
  ASSERT_EQ(::mkfifo(go.c_str(), 0600), 0);
  open("ForceCommand echo >" + asked + "; read -r go <" + go + "; eval \"$SSH_ORIGINAL_COMMAND\"\n");
  Port port(false);
  const TcpEndpoint endpoint{"127.0.0.1", port.number()};
  const std::jthread late([&] {
    read_file(asked);
    port.listen();
    write_file(go, "\n");
  });
  EXPECT_TRUE(m_host->reachable(endpoint, soon()));
  // Every further command would wait for ever.
  EXPECT_TRUE(m_host->reachable(endpoint, soon()));
}

TEST_F(Channels, WhatRunsInThePlaceOfEveryCommandReachesNobody) {
  open("AllowTcpForwarding no\nForceCommand true\n");
  const Port port(true);
  EXPECT_FALSE(m_host->reachable(TcpEndpoint{"127.0.0.1", port.number()}, soon()));
}

TEST_F(Channels, AKilledConnectionIsLostForEverythingAtOnce) {
  open();
  const Echo echo;
  const auto path = m_host->socket_to(TcpEndpoint{"127.0.0.1", echo.port()}).value();
  const auto tunnel = dial(path);
  const auto process = m_host->start({{"sh", "-c", "echo ready; cat"}}, soon()).value();
  ASSERT_EQ(process->read_line(soon()).value(), "ready");
  core::Result<host::Output> running;
  std::jthread command([&] { running = m_host->run({{"sleep", "1000"}}, soon()); });
  ASSERT_TRUE(eventually([&] { return m_server->children().size() >= 4; }));
  const auto before = std::chrono::steady_clock::now();
  for (const auto pid : m_server->children()) ::kill(pid, SIGKILL);
  EXPECT_EQ(process->read_line(soon()).error().kind, ErrorKind::lost);
  command.join();
  EXPECT_EQ(running.error().kind, ErrorKind::lost);
  EXPECT_EQ(read_all(tunnel), "");
  EXPECT_EQ(process->write("x").error().kind, ErrorKind::lost);
  EXPECT_EQ(m_host->run({{"true"}}, soon()).error().kind, ErrorKind::lost);
  EXPECT_EQ(m_host->start({{"true"}}, soon()).error().kind, ErrorKind::lost);
  EXPECT_FALSE(m_host->reachable(TcpEndpoint{"127.0.0.1", echo.port()}, soon()));
  EXPECT_EQ(m_host->socket_to(TcpEndpoint{"127.0.0.1", echo.port()}).error().kind, ErrorKind::lost);
  EXPECT_FALSE(dial(path));
  EXPECT_LT(std::chrono::steady_clock::now() - before, 5s);
}

TEST_F(Channels, ASilentPeerIsGivenUpAndTheHostIsDroppedWithoutDelay) {
  open("", 1s);
  const auto process = m_host->start({{"cat"}}, soon()).value();
  // The connection's processes, never the command's: the network is silent, nothing has ended.
  for (const auto pid : m_server->children()) ::kill(pid, SIGSTOP);
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(process->read_line(soon()).error().kind, ErrorKind::lost);
  EXPECT_LT(std::chrono::steady_clock::now() - before, 10s);
}

TEST_F(Channels, AHostIsDroppedWithoutDelayThoughItsPeerIsSilent) {
  open();
  const auto process = m_host->start({{"cat"}}, soon()).value();
  for (const auto pid : m_server->children()) ::kill(pid, SIGSTOP);
  ASSERT_TRUE(process->write(std::string(20'000'000, 'x')));
  const auto before = std::chrono::steady_clock::now();
  m_host.reset();
  EXPECT_EQ(process->read_line(soon()).error().kind, ErrorKind::lost);
  EXPECT_LT(std::chrono::steady_clock::now() - before, 8s);
}

TEST_F(Channels, AnIdleConnectionStaysAlive) {
  open("ClientAliveInterval 1\nClientAliveCountMax 3\n", 1s);
  // Nothing is asked of it but the answers to sshd's own questions, the fourth of which it would not outlive.
  std::stop_source never;
  core::system_clock().sleep_for(8s, never.get_token());
  const auto output = m_host->run({{"true"}}, soon());
  EXPECT_TRUE(output && output->ok())
      << (output ? output->err : output.error().details.at(0)) << m_server->log();
}

TEST_F(Channels, EveryWaitCanBeStopped) {
  open();
  const auto process = m_host->start({{"cat"}}, soon()).value();
  const auto stopped = [&](auto operation) {
    std::stop_source stop;
    const std::jthread stopper([&] { stop.request_stop(); });
    return operation(Wait::for_at_most(30s, stop.get_token()));
  };
  EXPECT_EQ(stopped([&](const Wait& wait) { return process->read_line(wait).error().kind; }),
            ErrorKind::cancelled);
  EXPECT_EQ(stopped([&](const Wait& wait) { return process->finish(wait).error().kind; }),
            ErrorKind::cancelled);
  EXPECT_EQ(stopped([&](const Wait& wait) {
              return m_host->run({{"sleep", "1000"}}, wait).error().kind;
            }),
            ErrorKind::cancelled);
  EXPECT_EQ(m_host->run({{"sleep", "1000"}}, Wait::for_at_most(50ms)).error().kind, ErrorKind::timeout);
  for (const auto pid : m_server->children()) ::kill(pid, SIGSTOP);
  EXPECT_EQ(stopped([&](const Wait& wait) { return m_host->start({{"true"}}, wait).error().kind; }),
            ErrorKind::cancelled);
  EXPECT_FALSE(stopped([&](const Wait& wait) {
    return m_host->reachable(TcpEndpoint{"127.0.0.1", 1}, wait);
  }));
}

// Of this process' connections to that port; nothing where there is none.
std::optional<bool> nothing_is_held_back(int port) {
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    const int fd = std::stoi(entry.path().filename());
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0 || peer.sin_family != AF_INET ||
        ntohs(peer.sin_port) != port)
      continue;
    int on = 0;
    socklen_t length = sizeof on;
    ::getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &length);
    return on != 0;
  }
  return std::nullopt;
}

// Linux delays an acknowledgement by 40 ms at least, and sshd waits for that before it answers the first
// question. Where much else runs one of many connections is quick all the same.
TEST_F(Channels, NeitherSideWaitsForAnAcknowledgement) {
  set_up();
  const TcpEndpoint sshd{"127.0.0.1", m_server->port()};
  auto quickest = std::chrono::steady_clock::duration::max();
  for (int i = 0; i < 50 && quickest > 30ms; ++i) {
    m_host = connect();
    const auto before = std::chrono::steady_clock::now();
    ASSERT_TRUE(m_host->reachable(sshd, soon()));
    quickest = std::min(quickest, std::chrono::steady_clock::now() - before);
  }
  EXPECT_LT(quickest, 30ms);
  EXPECT_EQ(nothing_is_held_back(m_server->port()), true);
}

TEST_F(Channels, ConnectingStartsNoProcessOnTheHost) {
  open();
  const Port port(true);
  EXPECT_EQ(m_host->socket_to(TcpEndpoint{"127.0.0.1", 1}).has_value(), true);
  EXPECT_TRUE(m_host->reachable(TcpEndpoint{"127.0.0.1", port.number()}, soon()));
  EXPECT_TRUE(only_sshd_runs());
}

}  // namespace
}  // namespace bgdeploy::testing_ssh
