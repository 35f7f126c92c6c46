// Which TCP ports processes of a machine listen on, from what its kernel prints: pure.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "bgdeploy/host/host.hpp"

namespace bgdeploy::host {

// The listening sockets of /proc/net/tcp, of /proc/net/tcp6, or of both one after the other, each once.
// Docker's resolver (127.0.0.11) is left out. Unset: the text is neither file.
std::optional<std::vector<TcpEndpoint>> parse_listening(std::string_view proc_net_tcp);

}  // namespace bgdeploy::host
