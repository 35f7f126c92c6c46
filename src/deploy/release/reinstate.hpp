// How an earlier release runs again: with the configuration that it had, its secrets read again from where it
// had them.
#pragma once

#include <optional>
#include <string>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/deploy/release/rollback_target.hpp"
#include "bgdeploy/deploy/run.hpp"
#include "bgdeploy/plan/plan.hpp"

namespace bgdeploy::deploy {

struct Reinstated {
  plan::Request request;
  std::string sources{};  // of its secrets, for the history; empty where nobody knows
  bool recorded = true;   // how it ran is known
  // Why it cannot be created again. A container that is only started again has its secrets.
  std::optional<core::Error> without_secrets{};
};

// `todays`: why the spec's own secrets cannot be read. The values that were read are hidden from then on.
core::Result<Reinstated> reinstate(const Context& context, const Goal& goal, RollbackTarget target,
                                   const std::optional<core::Error>& todays, const core::Wait& wait);

// What to do where a source is gone, below the error's own words.
core::Error with_ways_out(core::Error error, const plan::Release& release, bool by_secrets);

}  // namespace bgdeploy::deploy
