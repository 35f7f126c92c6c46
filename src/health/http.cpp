#include "http.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/core/duration.hpp"
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

// What mends an answer that came and was not the right one.
std::string advice(const spec::HealthHttp& http, const Response& response) {
  const int status = response.status;
  if (is_expected(http, status))
    return fmt::format("check health.http.path ({}) and health.http.body", http.path);
  if (response.location.starts_with("https://"))
    return "set health.http.headers: {X-Forwarded-Proto: https}, or health.http.path to a page that does not "
           "redirect";
  if (!response.location.empty())
    return "set health.http.path to a page that does not redirect, or let health.http.status allow it";
  switch (status) {
    case 400:
    case 421:
      return "set health.http.headers: {Host: NAME}, where the app answers under its own name only";
    case 401:
      return "set health.http.path to a page without a login, or health.http.headers: {Authorization: …}";
    case 403:
      return "set health.http.path to a page without a login, or health.http.headers: {Host: NAME}, where "
             "the app "
             "answers under its own name only";
    case 404:
    case 410:
      return "check health.http.path: " + http.path;
    case 405:
      return "set health.http.path to a page that takes GET";
    default:
      break;
  }
  if (status >= 500) return "see why in its log: bgdeploy logs --failed";
  return fmt::format("check health.http.path ({}), or let health.http.status allow {}", http.path, status);
}

class HttpProber final : public Prober {
public:
  HttpProber(const spec::HealthHttp& http, const spec::Health& health, const Target& target)
      : m_http(http), m_direct(health.direct), m_timeout(health.timeout), m_target(target) {}

  Answer probe(const core::Wait& wait) override {
    const auto route = route_to(m_target, m_direct);
    if (!route) return failure(route.error(), m_timeout);
    const Url url{route->endpoint.address, route->endpoint.port, m_http.path};
    Answer answer = ask({url, route->socket, m_http.headers}, wait);
    answer.asked = answer_text("GET " + to_string(url));
    return answer;
  }

  bool speaks_tls(const core::Wait& wait) override {
    const auto route = route_to(m_target, m_direct);
    if (!route) return false;
    Exchange exchange;
    exchange.connect_to({route->endpoint.address, route->endpoint.port, "/", true}, route->socket);
    curl_easy_setopt(exchange.easy(), CURLOPT_CONNECT_ONLY, 1L);
    return exchange.perform(wait.at_most(m_timeout)).has_value();
  }

private:
  Answer ask(const Request& request, const core::Wait& wait) const {
    const auto response = get(request, wait.at_most(m_timeout));
    if (!response) {
      Answer none = failure(response.error(), m_timeout);
      none.silent = !none.lost;
      if (none.timed_out)
        none.next = fmt::format("raise health.timeout ({}), where {} takes longer to answer",
                                core::format_duration(m_timeout), m_http.path);
      return none;
    }
    if (is_expected(m_http, response->status) && response->body.find(m_http.body) != std::string::npos)
      return {true, fmt::format("HTTP {}", response->status)};
    return {.text = is_expected(m_http, response->status) ? missing_words(m_http, *response)
                                                          : words_of(*response),
            .next = advice(m_http, *response)};
  }

  const spec::HealthHttp m_http;
  const bool m_direct;
  const core::Duration m_timeout;
  const Target m_target;
};

}  // namespace

core::Result<Response> get(const Request& request, const core::Wait& wait) {
  Exchange exchange;
  exchange.connect_to(request.url, request.socket);
  if (request.proxy_protocol) curl_easy_setopt(exchange.easy(), CURLOPT_HAPROXYPROTOCOL, 1L);
  return get(exchange, request.headers, wait);
}

core::Result<Response> get(Exchange& exchange, const std::map<std::string, std::string>& fields,
                           const core::Wait& wait) {
  Response response;
  const auto headers = as_list(fields);
  curl_easy_setopt(exchange.easy(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(exchange.easy(), CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(exchange.easy(), CURLOPT_WRITEDATA, &response.body);
  curl_easy_setopt(exchange.easy(), CURLOPT_USERAGENT, "bgdeploy");
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
