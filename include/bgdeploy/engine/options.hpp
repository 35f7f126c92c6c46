// Options of `docker run` that a spec has no key for.
#pragma once

#include <string>
#include <vector>

#include "bgdeploy/core/json.hpp"

namespace bgdeploy::engine {

// Those that a container was made with, by their names: "--privileged". Both are docker's answers to an
// inspection; the image is the container's own.
std::vector<std::string> options_without_key(const core::Json& container, const core::Json& image);

// An inspected container in which what `--mount` made stands as --volume and --tmpfs would have made it. A
// mount of which those cannot say all stays among the mounts too.
core::Json with_short_mounts(core::Json container);

// Of one of the container's networks the names that docker does not give it by itself.
std::vector<std::string> given_aliases(const core::Json& network, const core::Json& container);

}  // namespace bgdeploy::engine
