#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "bgdeploy/host/host.hpp"
#include "bgdeploy/io/fd.hpp"

namespace bgdeploy::host {
namespace {

using core::ErrorKind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

Wait soon() {
  return Wait::for_at_most(20s);
}

spec::Host local() {
  spec::Host host;
  host.name = "local";
  host.local = true;
  return host;
}

class LocalHostTest : public testing::Test {
protected:
  LocalHostTest() : m_host(connect(local(), soon()).value()) {
    auto folder = (fs::temp_directory_path() / "bgdeploy-host-XXXXXX").string();
    m_folder = ::mkdtemp(folder.data());
  }
  ~LocalHostTest() override { fs::remove_all(m_folder); }

  std::string content(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }

  std::unique_ptr<Host> m_host;
  fs::path m_folder;
};

TEST_F(LocalHostTest, RunsArgvAndKeepsItsStreamsApart) {
  const auto output = m_host->run({{"sh", "-c", "cat; echo oops >&2; exit 3"}, Tool::other, "in"}, soon());
  ASSERT_TRUE(output);
  EXPECT_EQ(output->out, "in");
  EXPECT_EQ(output->err, "oops\n");
  EXPECT_EQ(output->exit_code, 3);
  EXPECT_EQ(output->signal, "");
}

TEST_F(LocalHostTest, NamesTheSignalThatEndedACommand) {
  const auto output = m_host->run({{"sh", "-c", "kill -KILL $$"}}, soon());
  ASSERT_TRUE(output);
  EXPECT_EQ(output->signal, "KILL");
  EXPECT_EQ(output->exit_code, 137);
}

TEST_F(LocalHostTest, AProgramThatIsNotThereIsTheCommandsFailure) {
  const auto output = m_host->run({{"no-such-program-here"}}, soon());
  ASSERT_TRUE(output);
  EXPECT_EQ(output->exit_code, 127);
  EXPECT_THAT(output->err, HasSubstr("no-such-program-here"));
}

TEST_F(LocalHostTest, MovesMuchBothWaysAtOnce) {
  std::string input(10'000'000, 'x');
  for (std::size_t i = 0; i < input.size(); i += 997) input[i] = static_cast<char>(i);
  const auto output = m_host->run({{"sh", "-c", "tee /dev/stderr"}, Tool::other, input}, soon());
  ASSERT_TRUE(output);
  EXPECT_TRUE(output->out == input);
  EXPECT_TRUE(output->err == input);
}

TEST_F(LocalHostTest, ACommandThatReadsNothingDoesNotBlock) {
  const auto output = m_host->run({{"true"}, Tool::other, std::string(10'000'000, 'x')}, soon());
  ASSERT_TRUE(output);
  EXPECT_TRUE(output->ok());
}

TEST_F(LocalHostTest, DoesNotWaitForWhatACommandLeftBehind) {
  const auto output = m_host->run({{"sh", "-c", "sleep 30 & echo $!"}}, soon());
  ASSERT_TRUE(output);
  const auto pid = std::stoi(output->out);
  EXPECT_EQ(::kill(pid, SIGKILL), 0);
}

TEST_F(LocalHostTest, AStopEndsTheCommandAndItsChildren) {
  std::stop_source stop;
  std::string started = (m_folder / "pid").string();
  const std::jthread stopper([&] {
    while (!fs::exists(started)) std::this_thread::yield();
    stop.request_stop();
  });
  const auto output =
      m_host->run({{"sh", "-c", "sleep 1000 & echo $! >\"$0.new\"; mv \"$0.new\" \"$0\"; wait", started}},
                  Wait::for_at_most(20s, stop.get_token()));
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().kind, ErrorKind::cancelled);
  const auto pid = std::stoi(content(started));
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  // Gone, or a zombie that init has not collected yet.
  const auto alive = [&] {
    const auto stat = content(fs::path("/proc") / std::to_string(pid) / "stat");
    return !stat.empty() && stat.find(") Z ") == std::string::npos;
  };
  while (alive() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_FALSE(alive());
}

TEST_F(LocalHostTest, ADeadlineEndsTheCommand) {
  const auto output = m_host->run({{"sleep", "1000"}}, Wait::for_at_most(20ms));
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().kind, ErrorKind::timeout);
}

TEST_F(LocalHostTest, TalksToARunningProcess) {
  const auto process =
      m_host->start({{"sh", "-c", "while read -r l; do echo \"<$l>\"; done; exit 5"}}, soon()).value();
  ASSERT_TRUE(process->write("one\n"));
  EXPECT_EQ(process->read_line(soon()).value(), "<one>");
  ASSERT_TRUE(process->write("two\nthree\n"));
  EXPECT_EQ(process->read_line(soon()).value(), "<two>");
  ASSERT_TRUE(process->close_input());
  const auto end = process->finish(soon());
  ASSERT_TRUE(end);
  EXPECT_EQ(end->out, "<three>\n");
  EXPECT_EQ(end->exit_code, 5);
}

TEST_F(LocalHostTest, AProcessThatIsDroppedSeesTheEndOfItsInput) {
  const auto done = m_folder / "done";
  auto process =
      m_host->start({{"sh", "-c", "cat >\"$0.new\"; mv \"$0.new\" \"$0\"", done.string()}}, soon()).value();
  ASSERT_TRUE(process->write("bye"));
  process.reset();
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (!fs::exists(done) && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_EQ(content(done), "bye");
}

TEST_F(LocalHostTest, WritesAFileWithItsModeAndFolders) {
  const auto path = m_folder / "a b" / "c" / "file.conf";
  ASSERT_TRUE(m_host->write_file(path, std::string("x\0y\n", 4), {0640, {}}, soon()));
  EXPECT_EQ(content(path), std::string("x\0y\n", 4));
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0640U);
  ASSERT_EQ(::stat(path.parent_path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0700U);
  ASSERT_TRUE(m_host->write_file(path, "new", {}, soon()));
  EXPECT_EQ(content(path), "new");
  EXPECT_EQ(std::distance(fs::directory_iterator(path.parent_path()), {}), 1);
}

TEST_F(LocalHostTest, WritesThroughALink) {
  ASSERT_TRUE(m_host->write_file(m_folder / "real", "old", {}, soon()));
  fs::create_symlink("real", m_folder / "link");
  ASSERT_TRUE(m_host->write_file(m_folder / "link", "new", {}, soon()));
  EXPECT_TRUE(fs::is_symlink(m_folder / "link"));
  EXPECT_EQ(content(m_folder / "real"), "new");
}

TEST_F(LocalHostTest, AFileThatCannotBeWrittenSaysWhyAndLeavesNothing) {
  fs::create_directory(m_folder / "taken");
  fs::create_directory(m_folder / "taken" / "inside");
  const auto written = m_host->write_file(m_folder / "plain" / "x", "x", {0644, "no-such-user-here"}, soon());
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, ErrorKind::refused);
  EXPECT_THAT(written.error().details, testing::Not(IsEmpty()));
  EXPECT_TRUE(fs::is_empty(m_folder / "plain"));
}

class Listener {
public:
  Listener() : m_fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(m_fd.get(), reinterpret_cast<sockaddr*>(&address), size);
    ::listen(m_fd.get(), 8);
    ::getsockname(m_fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
    m_port = ntohs(address.sin_port);
  }
  int port() const { return m_port; }
  io::Fd accept() const { return io::Fd(::accept4(m_fd.get(), nullptr, nullptr, SOCK_CLOEXEC)); }
  void close() { m_fd.reset(); }

private:
  io::Fd m_fd;
  int m_port = 0;
};

io::Fd dial(const fs::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.native().copy(address.sun_path, sizeof address.sun_path - 1);
  io::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fd.reset();
  return fd;
}

std::string read_all(const io::Fd& fd) {
  std::string text(4096, '\0'), all;
  for (ssize_t count = 0; (count = ::read(fd.get(), text.data(), text.size())) > 0;)
    all.append(text, 0, static_cast<std::size_t>(count));
  return all;
}

void say(const io::Fd& fd, std::string_view text) {
  ASSERT_EQ(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
}

TEST_F(LocalHostTest, ASocketLeadsToATcpPortWithBothHalves) {
  const Listener listener;
  const auto path = m_host->socket_to(TcpEndpoint{"127.0.0.1", listener.port()}).value();
  EXPECT_EQ(m_host->socket_to(TcpEndpoint{"127.0.0.1", listener.port()}).value(), path);
  const auto client = dial(path);
  ASSERT_TRUE(client);
  const auto server = listener.accept();
  say(client, "question");
  ::shutdown(client.get(), SHUT_WR);
  EXPECT_EQ(read_all(server), "question");
  say(server, "answer");
  ::shutdown(server.get(), SHUT_WR);
  EXPECT_EQ(read_all(client), "answer");
}

TEST_F(LocalHostTest, ASocketThatLeadsNowhereEndsAtOnce) {
  Listener listener;
  const int port = listener.port();
  listener.close();
  EXPECT_FALSE(m_host->reachable(TcpEndpoint{"127.0.0.1", port}, soon()));
  const auto client = dial(m_host->socket_to(TcpEndpoint{"127.0.0.1", port}).value());
  ASSERT_TRUE(client);
  EXPECT_EQ(read_all(client), "");
}

TEST_F(LocalHostTest, ASocketLeadsToACommand) {
  const auto client = dial(m_host->socket_to(CommandEndpoint{{"tr", "a-z", "A-Z"}}).value());
  ASSERT_TRUE(client);
  say(client, "shout");
  ::shutdown(client.get(), SHUT_WR);
  EXPECT_EQ(read_all(client), "SHOUT");
  EXPECT_TRUE(m_host->reachable(CommandEndpoint{{"true"}}, soon()));
  EXPECT_FALSE(m_host->reachable(CommandEndpoint{{"false"}}, soon()));
}

TEST_F(LocalHostTest, AUnixEndpointIsItsOwnSocket) {
  EXPECT_EQ(m_host->socket_to(UnixEndpoint{"/var/run/docker.sock"}).value(), "/var/run/docker.sock");
  EXPECT_FALSE(m_host->reachable(UnixEndpoint{m_folder / "none"}, soon()));
}

TEST_F(LocalHostTest, SocketsAreGoneWithTheHost) {
  const Listener listener;
  const auto path = m_host->socket_to(TcpEndpoint{"127.0.0.1", listener.port()}).value();
  EXPECT_EQ(fs::status(path.parent_path()).permissions(), fs::perms::owner_all);
  m_host.reset();
  EXPECT_FALSE(fs::exists(path.parent_path()));
}

TEST(Sudo, IsPutBeforeTheToolsThatNeedIt) {
  auto host = local();
  host.ssh.sudo.docker = true;
  const auto some = connect(host, soon()).value();
  EXPECT_THAT(some->prefix(Tool::docker), ElementsAre("sudo", "-n", "--"));
  EXPECT_THAT(some->prefix(Tool::nginx), IsEmpty());
  EXPECT_THAT(some->prefix(Tool::other), IsEmpty());
  host.ssh.sudo.all = true;
  EXPECT_THAT(connect(host, soon()).value()->prefix(Tool::other), ElementsAre("sudo", "-n", "--"));
}

TEST(Commands, AWordWithANulByteIsRefused) {
  const auto host = connect(local(), soon()).value();
  const auto output = host->run({{"echo", std::string("a\0b", 3)}}, soon());
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().kind, ErrorKind::usage);
}

}  // namespace
}  // namespace bgdeploy::host
