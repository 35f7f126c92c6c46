// One GET request, and what came back.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/spec/spec.hpp"
#include "exchange.hpp"

namespace bgdeploy::health {

struct Request {
  Url url;
  std::filesystem::path socket;  // through which it goes; empty: from this machine
  std::map<std::string, std::string> headers{};
  bool proxy_protocol = false;  // begins with the line that `listen … proxy_protocol` wants
};

struct Response {
  int status = 0;
  std::string body;      // at most 1 MB of it
  std::string location;  // where it redirects to, which is not followed
};

// No redirects followed, no proxy. Errors as Exchange::perform.
core::Result<Response> get(const Request& request, const core::Wait& wait);
// Likewise, over an exchange that knows where to connect.
core::Result<Response> get(Exchange& exchange, const std::map<std::string, std::string>& headers,
                           const core::Wait& wait);

bool is_expected(const spec::HealthHttp& http, int status);
// "HTTP 503: starting", "HTTP 301: redirects to …, which is not followed"
std::string words_of(const Response& response);
// "body does not contain 'server is on': …"
std::string missing_words(const spec::HealthHttp& http, const Response& response);

}  // namespace bgdeploy::health
