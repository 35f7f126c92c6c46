#include "http.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/core/text.hpp"
#include "probers.hpp"

namespace bgdeploy::health {
namespace {

constexpr std::size_t k_body_limit = std::size_t{1} << 20;

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Headers = std::unique_ptr<curl_slist, FreeList>;

Headers as_list(const std::map<std::string, std::string>& fields) {
  Headers headers;
  for (const auto& [name, value] : fields) {
    // To libcurl "Name:" takes a header away; "Name;" sends it empty.
    const auto line = value.empty() ? name + ";" : fmt::format("{}: {}", name, value);
    headers.reset(curl_slist_append(headers.release(), line.c_str()));
  }
  return headers;
}

// Stops the exchange at the limit: what has come by then decides.
std::size_t append(char* data, std::size_t, std::size_t size, void* body) {
  auto& text = *static_cast<std::string*>(body);
  const auto taken = std::min(size, k_body_limit - text.size());
  text.append(data, taken);
  return taken;
}

class HttpProber final : public Prober {
public:
  HttpProber(const spec::HealthHttp& http, const spec::Health& health, const Target& target)
      : m_http(http), m_direct(health.direct), m_timeout(health.timeout), m_target(target) {}

  Answer probe(const core::Wait& wait) override {
    const auto route = route_to(m_target, m_direct);
    if (!route) return failure(route.error(), m_timeout);
    const auto response =
        get({{route->endpoint.address, route->endpoint.port, m_http.path}, route->socket, m_http.headers},
            wait.at_most(m_timeout));
    if (!response) return failure(response.error(), m_timeout);
    if (!is_expected(m_http, response->status)) return {false, words_of(*response)};
    if (response->body.find(m_http.body) == std::string::npos)
      return {false, missing_words(m_http, *response)};
    return {true, fmt::format("HTTP {}", response->status)};
  }

private:
  const spec::HealthHttp m_http;
  const bool m_direct;
  const core::Duration m_timeout;
  const Target m_target;
};

}  // namespace

core::Result<Response> get(const Request& request, const core::Wait& wait) {
  Exchange exchange;
  Response response;
  const auto headers = as_list(request.headers);
  exchange.connect_to(request.url, request.socket);
  curl_easy_setopt(exchange.easy(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(exchange.easy(), CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(exchange.easy(), CURLOPT_WRITEDATA, &response.body);
  curl_easy_setopt(exchange.easy(), CURLOPT_USERAGENT, "bgdeploy");
  if (request.proxy_protocol) curl_easy_setopt(exchange.easy(), CURLOPT_HAPROXYPROTOCOL, 1L);
  const auto done = exchange.perform(wait);
  if (!done && response.body.size() < k_body_limit) return std::unexpected(done.error());
  long status = 0;
  curl_easy_getinfo(exchange.easy(), CURLINFO_RESPONSE_CODE, &status);
  response.status = static_cast<int>(status);
  char* location = nullptr;
  curl_easy_getinfo(exchange.easy(), CURLINFO_REDIRECT_URL, &location);
  if (location != nullptr) response.location = location;
  return response;
}

bool is_expected(const spec::HealthHttp& http, int status) {
  return std::ranges::any_of(
      http.status, [&](const auto& range) { return status >= range.first && status <= range.second; });
}

std::string words_of(const Response& response) {
  const auto words = fmt::format("HTTP {}", response.status);
  if (!response.location.empty())
    return answer_text(fmt::format("{}: redirects to {}, which is not followed", words, response.location));
  return answer_text(with_first_line(words, response.body));
}

std::string missing_words(const spec::HealthHttp& http, const Response& response) {
  return answer_text(with_first_line(fmt::format("body does not contain '{}'", http.body),
                                     response.body.empty() ? "it is empty" : response.body));
}

std::unique_ptr<Prober> http_prober(const spec::HealthHttp& http, const spec::Health& health,
                                    const Target& target) {
  return std::make_unique<HttpProber>(http, health, target);
}

}  // namespace bgdeploy::health
