#pragma once

#include <algorithm>
#include <vector>

#include "bgdeploy/core/json.hpp"
#include "bgdeploy/core/number.hpp"

namespace bgdeploy::core {

// Of {"8080/tcp": {}}, as an image's configuration has it, in order; a range or another protocol is none of
// them.
inline std::vector<int> exposed_ports(const Json& exposed) {
  std::vector<int> ports;
  if (!exposed.is_object()) return ports;
  for (const auto& [name, unused] : exposed.items()) {
    std::string_view rest = name;
    const auto port = take_number<int>(rest);
    if (port && *port > 0 && *port <= 65535 && (rest.empty() || rest == "/tcp")) ports.push_back(*port);
  }
  std::ranges::sort(ports);
  return ports;
}

}  // namespace bgdeploy::core
