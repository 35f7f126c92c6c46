// What an address of a host that a port is published on means for those who want to reach it.
#pragma once

#include <string_view>

namespace bgdeploy::spec {

// All addresses of the host.
inline bool is_wildcard(std::string_view ip) {
  return ip.empty() || ip == "0.0.0.0" || ip == "::";
}
// Reached by the host itself alone.
inline bool is_loopback(std::string_view ip) {
  return ip.starts_with("127.") || ip == "::1" || ip == "localhost";
}

}  // namespace bgdeploy::spec
