#include "bgdeploy/ssh/session.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <mutex>
#include <random>
#include <vector>

#include "bgdeploy/core/duration.hpp"
#include "bgdeploy/io/socket_folder.hpp"
#include "bgdeploy/ssh/wire.hpp"
#include "connector.hpp"
#include "login.hpp"
#include "login_gate.hpp"
#include "loop.hpp"

namespace bgdeploy::ssh {
namespace {

using core::ErrorKind;
using core::fail;
using namespace std::chrono_literals;

// Long enough for sshd to finish some of its logins, and random, because many are turned away together.
core::Duration busy_pause(int attempt) {
  thread_local std::minstd_rand random(std::random_device{}());
  const int longest = std::min(100 << std::min(attempt, 4), 1000);
  return core::Duration(std::uniform_int_distribution(longest / 4, longest)(random));
}

Result<Connection> reach(const Destination& destination, const Wait& wait) {
  if (!destination.via) {
    auto connected = connect_tcp(destination.host, destination.port, destination.keepalive + 10s, wait);
    if (connected) return connected;
    if (connected.error().kind == ErrorKind::not_found) {
      core::Error error = destination.unknown_name;
      error.details.push_back(std::move(connected.error().message));
      return std::unexpected(std::move(error));
    }
    return std::unexpected(std::move(connected).error().within(describe(destination)));
  }
  auto fd = destination.via->dial(TcpTarget{destination.host, destination.port}, wait);
  if (!fd) return std::unexpected(std::move(fd).error().within(describe(destination)));
  return Connection{std::move(*fd), destination.host};
}

struct Greeted {
  std::unique_ptr<Transport> transport;
  std::string address;
  HostKey key;
};

// Connects and exchanges keys; again when sshd is too busy to speak to us.
Result<Greeted> greet(const Destination& destination, std::span<const std::string> key_types,
                      const Wait& wait) {
  for (int attempt = 0;; ++attempt) {
    auto connection = reach(destination, wait);
    if (!connection) return std::unexpected(std::move(connection).error());
    auto transport = std::make_unique<Transport>(std::move(connection->fd));
    bool busy = false;
    auto key = shake_hands(*transport, key_types, destination, wait, busy);
    if (key) return Greeted{std::move(transport), std::move(connection->address), std::move(*key)};
    const auto pause = busy_pause(attempt);
    if (!busy || wait.left() <= pause) return std::unexpected(std::move(key).error());
    if (!core::system_clock().sleep_for(pause, wait.stop))
      return std::unexpected(io::wait_error(wait, describe(destination)));
  }
}

// A pin does not name its key's type, so each type may have to be asked for.
Result<Greeted> greet_trusted(const Destination& destination, const Wait& wait) {
  auto types = preferred_key_types(destination.trust);
  std::optional<core::Error> first;
  for (;;) {
    auto greeted = greet(destination, types, wait);
    if (!greeted) {
      const bool no_other_type = first && greeted.error().kind == ErrorKind::unreachable;
      return std::unexpected(no_other_type ? std::move(*first) : std::move(greeted).error());
    }
    auto verified = verify_host_key(greeted->key, destination);
    if (verified) return greeted;
    if (!first) first = std::move(verified).error();
    std::erase_if(types, [&](const auto& type) { return signs_with(type, greeted->key.type); });
    if (!destination.trust.pin || types.empty()) return std::unexpected(std::move(*first));
  }
}

// When the user's own limit passes, the host does not answer; when the caller's does, it is a timeout.
core::Error timed_out(core::Error error, const Destination& destination, const Wait& caller) {
  if (error.kind != ErrorKind::timeout || caller.left().count() == 0) return error;
  return {ErrorKind::unreachable,
          fmt::format("{}: no connection within {} (ssh.connect_timeout)", describe(destination),
                      core::format_duration(destination.connect_timeout)),
          {std::move(error.message)},
          "is the address right, and does a firewall let this machine in?"};
}

}  // namespace

struct Session::Inner {
  std::string name, address;
  std::shared_ptr<Session> via;  // outlives the loop, whose connection runs through it
  std::unique_ptr<io::SocketFolder> folder;
  std::mutex mutex;
  std::vector<std::pair<Target, std::filesystem::path>> sockets;
  std::unique_ptr<Loop> loop;
};

Session::Session(std::unique_ptr<Inner> inner) : m_inner(std::move(inner)) {}
Session::~Session() = default;

Result<std::shared_ptr<Session>> Session::connect(const Destination& destination, const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto turn, LoginTurn::take(destination.host, destination.port, wait));
  const auto limited = wait.at_most(destination.connect_timeout);
  auto open = [&]() -> Result<std::shared_ptr<Session>> {
    BGDEPLOY_ASSIGN(auto greeted, greet_trusted(destination, limited));
    BGDEPLOY_TRY(log_in(*greeted.transport, destination, limited));
    auto inner = std::make_unique<Inner>();
    inner->name = describe(destination);
    inner->address = greeted.address;
    inner->via = destination.via;
    inner->loop = std::make_unique<Loop>(std::move(greeted.transport), inner->name, destination.keepalive);
    BGDEPLOY_TRY(inner->loop->start());
    return std::shared_ptr<Session>(new Session(std::move(inner)));
  };
  auto session = open();
  if (!session) return std::unexpected(timed_out(std::move(session).error(), destination, wait));
  return session;
}

const std::string& Session::peer_address() const {
  return m_inner->address;
}

Result<std::shared_ptr<io::Pipes>> Session::exec(std::vector<std::string> argv, std::string input,
                                                 bool input_closed, const Wait& wait) {
  auto pipes = std::make_shared<io::Pipes>(m_inner->loop->wakeup(), std::move(input), input_closed);
  auto opening = std::make_shared<Opening>();
  m_inner->loop->submit(std::make_unique<Channel>(ExecTarget{std::move(argv)}, make_channel_end(pipes),
                                                  opening, Channel::Purpose::stream));
  auto started = opening->wait(wait, fmt::format("{} to start a command", m_inner->name));
  if (started) return pipes;
  pipes->abandon(true);
  return std::unexpected(std::move(started).error());
}

Result<int> Session::places(int wanted, const Wait& wait) {
  std::vector<std::shared_ptr<io::Pipes>> held;
  Result<int> result = 0;
  while (result && *result < wanted) {
    auto opening = std::make_shared<Opening>();
    held.push_back(std::make_shared<io::Pipes>(m_inner->loop->wakeup(), "", true));
    m_inner->loop->submit(std::make_unique<Channel>(ExecTarget{}, make_channel_end(held.back()), opening,
                                                    Channel::Purpose::place));
    auto opened = opening->wait(wait, fmt::format("a session on {}", m_inner->name));
    if (opened)
      ++*result;
    else if (opened.error().kind == ErrorKind::denied)
      break;
    else
      result = std::unexpected(std::move(opened).error());
  }
  for (const auto& pipes : held) pipes->abandon(true);
  return result;
}

bool Session::has_forwarded() const {
  return m_inner->loop->has_forwarded();
}

bool Session::crowded() const {
  return m_inner->loop->crowded();
}

void Session::when_crowded(std::function<void()> give_up) {
  m_inner->loop->when_crowded(std::move(give_up));
}

Result<io::Fd> Session::dial(const Target& target, const Wait& wait) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return fail(ErrorKind::io, "no socket pair can be made");
  io::Fd ours(pair[0]);
  auto opening = std::make_shared<Opening>();
  m_inner->loop->submit(std::make_unique<Channel>(target, make_channel_end(io::Fd(pair[1])), opening,
                                                  Channel::Purpose::stream));
  BGDEPLOY_TRY(opening->wait(wait, fmt::format("a channel through {}", m_inner->name)));
  return ours;
}

bool Session::reachable(const Target& target, const Wait& wait) {
  auto opening = std::make_shared<Opening>();
  auto pipes = std::make_shared<io::Pipes>(m_inner->loop->wakeup(), "", true);
  m_inner->loop->submit(
      std::make_unique<Channel>(target, make_channel_end(pipes), opening, Channel::Purpose::probe));
  const bool reached = opening->wait(wait, "a channel").has_value();
  pipes->abandon(true);
  return reached;
}

Result<std::filesystem::path> Session::listen(const Target& target) {
  // The socket of a lost connection refuses everybody, as if the target did.
  BGDEPLOY_TRY(m_inner->loop->alive());
  const std::lock_guard lock(m_inner->mutex);
  for (const auto& [known, path] : m_inner->sockets)
    if (known == target) return path;
  if (!m_inner->folder) {
    BGDEPLOY_ASSIGN(m_inner->folder, io::SocketFolder::make());
  }
  BGDEPLOY_ASSIGN(auto listener, m_inner->folder->listen());
  m_inner->loop->serve(std::move(listener.fd), target);
  m_inner->sockets.emplace_back(target, listener.path);
  return listener.path;
}

Result<HostKey> fetch_key(const Destination& destination, const Wait& wait) {
  const auto limited = wait.at_most(destination.connect_timeout);
  auto types = preferred_key_types(destination.trust);
  const auto& pin = destination.trust.pin;
  std::optional<HostKey> first;
  for (;;) {
    auto greeted = greet(destination, types, limited);
    if (!greeted && first) return std::move(*first);
    if (!greeted) return std::unexpected(timed_out(std::move(greeted).error(), destination, wait));
    if (!pin || *pin == fingerprint(greeted->key.blob)) return std::move(greeted->key);
    std::erase_if(types, [&](const auto& type) { return signs_with(type, greeted->key.type); });
    if (!first) first = std::move(greeted->key);
    if (types.empty()) return std::move(*first);
  }
}

}  // namespace bgdeploy::ssh
