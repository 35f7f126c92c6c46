// Which TCP ports processes listen on, from what the kernel and ss print: pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/host/host.hpp"

namespace bgdeploy::runtime {

// The listening sockets of /proc/net/tcp, of /proc/net/tcp6, or of both one after the other, each once.
// Docker's resolver (127.0.0.11) is left out. Unset: the text is neither file.
std::optional<std::vector<host::TcpEndpoint>> parse_listening(std::string_view proc_net_tcp);

// "python3 (pid 4624)": the first process that `ss -p` names; empty where it names none.
std::string parse_listener(std::string_view ss);

}  // namespace bgdeploy::runtime
