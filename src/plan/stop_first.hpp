#pragma once

#include "bgdeploy/plan/plan.hpp"

namespace bgdeploy::plan {

// Puts the end of what runs in slot `live` right before the start of its successor, on all hosts after
// everything else that prepares it.
void stop_first(const spec::Spec& spec, const State& state, std::size_t live, std::vector<Step>& prepared);

}  // namespace bgdeploy::plan
