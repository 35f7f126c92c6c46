// Which hooks need not run again.
#pragma once

#include <vector>

#include "bgdeploy/deploy/release/history.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::deploy {

// By index: the hooks of before_start that the history knows to have run for this release, in a run that did
// not get through. With the next release that serves it begins anew. Pure.
std::vector<std::size_t> hooks_that_ran(const spec::Spec& spec, const plan::Request& request,
                                        const std::vector<HistoryEntry>& history);

}  // namespace bgdeploy::deploy
