// The values of the {slot}-like placeholders for one slot on one host.
#pragma once

#include <optional>
#include <string>

#include "bgdeploy/plan/places.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::plan {

// The port inside the container: the spec's container_port with its placeholders filled in, else what the
// image is known to expose. The slot's own port where neither is known, and where files of the user describe
// what runs.
std::string container_port(const spec::Spec& spec, const Places& places, std::size_t slot);

// Whether proxies are told of a port that only an image knows.
bool routes_to_container_port(const spec::Spec& spec);

// `address` is how proxies reach the host. A worker has no {port} and no {container_port}.
spec::Substitutions substitutions(const spec::Spec& spec, const Places& places, std::size_t slot,
                                  const std::string& tag, const std::string& host,
                                  const std::string& address);
// The same before anybody looked at the hosts.
spec::Substitutions substitutions(const spec::Spec& spec, std::size_t slot, const std::string& tag,
                                  const std::string& host, const std::string& address);

// The file that a switch writes, as people are told of it: the include, or the site of that slot. Without a
// slot, of two sites both: "a.conf or b.conf".
std::string routing_file(const spec::Spec& spec, std::optional<std::size_t> slot = {});

}  // namespace bgdeploy::plan
