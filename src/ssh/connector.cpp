#include "connector.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "bgdeploy/core/current_error.hpp"
#include "bgdeploy/io/thread.hpp"
#include "bgdeploy/io/wakeup.hpp"

namespace bgdeploy::ssh {
namespace {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::Wait;

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
  int family = AF_UNSPEC;
};

Result<std::vector<Address>> look_up(const std::string& host, int port, int flags) try {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (code != 0)
    return fail(code == EAI_SYSTEM || code == EAI_MEMORY ? ErrorKind::unreachable : ErrorKind::not_found,
                fmt::format("{} cannot be resolved: {}", host,
                            code == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(code)));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, ::freeaddrinfo);
  std::vector<Address> addresses;
  for (const auto* entry = list; entry != nullptr; entry = entry->ai_next) {
    Address address;
    std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
    address.length = entry->ai_addrlen;
    address.family = entry->ai_family;
    addresses.push_back(address);
  }
  return addresses;
} catch (...) {
  return std::unexpected(core::current_error());
}

// Nothing interrupts getaddrinfo, so it runs on a thread of its own, which stays behind when it takes too
// long.
struct Lookup {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::optional<Result<std::vector<Address>>> result;
};

Result<std::vector<Address>> resolve(const std::string& host, int port, const Wait& wait) {
  if (auto numeric = look_up(host, port, AI_NUMERICHOST)) return numeric;
  auto lookup = std::make_shared<Lookup>();
  BGDEPLOY_ASSIGN(auto thread, io::start_thread([lookup, host, port] {
                    auto result = look_up(host, port, AI_ADDRCONFIG);
                    const std::lock_guard lock(lookup->mutex);
                    lookup->result = std::move(result);
                    lookup->changed.notify_all();
                  }));
  thread.detach();
  std::unique_lock lock(lookup->mutex);
  if (!lookup->changed.wait_until(lock, wait.stop, wait.deadline, [&] { return lookup->result.has_value(); }))
    return std::unexpected(io::wait_error(wait, fmt::format("the address of {}", host)));
  return std::move(*lookup->result);
}

std::string text_of(const Address& address) {
  std::array<char, NI_MAXHOST> text{};
  ::getnameinfo(reinterpret_cast<const sockaddr*>(&address.storage), address.length, text.data(), text.size(),
                nullptr, 0, NI_NUMERICHOST);
  return text.data();
}

void set_option(int fd, int level, int option, int value) {
  ::setsockopt(fd, level, option, &value, sizeof value);
}

Result<io::Fd> connect_address(const Address& address, core::Duration dead_after, const Wait& wait) {
  io::Fd fd(::socket(address.family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail(ErrorKind::unreachable, std::strerror(errno));
  set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(dead_after.count()));
  int error = 0;
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length) != 0)
    error = errno;
  if (error == EINPROGRESS) {
    auto ready = io::wait_for(fd.get(), POLLOUT, wait, text_of(address));
    if (!ready) return std::unexpected(std::move(ready).error());
    socklen_t size = sizeof error;
    ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  }
  if (error == 0) return fd;
  return fail(ErrorKind::unreachable, std::strerror(error), {},
              error == ECONNREFUSED ? "does sshd listen on that port there?"
                                    : "is that the host's address, and is there a way to it from here?");
}

}  // namespace

Result<Connection> connect_tcp(const std::string& host, int port, core::Duration dead_after,
                               const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto addresses, resolve(host, port, wait));
  core::Error error{ErrorKind::unreachable, fmt::format("cannot connect to {} port {}", host, port), {}};
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    // A black hole among the addresses must leave time for the others.
    const auto share = wait.left() / static_cast<int>(addresses.size() - i);
    auto fd = connect_address(addresses[i], dead_after, wait.at_most(share));
    if (fd) return Connection{std::move(*fd), text_of(addresses[i])};
    if (fd.error().kind == ErrorKind::cancelled) return std::unexpected(std::move(fd).error());
    error.kind = fd.error().kind;
    error.next = fd.error().next;
    error.details.push_back(fmt::format("{} port {}: {}", text_of(addresses[i]), port, fd.error().message));
    if (addresses.size() == 1)
      error.message = "cannot connect to " + std::exchange(error.details, {}).front();
  }
  return std::unexpected(std::move(error));
}

}  // namespace bgdeploy::ssh
