// Which of a host's containers are the service, and which ports others have there.
#pragma once

#include <set>
#include <span>
#include <vector>

#include "bgdeploy/init/readers.hpp"
#include "running.hpp"

namespace bgdeploy::init {

// How likely one is the service: 3 nginx sends to it, 2 it publishes a port, 1 it has one of the host's; 0:
// no app.
int rank_of(const RunningContainer& one, Sendings sendings);
// The container that runs the service, and the other slot's where that runs too.
std::vector<const RunningContainer*> apps_of(const HostState& host, Sendings sendings);
// What a second slot cannot have, as of now.
std::set<int> taken_ports(std::span<const HostState> hosts, std::span<const RunningContainer* const> apps);

}  // namespace bgdeploy::init
