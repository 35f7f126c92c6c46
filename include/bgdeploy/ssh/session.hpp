// One SSH connection, served by its own thread: commands, and sockets that lead to what the host can reach.
// All members may be called from any thread.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/ssh/fd.hpp"
#include "bgdeploy/ssh/known_hosts.hpp"
#include "bgdeploy/ssh/pipes.hpp"

namespace bgdeploy::ssh {

class Session;

// Who the host must prove to be.
struct HostTrust {
  std::string name;  // as known_hosts files list it: what was connected to, or HostKeyAlias
  int port = 22;     // 22 with HostKeyAlias: an alias is listed without a port
  std::vector<KnownHost> known;
  std::vector<std::string> files;  // that `known` was read from, for messages
  std::optional<std::string> pin;  // "SHA256:…": nothing else is accepted
};

// What proves who we are, tried in order.
struct AgentIdentities {
  std::string socket;
  std::vector<std::string> first;  // key files: their keys go before the agent's others
};
struct KeyFile {
  std::string path;
  bool required = false;  // the user named it: say so when it is missing
  std::string agent;      // the agent that may hold this very key when the file cannot be used; may be empty
};
using Identity = std::variant<AgentIdentities, KeyFile>;

struct Destination {
  std::string name;  // as the user wrote it, for messages
  std::string host;  // DNS name or IP address
  int port = 22;
  std::string user;
  HostTrust trust;
  std::vector<Identity> identities;
  std::vector<std::string> certificates;  // files that OpenSSH would log in with, and we cannot
  core::Duration connect_timeout = std::chrono::seconds(10);  // from the resolver to the login, in total,
                                                              // once other logins to it leave room
  core::Duration keepalive = std::chrono::seconds(15);        // a silent peer is given up 10 s later
  std::shared_ptr<Session> via;  // the connection that leads to it; null: directly
};

// What a channel leads to.
struct TcpTarget {
  std::string address;
  int port = 0;
  bool operator==(const TcpTarget&) const = default;
};
struct UnixTarget {
  std::string path;
  bool operator==(const UnixTarget&) const = default;
};
struct ExecTarget {
  std::vector<std::string> argv;  // without NUL bytes; reaches the host as it is, whatever the login shell
  bool operator==(const ExecTarget&) const = default;
};
using Target = std::variant<TcpTarget, UnixTarget, ExecTarget>;

class Session {
public:
  // Kinds: unreachable, untrusted, denied, timeout, cancelled.
  static Result<std::shared_ptr<Session>> connect(const Destination& destination, const Wait& wait);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // The IP address that was reached; the configured host behind a jump.
  const std::string& peer_address() const;

  // A started command. Kinds: lost, timeout, cancelled; denied when sshd opens no session for it, or starts
  // no command. Its end is denied when the login shell did not run it.
  Result<std::shared_ptr<Pipes>> exec(std::vector<std::string> argv, std::string input, bool input_closed,
                                      const Wait& wait);

  // How many commands sshd lets this connection run at once (MaxSessions), at most `wanted`: tried, with
  // commands that are never started. Those that run already count.
  Result<int> places(int wanted, const Wait& wait);

  // Whether a TCP connection was forwarded before.
  bool has_forwarded() const;

  // Commands wait for a place: whoever keeps one open that is idle should end it.
  bool crowded() const;
  // Calls it, on another thread, whenever a command begins to wait.
  void when_crowded(std::function<void()> give_up);

  // One end of a stream to the target, once it is open. Kind unreachable when it cannot be opened.
  Result<Fd> dial(const Target& target, const Wait& wait);

  // A private unix socket; every connection to it becomes one to the target. Removed with the session. Kind
  // lost once the connection is.
  Result<std::filesystem::path> listen(const Target& target);

  // Opens one connection and closes it. A command is reached when it ends with exit code 0 on empty input.
  bool reachable(const Target& target, const Wait& wait);

private:
  struct Inner;
  explicit Session(std::unique_ptr<Inner> inner);
  std::unique_ptr<Inner> m_inner;
};

// Whether a host's entries are RSA keys alone, and this libssh2 cannot verify those: only then is a key of
// another type no reason for suspicion, and may be added to them.
bool known_by_unusable_keys(std::span<const KnownHost> known);

// Connects as far as the host's key and verifies nothing. Of several keys the one that a connection would be
// shown, or the pinned one, if the host has it. Kinds: unreachable, timeout, cancelled.
Result<HostKey> fetch_key(const Destination& destination, const Wait& wait);

}  // namespace bgdeploy::ssh
