#pragma once

#include <memory>

#include "bgdeploy/host/host.hpp"
#include "bgdeploy/ssh/session.hpp"

namespace bgdeploy::host {

std::unique_ptr<Host> make_ssh_host(const spec::Host& host, std::shared_ptr<ssh::Session> session,
                                    bool behind_jump);
std::unique_ptr<Host> make_local_host(const spec::Host& host);

}  // namespace bgdeploy::host
