// What the strategies share.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "bgdeploy/plan/plan.hpp"

namespace bgdeploy::plan {

inline constexpr core::Duration k_newcomer_grace = std::chrono::seconds(5);  // it never served a request

// The steps of a request where nothing waits in the idle slot, or what waits is what is asked for.
core::Result<Plan> plan_blue_green(const spec::Spec& spec, const State& state, const Request& request);

// What the container was made with: the spec may want something else of the next one.
core::Duration grace_of(const spec::Spec& spec, const Container& container);

// Whether the container is what the request wants to run. A tag is only a name: an image that serves under
// another tag is not deployed again. A container that is to serve bears the tag that was asked for.
bool reusable(const Container& container, const Request& request);

// In one slot, on any host.
bool runs(const State& state, std::size_t slot);
// Finds live and target where no include names a slot: before a first deploy, or when somebody removed the
// file. The proxy may still use the one that it last loaded, so a slot that runs counts as live.
core::Result<void> choose_without_include(const spec::Spec& spec, const State& state, const Request& request,
                                          Plan& plan);
// Whether a rollback starts what served last where it is: nothing runs now.
bool starts_again(const State& state, const Request& request);
void note_oddities(const spec::Spec& spec, const State& state, Plan& plan);

// What a step calls the container where it does not bear the slot's name.
std::string name_unless_own(const SlotState& slot, const Container& container);

bool stops_something(const std::vector<Step>& steps);

}  // namespace bgdeploy::plan
