#pragma once

#include <string>
#include <vector>

#include "bgdeploy/engine/client.hpp"

namespace bgdeploy::runtime {

// How many of `contents`, an image's layers from the lowest on, the engine has already. A layer is shared
// where all those below it are the same too.
core::Result<std::size_t> layers_there(engine::Client& client, const std::vector<std::string>& contents,
                                       const core::Wait& wait);

}  // namespace bgdeploy::runtime
