#include "support/nginx_lab.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <list>
#include <random>
#include <sstream>
#include <stdexcept>

namespace bgdeploy::testing {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

int listen_on_loopback(int& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(fd, 512) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("no port to listen on");
  port = ntohs(address.sin_port);
  return fd;
}

bool readable(int fd) {
  pollfd waited{fd, POLLIN, 0};
  return ::poll(&waited, 1, 20) > 0;
}

void run_or_throw(const std::string& line) {
  if (std::system(line.c_str()) != 0) throw std::runtime_error(line);
}

// Waits for the end of its stdin, which comes with that of the test program, however that ends.
constexpr const char* k_guard = R"(
read -r _
if read -r master <"$1"/nginx.pid && read -r _ _ _ _ group _ <"/proc/$master/stat"; then
  kill -KILL -"$group"
fi 2>/dev/null
rm -rf "$1" 2>/dev/null || rm -rf "$1"
)";

// In a session of its own, so that no signal to the test program's group ends it too.
pid_t start_guard(const fs::path& folder, int& leash) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  const pid_t guard = ::fork();
  if (guard == 0) {
    ::setsid();
    ::dup2(ends[0], 0);
    ::execl("/bin/sh", "sh", "-c", k_guard, "guard", folder.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(ends[0]);
  leash = ends[1];
  return guard;
}

class HostBehind final : public host::Host {
public:
  HostBehind(std::unique_ptr<host::Host> host, std::vector<std::string> words)
      : m_host(std::move(host)), m_words(std::move(words)) {}
  const std::string& name() const override { return m_host->name(); }
  const std::string& address() const override { return m_host->address(); }
  host::Result<host::Output> run(const host::Command& command, const core::Wait& wait) override {
    return m_host->run(behind(command), wait);
  }
  host::Result<std::unique_ptr<host::Process>> start(const host::Command& command,
                                                     const core::Wait& wait) override {
    return m_host->start(behind(command), wait);
  }
  host::Result<void> write_file(const std::string& path, std::string_view content,
                                const host::FileAttributes& attributes, const core::Wait& wait) override {
    return m_host->write_file(path, content, attributes, wait);
  }
  host::Result<fs::path> socket_to(const host::Endpoint& endpoint) override {
    return m_host->socket_to(endpoint);
  }
  bool reachable(const host::Endpoint& endpoint, const core::Wait& wait) override {
    return m_host->reachable(endpoint, wait);
  }
  std::vector<std::string> prefix(host::Tool tool) const override { return m_host->prefix(tool); }

private:
  host::Command behind(host::Command command) const {
    command.argv.insert(command.argv.begin(), m_words.begin(), m_words.end());
    return command;
  }
  std::unique_ptr<host::Host> m_host;
  std::vector<std::string> m_words;
};

}  // namespace

// Below those that the kernel gives to outgoing connections: one of another test would take it before nginx
// does. (ip(7): ip_local_port_range)
int free_port() {
  std::random_device random;
  std::uniform_int_distribution below(10240, 32767);
  for (int tries = 0; tries < 100; ++tries) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int port = below(random);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    ::close(fd);
    if (bound) return port;
  }
  throw std::runtime_error("no port to listen on");
}

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

Backend::Backend(std::string name) : m_name(std::move(name)), m_listener(listen_on_loopback(m_port)) {
  m_acceptor = std::jthread([this] {
    std::list<std::jthread> held;
    while (!m_stop) {
      if (!readable(m_listener)) continue;
      const int connection = ::accept4(m_listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) continue;
      if (wants_hold(connection)) {
        held.emplace_back([this, connection] {
          ++m_held;
          while (!m_stop && !m_let_go) std::this_thread::sleep_for(2ms);
          --m_held;
          answer(connection);
        });
      } else {
        answer(connection);
      }
    }
  });
}

Backend::~Backend() {
  m_stop = true;
  m_acceptor.join();
  ::close(m_listener);
}

bool Backend::wants_hold(int connection) const {
  std::string request;
  char buffer[4096];
  while (!m_stop && request.find("\r\n\r\n") == std::string::npos) {
    if (!readable(connection)) continue;
    const auto n = ::read(connection, buffer, sizeof buffer);
    if (n <= 0) break;
    request.append(buffer, static_cast<std::size_t>(n));
  }
  return request.starts_with("GET /hold");
}

void Backend::answer(int connection) const {
  const auto text = fmt::format("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n{}", m_name.size(), m_name);
  [[maybe_unused]] const auto sent = ::send(connection, text.data(), text.size(), MSG_NOSIGNAL);
  ::close(connection);
}

namespace {

// A connection to nginx as a client has it.
class Connection {
public:
  explicit Connection(int port, const std::string& host)
      : m_fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    ::inet_pton(AF_INET, host.c_str(), &address.sin_addr);
    const timeval timeout{20, 0};
    ::setsockopt(m_fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    m_open = ::connect(m_fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~Connection() { ::close(m_fd); }
  Connection(const Connection&) = delete;

  struct Answer {
    std::optional<std::string> body;  // of a 200 that came whole
    bool unanswered = false;          // closed before a byte of it came
    bool stays_open = false;
  };
  Answer ask(const std::string& request) const {
    if (!m_open) return {};
    std::string answer;
    if (::send(m_fd, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
      return {.unanswered = true};
    for (;;) {
      const auto head = answer.find("\r\n\r\n");
      const auto length = answer.find("Content-Length: ");
      if (head != std::string::npos && length < head) {
        const auto size = static_cast<std::size_t>(std::atoi(answer.c_str() + length + 16));
        if (answer.size() - head - 4 >= size) {
          if (answer.find(" 200 ") != 8) return {};
          return {.body = answer.substr(head + 4, size),
                  .stays_open = answer.find("Connection: keep-alive") < head};
        }
      }
      char buffer[4096];
      const auto n = ::read(m_fd, buffer, sizeof buffer);
      // A socket with a timeout is interrupted by signals that nobody handles, too: SIGCHLD, while another
      // thread that starts a command has its signals blocked.
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return {.unanswered = answer.empty() && (n == 0 || errno == ECONNRESET)};
      answer.append(buffer, static_cast<std::size_t>(n));
    }
  }

private:
  int m_fd = -1;
  bool m_open = false;
};

}  // namespace

std::optional<std::string> get(int port, const std::string& path, const std::string& host) {
  return Connection(port, host).ask(fmt::format("GET {} HTTP/1.0\r\nHost: test\r\n\r\n", path)).body;
}

Client::Client(int port, const std::string& host) {
  m_thread = std::jthread([this, port, host](const std::stop_token& stop) {
    std::unique_ptr<Connection> kept;
    for (int turn = 0; !stop.stop_requested(); ++turn) {
      Connection::Answer answer;
      if (turn % 5 == 2) {
        const std::string request = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";
        const bool reused = kept != nullptr;
        if (!reused) kept = std::make_unique<Connection>(port, host);
        answer = kept->ask(request);
        if (reused && answer.unanswered) {
          kept = std::make_unique<Connection>(port, host);
          answer = kept->ask(request);
        }
        if (!answer.stays_open) kept.reset();
      } else if (turn % 10 == 4) {
        answer = Connection(port, host).ask("POST / HTTP/1.0\r\nHost: test\r\nContent-Length: 0\r\n\r\n");
      } else {
        answer = Connection(port, host).ask("GET / HTTP/1.0\r\nHost: test\r\n\r\n");
      }
      ++(answer.body == "blue" || answer.body == "green" ? m_done : m_failed);
    }
  });
}

void Client::stop() {
  m_thread.request_stop();
  if (m_thread.joinable()) m_thread.join();
}

NginxLab::NginxLab(const std::string& user) : port(free_port()), m_user(user) {
  std::string name = fs::temp_directory_path() / "bgdeploy-nginx-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  folder = name;
  m_guard = start_guard(folder, m_leash);
  fs::permissions(folder, fs::perms(0755));
  sites = folder / "sites";
  include = folder / "conf" / "service-url.inc";
  command = folder / "nginx";
  for (const auto& sub : {sites, folder / "conf", folder / "tmp"}) fs::create_directory(sub);
  write(command, fmt::format(R"(#!/bin/sh
if [ -e {0}/gate"$1" ]; then
  : >{0}/at"$1"
  while [ -e {0}/gate"$1" ]; do sleep 0.01; done
fi
exec nginx "$@"
)",
                             folder.string()));
  fs::permissions(command, fs::perms(0755));
  write(folder / "nginx.conf", fmt::format(R"(pid {0}/nginx.pid;
error_log {0}/error.log;
worker_processes 2;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {0}/tmp/body; proxy_temp_path {0}/tmp/proxy; fastcgi_temp_path {0}/tmp/fastcgi;
  uwsgi_temp_path {0}/tmp/uwsgi; scgi_temp_path {0}/tmp/scgi;
  include {0}/sites/*;
  server {{
    listen 127.0.0.1:{1};
    include {2};
    location / {{ proxy_pass $service_url; proxy_read_timeout 600s; }}
  }}
}}
)",
                                           folder.string(), port, include.string()));
  spec.include = include;
  const auto conf = folder / "nginx.conf";
  spec.test = {command, "-t", "-c", conf};
  spec.reload = {command, "-s", "reload", "-c", conf};
  write(include, text_for(0));
}

NginxLab::~NginxLab() {
  stop_counting();
  blue.let_go();
  green.let_go();
  stop();
  ::close(m_leash);
  ::waitpid(m_guard, nullptr, 0);
}

void NginxLab::start() {
  std::string as_user;
  if (!m_user.empty()) {
    run_or_throw(fmt::format("chown -R {0}:{0} {1}", m_user, folder.string()));
    as_user = fmt::format("setpriv --reuid={0} --regid={0} --clear-groups ", m_user);
  }
  run_or_throw(
      fmt::format("{0}$(command -v nginx) -c {1}/nginx.conf 2>{1}/start.log", as_user, folder.string()));
  if (!eventually([&] { return master() > 0 && get(port).has_value(); }))
    throw std::runtime_error("nginx did not start");
}

void NginxLab::stop() {
  const auto pid = master();
  if (pid <= 0) return;
  // The workers are in the group of the first master; left-over ones hold the port.
  ::kill(-::getpgid(pid), SIGKILL);
  eventually([&] { return ::kill(pid, 0) != 0; });
  fs::remove(folder / "nginx.pid");
}

void NginxLab::restart() {
  ::kill(master(), SIGQUIT);
  eventually([&] { return !fs::exists(folder / "nginx.pid"); });
  start();
}

pid_t NginxLab::upgrade() {
  const auto old = master();
  ::kill(old, SIGUSR2);
  if (!eventually([&] { return master() > 0 && master() != old && has_workers(master()); }))
    throw std::runtime_error("nginx was not upgraded");
  return old;
}

bool NginxLab::has_workers(pid_t master) const {
  std::istringstream children(read(fmt::format("/proc/{0}/task/{0}/children", master)));
  for (pid_t child = 0; children >> child;)
    if (read(fmt::format("/proc/{}/cmdline", child)).find(": worker process") != std::string::npos)
      return true;
  return false;
}

void NginxLab::end(pid_t master) const {
  ::kill(master, SIGQUIT);
  if (!eventually([&] { return ::kill(master, 0) != 0; })) throw std::runtime_error("nginx did not quit");
}

pid_t NginxLab::master() const {
  std::ifstream file(folder / "nginx.pid");
  pid_t pid = 0;
  file >> pid;
  return file ? pid : 0;
}

std::array<proxy::Routing, 2> NginxLab::slots() const {
  const auto backend = [](const std::string& name, int at) {
    return proxy::Backend{.host = "local",
                          .address = "127.0.0.1",
                          .port = std::to_string(at),
                          .container = "app-" + name,
                          .slot = name,
                          .tag = "1"};
  };
  return {proxy::Routing{backend("blue", blue.port())}, proxy::Routing{backend("green", green.port())}};
}

spec::Spec NginxLab::around(const spec::Nginx& nginx) const {
  spec::Spec whole;
  whole.service = "app";
  whole.app_hosts.emplace_back().name = "local";
  whole.slots = {spec::Slot{"blue", blue.port(), "app-blue"}, spec::Slot{"green", green.port(), "app-green"}};
  whole.nginx = nginx;
  return whole;
}

std::string NginxLab::text_for(std::size_t slot) const {
  return proxy::render(spec, slots()[slot]).value();
}

void NginxLab::write(const fs::path& path, const std::string& text) const {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
}

std::string NginxLab::read(const fs::path& path) const {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> NginxLab::leftovers() const {
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(include.parent_path()))
    if (entry.path().filename().string().starts_with(".")) found.push_back(entry.path().filename());
  return found;
}

void NginxLab::open(const std::string& option) const {
  fs::remove(folder / ("gate" + option));
  fs::remove(folder / ("at" + option));
}

void NginxLab::wait_at_change(int at) const {
  const auto shims = folder / "shims";
  fs::create_directory(shims);
  for (const std::string program : {"mv", "rm", "ln", "cp", "mkdir", "rmdir"}) {
    write(shims / program, fmt::format(R"(#!/bin/sh
read -r n 2>/dev/null <{0}/changes
echo $((n + 1)) >{0}/changes
if [ $((n + 1)) = {1} ]; then
  : >{0}/at-change
  while [ -e {0}/at-change ]; do sleep 0.01; done
  exit 1
fi
exec /bin/{2} "$@"
)",
                                       folder.string(), at, program));
    fs::permissions(shims / program, fs::perms(0755));
  }
  write(folder / "changes", "0\n");
  const std::string path = std::getenv("PATH");
  if (!path.starts_with(shims.string())) ::setenv("PATH", (shims.string() + ":" + path).c_str(), 1);
}

void NginxLab::stop_counting() const {
  const std::string shims = (folder / "shims").string() + ":";
  const std::string path = std::getenv("PATH");
  if (path.starts_with(shims)) ::setenv("PATH", path.substr(shims.size()).c_str(), 1);
  fs::remove(folder / "at-change");
}

bool NginxLab::kill_script() const {
  bool killed = false;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const auto pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 0) continue;
    const auto words = read(entry.path() / "cmdline");
    // The script itself, then its subshells, which have the same command line.
    if (words.starts_with(std::string("sh\0-c\0", 6)) && words.find(folder.string()) != std::string::npos &&
        words.find("take_lock") != std::string::npos)
      killed = ::kill(pid, SIGKILL) == 0 || killed;
  }
  return killed;
}

std::unique_ptr<host::Host> local_host() {
  spec::Host local;
  local.name = "local";
  local.local = true;
  return host::connect(local, soon()).value();
}

std::unique_ptr<host::Host> local_host_behind(std::vector<std::string> words) {
  return std::make_unique<HostBehind>(local_host(), std::move(words));
}

std::unique_ptr<host::Host> local_host_as(const std::string& user) {
  return local_host_behind({"setpriv", "--reuid=" + user, "--regid=" + user, "--clear-groups",
                            "--inh-caps=-all", "--bounding-set=-all"});
}

core::Wait soon() {
  return core::Wait::for_at_most(60s);
}

}  // namespace bgdeploy::testing
