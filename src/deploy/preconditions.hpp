// What is to be known before anything is started: each asks, and changes nothing.
#pragma once

#include <string>
#include <vector>

#include "bgdeploy/deploy/release/history.hpp"
#include "bgdeploy/deploy/run.hpp"
#include "bgdeploy/deploy/world.hpp"
#include "disk.hpp"

namespace bgdeploy::deploy {

// A host that the last release ran on, or whose proxy sent to it, and that the spec does not name any more:
// nobody looks whether it still sends to what is going to be stopped. Kind usage.
core::Result<void> check_left_hosts(const spec::Spec& spec, const std::vector<HistoryEntry>& history,
                                    const plan::State& state);
// A template that is wrong, or does not tell the slots apart, is to be known before anything is started.
core::Result<void> check_rendering(const spec::Spec& spec, const plan::Places& places,
                                   const std::string& tag);
core::Result<void> check_proxies(const Context& context, const World& world, const core::Wait& wait);
// Before a first deploy nobody was served; what the proxy lacks is then found by its own check.
core::Result<void> proxies_run(const spec::Spec& spec, const plan::State& state);
// Which slot it goes to is not planned yet; where one of them can take up a container nothing is pulled.
core::Result<void> check_disk(const Context& context, const World& world, const plan::State& state,
                              const plan::Request& request, SizeAhead* ahead, const core::Wait& wait);
// Whether a container is made: also for one command, which needs what the app needs.
bool creates(const plan::Plan& plan);
// Both slots run at once for a while. Without a limit nobody knows what the newcomer takes.
core::Result<void> check_memory(const Context& context, const plan::Plan& plan, const plan::Launch& launch,
                                const World& world, const core::Wait& wait);
// Whether a container of this launch fits beside what runs, where it has a limit. Kind refused, with the
// figures.
core::Result<void> memory_suffices(const App& app, std::size_t slot, const plan::Launch& launch,
                                   const core::Wait& wait);
// "512m"
std::string megabytes(std::int64_t bytes);

}  // namespace bgdeploy::deploy
