// One machine, reached over SSH or the one we are on: run argv, talk to a running process, write a file, open
// a socket to something it can reach. Nothing here ever passes a string to a shell unquoted.
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
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::host {

using core::Result;
using core::Wait;

// Which sudo rule of the spec applies to a command: `sudo: true` covers all, `sudo: [docker]` only docker.
enum class Tool { other, docker, nginx };

struct Command {
  std::vector<std::string> argv;  // run as is; sudo -n is put before it where the spec says so
  Tool tool = Tool::other;
  std::string input;  // to its stdin, then EOF
};

struct Output {
  int exit_code = 0;     // 128 + n when a signal ended it
  std::string signal;    // "KILL", or empty
  std::string out, err;  // each capped at 16 MB
  bool ok() const { return exit_code == 0; }
};

// A process that is talked to while it runs. Destruction closes its stdin and channel; it is not killed
// otherwise.
class Process {
public:
  virtual ~Process() = default;
  // Never waits: what the process does not read yet is kept here.
  virtual Result<void> write(std::string_view data) = 0;
  // Waits while more than 1 MB that was written before is not on its way yet. Kinds: lost (the process has
  // ended), timeout, cancelled.
  virtual Result<void> write_slowly(std::string_view data, const Wait& wait) = 0;
  virtual Result<void> close_input() = 0;
  // The next line of its stdout without the newline; nothing at its end. Kind timeout, cancelled or lost
  // else.
  virtual Result<std::optional<std::string>> read_line(const Wait& wait) = 0;
  // Waits for its end; `out` holds what read_line has not consumed.
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

  // As the spec names it; for messages and as a key.
  virtual const std::string& name() const = 0;
  // The IP address that the connection reached ("127.0.0.1" for local): the default address for proxies.
  virtual const std::string& address() const = 0;
  // Whether it was reached through a jump host, so that address() may lead nowhere, or elsewhere, from
  // others.
  virtual bool behind_jump() const { return false; }

  // Kinds: lost, timeout, cancelled. A command's own failure is an Output with its exit code.
  virtual Result<Output> run(const Command& command, const Wait& wait) = 0;
  virtual Result<std::unique_ptr<Process>> start(const Command& command, const Wait& wait) = 0;

  // Atomically: a hidden temporary file beside `path`, then a rename; parents are created with mode 0700.
  virtual Result<void> write_file(const std::string& path, std::string_view content,
                                  const FileAttributes& attributes, const Wait& wait) = 0;

  // A private unix socket on this machine; every connection to it becomes one to `endpoint`. Stays until the
  // Host is destroyed. The same endpoint gives the same socket. An endpoint that cannot be opened shows as a
  // connection that ends at once.
  virtual Result<std::filesystem::path> socket_to(const Endpoint& endpoint) = 0;

  // Opens one connection to `endpoint` and closes it: whether it can be reached at all, now.
  virtual bool reachable(const Endpoint& endpoint, const Wait& wait) = 0;

  // How many commands the host lets us run at once, at most `wanted`: tried without running any.
  virtual Result<int> places(int wanted, const Wait&) { return wanted; }
  // Whether TCP connections to the host's own ports are forwarded, or each takes a command. Tried.
  virtual Result<bool> forwards_tcp(const Wait&) { return true; }
  // Commands wait for others to end: whoever keeps one open that is idle should end it now.
  virtual bool crowded() const { return false; }
  // Calls it, on another thread, whenever a command begins to wait. It may outlive whoever asked.
  virtual void when_crowded(std::function<void()>) {}

  // {"sudo", "-n", "--"} where the spec wants it for this tool, else empty: for scripts that start the tool.
  virtual std::vector<std::string> prefix(Tool tool) const = 0;
};

// Connects to a host of the spec (or gives the local one). Kinds: unreachable, untrusted, denied, timeout,
// cancelled.
Result<std::unique_ptr<Host>> connect(const spec::Host& host, const Wait& wait);

}  // namespace bgdeploy::host
