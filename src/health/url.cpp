#include "bgdeploy/health/url.hpp"

#include "http.hpp"
#include "probers.hpp"

namespace bgdeploy::health {

Answer ask_url(const spec::WatchUrl& url, const core::Wait& wait) {
  Exchange exchange;
  curl_easy_setopt(exchange.easy(), CURLOPT_URL, url.url.c_str());
  curl_easy_setopt(exchange.easy(), CURLOPT_PROXY, nullptr);
  curl_easy_setopt(exchange.easy(), CURLOPT_NOPROXY, nullptr);
  curl_easy_setopt(exchange.easy(), CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(exchange.easy(), CURLOPT_SSL_VERIFYHOST, 2L);
  const auto response = get(exchange, url.headers, wait.at_most(url.timeout));
  if (!response) {
    Answer answer = failure(response.error(), url.timeout);
    answer.lost = response.error().kind == core::ErrorKind::unreachable ||
                  response.error().kind == core::ErrorKind::untrusted;
    return answer;
  }
  const spec::HealthHttp wanted{.status = url.status, .body = url.body};
  if (!is_expected(wanted, response->status)) return {false, words_of(*response)};
  if (response->body.find(url.body) == std::string::npos) return {false, missing_words(wanted, *response)};
  return {true, words_of({.status = response->status})};
}

}  // namespace bgdeploy::health
