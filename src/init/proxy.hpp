// What a host's nginx sends to the slots, as the spec's `proxy`.
#pragma once

#include <string>
#include <vector>

#include "bgdeploy/init/readers.hpp"

namespace bgdeploy::init {

struct KnownSlot {
  std::string name, container;
  int port = 0;
  std::vector<std::string> addresses{};  // by what nginx may reach the container
};

void tell_proxy(Draft& draft, const HostState& host, const std::vector<KnownSlot>& slots);

}  // namespace bgdeploy::init
