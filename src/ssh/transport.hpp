// A libssh2 session over one descriptor, never blocking. Not thread-safe.
#pragma once

#include <libssh2.h>
#include <poll.h>

#include <string>
#include <string_view>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/io/fd.hpp"
#include "bgdeploy/io/wakeup.hpp"

namespace bgdeploy::ssh {

class Transport {
public:
  // No new channel data is handed to libssh2 while this much waits to be sent.
  static constexpr std::size_t k_backlog_limit = std::size_t{1} << 20;

  explicit Transport(io::Fd fd);
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  LIBSSH2_SESSION* raw() const { return m_session; }
  int fd() const { return m_fd.get(); }

  std::size_t backlog() const { return m_out.size() - m_sent; }
  bool full() const { return backlog() >= k_backlog_limit; }
  // Sends what the socket takes now.
  void flush();
  // poll() found something to read. Until then reads return "would block" without a system call.
  void readable() { m_readable = true; }
  // Bytes that libssh2 has ever sent.
  std::size_t produced() const { return m_produced; }
  core::SteadyTime last_received() const { return m_last_received; }
  // The socket can no longer be read or written.
  bool broken() const { return m_broken; }
  void break_off() { m_broken = true; }

  // The first bytes of both sides, which hold what each offered: libssh2 does not tell.
  const std::string& sent_first() const { return m_sent_first; }
  const std::string& received_first() const { return m_received_first; }

  // libssh2's words for its last error.
  std::string last_error() const;

  // Repeats `operation` (an int that may be LIBSSH2_ERROR_EAGAIN) until it is done.
  template <class Operation>
  core::Result<int> complete(const core::Wait& wait, std::string_view what, Operation operation) {
    for (;;) {
      const int code = operation();
      flush();
      if (code != LIBSSH2_ERROR_EAGAIN) return code;
      const auto events = static_cast<short>(POLLIN | (backlog() > 0 ? POLLOUT : 0));
      BGDEPLOY_TRY(io::wait_for(fd(), events, wait, what));
      readable();
    }
  }

private:
  void give(const void* data, std::size_t size);
  ssize_t take(void* data, std::size_t size);
  static ssize_t on_send(libssh2_socket_t, const void* data, size_t size, int, void** abstract);
  static ssize_t on_receive(libssh2_socket_t, void* data, size_t size, int, void** abstract);

  io::Fd m_fd;
  std::string m_out;
  std::size_t m_sent = 0, m_produced = 0;
  std::string m_sent_first, m_received_first;
  bool m_readable = true;
  bool m_broken = false;
  core::SteadyTime m_last_received = std::chrono::steady_clock::now();
  LIBSSH2_SESSION* m_session;
};

}  // namespace bgdeploy::ssh
