#include "bgdeploy/health/reply.hpp"

#include <strings.h>

#include <algorithm>

#include "http.hpp"
#include "probers.hpp"

namespace bgdeploy::health {
namespace {

constexpr int k_too_many_requests = 429;
constexpr int k_server_error = 500;
constexpr core::Duration k_least_patience = std::chrono::seconds(10);

// No answer, or the proxy's own, which it gives when no backend answers.
bool says_no_backend(const Reply& reply) {
  return reply.status == 0 || is_gateway_error(reply);
}

bool names_host(const std::pair<const std::string, std::string>& field) {
  return ::strcasecmp(field.first.c_str(), "host") == 0;
}

// "example.com:8443" and "[::1]:80" without what follows the name.
std::string without_port(std::string_view host) {
  const auto end = host.starts_with('[') ? host.find(']') + 1 : host.find(':');
  return std::string(host.substr(0, end));
}

Reply judge(const Response& response, const spec::HealthHttp* http) {
  // Of another path than health's nobody said what it answers.
  const bool expected =
      http != nullptr ? is_expected(*http, response.status) : response.status < k_server_error;
  if (expected && http != nullptr && response.body.find(http->body) == std::string::npos)
    return {Reply::Kind::bad, response.status, missing_words(*http, response)};
  if (expected) return {Reply::Kind::good, response.status, words_of({.status = response.status})};
  const auto kind = response.status >= 500 ? Reply::Kind::bad : Reply::Kind::other;
  return {kind, response.status, words_of(response)};
}

}  // namespace

Reply ask_site(host::Host& host, const plan::Front& front, const spec::Health& health,
               const spec::Verify& verify, const core::Wait& wait) {
  constexpr std::string_view k_unix = "unix:";
  std::string address = front.address;
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  const auto socket = host.socket_to(address.starts_with(k_unix)
                                         ? host::Endpoint(host::UnixEndpoint{address.substr(k_unix.size())})
                                         : host::TcpEndpoint{address, front.port});
  if (!socket) return {Reply::Kind::bad, 0, failure(socket.error(), health.timeout).text};

  const auto* http = std::get_if<spec::HealthHttp>(&health.probe);
  Request request{.url = {"127.0.0.1", front.port, verify.path, front.tls},
                  .socket = *socket,
                  .proxy_protocol = front.proxy_protocol};
  if (http != nullptr) request.headers = http->headers;
  std::optional<std::string> name = verify.host;
  if (!name && !front.host.empty()) name = front.host;
  const auto given = std::ranges::find_if(request.headers, names_host);
  if (name) {
    if (given != request.headers.end()) request.headers.erase(given);
    request.headers["Host"] = *name;
  } else if (given != request.headers.end()) {
    name = given->second;
  }
  // The name in the URL decides which certificate the proxy takes.
  if (name) request.url.host = without_port(*name);

  const core::Duration patience = std::max(health.timeout, k_least_patience);
  const auto response = get(request, wait.at_most(patience));
  if (response) return judge(*response, http != nullptr && http->path == verify.path ? http : nullptr);
  // What keeps us from speaking TLS need not keep clients from it.
  const auto kind =
      response.error().kind == core::ErrorKind::untrusted ? Reply::Kind::other : Reply::Kind::bad;
  return {kind, 0, failure(response.error(), patience).text};
}

bool is_refusal(const Reply& reply) {
  return reply.kind == Reply::Kind::bad && (reply.status == 0 || reply.status >= k_server_error);
}

bool is_gateway_error(const Reply& reply) {
  return reply.status == 502 || reply.status == 504;
}

bool is_worse(const std::optional<Reply>& before, bool served, const Reply& now) {
  if (now.kind == Reply::Kind::good || now.status == k_too_many_requests) return false;
  if (now.kind == Reply::Kind::other) return served && before && before->kind == Reply::Kind::good;
  // Of what answers by itself, as a page that is closed on purpose or an application of one page does, nobody
  // can tell without a comparison that it is worse.
  if (!before) return says_no_backend(now) || now.status == k_server_error;
  const bool same = before->kind == Reply::Kind::bad && before->status == now.status;
  return !same || (!served && says_no_backend(now));
}

}  // namespace bgdeploy::health
