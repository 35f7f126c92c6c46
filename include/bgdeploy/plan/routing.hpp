// Where proxies send requests, as values: weighted backends, so that strategies which split traffic need no
// other shape.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/plan/places.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::plan {

// One app host's slot as a proxy sees it.
struct Backend {
  std::string host;     // as the spec names it
  std::string address;  // as the proxy reaches it
  std::string port;
  std::string container;
  std::string slot;
  std::string tag;
  int weight = 1;
  bool operator==(const Backend&) const = default;
};
using Routing = std::vector<Backend>;

// What proxy number `proxy` of spec::proxies() is to be told when `slot` is live: the backends of all app
// hosts, or its own one's where each app host fronts itself. Kind usage: nothing is published and the spec
// does not say how the proxy reaches the containers, or an app host on another machine has no address.
core::Result<Routing> routing_to(const spec::Spec& spec, const Places& places, std::size_t proxy,
                                 std::size_t slot, const std::string& tag);

// Whether the proxy finds the containers by their names, on a network of its own.
bool named_by_container(const spec::Spec& spec);

// The same for all proxies, in their order.
core::Result<std::vector<Routing>> routings_to(const spec::Spec& spec, const Places& places, std::size_t slot,
                                               const std::string& tag);

// Where app host `app` publishes a slot's port: as was found there, else as the spec has it. Empty: on all
// addresses, or nobody knows yet what the user's files say.
std::string published_on(const spec::Spec& spec, const Places& places, std::size_t app, std::size_t slot);

// Why a proxy in a container does not reach that backend: nothing where it does, or where only the user
// knows. Kind usage. `ip`: where the slot's port is published; `networks`: those of the proxy's container,
// none where it shares the host's.
std::optional<core::Error> unreachable_from_container(const spec::Spec& spec, const Backend& backend,
                                                      const std::string& ip,
                                                      const std::vector<std::string>& networks);

// How the proxies reach app host `app`: {address}.
std::string address_of(const spec::Spec& spec, const Places& places, std::size_t app);

}  // namespace bgdeploy::plan
