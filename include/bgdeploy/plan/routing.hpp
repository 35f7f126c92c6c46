// Where proxies send requests, as values: weighted backends, so that strategies which split traffic need no
// other shape.
#pragma once

#include <string>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::plan {

// One app host's slot as a proxy sees it.
struct Backend {
  std::string host;     // as the spec names it
  std::string address;  // nginx's view
  std::string port;
  std::string container;
  std::string slot;
  std::string tag;
  int weight = 1;
  bool operator==(const Backend&) const = default;
};
using Routing = std::vector<Backend>;

// What the proxies are to be told when `slot` is live. Kind usage: nothing is published and the spec does not
// say how nginx reaches the containers.
core::Result<Routing> routing_to(const spec::Spec& spec, std::size_t slot, const std::string& tag);

}  // namespace bgdeploy::plan
