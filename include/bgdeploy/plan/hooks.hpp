// Which hooks a command runs, as steps.
#pragma once

#include <string>
#include <vector>

#include "bgdeploy/plan/plan.hpp"

namespace bgdeploy::plan {

// Those of one position, in the spec's order. `slot` and `launch` are those of the new release.
std::vector<RunHook> hooks_at(const spec::Spec& spec, spec::HookPosition at, Request::Kind kind,
                              std::size_t slot, const Launch& launch);
// Adds them to the steps of a plan, and to `skipped` what this command does not run.
void add_hooks(const spec::Spec& spec, spec::HookPosition at, const Request& request, Plan& plan);

// "before_start hook 1: ./manage.py migrate (in a container)"
std::string describe(const RunHook& step);
// What it runs, whatever the spec around it says: by this the history knows a hook again.
std::string identity(const RunHook& step);

}  // namespace bgdeploy::plan
