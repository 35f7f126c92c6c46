// The observed state as people and as programs read it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "bgdeploy/deploy/lease.hpp"
#include "bgdeploy/plan/state.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::cli {

std::string state_text(const spec::Spec& spec, const plan::State& state, const deploy::LockStatus& lock);
nlohmann::ordered_json state_json(const spec::Spec& spec, const plan::State& state,
                                  const deploy::LockStatus& lock);
nlohmann::ordered_json release_json(const plan::Release& release);
// What is odd in it, in words: one entry each.
std::vector<std::string> oddities(const spec::Spec& spec, const plan::State& state);

}  // namespace bgdeploy::cli
