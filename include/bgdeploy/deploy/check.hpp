// Whether a deploy would work, tried without changing anything.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/deploy/run.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::deploy {

// What can be told of a spec without its hosts, beyond what the loader sees: whether its template says where
// requests go, for as many backends as there are. Kind usage.
core::Result<void> check_offline(const spec::Spec& spec);

// What a deploy reads on this machine: secrets and env files, where news go, what is built from. All that is
// wrong is told at once. Kinds: as read_secrets(), the first of them.
core::Result<void> check_local_sources(const Context& context, const core::Wait& wait);

// One thing that a deploy needs, tried.
struct CheckItem {
  std::string what;  // "ssh web-1", "lock"
  std::optional<core::Error> error{};
  std::string note{};  // what was found, when it is fine
};
// Everything a deploy needs, in the order in which it would be needed; goes on after a failure where it can.
// With a `tag` the registry must have it.
std::vector<CheckItem> check_all(const Context& context, const std::string& tag);
// What a deploy of `tag` itself asks before it starts anything, and no more: the first thing that refuses it.
std::vector<CheckItem> check_preflight(const Context& context, const std::string& tag);

}  // namespace bgdeploy::deploy
