// What clients get through the proxies: asked the way they ask, and compared with what they got before.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/deploy/observe/serving.hpp"
#include "bgdeploy/deploy/world.hpp"
#include "bgdeploy/health/reply.hpp"
#include "bgdeploy/plan/state.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::deploy {

// One request to one site.
struct Asked {
  plan::Front front;
  health::Reply reply;
};
// By proxy; empty with `verify: off`.
using Clients = std::vector<std::vector<Asked>>;
// What they got at the beginning, and whether what answers was behind the proxies then.
struct Before {
  Clients clients;
  bool served = false;
};

// `spec` is that of the release that should answer: see as_of() in world.hpp.

// Asks each site of each proxy once, side by side.
Clients ask_clients(const spec::Spec& spec, const World& world, const std::vector<plan::ProxyHost>& proxies,
                    const core::Wait& wait);
// Asks until nobody is worse off than before, for a few seconds: what is asked too early, or too often, may
// pass.
Clients ask_until_as_good(const spec::Spec& spec, const World& world,
                          const std::vector<plan::ProxyHost>& proxies, const Before& before,
                          const core::Wait& wait);

// Who is worse off now, in words, one for each site: "web-1: GET http://shop.example.com/health: HTTP 502".
std::vector<std::string> worse_off(const spec::Spec& spec, const World& world, const Before& before,
                                   const Clients& now);
// Those of them who get no answer, or an error.
std::vector<std::string> refused_now(const spec::Spec& spec, const World& world, const Before& before,
                                     const Clients& now);
// What keeps all sites of a proxy from being served, whatever was before.
std::vector<std::string> not_served(const spec::Spec& spec, const World& world, const Clients& now);
// Asks the sites of all proxies, and tells who is served.
Serving who_is_served(const spec::Spec& spec, const World& world, const plan::State& state,
                      const core::Wait& wait);
// Whether there is a proxy through which nobody got what a healthy release answers.
bool nobody_is_sure(const Clients& now);

}  // namespace bgdeploy::deploy
