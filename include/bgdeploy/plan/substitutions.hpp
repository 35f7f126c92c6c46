// The values of the {slot}-like placeholders for one slot on one host.
#pragma once

#include <string>

#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::plan {

// The port inside the container: the spec's container_port with its placeholders filled in, else the slot's
// port.
std::string container_port(const spec::Spec& spec, std::size_t slot);

// `address` is how proxies reach the host.
spec::Substitutions substitutions(const spec::Spec& spec, std::size_t slot, const std::string& tag,
                                  const std::string& host, const std::string& address);

}  // namespace bgdeploy::plan
