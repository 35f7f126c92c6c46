// The user's own command lines, on this machine and on hosts alike.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/host/host.hpp"

namespace bgdeploy::deploy {

// Runs `command` under `sh -c` on the host, as RunShell says. `folder`: where it starts; empty: where
// commands of that host start. It has a process group of its own, which ends with the wait, and with the
// deployer: sshd sends no signal when a connection ends.
core::Result<int> run_in_shell(host::Host& host, const std::string& command, const std::string& folder,
                               const std::map<std::string, std::string>& environment,
                               const std::function<void(std::string_view)>& output, const core::Wait& wait);

}  // namespace bgdeploy::deploy
