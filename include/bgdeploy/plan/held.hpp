// A release that waits in the idle slot: how it is reached, and what is left when it is taken away.
#pragma once

#include <string>
#include <vector>

#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/plan/state.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::plan {

// What `abort` would leave: without what waits, and with what was set aside for it back in its place. A way
// back is looked for in this state.
State without_held(const spec::Spec& spec, const State& state);

// How to reach what runs in `slot`, one line a host: the address, or the `ssh -L` line where it is published
// on the host's loopback only.
std::vector<std::string> ways_to(const spec::Spec& spec, const State& state, std::size_t slot);

// "1.2.0 (sha256:…) waits in green since 2026-11-21T05:07:10Z (by ann@desk (pid 1))"
std::string describe(const spec::Spec& spec, const Held& held);

}  // namespace bgdeploy::plan
