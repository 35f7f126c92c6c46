// A command that runs on a host and joins its stdin and stdout to a TCP connection made there.
#pragma once

#include "bgdeploy/host/host.hpp"
#include "bgdeploy/ssh/tcp_command.hpp"

namespace bgdeploy::host {

inline std::vector<std::string> tcp_command(const TcpEndpoint& endpoint) {
  return ssh::tcp_command({endpoint.address, endpoint.port});
}

// Ends with k_tcp_reached or k_tcp_not_reached, and otherwise where nothing there makes connections.
using ssh::k_tcp_not_reached;
using ssh::k_tcp_reached;
inline std::vector<std::string> tcp_probe_command(const TcpEndpoint& endpoint) {
  return ssh::tcp_probe_command({endpoint.address, endpoint.port});
}

}  // namespace bgdeploy::host
