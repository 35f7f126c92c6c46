// How nginx gets to a backend: from its host, or from inside its container.
#pragma once

#include <optional>

#include "bgdeploy/host/host.hpp"
#include "bgdeploy/proxy/proxy.hpp"
#include "bgdeploy/spec/spec.hpp"
#include "script.hpp"

namespace bgdeploy::proxy {

// In a container by its own shell, with its own names; without one there, from its network, for which root's
// nsenter is needed. Nothing where neither works.
Result<std::optional<Way>> way_to(host::Host& host, const spec::Nginx& nginx, const Inside& inside,
                                  const Backend& backend, const Wait& wait);

// The fronts as the proxy host reaches them: those of a container at its address, without what only the
// container itself can reach.
std::vector<plan::Front> seen_from_host(std::vector<plan::Front> fronts, const spec::Nginx& nginx,
                                        const Inside& inside);

}  // namespace bgdeploy::proxy
