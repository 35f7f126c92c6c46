// The history is kept on the first proxy host. Where the spec names another one first, or that one is new, an
// earlier first one still has it.
#pragma once

#include <vector>

#include "bgdeploy/deploy/connect/fleet.hpp"
#include "bgdeploy/deploy/release/history.hpp"

namespace bgdeploy::deploy {

// Whether another host may know more: what serves is not what served last by these
// entries, or there are none.
bool may_be_elsewhere(const spec::Spec& spec, const plan::State& state,
                      const std::vector<HistoryEntry>& history);
// Adds what the other hosts of the fleet have of this environment, the oldest first, and returns what it
// added. A host that cannot be read has nothing.
std::vector<HistoryEntry> add_from_elsewhere(const Fleet& fleet, std::vector<HistoryEntry>& history,
                                             const core::Wait& wait);
// Observes with what `history` says of each release's health check; where another host may know more, once
// more with what those have. That is added to `history` and to `added`.
core::Result<plan::State> observe_by_history(Fleet& fleet, World& world,
                                             const std::optional<plan::Launch>& launch,
                                             std::vector<HistoryEntry>& history,
                                             std::vector<HistoryEntry>& added, const core::Wait& wait);
// Adds those of `others` that are not there, in the order of their times, and returns them.
std::vector<HistoryEntry> add_missing(std::vector<HistoryEntry>& history, std::vector<HistoryEntry> others);

}  // namespace bgdeploy::deploy
