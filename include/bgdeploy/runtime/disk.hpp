// How much is free on a host's disks.
#pragma once

#include <string>

#include "bgdeploy/host/host.hpp"
#include "bgdeploy/runtime/storage.hpp"

namespace bgdeploy::runtime {

// In the file system of that folder, for the account that runs commands there; "~/" is its home. Kind refused
// where that cannot be told.
core::Result<Room> room_in(host::Host& host, const std::string& folder, const core::Wait& wait);

}  // namespace bgdeploy::runtime
