// An HTTP server on a unix socket that answers what a test tells it, one connection a thread.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace bgdeploy::testing {

class FakeDaemon {
public:
  // The bytes to send for a request ("GET /path"); empty: none ever. The connection stays open afterwards
  // unless the bytes end with k_close.
  using Answer = std::function<std::string(const std::string& request_line, const std::string& request)>;
  static constexpr const char* k_close = "\x01";

  explicit FakeDaemon(Answer answer) : m_answer(std::move(answer)) {
    std::string folder = "/tmp/bgdeploy-fake-XXXXXX";
    m_folder = mkdtemp(folder.data());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket().c_str(), sizeof address.sun_path - 1);
    m_listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bind(m_listener, reinterpret_cast<sockaddr*>(&address), sizeof address);
    listen(m_listener, 16);
    m_acceptor = std::thread([this] { accept_all(); });
  }
  ~FakeDaemon() {
    shutdown(m_listener, SHUT_RDWR);
    m_acceptor.join();
    for (const int fd : m_connections) shutdown(fd, SHUT_RDWR);
    for (auto& thread : m_threads) thread.join();
    for (const int fd : m_connections) close(fd);
    close(m_listener);
    std::filesystem::remove_all(m_folder);
  }
  FakeDaemon(const FakeDaemon&) = delete;

  std::filesystem::path socket() const { return m_folder / "docker.sock"; }
  int connections() const { return m_accepted; }

  static std::string response(int status, const std::string& body, const std::string& headers = {}) {
    return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n" + headers + "\r\n" + body;
  }
  // As dockerd answers /_ping.
  static std::string pong(const std::string& version) {
    return response(200, "OK", "Api-Version: " + version + "\r\n");
  }

private:
  void accept_all() {
    for (int fd; (fd = accept4(m_listener, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
      ++m_accepted;
      m_connections.push_back(fd);
      m_threads.emplace_back([this, fd] { serve(fd); });
    }
  }

  void serve(int fd) {
    std::string input;
    for (char piece[4096];;) {
      const auto end = input.find("\r\n\r\n");
      if (end == std::string::npos || input.size() < end + 4 + length_of(input)) {
        const auto got = read(fd, piece, sizeof piece);
        if (got <= 0) return;
        input.append(piece, static_cast<std::size_t>(got));
        continue;
      }
      const auto size = end + 4 + length_of(input);
      auto answer = m_answer(input.substr(0, input.find(" HTTP/")), input.substr(0, size));
      input.erase(0, size);
      const bool closes = answer.ends_with(k_close);
      if (closes) answer.pop_back();
      if (send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) return;
      if (closes) {
        shutdown(fd, SHUT_RDWR);
        return;
      }
    }
  }

  static std::size_t length_of(const std::string& request) {
    const auto at = request.find("Content-Length: ");
    return at == std::string::npos ? 0 : std::strtoul(request.c_str() + at + 16, nullptr, 10);
  }

  const Answer m_answer;
  std::filesystem::path m_folder;
  int m_listener = -1;
  std::atomic<int> m_accepted = 0;
  std::vector<int> m_connections;      // of the acceptor until it is joined
  std::vector<std::thread> m_threads;  // likewise
  std::thread m_acceptor;
};

}  // namespace bgdeploy::testing
