// Asking a URL from this machine, as any client does.
#pragma once

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/health/health.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::health {

// One GET over a new connection. Redirects are not followed. Certificates are verified, by the system's
// authorities or those in the file that SSL_CERT_FILE names; http_proxy and the like count, as with curl.
// Where no connection comes about at all, the answer is `lost`: that says nothing about what is behind the
// proxy.
Answer ask_url(const spec::WatchUrl& url, const core::Wait& wait);

}  // namespace bgdeploy::health
