// One proxy on one host, as the deploy sees it; and the switch, one self-restoring transaction on it.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/host/host.hpp"
#include "bgdeploy/plan/routing.hpp"
#include "bgdeploy/plan/state.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::proxy {

using core::Result;
using core::Wait;
using plan::Backend;
using plan::Routing;

struct Drained {
  bool complete = true;  // every old worker is gone
  int connections = 0;   // still open to the old backends when the time was up: cut when they stop
  std::vector<plan::Worker> left;
  bool running = true;     // the proxy is: else nobody is served
  bool still_ours = true;  // it still reads what was switched to: only then may the old slot be stopped
};

// A staged switch. Destroyed before commit(), or by a connection that breaks, the host puts everything back
// itself.
class Switch {
public:
  virtual ~Switch() = default;
  // Rename, test, reload, see new workers. On an error the old file is back and in force again (kind refused,
  // the proxy's own words as details), or the message says that it is not, or that the proxy does not run any
  // more (kind inconsistent).
  virtual Result<void> commit(const Wait& wait) = 0;
  // After commit(): the old file back, reloaded, new workers seen. Kind inconsistent when that failed.
  virtual Result<void> restore(const Wait& wait) = 0;
  // After commit(): accept it; nothing is put back from here on.
  virtual Result<void> accept(const Wait& wait) = 0;
  // After accept(): wait until the workers of the old configuration are gone, `timeout` at most. With workers
  // left, only connections to `old_backends` count.
  virtual Result<Drained> drain(core::Duration timeout, const Routing& old_backends, const Wait& wait) = 0;
};

// From where the proxy does its work to a backend.
struct Way {
  host::Endpoint endpoint;
  bool reached = true;  // where the proxy runs in a container it has been tried
};

class Proxy {
public:
  virtual ~Proxy() = default;
  // Starts the command of the next observe(), which looks at nothing before look_now(). First that command
  // runs `script`, of the form `sh -c TEXT NAME ARGUMENT…`, or nothing, and returns what it printed. Its last
  // argument is the line that `last` returns, which is called while the command starts. Kind unsupported
  // where observe() takes no command. An error does not keep look_now() from its work.
  virtual Result<std::string> begin_to_look(const std::vector<std::string>& /*script*/,
                                            const std::function<std::string()>& /*last*/,
                                            const Wait& /*wait*/) {
    return core::fail(core::ErrorKind::unsupported, "nothing can be begun");
  }
  // The next observe() tells what is found from now on.
  virtual void look_now() {}
  // Where requests go, and what an earlier switch left behind.
  virtual Result<plan::ProxyHost> observe(const std::array<Routing, 2>& slots, const Wait& wait) = 0;
  // The whole configuration tested as it stands (kind refused with the proxy's words), the proxy seen
  // running, its file writable, and read by the configuration. With no file yet the test may fail on just
  // that.
  virtual Result<void> check(const Wait& wait) = 0;
  // Stages the routing to `slot` beside the live file and tests it where that can be done without touching
  // that one. `content`: see content_for().
  virtual Result<std::unique_ptr<Switch>> stage(std::size_t slot, const std::string& content,
                                                const Wait& wait) = 0;
  // Ends what a dead switch left: with `keep` the file as it is now is put into force; without it, or where
  // the proxy refuses that one, the file before it. With `keep` also what somebody wrote and it has not read.
  virtual Result<void> recover(bool keep, const Wait& wait) = 0;
  // How the proxy gets to `backend`: from its host, or from inside its container. Nothing where that cannot
  // be tried.
  virtual Result<std::optional<Way>> way_to(const Backend& backend, const Wait& wait) = 0;
  // The networks of the container that it runs in. None: it has its host's network, or the engine does not
  // know that container, as check() says.
  virtual Result<std::vector<std::string>> networks(const Wait& wait) = 0;
  // Waits for old workers seen by observe().
  virtual Result<Drained> drain(const std::vector<plan::Worker>& old, const Routing& old_backends,
                                core::Duration timeout, const Wait& wait) = 0;
};

}  // namespace bgdeploy::proxy
