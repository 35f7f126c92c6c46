// A connection that outlives a switch.
#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "lab.hpp"

namespace e2e {

// A connection as a WebSocket is: upgraded through nginx, then open until one side ends it.
class Held {
public:
  explicit Held(const Lab& lab) : m_fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{15, 0};
    ::setsockopt(m_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(80);
    ::inet_pton(AF_INET, lab.env("LAB_ADDRESS").c_str(), &address.sin_addr);
    m_open = ::connect(m_fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
             exchange("GET /hold HTTP/1.1\r\nHost: lab\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
                 .starts_with("HTTP/1.1 101");
  }
  ~Held() { ::close(m_fd); }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

  bool open() const { return m_open; }
  bool echoes(const std::string& words) { return exchange(words) == words; }

private:
  std::string exchange(const std::string& words) {
    if (::send(m_fd, words.data(), words.size(), MSG_NOSIGNAL) < 0) return "";
    char data[1024];
    const auto got = ::recv(m_fd, data, sizeof data, 0);
    return got > 0 ? std::string(data, static_cast<std::size_t>(got)) : "";
  }

  int m_fd;
  bool m_open = false;
};

}  // namespace e2e
