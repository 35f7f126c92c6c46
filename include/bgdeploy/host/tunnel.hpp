// A port of this machine that leads to one that a host reaches: for programs that know no unix sockets.
#pragma once

#include <memory>

#include "bgdeploy/host/host.hpp"

namespace bgdeploy::host {

class Tunnel {
public:
  virtual ~Tunnel() = default;
  // On 127.0.0.1, open as long as this object.
  virtual int port() const = 0;
};

// Connects nowhere yet: each connection to the port becomes one to `endpoint`. Kind io, and those of
// Host::socket_to.
Result<std::unique_ptr<Tunnel>> open_tunnel(Host& host, const TcpEndpoint& endpoint);

}  // namespace bgdeploy::host
