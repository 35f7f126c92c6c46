// What a kind of proxy does, by the kind that the spec has. What it is in words: plan/proxy_kind.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/host/host.hpp"
#include "bgdeploy/proxy/proxy.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::proxy {

// The proxy on one of spec::proxies().
std::unique_ptr<Proxy> proxy_on(host::Host& host, const spec::Spec& spec);

// What Proxy::stage() writes for `routing`; empty where the slots have files of their own. Kind usage: it
// cannot be rendered.
core::Result<std::string> content_for(const spec::Spec& spec, const Routing& routing);

// Whether what is written for each slot can be rendered and differs. Kind usage.
core::Result<void> check_contents(const spec::Spec& spec, const std::array<Routing, 2>& slots);

}  // namespace bgdeploy::proxy
