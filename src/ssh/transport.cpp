#include "transport.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <mutex>

namespace bgdeploy::ssh {
namespace {

void initialise_library() {
  static std::once_flag once;
  std::call_once(once, [] { libssh2_init(0); });
}

// sshd's Nagle algorithm waits for our delayed acknowledgement: 44 ms on a connection's first channel. The
// flag is reset by the kernel at will, hence after each receive.
void acknowledge_at_once(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

template <class Callback>
void set_callback(LIBSSH2_SESSION* session, int which, Callback* callback) {
#if LIBSSH2_VERSION_NUM >= 0x010b01  // which calls the other one deprecated
  libssh2_session_callback_set2(session, which, reinterpret_cast<libssh2_cb_generic*>(callback));
#else
  libssh2_session_callback_set(session, which, reinterpret_cast<void*>(callback));
#endif
}

void remember(std::string& first, const void* data, std::size_t size) {
  constexpr std::size_t k_limit = 16384;  // bytes; OpenSSH's own offer takes 1.1 kB
  first.append(static_cast<const char*>(data), std::min(size, k_limit - std::min(k_limit, first.size())));
}

}  // namespace

Transport::Transport(io::Fd fd) : m_fd(std::move(fd)) {
  initialise_library();
  ::fcntl(m_fd.get(), F_SETFL, ::fcntl(m_fd.get(), F_GETFL) | O_NONBLOCK);
  acknowledge_at_once(m_fd.get());
  m_session = libssh2_session_init_ex(nullptr, nullptr, nullptr, this);
  libssh2_session_set_blocking(m_session, 0);
  set_callback(m_session, LIBSSH2_CALLBACK_SEND, &on_send);
  set_callback(m_session, LIBSSH2_CALLBACK_RECV, &on_receive);
}

Transport::~Transport() {
  // Freeing closes the channels, and must not wait for the answer of a peer that may be gone: every read and
  // write fails now. Should libssh2 still wait for one, its memory is the smaller loss.
  m_broken = true;
  constexpr int k_most_tries = 1000;
  for (int tries = 0; tries < k_most_tries && libssh2_session_free(m_session) == LIBSSH2_ERROR_EAGAIN;
       ++tries) {
  }
}

void Transport::flush() {
  while (backlog() > 0 && !m_broken) {
    const auto count = ::send(m_fd.get(), m_out.data() + m_sent, backlog(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count >= 0) {
      m_sent += static_cast<std::size_t>(count);
    } else if (errno != EINTR) {
      // A broken peer's last words are still to be read, so reading finds out.
      break;
    }
  }
  if (m_sent == m_out.size()) {
    m_out.clear();
    m_sent = 0;
  } else if (m_sent > k_backlog_limit) {
    m_out.erase(0, m_sent);
    m_sent = 0;
  }
}

std::string Transport::last_error() const {
  char* text = nullptr;
  libssh2_session_last_error(m_session, &text, nullptr, 0);
  return text != nullptr ? text : "";
}

// Takes everything: after a partial write libssh2 accepts only that same call again (LIBSSH2_ERROR_BAD_USE
// otherwise), which many channels on one session cannot promise.
void Transport::give(const void* data, std::size_t size) {
  m_out.append(static_cast<const char*>(data), size);
  m_produced += size;
  remember(m_sent_first, data, size);
  flush();
}

ssize_t Transport::take(void* data, std::size_t size) {
  if (!m_readable) return -EAGAIN;
  ssize_t count = 0;
  do {
    count = ::recv(m_fd.get(), data, size, MSG_DONTWAIT);
  } while (count < 0 && errno == EINTR);
  if (count > 0) {
    acknowledge_at_once(m_fd.get());
    m_last_received = std::chrono::steady_clock::now();
    remember(m_received_first, data, static_cast<std::size_t>(count));
    return count;
  }
  if (count < 0 && errno == EAGAIN) {
    m_readable = false;
    return -EAGAIN;
  }
  m_broken = true;
  return count == 0 ? 0 : -errno;
}

// No exception may cross libssh2, which is C. What could not be kept is lost, and the connection with it.
ssize_t Transport::on_send(libssh2_socket_t, const void* data, size_t size, int, void** abstract) {
  auto* self = static_cast<Transport*>(*abstract);
  if (self->m_broken) return -ECONNRESET;
  try {
    self->give(data, size);
    return static_cast<ssize_t>(size);
  } catch (...) {
    self->m_broken = true;
    return -ENOMEM;
  }
}

ssize_t Transport::on_receive(libssh2_socket_t, void* data, size_t size, int, void** abstract) {
  auto* self = static_cast<Transport*>(*abstract);
  if (self->m_broken) return -ECONNRESET;
  try {
    return self->take(data, size);
  } catch (...) {
    self->m_broken = true;
    return -ENOMEM;
  }
}

}  // namespace bgdeploy::ssh
