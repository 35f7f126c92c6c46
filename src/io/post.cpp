#include "bgdeploy/io/post.hpp"

#include <memory>

#include "bgdeploy/io/curl.hpp"

namespace bgdeploy::io {
namespace {

using core::ErrorKind;

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

std::size_t ignore(char*, std::size_t, std::size_t size, void*) {
  return size;
}

bool of_certificate(CURLcode code) {
  return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
         code == CURLE_SSL_ISSUER_ERROR || code == CURLE_SSL_INVALIDCERTSTATUS;
}

}  // namespace

core::Result<void> check_url(const core::Secret& url) {
  const std::string& text = url.reveal();
  const std::unique_ptr<CURLU, FreeUrl> parsed(curl_url());
  const bool web = text.starts_with("http://") || text.starts_with("https://");
  if (web && parsed && curl_url_set(parsed.get(), CURLUPART_URL, text.c_str(), 0) == CURLUE_OK) return {};
  return core::fail(ErrorKind::usage, "the value is not a URL of http or https");
}

core::Result<int> post_json(const core::Secret& url, std::string_view body, const core::Wait& wait) {
  BGDEPLOY_TRY(check_url(url));
  Curl curl;
  CURL* easy = curl.easy();
  if (easy == nullptr) return core::fail(ErrorKind::internal, "libcurl: out of memory");
  const std::unique_ptr<curl_slist, FreeList> headers(
      curl_slist_append(curl_slist_append(nullptr, "Content-Type: application/json"), "Expect:"));
  curl_easy_setopt(easy, CURLOPT_URL, url.reveal().c_str());
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "bgdeploy");
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &ignore);
  BGDEPLOY_ASSIGN(const CURLcode code, curl.perform(wait));
  // libcurl's longer words name the host, which is a part of the URL.
  if (code != CURLE_OK)
    return core::fail(of_certificate(code) ? ErrorKind::untrusted : ErrorKind::refused,
                      curl_easy_strerror(code));
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  return static_cast<int>(status);
}

}  // namespace bgdeploy::io
