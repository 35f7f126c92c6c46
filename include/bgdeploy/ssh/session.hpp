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
#include "bgdeploy/io/fd.hpp"
#include "bgdeploy/io/pipes.hpp"
#include "bgdeploy/ssh/known_hosts.hpp"

namespace bgdeploy::ssh {

using core::Result;
using core::Wait;

class Session;

// The identity that the host must prove.
struct HostTrust {
  std::string name;  // in known_hosts files: the host connected to, or HostKeyAlias
  int port = 22;     // 22 with HostKeyAlias: an alias is listed without a port
  std::vector<KnownHost> known;
  std::vector<std::string> files;  // that `known` was read from, for messages
  std::optional<std::string> pin;  // "SHA256:…": nothing else is accepted
  std::string advice;              // what to do where the key is not known
};

// Proofs of our own identity, tried in order.
struct AgentIdentities {
  std::string socket;
  std::vector<std::string> first;  // key files: their keys go before the agent's others
};
struct KeyFile {
  std::string path;
  std::string named_by;  // "ssh.identity_file": its absence is told; empty: it is a usual place
  std::string agent;     // the agent that may hold this very key when the file cannot be used; may be empty
};
using Identity = std::variant<AgentIdentities, KeyFile>;

struct Destination {
  std::string name;  // as the user wrote it, for messages
  std::string host;  // DNS name or IP address
  int port = 22;
  std::string user;
  core::Error unknown_name;  // what is said when there is no host of that name
  std::string unused_key;    // of a key that was given and is not in `identities`: how to use it
  HostTrust trust;
  std::vector<Identity> identities;
  std::vector<std::string> certificates;  // files with which OpenSSH logs in, and we cannot
  core::Duration connect_timeout = std::chrono::seconds(10);  // from the resolver to the login; begins when
                                                              // other logins leave room
  core::Duration keepalive = std::chrono::seconds(15);        // a silent peer is lost 10 s later
  std::shared_ptr<Session> via;  // the connection that leads to it; null: directly
};

// The far end of a channel.
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

  // Starts a command. Kinds: lost, timeout, cancelled; denied when sshd opens no session or starts no
  // command. The command ends with denied when the login shell did not run it.
  Result<std::shared_ptr<io::Pipes>> exec(std::vector<std::string> argv, std::string input, bool input_closed,
                                          const Wait& wait);

  // How many more commands sshd lets this connection run at once (MaxSessions), at most `wanted`. Finds out
  // by opening sessions without starting commands.
  Result<int> places(int wanted, const Wait& wait);

  // Whether sshd has forwarded a TCP connection before.
  bool has_forwarded() const;

  // Commands wait for a place, so idle ones should end.
  bool crowded() const;
  // Calls `give_up` on another thread whenever a command begins to wait.
  void when_crowded(std::function<void()> give_up);

  // Opens a stream to the target and returns our end. Kind unreachable when it cannot be opened.
  Result<io::Fd> dial(const Target& target, const Wait& wait);

  // A private unix socket: every connection to it becomes one to the target. Goes with the session. Kind lost
  // once the connection is.
  Result<std::filesystem::path> listen(const Target& target);

  // Opens one connection and closes it. A command counts as reached when it ends with exit code 0 on empty
  // input.
  bool reachable(const Target& target, const Wait& wait);

private:
  struct Inner;
  explicit Session(std::unique_ptr<Inner> inner);
  std::unique_ptr<Inner> m_inner;
};

// Whether a host's entries hold RSA keys only and this libssh2 cannot verify RSA. Only then is a key of
// another type no reason for suspicion and may be added.
bool known_by_unusable_keys(std::span<const KnownHost> known);

// Connects as far as the host's key and verifies nothing. Of several keys, returns the pinned one if the host
// has it, else the one that a connection would be shown. Kinds: unreachable, timeout, cancelled.
Result<HostKey> fetch_key(const Destination& destination, const Wait& wait);

}  // namespace bgdeploy::ssh
