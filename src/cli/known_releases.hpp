// The tags that were seen here, so that a shell completes them without asking a host.
#pragma once

#include <string>
#include <vector>

#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::cli {

// Newest first. They are a convenience: none where the file cannot be read.
std::vector<std::string> known_releases(const spec::Spec& spec);
// `tags`, newest first, go before those that are known already. In $XDG_CACHE_HOME/bgdeploy, or ~/.cache.
void remember_releases(const spec::Spec& spec, const std::vector<std::string>& tags);

}  // namespace bgdeploy::cli
