// What a client gets through a proxy: one HTTP request, judged, and compared with what the same request got
// before.
#pragma once

#include <optional>
#include <string>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/host/host.hpp"
#include "bgdeploy/plan/state.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::health {

struct Reply {
  enum class Kind {
    good,   // what a healthy release answers
    other,  // an answer, but another one: a redirect, a login, a page that does not exist
    bad,    // none, a 5xx, or the right status without the body that health.http wants
  };
  Kind kind = Kind::bad;
  int status = 0;    // 0: there was no answer
  std::string text;  // "HTTP 502", as Answer::text

  bool operator==(const Reply&) const = default;
};

// GETs verify.path at one of the sites of the proxy on `host`, with the headers of health.http and the Host
// header of `verify`, else of the site. The proxy may have to try another backend first, so this takes up to
// health.timeout, or up to 10 s where that is less. Certificates are not verified: it is the user's own
// proxy.
Reply ask_site(host::Host& host, const plan::Front& front, const spec::Health& health,
               const spec::Verify& verify, const core::Wait& wait);

// No answer, or a 5xx. A page that is not the one which health.http wants is served all the same.
bool is_refusal(const Reply& reply);

// What a proxy answers itself when no backend does.
bool is_gateway_error(const Reply& reply);

// Whether clients are worse off with `now` than they were: bad, and not already as bad; or another answer in
// the place of a good one. `served`: whether a backend answered before; else what the proxy answered for want
// of one excuses nothing. A client that asks too often is not worse off.
bool is_worse(const std::optional<Reply>& before, bool served, const Reply& now);

}  // namespace bgdeploy::health
