// `bgdeploy lock` and `unlock`: a freeze on every host where the service's lock is held.
#pragma once

#include <optional>
#include <string>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/deploy/lock/lease.hpp"
#include "bgdeploy/deploy/run.hpp"

namespace bgdeploy::deploy {

struct Frozen {
  std::optional<core::SystemTime> until{};  // the latest of the hosts'
  std::optional<LockOwner> replaced{};      // an earlier freeze
};
core::Result<Frozen> freeze_service(const Context& context, const std::string& text, const FreezeEnd& end);
// False when there was no freeze.
core::Result<bool> unfreeze_service(const Context& context);

}  // namespace bgdeploy::deploy
