// Carrying a plan out, and undoing it when it cannot be finished.
#pragma once

#include <optional>
#include <stop_token>
#include <string_view>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/deploy/world.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::deploy {

enum class Verdict {
  succeeded,
  unchanged,     // there was nothing to do
  failed,        // before the commit: the old release serves. After it: the new one does (exit 6)
  interrupted,   // by a signal
  inconsistent,  // a human is needed
};
std::string_view to_string(Verdict verdict);

struct Outcome {
  Verdict verdict = Verdict::failed;
  int exit_code = 1;
  bool committed = false;              // the new release serves
  std::optional<core::Error> error{};  // why it did not succeed
};

struct Stops {
  std::stop_token user;  // SIGINT, SIGTERM
  std::stop_token lost;  // the lock is lost: nothing may be changed any more, not even undone
};

// Emits step events. Nothing is thrown; whatever happens is in the outcome.
Outcome execute(const spec::Spec& spec, const plan::State& state, const plan::Plan& plan, World& world,
                const Stops& stops);

}  // namespace bgdeploy::deploy
