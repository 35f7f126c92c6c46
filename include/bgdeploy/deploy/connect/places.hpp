// sshd lets one connection have so many sessions at once (MaxSessions, 10 unless somebody hardened it): each
// command that runs takes one. A deploy that cannot have as many as it needs must know that before it changes
// anything.
#pragma once

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/deploy/connect/fleet.hpp"
#include "bgdeploy/host/host.hpp"

namespace bgdeploy::deploy {

// Tries on one machine. Kind denied, with how many there are and how many are needed.
core::Result<void> enough_places(const Fleet& fleet, host::Host& host, const core::Wait& wait);

// On all machines, side by side. Whether there is one more on each.
core::Result<bool> enough_places(const Fleet& fleet, const core::Wait& wait);

}  // namespace bgdeploy::deploy
