// The application under deployment: an HTTP/1.1 server without dependencies, linked statically so that an
// image FROM scratch holds it. Its environment decides how it behaves, so that every fault is a tag:
//   PORT, SERVER_PORT     where to listen (8080)
//   VERSION               what it answers
//   APP_LOOPBACK          set: it listens on 127.0.0.1 only
//   APP_BOOT_MS           how long before it listens
//   APP_HEALTH            ok | 503 | wrong (200 with another body) | hang (accepts, never answers)
//   APP_HEALTH_PATH       where it is asked (/health)
//   APP_HEALTH_BODY       what it answers when it is well ("server is on")
//   APP_SICK_FILE         while that file exists its health is 503
//   APP_WARM_UP_MS        how long every page answers 503 at first
//   APP_EXIT_AFTER_MS     it logs why and exits then, with APP_EXIT_CODE (1)
//   APP_EAT_MEMORY        set: allocates until the kernel ends it
//   APP_IGNORE_SIGTERM    set: only SIGKILL ends it
//   APP_MIGRATE_CODE      exit code of `app --migrate`
//   APP_MIGRATE_WHILE     it goes on as long as that file is there
//   APP_MIGRATE_LOG       it adds a line to that file when it is done
// It reads the body that a request brings. Routes: / and /version (VERSION), /health, /slow?ms=N,
// /env?name=X, /hold (upgrades, then echoes), /eat (allocates until the kernel ends it). `app --probe` asks
// the running one for its health; `app --migrate` stands for a schema migration; `app --dump` prints
// 20,000,000 bytes and exits with 5.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

std::string env(const char* name, const char* fallback = "") {
  const char* value = std::getenv(name);
  return value ? value : fallback;
}

int number(const std::string& text, int fallback) {
  return text.empty() ? fallback : std::atoi(text.c_str());
}

void pause_for(int milliseconds) {
  ::poll(nullptr, 0, milliseconds);
}

int port() {
  return number(env("PORT", env("SERVER_PORT").c_str()), 8080);
}

sockaddr_in address(std::uint32_t host) {
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(static_cast<std::uint16_t>(port()));
  where.sin_addr.s_addr = htonl(host);
  return where;
}

bool send_all(int fd, std::string_view data) {
  while (!data.empty()) {
    const auto sent = ::send(fd, data.data(), data.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    data.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

[[noreturn]] void eat_memory() {
  std::printf("building a cache\n");
  for (;;) {
    constexpr std::size_t k_piece = 4 << 20;
    std::memset(new char[k_piece], 1, k_piece);
  }
}

// The value of `name` in the query of `target`, as written: callers use names and digits only.
std::string query(std::string_view target, std::string_view name) {
  const auto at = target.find('?');
  if (at == std::string_view::npos) return {};
  auto rest = target.substr(at + 1);
  while (!rest.empty()) {
    const auto pair = rest.substr(0, rest.find('&'));
    if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=')
      return std::string(pair.substr(name.size() + 1));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
  }
  return {};
}

// The value of a header of `request`, its name given in lower case; "" when it has none.
std::string header(std::string request, std::string_view name) {
  std::ranges::transform(request, request.begin(), [](unsigned char c) { return std::tolower(c); });
  const auto at = request.find("\r\n" + std::string(name) + ": ");
  if (at == std::string::npos) return {};
  const auto from = at + name.size() + 4;
  return request.substr(from, request.find('\r', from) - from);
}

struct Answer {
  int status = 200;
  std::string body;
};

Answer health() {
  const auto mode = env("APP_HEALTH", "ok");
  if (mode == "503" || ::access(env("APP_SICK_FILE").c_str(), F_OK) == 0) return {503, "starting\n"};
  if (mode == "wrong") return {200, "down for maintenance\n"};
  if (mode == "hang") ::pause();
  return {200, env("APP_HEALTH_BODY", "server is on") + "\n"};
}

const auto k_started = std::chrono::steady_clock::now();

bool warming_up() {
  const std::chrono::milliseconds needed{number(env("APP_WARM_UP_MS"), 0)};
  return std::chrono::steady_clock::now() - k_started < needed;
}

Answer answer(std::string_view target) {
  const auto path = target.substr(0, target.find('?'));
  if (warming_up()) return {503, "warming up\n"};
  if (path == env("APP_HEALTH_PATH", "/health")) return health();
  if (path == "/slow") pause_for(number(query(target, "ms"), 3000));
  if (path == "/eat") eat_memory();
  if (path == "/env") {
    const auto name = query(target, "name");
    const char* value = std::getenv(name.c_str());
    return value ? Answer{200, value} : Answer{404, "not set\n"};
  }
  if (path == "/" || path == "/version" || path == "/slow")
    return {200, "version=" + env("VERSION", "none") + "\n"};
  return {404, "no such page\n"};
}

void hold(int fd) {
  if (!send_all(fd, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n"))
    return;
  char data[4096];
  for (;;) {
    const auto got = ::recv(fd, data, sizeof data, 0);
    if (got <= 0 || !send_all(fd, {data, static_cast<std::size_t>(got)})) return;
  }
}

std::atomic<int> open_connections = 0;
std::atomic<bool> stopping = false;

void serve(int fd) {
  std::string input;
  char data[4096];
  for (;;) {
    for (auto end = input.find("\r\n\r\n"); end == std::string::npos; end = input.find("\r\n\r\n")) {
      const auto got = ::recv(fd, data, sizeof data, 0);
      if (got <= 0) return;
      input.append(data, static_cast<std::size_t>(got));
    }
    const auto end = input.find("\r\n\r\n");
    const auto request = input.substr(0, end + 2);
    input.erase(0, end + 4);
    // What a POST brings is read before it is answered.
    const auto length = static_cast<std::size_t>(number(header(request, "content-length"), 0));
    while (input.size() < length) {
      const auto got = ::recv(fd, data, sizeof data, 0);
      if (got <= 0) return;
      input.append(data, static_cast<std::size_t>(got));
    }
    input.erase(0, length);
    const auto first = request.find(' ');
    const auto target = request.substr(first + 1, request.find(' ', first + 1) - first - 1);
    if (target.starts_with("/hold")) return hold(fd);
    const auto reply = answer(target);
    const bool close = stopping || request.find("onnection: close") != std::string::npos;
    const auto head = "HTTP/1.1 " + std::to_string(reply.status) + (reply.status == 200 ? " OK" : " No") +
                      "\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(reply.body.size()) +
                      (close ? "\r\nConnection: close" : "") + "\r\n\r\n";
    if (!send_all(fd, head + reply.body) || close) return;
  }
}

void serve_and_close(int fd) {
  serve(fd);
  ::close(fd);
  --open_connections;
  open_connections.notify_one();
}

void serve_next(int listener) {
  const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0) return;
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ++open_connections;
  std::thread(serve_and_close, fd).detach();
}

int listen_on_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const auto where = address(env("APP_LOOPBACK").empty() ? INADDR_ANY : INADDR_LOOPBACK);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0 || ::listen(fd, 1024) != 0) {
    std::perror("listen");
    std::exit(98);
  }
  return fd;
}

void exit_later(int after_ms) {
  std::thread([after_ms] {
    pause_for(after_ms);
    const int code = number(env("APP_EXIT_CODE"), 1);
    std::fprintf(stderr, "FATAL: cannot reach the database at db.internal:5432\n");
    std::fprintf(stderr, "exiting with code %d\n", code);
    std::_Exit(code);
  }).detach();
}

// Exit code of `app --probe`: 0 when the running server says it is well.
int probe() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  const auto where = address(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) return 1;
  send_all(fd, "GET " + env("APP_HEALTH_PATH", "/health") +
                   " HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n");
  char data[512];
  const auto got = ::recv(fd, data, sizeof data, 0);
  return got > 0 && std::string_view(data, static_cast<std::size_t>(got)).starts_with("HTTP/1.1 200") ? 0 : 1;
}

int migrate() {
  const int code = number(env("APP_MIGRATE_CODE"), 0);
  std::printf("migrating to %s\n", env("VERSION").c_str());
  while (::access(env("APP_MIGRATE_WHILE").c_str(), F_OK) == 0) pause_for(20);
  if (std::FILE* log = std::fopen(env("APP_MIGRATE_LOG").c_str(), "a"); log != nullptr && code == 0) {
    std::fprintf(log, "%s\n", env("VERSION").c_str());
    std::fclose(log);
  }
  if (code != 0) std::fprintf(stderr, "FATAL: column \"name\" already exists\n");
  return code;
}

int run() {
  // Blocked before the first thread: the poll below is the only one that sees it.
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  sigaddset(&term, SIGINT);
  sigprocmask(SIG_BLOCK, &term, nullptr);
  const bool deaf = std::getenv("APP_IGNORE_SIGTERM") != nullptr;
  const int signals = ::signalfd(-1, &term, SFD_CLOEXEC);

  if (const auto after = env("APP_EXIT_AFTER_MS"); !after.empty()) exit_later(number(after, 0));
  if (std::getenv("APP_EAT_MEMORY")) eat_memory();
  pause_for(number(env("APP_BOOT_MS"), 0));
  const int listener = listen_on_port();
  std::printf("version %s listening on %d\n", env("VERSION", "none").c_str(), port());

  for (;;) {
    pollfd ready[] = {{listener, POLLIN, 0}, {deaf ? -1 : signals, POLLIN, 0}};
    if (::poll(ready, 2, -1) < 0) continue;
    if (ready[1].revents != 0) stopping = true;
    // Those who connected before the signal are served too: closing the listener would reset them.
    if (ready[0].revents != 0)
      serve_next(listener);
    else if (stopping)
      break;
  }
  ::close(listener);
  std::printf("stopping, %d open\n", open_connections.load());
  for (int open = open_connections; open > 0; open = open_connections) open_connections.wait(open);
  std::printf("stopped\n");
  return 0;
}

int dump() {
  const std::string megabyte(1'000'000, 'x');
  for (int i = 0; i < 20; ++i) std::fputs(megabyte.c_str(), stdout);
  return 5;
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode == "--probe") return probe();
  if (mode == "--migrate") return migrate();
  if (mode == "--dump") return dump();
  return run();
}
