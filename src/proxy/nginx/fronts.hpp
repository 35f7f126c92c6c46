// How the sites that use what is switched are reached: pure.
#pragma once

#include <vector>

#include "bgdeploy/plan/state.hpp"
#include "site_map.hpp"

namespace bgdeploy::proxy {

// Of the servers in `users`, indices into `map.servers`, in that order.
std::vector<plan::Front> fronts_of(const SiteMap& map, const std::vector<std::size_t>& users);

}  // namespace bgdeploy::proxy
