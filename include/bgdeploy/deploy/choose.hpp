// Which release a command means.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/deploy/history.hpp"
#include "bgdeploy/plan/state.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::deploy {

// "20261121T050710Z-1f3a": the time, and chance against two in one second.
std::string new_release_id(core::SystemTime now);

struct RollbackTarget {
  plan::Launch launch;
  std::string note;  // what the user should know: that this goes forward again, or what was guessed
};

// The release before the live one, or what `to` names: a tag (of several releases the newest that does not
// serve), a digest or the first 6 or more digits of one, or a release id. Pure. `live` is the slot that
// serves. Kinds: nothing (there is none), usage (digits that begin several digests).
core::Result<RollbackTarget> choose_rollback(const spec::Spec& spec, const plan::State& state,
                                             std::size_t live, const std::vector<HistoryEntry>& history,
                                             const std::optional<std::string>& to);

}  // namespace bgdeploy::deploy
