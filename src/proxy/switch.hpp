// The switch as the deployer sees it: one conversation with the switch script.
#pragma once

#include "bgdeploy/proxy/proxy.hpp"
#include "script.hpp"

namespace bgdeploy::proxy {

// Of a script that has said `staged`.
std::unique_ptr<Switch> make_switch(Conversation conversation);

// For the scripts' clock.
std::string hundredths(core::Duration duration);

}  // namespace bgdeploy::proxy
