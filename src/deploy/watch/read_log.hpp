// Reading what is appended to a log on a host.
#pragma once

#include <string>

#include "bgdeploy/deploy/world.hpp"
#include "bgdeploy/host/host.hpp"

namespace bgdeploy::deploy {

// As ReadLog says.
core::Result<std::string> read_log(host::Host& host, const std::string& path, LogPlace& place,
                                   const core::Wait& wait);

}  // namespace bgdeploy::deploy
