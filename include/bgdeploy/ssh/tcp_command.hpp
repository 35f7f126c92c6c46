// A command in place of a forwarded TCP connection, for hosts whose sshd forbids forwarding.
#pragma once

#include <string>
#include <vector>

#include "bgdeploy/ssh/session.hpp"

namespace bgdeploy::ssh {

// Joins its stdin and stdout to a TCP connection made on the host, with whatever is there to make one.
std::vector<std::string> tcp_command(const TcpTarget& target);
// Ends with the first exit code when the connection can be made, and with the second when it cannot. Not with
// 0, as anything may that a host runs in the place of every command; and with another where nothing is there
// to try.
constexpr int k_tcp_reached = 93;
constexpr int k_tcp_not_reached = 94;
std::vector<std::string> tcp_probe_command(const TcpTarget& target);

}  // namespace bgdeploy::ssh
