// Whose containers are in a slot's way, and where the slots' ports are published: what a plan stands on.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/plan/state.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::plan {

// Refuses where a container of somebody else is in a slot's way: kind usage, with whose it is and what to
// write. With `force` what another service runs in the live slot is left running, and what it stopped is
// passed over.
core::Result<void> check_owners(const spec::Spec& spec, const State& state, bool force);
// Whether a container that is no slot's holds the port of the idle `slot`: kind conflict. It may serve, so
// how to go on without stopping it is said. `live`: what the proxies name.
core::Result<void> port_is_free(const spec::Spec& spec, const Places& places, const AppHost& host,
                                std::size_t slot, std::optional<std::size_t> live);
// "container shop-blue publishes port 8081, and slot blue is port 9081"
std::string describe(const spec::Spec& spec, std::size_t slot, const Stranger& stranger);

// The address that the slots' ports are published on, by host and slot: of the container that serves or that
// the request takes up again, else what SlotState::will_publish says.
std::vector<std::array<std::optional<std::string>, 2>> published_at(const spec::Spec& spec,
                                                                    const State& state,
                                                                    const Request& request);
// Whether `slot` of `host` has a container that the request would start again.
bool takes_up(const State& state, std::size_t host, std::size_t slot, const Request& request);

// A slot that a site of somebody else's sends to is not ours to change: kind usage, where one of the steps
// would.
core::Result<void> check_claims(const spec::Spec& spec, const State& state, const std::vector<Step>& steps);

}  // namespace bgdeploy::plan
