// Which release a command means.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/deploy/release/history.hpp"
#include "bgdeploy/plan/state.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::deploy {

// "20261121T050710Z-1f3a": the time, and chance against two in one second.
std::string new_release_id(core::SystemTime now);

struct RollbackTarget {
  plan::Release release;
  // How it ran; unset where nobody wrote that down, or where another runtime than today's ran it: then as the
  // spec has it today.
  std::optional<plan::Launch> launch;
  std::string sources{};  // of its secrets, as the history has them; empty where it does not say
  std::string note{};     // what the user should know: that this goes forward again, or what was guessed
};

// The release before the live one (where nothing runs: what served last), or what `to` names: a tag (of
// several releases the newest that does not serve), a digest or the first 6 or more digits of one, or a
// release id. Pure. `live` is the slot that serves. Kinds: nothing (there is none), usage (digits that begin
// several digests).
core::Result<RollbackTarget> find_rollback_target(const spec::Spec& spec, const plan::State& state,
                                                  std::size_t live, const std::vector<HistoryEntry>& history,
                                                  const std::optional<std::string>& to);

// What served last, where no proxy names a slot and nothing runs in either: a rollback starts that one again.
std::optional<plan::LastServed> find_last_served(const spec::Spec& spec, const plan::State& state,
                                                 const std::vector<HistoryEntry>& history);

// A release with how it ran, as the history has it.
core::Result<RollbackTarget> recorded_target(const spec::Spec& spec, const std::vector<HistoryEntry>& history,
                                             const plan::Release& release);

// What past releases are asked, by release id, as far as the history tells. Headers are today's, since they
// may hold a secret.
std::map<std::string, spec::Health> past_healths(const spec::Spec& spec,
                                                 const std::vector<HistoryEntry>& history);

}  // namespace bgdeploy::deploy
