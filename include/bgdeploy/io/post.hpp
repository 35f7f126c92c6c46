// One POST to a URL that is a secret.
#pragma once

#include <string>
#include <string_view>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/core/secret.hpp"

namespace bgdeploy::io {

// Whether it can be posted to: http or https, with a host. Kind usage.
core::Result<void> check_url(const core::Secret& url);

// Sends JSON, and follows no redirect. Certificates are verified; the proxies of the environment are used.
// The status of the answer. Kinds: usage, untrusted (its certificate), refused (with libcurl's words),
// timeout, cancelled. No message holds a part of the URL.
core::Result<int> post_json(const core::Secret& url, std::string_view body, const core::Wait& wait);

}  // namespace bgdeploy::io
