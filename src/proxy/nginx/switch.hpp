// The switch as the deployer sees it: one conversation with the switch script.
#pragma once

#include <functional>
#include <optional>

#include "bgdeploy/proxy/proxy.hpp"
#include "script.hpp"

namespace bgdeploy::proxy {

// What is wrong with nginx's configuration once the new file is in it, from the lines `read_as` and `>`.
using LookAtNew = std::function<std::optional<core::Error>(const Settings& lines)>;

// Adds to the error of a commit what it means.
using Explain = std::function<core::Error(core::Error)>;

// The script has said `staged`.
std::unique_ptr<Switch> make_switch(Conversation conversation, LookAtNew look = {}, Explain explain = {});

}  // namespace bgdeploy::proxy
