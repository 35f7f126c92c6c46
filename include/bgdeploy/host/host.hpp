// One machine, ours or one over SSH: run argv, talk to a running process, write a file, open a socket to what
// the machine can reach. Never passes a string to a shell unquoted.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/core/secret.hpp"
#include "bgdeploy/io/output.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::host {

using core::Result;
using core::Wait;
using io::Output;

// Which sudo rule of the spec applies to a command: `sudo: true` covers all, `sudo: [docker]` only docker.
enum class Tool { other, docker, nginx };

struct Command {
  std::vector<std::string> argv;  // with `sudo -n` before it where the spec says so
  Tool tool = Tool::other;
  std::string input;  // to its stdin, then EOF
};

// A process to talk to while it runs. Destruction closes its stdin and channel, and does nothing else to end
// it.
class Process {
public:
  virtual ~Process() = default;
  // Never waits: keeps what the process does not read yet.
  virtual Result<void> write(std::string_view data) = 0;
  // Waits while more than 1 MB of earlier input is not on its way. Kinds: lost (the process has ended),
  // timeout, cancelled.
  virtual Result<void> write_slowly(std::string_view data, const Wait& wait) = 0;
  virtual Result<void> close_input() = 0;
  // The next line of its stdout without the newline; nothing at the end.
  // Kinds: timeout, cancelled, lost.
  virtual Result<std::optional<std::string>> read_line(const Wait& wait) = 0;
  // What came of its stdout, cut anywhere, however long its lines are; nothing at the end. Same kinds.
  virtual Result<std::optional<std::string>> read_piece(const Wait& wait) = 0;
  // Waits for its end; `out` holds what was not read.
  virtual Result<Output> finish(const Wait& wait) = 0;
};

struct TcpEndpoint {
  std::string address;
  int port = 0;
};  // from the host itself
struct UnixEndpoint {
  std::string path;
};  // a socket on the host
struct CommandEndpoint {
  std::vector<std::string> argv;
  Tool tool = Tool::other;
};  // stdin and stdout of a command
using Endpoint = std::variant<TcpEndpoint, UnixEndpoint, CommandEndpoint>;

struct FileAttributes {
  int mode = 0644;
  std::optional<std::string> owner;  // "user:group"; default: whoever writes
};

class Host {
public:
  virtual ~Host() = default;

  // The name in the spec; for messages and as a key.
  virtual const std::string& name() const = 0;
  // The user who is logged in; empty where that is not known.
  virtual std::string login() const { return {}; }
  // The IP address that the connection reached ("127.0.0.1" for local). Proxies use it by default.
  virtual const std::string& address() const = 0;
  // Whether a jump host leads to it. From other machines address() may then lead nowhere, or to another
  // machine.
  virtual bool behind_jump() const { return false; }

  // Kinds: lost, timeout, cancelled. A command's own failure is an Output with its exit code.
  virtual Result<Output> run(const Command& command, const Wait& wait) = 0;
  virtual Result<std::unique_ptr<Process>> start(const Command& command, const Wait& wait) = 0;

  // Atomically: a hidden temporary file beside `path`, then a rename; parents are created with mode 0700.
  virtual Result<void> write_file(const std::string& path, std::string_view content,
                                  const FileAttributes& attributes, const Wait& wait) = 0;

  // A private unix socket on this machine: every connection to it becomes one to `endpoint`. Stays as long as
  // the Host. The same endpoint gives the same socket. A connection to an endpoint that cannot be opened ends
  // at once.
  virtual Result<std::filesystem::path> socket_to(const Endpoint& endpoint) = 0;

  // Opens one connection to `endpoint` and closes it: whether it can be reached at all, now.
  virtual bool reachable(const Endpoint& endpoint, const Wait& wait) = 0;

  // How many commands the host lets us run at once, at most `wanted`. Finds out without running any.
  virtual Result<int> places(int wanted, const Wait&) { return wanted; }
  // Whether the host forwards TCP connections to its own ports; else each takes a command. Tries it.
  virtual Result<bool> forwards_tcp(const Wait&) { return true; }
  // Commands wait for others to end, so idle ones should end now.
  virtual bool crowded() const { return false; }
  // Calls the function on another thread whenever a command begins to wait, also when its owner is gone.
  virtual void when_crowded(std::function<void()>) {}

  // {"sudo", "-n", "--"} where the spec wants it for this tool, else empty: for scripts that start the tool.
  virtual std::vector<std::string> prefix(Tool tool) const = 0;
};

// Connects to a host of the spec (or gives the local one). Kinds: unreachable, untrusted, denied, timeout,
// cancelled.
Result<std::unique_ptr<Host>> connect(const spec::Host& host, const Wait& wait);

}  // namespace bgdeploy::host
