// The lock of a service: a living channel with a pulse. Held beside the include on a proxy host by a process
// that lets go when its stdin ends or falls silent, and then ends its own SSH connection, so that a deployer
// that was paused can do nothing more over it.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

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
  std::optional<core::SystemTime> until{};  // of a freeze that ends by itself
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
  // LockPath::base as it is on the host, with the home folder in the place of "~".
  virtual const std::string& path() const = 0;
  // Lets go in good order.
  virtual Result<void> release(const Wait& wait) = 0;
};

// Where a lock's files lie on its host: a folder, and what their names begin with, as in
// "<folder of the include>/.<service>.bgdeploy". "~/" is the home of the account that runs the commands
// there: with sudo root's, whoever logs in.
struct LockPath {
  // NOLINTBEGIN(google-explicit-constructor): mostly a path is all there is to say.
  LockPath(std::string name, bool make = false) : base(std::move(name)), make_folder(make) {}
  LockPath(const std::filesystem::path& name, bool make = false) : LockPath(name.string(), make) {}
  // NOLINTEND(google-explicit-constructor)
  std::string base;
  bool make_folder;  // where there is none, for its owner alone
};

// A lock that is held may be waited for, in the order in which the deployers came.
struct Patience {
  core::Duration most{0};
  // Told for whom it waits, in words, and again when that is somebody else.
  std::function<void(const std::string&)> tell{};
};

// Whoever may write in the folder may hold the lock, and nobody else. Kinds: locked (message names holder,
// host and age), frozen (quotes the text), refused (folder not writable, no flock there, something in the
// place of a file), lost. A lock that a dying deployer still holds is tried for a second before it counts as
// locked.
//
// The holder lets go at once when the deployer or its connection has ended, and 10 s after the last sign of
// life otherwise. lost() fires 2 s before that, so that nothing is begun that could outlive the lease. It
// fires too when the lock's file was removed or replaced, within a beat of 3 s, and whoever locks the new one
// waits for that.
Result<std::unique_ptr<Lease>> acquire(host::Host& host, const LockPath& path, const LockOwner& owner,
                                       const Wait& wait, const Patience& patience = {});

// What a deploy says that lost its lock.
core::Error lock_lost();

Result<LockStatus> lock_status(host::Host& host, const LockPath& path, const Wait& wait);
// When a freeze ends by itself: at a time, or some time from now, by the clock of the host.
using FreezeEnd = std::variant<std::monostate, core::SystemTime, core::Duration>;
// The end that the host knows. Kind refused also: by its clock that is over.
Result<std::optional<core::SystemTime>> freeze(host::Host& host, const LockPath& path, const LockOwner& owner,
                                               const Wait& wait, const FreezeEnd& end = {});
// Takes a freeze away; false when there was none. Never touches a running deploy's lock.
Result<bool> unfreeze(host::Host& host, const LockPath& path, const Wait& wait);

}  // namespace bgdeploy::deploy
