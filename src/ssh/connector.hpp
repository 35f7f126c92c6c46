// TCP connections with a deadline, name resolution included.
#pragma once

#include <string>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/io/fd.hpp"

namespace bgdeploy::ssh {

struct Connection {
  io::Fd fd;
  std::string address;  // the IP address that answered
};

// Tries each address of the host in the resolver's order. Kinds: not_found (no such name),
// unreachable, timeout, cancelled.
// `dead_after`: how long sent data may stay unacknowledged.
core::Result<Connection> connect_tcp(const std::string& host, int port, core::Duration dead_after,
                                     const core::Wait& wait);

}  // namespace bgdeploy::ssh
