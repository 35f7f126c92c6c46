// What a host's nginx sends to the slots, as the spec's `proxy`.
#pragma once

#include <string>
#include <vector>

#include "bgdeploy/init/readers.hpp"
#include "bgdeploy/proxy/inventory.hpp"

namespace bgdeploy::init {

struct KnownSlot {
  std::string name, container;
  int port = 0;
  std::vector<std::string> addresses{};  // by what nginx may reach the container
};

// The file is to be written as it is now, or as `text`, a template, says; where `upstream` does that, it is
// the better word.
void tell_text(Draft& draft, const proxy::Sending& sending, const std::string& text);
void tell_proxy(Draft& draft, const HostState& host, const std::vector<KnownSlot>& slots);

}  // namespace bgdeploy::init
