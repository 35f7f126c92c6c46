#include "exchange.hpp"

#include <fmt/format.h>

namespace bgdeploy::health {
namespace {

using core::ErrorKind;
using core::fail;

// Behind a tunnel every failure to connect shows as a connection that ends at once.
std::string words_for(CURLcode code, bool tunnelled) {
  switch (code) {
    case CURLE_COULDNT_CONNECT:
      return tunnelled ? "the tunnel to the host is gone" : "connection refused";
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
      return tunnelled ? "connection refused, or closed without an answer"
                       : "connection closed without an answer";
    case CURLE_COULDNT_RESOLVE_HOST:
      return "the address cannot be resolved";
    case CURLE_PEER_FAILED_VERIFICATION:
      return "the certificate is not trusted, or is of another host";
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
      return "the answer is not HTTP";
    default:
      return curl_easy_strerror(code);
  }
}

ErrorKind kind_of(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return ErrorKind::unreachable;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
      return ErrorKind::untrusted;
    default:
      return ErrorKind::refused;
  }
}

}  // namespace

std::string to_string(const Url& url) {
  const bool ipv6 = url.host.find(':') != std::string::npos;
  return fmt::format("{}://{}{}{}:{}{}", url.tls ? "https" : "http", ipv6 ? "[" : "", url.host,
                     ipv6 ? "]" : "", url.port, url.path);
}

Exchange::Exchange() {
  curl_easy_setopt(easy(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy(), CURLOPT_PROXY, "");
  curl_easy_setopt(easy(), CURLOPT_NOPROXY, "*");
  curl_easy_setopt(easy(), CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy(), CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
  curl_easy_setopt(easy(), CURLOPT_SSL_VERIFYPEER, 0L);
  curl_easy_setopt(easy(), CURLOPT_SSL_VERIFYHOST, 0L);
}

void Exchange::connect_to(const Url& url, const std::filesystem::path& socket) {
  const auto text = to_string(url);
  curl_easy_setopt(easy(), CURLOPT_URL, text.c_str());
  curl_easy_setopt(easy(), CURLOPT_PATH_AS_IS, 1L);
  m_tunnelled = !socket.empty();
  if (m_tunnelled) curl_easy_setopt(easy(), CURLOPT_UNIX_SOCKET_PATH, socket.c_str());
}

core::Result<void> Exchange::perform(const core::Wait& wait) {
  BGDEPLOY_ASSIGN(const CURLcode code, m_curl.perform(wait));
  if (code == CURLE_OK) return {};
  return fail(kind_of(code), words_for(code, m_tunnelled));
}

}  // namespace bgdeploy::health
