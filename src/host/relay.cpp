#include "relay.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "bgdeploy/core/current_error.hpp"
#include "bgdeploy/io/child.hpp"
#include "bgdeploy/io/thread.hpp"

namespace bgdeploy::host {
namespace {

using core::ErrorKind;
using core::fail;
using io::Fd;

constexpr std::size_t k_chunk = std::size_t{64} << 10;

// Does not wait for the connection. Addresses are numeric or in /etc/hosts, since they name this machine.
Fd dial(const TcpEndpoint& endpoint) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* list = nullptr;
  if (::getaddrinfo(endpoint.address.c_str(), std::to_string(endpoint.port).c_str(), &hints, &list) != 0)
    return {};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(list, ::freeaddrinfo);
  Fd fd(::socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  if (fd) ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (fd && ::connect(fd.get(), list->ai_addr, list->ai_addrlen) != 0 && errno != EINPROGRESS) fd.reset();
  return fd;
}

Fd dial(const UnixEndpoint& endpoint) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (endpoint.path.size() >= sizeof address.sun_path) return {};
  std::memcpy(address.sun_path, endpoint.path.data(), endpoint.path.size());
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd && ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fd.reset();
  return fd;
}

bool same(const RelayTarget& a, const RelayTarget& b) {
  if (a.index() != b.index()) return false;
  if (const auto* tcp = std::get_if<TcpEndpoint>(&a)) {
    const auto& other = std::get<TcpEndpoint>(b);
    return tcp->address == other.address && tcp->port == other.port;
  }
  if (const auto* socket = std::get_if<UnixEndpoint>(&a))
    return socket->path == std::get<UnixEndpoint>(b).path;
  return std::get<std::vector<std::string>>(a) == std::get<std::vector<std::string>>(b);
}

}  // namespace

struct Relay::Link {
  // One direction of a link.
  struct Way {
    std::string held;
    bool ended = false;   // nothing more comes in
    bool passed = false;  // and the other side was told

    // False when the link is broken.
    bool move(const Fd& from, const Fd& to) {
      for (;;) {
        if (held.empty() && !ended) {
          held.resize(k_chunk);
          const auto count = ::recv(from.get(), held.data(), held.size(), MSG_DONTWAIT);
          held.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
          if (count == 0) ended = true;
          if (count < 0 && errno != EAGAIN && errno != EINTR) return false;
        }
        if (held.empty()) break;
        const auto count = ::send(to.get(), held.data(), held.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0) return errno == EAGAIN || errno == EINTR;
        held.erase(0, static_cast<std::size_t>(count));
      }
      if (ended && !passed) {
        ::shutdown(to.get(), SHUT_WR);
        passed = true;
      }
      return true;
    }
  };

  Fd client, server;
  Way up, down;
  bool connected = false;
  bool done = false;

  short client_events() const {
    if (!connected) return 0;
    return static_cast<short>((up.held.empty() && !up.ended ? POLLIN : 0) |
                              (down.held.empty() ? 0 : POLLOUT));
  }
  short server_events() const {
    if (!connected) return POLLOUT;
    return static_cast<short>((down.held.empty() && !down.ended ? POLLIN : 0) |
                              (up.held.empty() ? 0 : POLLOUT));
  }
  void move() {
    int error = 0;
    socklen_t size = sizeof error;
    if (!connected) ::getsockopt(server.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    connected = error == 0;
    done = error != 0 || !up.move(client, server) || !down.move(server, client) || (up.passed && down.passed);
  }
};

Result<std::unique_ptr<Relay>> Relay::make() {
  BGDEPLOY_ASSIGN(auto folder, io::SocketFolder::make());
  auto relay = std::unique_ptr<Relay>(new Relay(std::move(folder)));
  BGDEPLOY_ASSIGN(relay->m_thread, io::start_thread([self = relay.get()] { self->run(); }));
  return relay;
}

Relay::Relay(std::unique_ptr<io::SocketFolder> folder) : m_folder(std::move(folder)) {}

Relay::~Relay() {
  m_stop = true;
  m_wakeup.wake();
  if (m_thread.joinable()) m_thread.join();
}

Result<std::filesystem::path> Relay::listen(const RelayTarget& target) {
  const std::lock_guard lock(m_mutex);
  if (m_failure) return std::unexpected(*m_failure);
  for (const auto& listener : m_listeners)
    if (same(listener.target, target) && !listener.socket.path.empty()) return listener.socket.path;
  BGDEPLOY_ASSIGN(auto socket, m_folder->listen());
  m_listeners.push_back({std::move(socket), target});
  m_wakeup.wake();
  return m_listeners.back().socket.path;
}

Result<int> Relay::listen_on_port(const RelayTarget& target) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  auto* const raw = reinterpret_cast<sockaddr*>(&address);
  if (!fd || ::bind(fd.get(), raw, size) != 0 || ::listen(fd.get(), SOMAXCONN) != 0 ||
      ::getsockname(fd.get(), raw, &size) != 0)
    return fail(ErrorKind::io, std::string("no port of the loopback can be had: ") + std::strerror(errno));
  const std::lock_guard lock(m_mutex);
  if (m_failure) return std::unexpected(*m_failure);
  m_listeners.push_back({{std::move(fd), {}}, target});
  m_wakeup.wake();
  return ntohs(address.sin_port);
}

bool Relay::reachable(const RelayTarget& target, const Wait& wait) {
  Fd fd;
  if (const auto* tcp = std::get_if<TcpEndpoint>(&target)) fd = dial(*tcp);
  if (const auto* socket = std::get_if<UnixEndpoint>(&target)) fd = dial(*socket);
  if (!fd || !io::wait_for(fd.get(), POLLOUT, wait, "a connection")) return false;
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

void Relay::accept(const Listener& listener) {
  for (;;) {
    Fd client(::accept4(listener.socket.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!client) return;
    if (const auto* argv = std::get_if<std::vector<std::string>>(&listener.target)) {
      // The connection itself becomes the command's stdin and stdout; a failure ends it.
      (void)io::start_on(*argv, std::move(client));
      continue;
    }
    auto link = std::make_unique<Link>();
    link->client = std::move(client);
    if (const auto* tcp = std::get_if<TcpEndpoint>(&listener.target)) link->server = dial(*tcp);
    if (const auto* socket = std::get_if<UnixEndpoint>(&listener.target)) link->server = dial(*socket);
    if (link->server) m_links.push_back(std::move(link));
  }
}

void Relay::run() {
  try {
    move_until_stopped();
  } catch (...) {
    // Closed sockets refuse connections at once; open ones would leave clients waiting.
    m_links.clear();
    const std::lock_guard lock(m_mutex);
    m_listeners.clear();
    m_failure = core::current_error();
  }
}

void Relay::move_until_stopped() {
  while (!m_stop) {
    std::vector<pollfd> polled = {{m_wakeup.fd(), POLLIN, 0}};
    for (const auto& link : m_links) {
      // Polled for no event, they would report a hang-up for ever.
      polled.push_back({link->client_events() != 0 ? link->client.get() : -1, link->client_events(), 0});
      polled.push_back({link->server_events() != 0 ? link->server.get() : -1, link->server_events(), 0});
    }
    std::vector<const Listener*> listeners;
    {
      const std::lock_guard lock(m_mutex);
      for (const auto& listener : m_listeners) listeners.push_back(&listener);
    }
    for (const auto* listener : listeners) polled.push_back({listener->socket.fd.get(), POLLIN, 0});
    ::poll(polled.data(), polled.size(), -1);
    m_wakeup.clear();
    std::size_t index = 1;
    for (auto& link : m_links) {
      if (polled[index].revents != 0 || polled[index + 1].revents != 0) link->move();
      index += 2;
    }
    std::erase_if(m_links, [](const auto& link) { return link->done; });
    for (const auto* listener : listeners)
      if (polled[index++].revents != 0) accept(*listener);
  }
}

}  // namespace bgdeploy::host
