// From a connected fleet to a plan: shared by commands that carry it out and by those that print it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "bgdeploy/deploy/fleet.hpp"
#include "bgdeploy/deploy/history.hpp"
#include "bgdeploy/deploy/run.hpp"

namespace bgdeploy::deploy {

struct Prepared {
  plan::State state;
  plan::Plan plan;
  plan::Launch launch;
  std::shared_ptr<const context::Files> files{};  // what `launch` is built from, where it is
};

// A template that is wrong, or does not tell the slots apart, is to be known before anything is started.
core::Result<void> check_rendering(const spec::Spec& spec, const std::string& tag);
// Finds out on which addresses the slots' ports are published, and lets the fleet's spec know, so that
// routing goes there. Kind usage: a compose file says what cannot be.
core::Result<void> place(const Context& context, Fleet& fleet, const World& world,
                         const plan::Request& request, plan::State& state, const core::Wait& wait);
// Whether an nginx in a container reaches the slots at the addresses that it is told. Kind usage, with what
// to write.
core::Result<void> check_reach(const spec::Spec& spec, const Fleet& fleet, std::optional<std::size_t> live,
                               const core::Wait& wait);
// Whether a container of this launch fits beside what runs, where it has a limit. Kind refused, with the
// figures.
core::Result<void> memory_suffices(const App& app, std::size_t slot, const plan::Launch& launch,
                                   const core::Wait& wait);
// A registry that is not reached, or does not let us in, is no trouble with a host.
core::Error of_the_registry(core::Error error);
// "512m"
std::string megabytes(std::int64_t bytes);

// Opens docker and finds the digest that is wanted, while `lock` runs beside it; then observes and plans.
// Errors of `lock` come first. Of kind inconsistent where it fails and what serves does not answer either.
// With `settle_first` proxies are settled before planning (see observe.hpp).
// What was seen until an error is in `prepared` all the same.
core::Result<void> prepare(const Context& context, const Goal& goal, Fleet& fleet, bool settle_first,
                           const std::function<core::Result<void>()>& lock, const core::Wait& wait,
                           Prepared& prepared);

// A host that the last release ran on, or whose nginx sent to it, and that the spec does not name any more:
// nobody looks whether it still sends to what is going to be stopped. Kind usage.
core::Result<void> check_left_hosts(const spec::Spec& spec, const std::vector<HistoryEntry>& history);

}  // namespace bgdeploy::deploy
