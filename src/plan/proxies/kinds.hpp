#pragma once

#include "bgdeploy/plan/proxy_kind.hpp"

namespace bgdeploy::plan {

extern const ProxyKind k_nginx, k_no_proxy;

}  // namespace bgdeploy::plan
