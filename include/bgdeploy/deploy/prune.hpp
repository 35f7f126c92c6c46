// What of old releases may go, and `bgdeploy prune`.
#pragma once

#include <string>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/deploy/release/history.hpp"
#include "bgdeploy/deploy/run.hpp"
#include "bgdeploy/runtime/storage.hpp"

namespace bgdeploy::deploy {

// Old are all releases in the histories of the service, with those of its other environments. Kept are, for
// each environment of each service, the releases that served last: as many as it keeps beside its live one,
// and at least the one that `rollback` goes to. Pure. `histories`: by service, oldest first; `live`: what
// serves, or is about to.
plan::Leftovers leftovers(const spec::Spec& spec, const Histories& histories, const plan::Release& live);

struct Pruned {
  std::string host;
  runtime::Removed removed;
};
// Removes what nothing needs any more, under the lock. With `only_look` it only says what that is, and needs
// no lock. What was removed before an error is in `pruned` all the same. Kinds: as run(); refused (something
// could not be removed).
core::Result<void> prune(const Context& context, bool only_look, std::vector<Pruned>& pruned);

}  // namespace bgdeploy::deploy
