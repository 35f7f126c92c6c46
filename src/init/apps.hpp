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
// What runs and listens nowhere, as far as anybody says: where that is one container, or one service's two.
std::vector<const RunningContainer*> workers_of(const HostState& host);
// "shop" of "shop-blue" and "shop_1".
std::string without_slot(std::string_view name);
// "blue" of "shop-blue"; empty where its name does not end with a slot's.
std::string slot_in(std::string_view name);
// What a second slot cannot have, as of now.
std::set<int> taken_ports(std::span<const HostState> hosts, std::span<const RunningContainer* const> apps);

}  // namespace bgdeploy::init
