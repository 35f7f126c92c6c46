// How docker is called if nginx runs in a container.
#pragma once

#include <string>
#include <vector>

#include "bgdeploy/host/host.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::proxy {

// The words before docker's subcommand. On an app host the engine of docker.socket runs nginx too.
std::vector<std::string> docker_command(const host::Host& host, const spec::Spec& spec);

}  // namespace bgdeploy::proxy
