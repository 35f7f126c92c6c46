// A real sshd on a free port of the loopback, with its keys in a folder of its own. Needs root, as sshd does.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "bgdeploy/host/host.hpp"
#include "bgdeploy/io/child.hpp"
#include "bgdeploy/io/fd.hpp"
#include "support/private_etc.hpp"

namespace bgdeploy::testing_ssh {

namespace fs = std::filesystem;
using core::Wait;
using namespace std::chrono_literals;

inline Wait soon() {
  return Wait::for_at_most(30s);
}

template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds patience = 60s) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

inline std::string read_file(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

inline void write_file(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

inline std::string run_tool(const std::vector<std::string>& argv) {
  const auto output = io::run_child(argv, "", soon());
  EXPECT_TRUE(output && output->ok()) << argv[0] << ": " << (output ? output->err : output.error().message);
  return output ? output->out : "";
}

class Folder {
public:
  Folder() {
    auto path = (fs::temp_directory_path() / "bgdeploy-it-XXXXXX").string();
    m_path = ::mkdtemp(path.data());
  }
  // An agent that was told to end takes its own socket away.
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(m_path, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  fs::path operator/(const std::string& name) const { return m_path / name; }

private:
  fs::path m_path;
};

// A TCP socket on the loopback: listening, or bound so that nobody else gets the port.
class Port {
public:
  explicit Port(bool listening) : m_fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(m_fd.get(), reinterpret_cast<sockaddr*>(&address), size);
    ::getsockname(m_fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
    m_number = ntohs(address.sin_port);
    if (listening) listen();
  }
  void listen() const { ::listen(m_fd.get(), 128); }
  int number() const { return m_number; }
  io::Fd accept() const { return io::Fd(::accept4(m_fd.get(), nullptr, nullptr, SOCK_CLOEXEC)); }
  int release() {
    m_fd.reset();
    return m_number;
  }

private:
  io::Fd m_fd;
  int m_number = 0;
};

struct ServerOptions {
  std::vector<std::string> host_key_types = {"ed25519"};
  std::string extra = {};             // further lines of sshd_config
  std::string environment = {};       // further NAME=VALUE of the commands
  std::string address = "127.0.0.1";  // to listen on
};

class Server {
public:
  explicit Server(const ServerOptions& options = {}) : m_port(Port(false).release()) {
    fs::permissions(m_folder / "", fs::perms(0711));  // for users who are not root
    fs::create_directories("/run/sshd");  // privilege separation's folder, fixed when sshd was built
    std::string config =
        "Port " + std::to_string(m_port) + "\nListenAddress " + options.address +
        "\nStrictModes no\nUsePAM no\n" +
        // The login shell would read the rc files of whoever runs the tests, and wait for what they wait for.
        "SetEnv HOME=" + (m_folder / "home").string() + " " + options.environment + "\n" +
        "PidFile none\nPrintMotd no\nAuthorizedKeysFile " + authorized_keys().string() + "\n";
    for (const auto& type : options.host_key_types) {
      const auto path = m_folder / ("host_" + type);
      run_tool({"ssh-keygen", "-q", "-t", type, "-N", "", "-C", "", "-f", path.string()});
      config += "HostKey " + path.string() + "\n";
    }
    write_file(m_folder / "config", config + options.extra);
    start();
  }
  ~Server() {
    for (const auto pid : children()) ::kill(pid, SIGKILL);
    stop();
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void start() {
    m_log = m_folder / "log";
    m_pid = ::fork();
    if (m_pid == 0) {
      const int log = ::open(m_log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      ::dup2(log, 2);
      ::setpgid(0, 0);
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that dies must not leave it behind
      const auto config = (m_folder / "config").string();
      ::execl("/usr/sbin/sshd", "/usr/sbin/sshd", "-D", "-e", "-f", config.c_str(), nullptr);
      ::_exit(127);
    }
    EXPECT_TRUE(eventually([this] { return read_file(m_log).find("Server listening") != std::string::npos; }))
        << read_file(m_log);
  }
  void stop() {
    if (m_pid <= 0) return;
    ::kill(m_pid, SIGKILL);
    ::waitpid(m_pid, nullptr, 0);
    m_pid = 0;
  }

  int port() const { return m_port; }
  fs::path authorized_keys() const { return m_folder / "authorized_keys"; }
  std::string log() const { return read_file(m_log); }
  void allow(const fs::path& key) {
    write_file(authorized_keys(), read_file(authorized_keys()) + read_file(key.string() + ".pub"));
  }
  // "ssh-ed25519 AAAA…"
  std::string host_key(const std::string& type = "ed25519") const {
    std::istringstream words(read_file(m_folder / ("host_" + type + ".pub")));
    std::string name, blob;
    words >> name >> blob;
    return name + " " + blob;
  }
  std::string known_hosts_line(const std::string& type = "ed25519") const {
    return "[127.0.0.1]:" + std::to_string(m_port) + " " + host_key(type) + "\n";
  }
  std::string fingerprint(const std::string& type = "ed25519") const {
    std::istringstream words(
        run_tool({"ssh-keygen", "-lf", (m_folder / ("host_" + type + ".pub")).string()}));
    std::string bits, fingerprint;
    words >> bits >> fingerprint;
    return fingerprint;
  }
  // The processes that serve connections, and what they in turn started.
  std::vector<pid_t> children() const { return m_pid > 0 ? children_of(m_pid) : std::vector<pid_t>{}; }

private:
  static std::vector<pid_t> children_of(pid_t pid) {
    std::vector<pid_t> all;
    const auto id = std::to_string(pid);
    std::istringstream list(read_file("/proc/" + id + "/task/" + id + "/children"));
    for (pid_t child = 0; list >> child;) {
      all.push_back(child);
      const auto more = children_of(child);
      all.insert(all.end(), more.begin(), more.end());
    }
    return all;
  }

  Folder m_folder;
  fs::path m_log;
  int m_port;
  pid_t m_pid = 0;
};

// An environment variable for the time of one test, or the want of it.
class Environment {
public:
  Environment(const char* name, const std::optional<std::string>& value) : m_name(name) {
    if (const char* before = std::getenv(name)) m_before = before;
    set(value);
  }
  ~Environment() { set(m_before); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

private:
  void set(const std::optional<std::string>& value) {
    value ? ::setenv(m_name, value->c_str(), 1) : ::unsetenv(m_name);
  }
  const char* m_name;
  std::optional<std::string> m_before;
};

inline std::string all_text(const core::Error& error) {
  std::string text = error.message;
  for (const auto& detail : error.details) text += "\n" + detail;
  return text + "\n" + error.next;
}

// One server, one key it knows, and a known_hosts file that knows it.
class SshTest : public testing::Test {
protected:
  // sshd asks the machine's accounts database whether root may log in at all.
  const PrivateEtc& m_etc = PrivateEtc::get();
  void set_up(const ServerOptions& options = {}) {
    m_server = std::make_unique<Server>(options);
    m_server->allow(make_key("key", {"-t", "ed25519"}));
    write_file(m_folder / "known_hosts", m_server->known_hosts_line(options.host_key_types.front()));
  }
  fs::path make_key(const std::string& name, const std::vector<std::string>& options,
                    const std::string& passphrase = "") {
    const auto path = m_folder / name;
    std::vector<std::string> argv = {"ssh-keygen", "-q", "-N", passphrase, "-C", name, "-f", path.string()};
    argv.insert(argv.end(), options.begin(), options.end());
    run_tool(argv);
    return path;
  }
  spec::Host host() const {
    spec::Host host;
    host.name = "127.0.0.1";
    host.ssh.user = "root";
    host.ssh.port = m_server->port();
    host.ssh.identity_file = (m_folder / "key").string();
    host.ssh.known_hosts_file = (m_folder / "known_hosts").string();
    return host;
  }
  std::unique_ptr<host::Host> connect() const {
    auto connected = host::connect(host(), soon());
    EXPECT_TRUE(connected) << connected.error().message;
    return connected ? std::move(*connected) : nullptr;
  }

  Folder m_folder;
  std::unique_ptr<Server> m_server;
};

}  // namespace bgdeploy::testing_ssh
