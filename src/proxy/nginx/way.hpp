// How nginx reaches a backend: from its host, or from inside its container.
#pragma once

#include <optional>

#include "bgdeploy/host/host.hpp"
#include "bgdeploy/proxy/proxy.hpp"
#include "bgdeploy/spec/spec.hpp"
#include "script.hpp"

namespace bgdeploy::proxy {

// From a container by its own shell, which knows its own names. Without a shell, from its network, which
// needs root's nsenter. Nothing if neither works.
Result<std::optional<Way>> way_to(host::Host& host, const spec::Spec& spec, const Inside& inside,
                                  const Backend& backend, const Wait& wait);

// See Proxy::networks().
Result<std::vector<std::string>> networks_of(host::Host& host, const spec::Spec& spec, const Wait& wait);

// The fronts as the proxy host reaches them: a container's at its address, without those that only the
// container itself can reach.
std::vector<plan::Front> seen_from_host(std::vector<plan::Front> fronts, const spec::Nginx& nginx,
                                        const Inside& inside);

}  // namespace bgdeploy::proxy
