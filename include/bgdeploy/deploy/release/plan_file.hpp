// A plan that was kept in a file, to be carried out later: what was wanted, and all that the plan stands on.
// It holds no secret, and says what no longer holds.
#pragma once

#include <string>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/deploy/run.hpp"
#include "bgdeploy/plan/plan.hpp"

namespace bgdeploy::deploy {

// What a plan stands on, as it is seen before anything is changed. `wanted`: the release with its digest, and
// the configuration by the spec.
struct Footing {
  const Goal& goal;
  const plan::State& state;
  const plan::Launch& wanted;
};

// Empty where a deploy has to end something else first: that cannot be kept.
std::string plan_file(const Context& context, const Footing& footing, const plan::Plan& plan,
                      const std::string& sources);
// The goal of a plan that was kept, which Goal::plan then holds. Kind usage: it is no such file, of another
// version, or was changed.
core::Result<Goal> read_plan_file(const std::string& path);

// Kind usage, with what changed. `file`: Goal::plan.
core::Result<void> still_holds(const Context& context, const std::string& file, const Footing& now,
                               const std::string& sources);
// The same of the steps that follow from it.
core::Result<void> same_steps(const Context& context, const std::string& file, const plan::Plan& plan);

}  // namespace bgdeploy::deploy
