// How much is free on a host's disks.
#pragma once

#include <string>
#include <string_view>

#include "bgdeploy/host/host.hpp"
#include "bgdeploy/runtime/storage.hpp"

namespace bgdeploy::runtime {

// The kernel's words in what docker says of a full disk, and what to do about it.
extern const std::string_view k_disk_full;
std::string disk_full_advice(const std::string& host);

// In the file system of that folder, for the account that runs commands there; "~/" is its home. Kind refused
// where that cannot be told.
core::Result<Room> room_in(host::Host& host, const std::string& folder, const core::Wait& wait);

// The same for a script that does more than that, after host::k_account: `find_rooms FOLDER…` sets `rooms` to
// a line for each, or to nothing, and read_room() takes such a line apart. `host`: how an error names it.
extern const std::string_view k_find_rooms;
core::Result<Room> read_room(const std::string& host, const std::string& folder, std::string_view room);

}  // namespace bgdeploy::runtime
