// The lock of a service: a living channel with a pulse. Held beside the include on a proxy host by a process
// that lets go when its stdin ends or falls silent, and then ends its own SSH connection, so that a deployer
// that was paused can do nothing more over it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/host/host.hpp"

namespace bgdeploy::deploy {

using core::Result;
using core::Wait;

struct LockOwner {
  std::string who;   // "jenkins@ci-7 (pid 4242)": user, machine and process of the deployer
  std::string what;  // "deploy 1.2.3"
  core::SystemTime since{};
  bool operator==(const LockOwner&) const = default;
};

struct LockStatus {
  std::optional<LockOwner> holder;  // a deploy that runs now
  std::optional<LockOwner> freeze;  // `bgdeploy lock`; its `what` is the text
  std::string unknown{};            // why it cannot be told; empty where it can
};

class Lease {
public:
  virtual ~Lease() = default;
  // Requested when the lease is lost: somebody else may hold it from now on.
  virtual std::stop_token lost() const = 0;
  // Lets go in good order.
  virtual Result<void> release(const Wait& wait) = 0;
};

// `path` is the lock's base name on the host: "<folder of the include>/.<service>.bgdeploy". Kinds: locked
// (message names holder, host and age), frozen (quotes the text), refused (folder not writable, no flock
// there, something in the place of a file), lost. A lock that a dying deployer still holds is tried for a
// second before it counts as locked.
//
// The holder lets go at once when the deployer or its connection has ended, and 10 s after the last sign of
// life otherwise. lost() fires 2 s before that, so that nothing is begun that could outlive the lease. It
// fires too when the lock's file was removed or replaced, within a beat of 3 s, and whoever locks the new one
// waits for that.
Result<std::unique_ptr<Lease>> acquire(host::Host& host, const std::string& path, const LockOwner& owner,
                                       const Wait& wait);

Result<LockStatus> lock_status(host::Host& host, const std::string& path, const Wait& wait);
Result<void> freeze(host::Host& host, const std::string& path, const LockOwner& owner, const Wait& wait);
// Takes a freeze away; false when there was none. Never touches a running deploy's lock.
Result<bool> unfreeze(host::Host& host, const std::string& path, const Wait& wait);

}  // namespace bgdeploy::deploy
