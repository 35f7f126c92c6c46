#include "stream.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace bgload {
namespace {

SSL_CTX* tls_context() {
  static SSL_CTX* const context = ::SSL_CTX_new(::TLS_client_method());
  return context;
}

}  // namespace

void Stream::Free::operator()(ssl_st* tls) const {
  ::SSL_free(tls);
}

Stream::Stream(Stream&& other) noexcept
    : m_fd(std::exchange(other.m_fd, -1)), m_wanted(other.m_wanted), m_tls(std::move(other.m_tls)) {}

Stream& Stream::operator=(Stream&& other) noexcept {
  close();
  m_fd = std::exchange(other.m_fd, -1);
  m_wanted = other.m_wanted;
  m_tls = std::move(other.m_tls);
  return *this;
}

Stream::~Stream() {
  close();
}

void Stream::close() {
  m_tls.reset();
  if (m_fd >= 0) ::close(std::exchange(m_fd, -1));
}

bool Stream::connect(const sockaddr_in& address, const std::string& server_name) {
  close();
  m_fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (m_fd < 0) return false;
  m_wanted = EPOLLOUT;
  if (!server_name.empty()) {
    m_tls.reset(::SSL_new(tls_context()));
    ::SSL_set_fd(m_tls.get(), m_fd);
    ::SSL_set_tlsext_host_name(m_tls.get(), server_name.c_str());
    ::SSL_set_connect_state(m_tls.get());
  }
  return ::connect(m_fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
         errno == EINPROGRESS;
}

bool Stream::is_quiet() const {
  char byte = 0;
  return ::recv(m_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

ssize_t Stream::send(std::string_view data) {
  m_wanted = EPOLLOUT;
  if (!m_tls) return ::send(m_fd, data.data(), data.size(), MSG_NOSIGNAL);
  ::ERR_clear_error();
  return result(::SSL_write(m_tls.get(), data.data(), static_cast<int>(data.size())));
}

ssize_t Stream::receive(std::span<char> into) {
  m_wanted = EPOLLIN;
  if (!m_tls) return ::recv(m_fd, into.data(), into.size(), 0);
  ::ERR_clear_error();
  return result(::SSL_read(m_tls.get(), into.data(), static_cast<int>(into.size())));
}

// OpenSSL's answer in the words of the system calls. A connection that is closed without TLS's own farewell
// counts as closed: the length of an HTTP answer says whether it was complete.
ssize_t Stream::result(int done) {
  if (done > 0) return done;
  const int from_system = errno;
  switch (::SSL_get_error(m_tls.get(), done)) {
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    case SSL_ERROR_WANT_READ:
      m_wanted = EPOLLIN;
      break;
    case SSL_ERROR_WANT_WRITE:
      m_wanted = EPOLLOUT;
      break;
    case SSL_ERROR_SYSCALL:
      if (from_system == 0) return 0;
      errno = from_system;
      return -1;
    default:
      if (ERR_GET_REASON(::ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) return 0;
      errno = EPROTO;
      return -1;
  }
  errno = EAGAIN;
  return -1;
}

}  // namespace bgload
