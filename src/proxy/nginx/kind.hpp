#pragma once

#include "../kind.hpp"
#include "bgdeploy/proxy/nginx.hpp"

namespace bgdeploy::proxy {

core::Result<std::string> include_for(const spec::Spec& spec, const Routing& routing);
core::Result<void> check_includes(const spec::Spec& spec, const std::array<Routing, 2>& slots);

inline constexpr Kind k_nginx = {
    .name = "nginx", .on = nginx_on, .content_for = include_for, .check_contents = check_includes};

}  // namespace bgdeploy::proxy
