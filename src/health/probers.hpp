// The kinds that make_prober() chooses from, and what they share.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "bgdeploy/health/health.hpp"

namespace bgdeploy::health {

std::unique_ptr<Prober> http_prober(const spec::HealthHttp& http, const spec::Health& health,
                                    const Target& target);
std::unique_ptr<Prober> tcp_prober(const spec::Health& health, const Target& target);
std::unique_ptr<Prober> docker_prober(const spec::Health& health, const Target& target);
std::unique_ptr<Prober> exec_prober(const spec::HealthExec& exec, const spec::Health& health,
                                    const Target& target);

// The text as an Answer's: one printable line, cut.
std::string answer_text(std::string_view text);
// "HTTP 503: " and the first line of `more` that says something.
std::string with_first_line(std::string text, std::string_view more);

// Where a probe of a network address connects.
struct Route {
  host::TcpEndpoint endpoint;
  std::filesystem::path socket;  // through the host; empty from here
};
core::Result<Route> route_to(const Target& target, bool direct);

// What a probe that got no answer says.
Answer failure(const core::Error& error, core::Duration timeout);

}  // namespace bgdeploy::health
