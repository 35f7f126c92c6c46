#include "exchange.hpp"

#include <fmt/format.h>

#include <algorithm>

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
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
      return "the answer is no HTTP";
    default:
      return curl_easy_strerror(code);
  }
}

}  // namespace

Exchange::Exchange() {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  static_cast<void>(initialised);
  m_easy = curl_easy_init();
  m_multi = curl_multi_init();
  curl_easy_setopt(m_easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(m_easy, CURLOPT_PROXY, "");
  curl_easy_setopt(m_easy, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(m_easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(m_easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(m_easy, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
  curl_easy_setopt(m_easy, CURLOPT_SSL_VERIFYPEER, 0L);
  curl_easy_setopt(m_easy, CURLOPT_SSL_VERIFYHOST, 0L);
  curl_multi_add_handle(m_multi, m_easy);
}

Exchange::~Exchange() {
  curl_multi_remove_handle(m_multi, m_easy);
  curl_easy_cleanup(m_easy);
  curl_multi_cleanup(m_multi);
}

void Exchange::connect_to(const Url& url, const std::filesystem::path& socket) {
  const bool ipv6 = url.host.find(':') != std::string::npos;
  const auto text = fmt::format("{}://{}{}{}:{}{}", url.tls ? "https" : "http", ipv6 ? "[" : "", url.host,
                                ipv6 ? "]" : "", url.port, url.path);
  curl_easy_setopt(m_easy, CURLOPT_URL, text.c_str());
  curl_easy_setopt(m_easy, CURLOPT_PATH_AS_IS, 1L);
  m_tunnelled = !socket.empty();
  if (m_tunnelled) curl_easy_setopt(m_easy, CURLOPT_UNIX_SOCKET_PATH, socket.c_str());
}

core::Result<void> Exchange::perform(const core::Wait& wait) {
  const std::stop_callback wake(wait.stop, [this] { curl_multi_wakeup(m_multi); });
  for (;;) {
    int running = 0;
    if (const auto code = curl_multi_perform(m_multi, &running); code != CURLM_OK)
      return fail(ErrorKind::refused, curl_multi_strerror(code));
    if (running == 0) break;
    if (wait.stop.stop_requested()) return fail(ErrorKind::cancelled, "cancelled");
    const auto left = wait.left().count();
    if (left <= 0) return fail(ErrorKind::timeout, "timed out");
    curl_multi_poll(m_multi, nullptr, 0, static_cast<int>(std::min<core::Duration::rep>(left, 1000)),
                    nullptr);
  }
  int pending = 0;
  const auto* message = curl_multi_info_read(m_multi, &pending);
  if (message == nullptr || message->data.result == CURLE_OK) return {};
  const CURLcode code = message->data.result;
  return fail(code == CURLE_SSL_CONNECT_ERROR ? ErrorKind::untrusted : ErrorKind::refused,
              words_for(code, m_tunnelled));
}

}  // namespace bgdeploy::health
