// What waits for `promote`, and when the way back was tried last: from the history and what is on the hosts.
// Pure.
#pragma once

#include <optional>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/deploy/release/history.hpp"
#include "bgdeploy/plan/state.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::deploy {

// The release in a slot that does not serve whose last word in the history is that it is held.
std::optional<plan::Held> find_held(const spec::Spec& spec, const plan::State& state,
                                    const std::vector<HistoryEntry>& history);

// What `promote` is about: what waits, or the live release, where its promotion was cut short after the
// switch.
std::optional<plan::Release> to_promote(const spec::Spec& spec, const plan::State& state,
                                        const std::vector<HistoryEntry>& history);
// Kind nothing. A deploy that was cut short before its end was recorded holds nothing: it says which one.
core::Error nothing_waits(const spec::Spec& spec, const plan::State& state,
                          const std::vector<HistoryEntry>& history);

// The newest rehearsal of going back to `release`; null where there was none.
const HistoryEntry* last_rehearsal(const std::vector<HistoryEntry>& history, const plan::Release& release);

}  // namespace bgdeploy::deploy
