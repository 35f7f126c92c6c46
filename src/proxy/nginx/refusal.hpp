// What nginx dislikes in a file that a deploy writes. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::proxy {

// The same error; where its details hold nginx's complaint about one of the files `names`, with the message
// "nginx on web-1 refuses the new include: expecting ";" at line 1: set $service_url …". `content`: what was
// written.
core::Error explain_refusal(core::Error error, const spec::Nginx& nginx, const std::string& host,
                            const std::vector<std::string>& names, std::string_view content);

}  // namespace bgdeploy::proxy
