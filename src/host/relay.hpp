// Sockets on this machine whose connections lead to a TCP port, a unix socket or a command here: the local
// host's counterpart of SSH tunnels, and what gives such a tunnel a port.
#pragma once

#include <atomic>
#include <filesystem>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "bgdeploy/host/host.hpp"
#include "bgdeploy/io/socket_folder.hpp"
#include "bgdeploy/io/wakeup.hpp"

namespace bgdeploy::host {

using RelayTarget = std::variant<TcpEndpoint, UnixEndpoint, std::vector<std::string>>;

class Relay {
public:
  static Result<std::unique_ptr<Relay>> make();
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  // The same target gives the same socket.
  Result<std::filesystem::path> listen(const RelayTarget& target);
  // The same on a free port of the loopback: its number.
  Result<int> listen_on_port(const RelayTarget& target);
  // Opens one connection to a TCP port or a unix socket and closes it.
  static bool reachable(const RelayTarget& target, const Wait& wait);

private:
  struct Listener {
    io::ListeningSocket socket;  // without a path: a port
    RelayTarget target;
  };
  struct Link;

  explicit Relay(std::unique_ptr<io::SocketFolder> folder);
  void run();
  void move_until_stopped();
  void accept(const Listener& listener);

  std::unique_ptr<io::SocketFolder> m_folder;
  io::Wakeup m_wakeup;
  std::mutex m_mutex;                    // guards the next two
  std::list<Listener> m_listeners;       // grows only
  std::optional<core::Error> m_failure;  // why it serves no more
  std::list<std::unique_ptr<Link>> m_links;
  std::atomic<bool> m_stop = false;
  std::thread m_thread;
};

}  // namespace bgdeploy::host
