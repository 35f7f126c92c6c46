// Unix sockets on this machine whose connections lead to a TCP port or a command here: what SSH tunnels are
// for a remote host, for the local one.
#pragma once

#include <atomic>
#include <filesystem>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "bgdeploy/host/host.hpp"
#include "bgdeploy/ssh/socket_folder.hpp"
#include "bgdeploy/ssh/wake.hpp"

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
  // Opens one connection to a TCP port or a unix socket and closes it.
  static bool reachable(const RelayTarget& target, const Wait& wait);

private:
  struct Listener {
    ssh::ListeningSocket socket;
    RelayTarget target;
  };
  struct Link;

  explicit Relay(std::unique_ptr<ssh::SocketFolder> folder);
  void run();
  void accept(const Listener& listener);

  std::unique_ptr<ssh::SocketFolder> m_folder;
  ssh::Waker m_waker;
  std::mutex m_mutex;  // of the listeners, which only grow
  std::list<Listener> m_listeners;
  std::list<std::unique_ptr<Link>> m_links;
  std::atomic<bool> m_stop = false;
  std::thread m_thread;
};

}  // namespace bgdeploy::host
