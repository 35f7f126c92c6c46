// A receiver of webhooks on this machine, which keeps what it was sent.
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace e2e {

class Webhook {
public:
  // Answers the first requests with `statuses`, and all later ones with 200.
  explicit Webhook(std::vector<int> statuses = {}) : m_statuses(std::move(statuses)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    m_listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::bind(m_listener, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(m_listener, 16) != 0 ||
        ::getsockname(m_listener, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error("no webhook server");
    m_port = ntohs(address.sin_port);
    m_thread = std::jthread([this](const std::stop_token& stop) { serve(stop); });
  }
  ~Webhook() {
    m_thread.request_stop();
    m_thread.join();
    ::close(m_listener);
  }
  Webhook(const Webhook&) = delete;
  Webhook& operator=(const Webhook&) = delete;

  std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(m_port) + path;
  }
  // The bodies so far, those that were refused too.
  std::vector<std::string> bodies() const {
    const std::scoped_lock lock(m_mutex);
    return m_bodies;
  }

private:
  void serve(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      pollfd ready{m_listener, POLLIN, 0};
      if (::poll(&ready, 1, 50) <= 0) continue;
      const int fd = ::accept4(m_listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd >= 0) answer(fd);
      ::close(fd);
    }
  }

  void answer(int fd) {
    const timeval patience{5, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::string text;
    std::size_t wanted = std::string::npos, head = std::string::npos;
    while (wanted == std::string::npos || text.size() < head + wanted) {
      char data[4096];
      const auto got = ::recv(fd, data, sizeof data, 0);
      if (got <= 0) return;
      text.append(data, static_cast<std::size_t>(got));
      if (head != std::string::npos || (head = text.find("\r\n\r\n")) == std::string::npos) continue;
      head += 4;
      const auto length = text.find("Content-Length: ");
      wanted = length < head ? std::stoul(text.substr(length + 16)) : 0;
    }
    int status = 200;
    {
      const std::scoped_lock lock(m_mutex);
      if (m_bodies.size() < m_statuses.size()) status = m_statuses[m_bodies.size()];
      m_bodies.push_back(text.substr(head));
    }
    const std::string reply =
        "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    (void)!::send(fd, reply.data(), reply.size(), MSG_NOSIGNAL);
  }

  const std::vector<int> m_statuses;
  int m_listener = -1, m_port = 0;
  mutable std::mutex m_mutex;
  std::vector<std::string> m_bodies;
  std::jthread m_thread;
};

}  // namespace e2e
