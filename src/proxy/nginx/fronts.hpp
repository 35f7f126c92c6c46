// How the sites that use what is switched are reached, and which site gets which requests: pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/plan/state.hpp"
#include "site_map.hpp"

namespace bgdeploy::proxy {

// Of the servers in `users`, indices into `map.servers`, in that order.
std::vector<plan::Front> fronts_of(const SiteMap& map, const std::vector<std::size_t>& users);

// For each name of theirs that nginx ignores, since a site that it reads before has it at the same address:
// which one, and where. ("conflicting server name")
std::vector<std::string> ignored_names(const SiteMap& map, const std::vector<std::size_t>& users);

// What our site, in one of `files`, would take from the sites that `before` has: a name that leads to one of
// them, or what no name leads to. Kind refused.
std::optional<core::Error> taken_from_others(const SiteMap& before, const SiteMap& after,
                                             const std::vector<std::string>& files);

}  // namespace bgdeploy::proxy
