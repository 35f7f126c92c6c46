// A command that replaces a forwarded TCP connection, for hosts whose sshd forbids forwarding.
#pragma once

#include <string>
#include <vector>

#include "bgdeploy/ssh/session.hpp"

namespace bgdeploy::ssh {

// Joins its stdin and stdout to a TCP connection, which bash, socat or nc makes on the host.
std::vector<std::string> tcp_command(const TcpTarget& target);
// Exit codes: the connection can be made, or cannot. Any other: the host has no program to try with. Not 0,
// which a ForceCommand may return for every command.
constexpr int k_tcp_reached = 93;
constexpr int k_tcp_not_reached = 94;
std::vector<std::string> tcp_probe_command(const TcpTarget& target);

}  // namespace bgdeploy::ssh
