// Reading the truth back from the hosts.
#pragma once

#include <array>
#include <optional>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/deploy/world.hpp"
#include "bgdeploy/plan/state.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::deploy {

// Containers and proxies of all hosts. Containers are compared with `launch` where one is given; the live
// slot is asked for its health once.
core::Result<plan::State> observe(const spec::Spec& spec, const World& world,
                                  const std::optional<plan::Launch>& launch, const core::Wait& wait);

// Containers of one app host. Does not probe health; ask_serving() does.
core::Result<plan::AppHost> observe_app(const World& world, std::size_t index,
                                        const std::optional<plan::Launch>& launch, const core::Wait& wait);
core::Result<plan::ProxyHost> observe_proxy(const spec::Spec& spec, const World& world, std::size_t index,
                                            const core::Wait& wait);
// Asks what traffic is sent to whether it answers: the live slot, or, without a proxy, whatever runs.
void ask_serving(const spec::Spec& spec, const World& world, plan::State& state, const core::Wait& wait);
// And whatever else runs.
void ask_running(const spec::Spec& spec, const World& world, plan::State& state, const core::Wait& wait);

// Only the proxies.
core::Result<std::vector<plan::ProxyHost>> observe_proxies(const spec::Spec& spec, const World& world,
                                                           const core::Wait& wait);

// Ends what a switch that died half-way left behind, and observes again. The file as it is stays when the
// slot it names answers; else the file before it comes back. A file that somebody wrote without a reload is
// put into force where the other slot runs, which the proxy may still send to. Kind inconsistent: only that
// other one is healthy.
core::Result<plan::State> recover(const spec::Spec& spec, const World& world, plan::State state,
                                  const std::optional<plan::Launch>& launch, const core::Wait& wait);

}  // namespace bgdeploy::deploy
