#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/core/text.hpp"
#include "exchange.hpp"
#include "probers.hpp"

namespace bgdeploy::health {
namespace {

constexpr std::size_t k_body_limit = std::size_t{1} << 20;

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Headers = std::unique_ptr<curl_slist, FreeList>;

Headers headers_of(const spec::HealthHttp& http) {
  Headers headers;
  for (const auto& [name, value] : http.headers) {
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
    Exchange exchange;
    std::string body;
    const auto headers = headers_of(m_http);
    exchange.connect_to(route->endpoint, route->socket, m_http.path);
    curl_easy_setopt(exchange.easy(), CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(exchange.easy(), CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(exchange.easy(), CURLOPT_WRITEDATA, &body);
    curl_easy_setopt(exchange.easy(), CURLOPT_USERAGENT, "bgdeploy");
    const auto done = exchange.perform(wait.at_most(m_timeout));
    if (!done && body.size() < k_body_limit) return failure(done.error(), m_timeout);
    return judge(exchange.easy(), body);
  }

private:
  Answer judge(CURL* easy, const std::string& body) const {
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    const auto words = fmt::format("HTTP {}", status);
    const bool expected = std::ranges::any_of(
        m_http.status, [&](const auto& range) { return status >= range.first && status <= range.second; });
    if (!expected) {
      char* location = nullptr;
      curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &location);
      if (location != nullptr)
        return {false,
                answer_text(fmt::format("{}: redirects to {}, which is not followed", words, location))};
      return {false, answer_text(with_first_line(words, body))};
    }
    if (body.find(m_http.body) != std::string::npos) return {true, words};
    const auto missing = fmt::format("body does not contain '{}'", m_http.body);
    return {false, answer_text(with_first_line(missing, body.empty() ? "it is empty" : body))};
  }

  const spec::HealthHttp m_http;
  const bool m_direct;
  const core::Duration m_timeout;
  const Target m_target;
};

}  // namespace

std::unique_ptr<Prober> http_prober(const spec::HealthHttp& http, const spec::Health& health,
                                    const Target& target) {
  return std::make_unique<HttpProber>(http, health, target);
}

}  // namespace bgdeploy::health
