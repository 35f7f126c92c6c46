// One connection, with TLS or without. Non-blocking, with the results and errno values of send(2) and
// recv(2).
#pragma once

#include <netinet/in.h>
#include <sys/types.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>

struct ssl_st;

namespace bgload {

class Stream {
public:
  Stream() = default;
  Stream(Stream&& other) noexcept;
  Stream& operator=(Stream&& other) noexcept;
  ~Stream();

  // Begins to connect. `server_name` is what TLS asks for; empty: no TLS. The certificate is not checked: it
  // is the proxy under test that answers, on this machine. False, with errno, when it cannot be begun.
  bool connect(const sockaddr_in& address, const std::string& server_name);
  bool is_open() const { return m_fd >= 0; }
  void close();

  // Connected, and nothing came since: not closed by the other side as far as can be known.
  bool is_quiet() const;

  int fd() const { return m_fd; }
  // What to wait for (EPOLLIN or EPOLLOUT) after EAGAIN: a TLS handshake reads while it sends.
  unsigned wanted() const { return m_wanted; }
  ssize_t send(std::string_view data);
  ssize_t receive(std::span<char> into);

private:
  struct Free {
    void operator()(ssl_st* tls) const;
  };
  ssize_t result(int done);

  int m_fd = -1;
  unsigned m_wanted = 0;
  std::unique_ptr<ssl_st, Free> m_tls;
};

}  // namespace bgload
