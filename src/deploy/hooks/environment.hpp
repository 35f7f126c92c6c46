// What a hook is told, as variables. Data only there: the command line stays as the user wrote it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::deploy {

// What is not known from the plan.
struct HookFacts {
  std::vector<std::string> urls{};  // of the new release, by app host
  std::string result{};             // as the last event has it
  std::string error{};              // redacted
  std::string report{};             // the file of --report
};

// All variables, those that have nothing to say empty: a script under `set -u` may use them.
std::map<std::string, std::string> hook_environment(const spec::Spec& spec, const plan::Plan& plan,
                                                    const HookFacts& facts);

}  // namespace bgdeploy::deploy
