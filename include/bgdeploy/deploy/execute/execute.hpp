// Carrying a plan out, and undoing it when it cannot be finished.
#pragma once

#include <optional>
#include <stop_token>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/deploy/world.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::deploy {

using report::Verdict;

struct Outcome {
  Verdict verdict = Verdict::failed;
  int exit_code = 1;
  bool committed = false;               // the new release serves
  std::optional<core::Error> error{};   // why it did not succeed
  std::optional<core::Duration> gap{};  // how long nothing ran, where the old release stopped first
  bool checked = false;                 // what serves was asked after the last change
};

struct Stops {
  std::stop_token user;     // SIGINT, SIGTERM
  std::stop_token lost;     // the lock is lost: nothing may be changed any more, not even undone
  std::stop_token hurry{};  // the user waits for the undo no longer: the outcome says what is not undone
};

// Emits step events. Nothing is thrown; whatever happens is in the outcome.
Outcome execute(const spec::Spec& spec, const plan::State& state, const plan::Plan& plan, World& world,
                const Stops& stops);

}  // namespace bgdeploy::deploy
