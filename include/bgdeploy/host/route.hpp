// Where and how a host of the spec is connected to, once ~/.ssh/config and the defaults are added: the
// destination itself and the jump hosts before it.
#pragma once

#include <vector>

#include "bgdeploy/host/host.hpp"
#include "bgdeploy/ssh/session.hpp"

namespace bgdeploy::host {

// First hop first, the host itself last; `via` is not set yet. Reads ~/.ssh/config by `ssh -G` where an
// OpenSSH client is installed, and the known_hosts files. BGDEPLOY_IDENTITY_FILE and
// BGDEPLOY_KNOWN_HOSTS_FILE stand in for identity_file and known_hosts_file where the spec names none. Kinds:
// unreachable, unsupported (ProxyCommand, RevokedHostKeys, a file that only ssh can read), timeout,
// cancelled.
Result<std::vector<ssh::Destination>> route_to(const spec::Host& host, const Wait& wait);

// Connects one hop after the other.
Result<std::shared_ptr<ssh::Session>> connect_route(const std::vector<ssh::Destination>& route,
                                                    const Wait& wait);

}  // namespace bgdeploy::host
