#include "bgdeploy/io/curl.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>

namespace bgdeploy::io {
namespace {

core::Result<void> succeeded(CURLMcode code) {
  if (code == CURLM_OK) return {};
  return core::fail(core::ErrorKind::internal, std::string("libcurl: ") + curl_multi_strerror(code));
}

// A libcurl that was built for any distribution does not know where this one keeps its authorities.
const char* known_authorities() {
  static constexpr const char* k_files[] = {
      "/etc/ssl/certs/ca-certificates.crt",                 // Debian, Ubuntu, Arch, Alpine
      "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // Fedora, Red Hat
      "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};
  for (const char* file : k_files)
    if (::access(file, R_OK) == 0) return file;
  return nullptr;
}

// As OpenSSL's own programs do, SSL_CERT_FILE goes first.
void set_authorities(CURL* easy) {
  const char* built_in = nullptr;
  curl_easy_getinfo(easy, CURLINFO_CAINFO, &built_in);
  const char* given = std::getenv("SSL_CERT_FILE");
  const char* file = given != nullptr ? given : built_in == nullptr ? known_authorities() : nullptr;
  if (file != nullptr) curl_easy_setopt(easy, CURLOPT_CAINFO, file);
}

}  // namespace

Curl::Curl() {
  static const CURLcode k_initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  static_cast<void>(k_initialised);
  m_multi = curl_multi_init();
  m_easy = m_multi ? curl_easy_init() : nullptr;
  if (m_easy) set_authorities(m_easy);
}

Curl::~Curl() {
  end_last();
  curl_easy_cleanup(m_easy);
  curl_multi_cleanup(m_multi);
}

void Curl::end_last() {
  if (std::exchange(m_added, false)) curl_multi_remove_handle(m_multi, m_easy);
}

void Curl::reset() {
  end_last();
  if (!m_easy) return;
  curl_easy_reset(m_easy);
  set_authorities(m_easy);
}

core::Result<CURLcode> Curl::perform(const core::Wait& wait) {
  end_last();
  if (!m_easy) return core::fail(core::ErrorKind::internal, "libcurl: out of memory");
  BGDEPLOY_TRY(succeeded(curl_multi_add_handle(m_multi, m_easy)));
  m_added = true;
  const std::stop_callback wake(wait.stop, [this] { curl_multi_wakeup(m_multi); });
  for (;;) {
    if (wait.stop.stop_requested()) return core::fail(core::ErrorKind::cancelled, "interrupted");
    int running = 0;
    BGDEPLOY_TRY(succeeded(curl_multi_perform(m_multi, &running)));
    int queued = 0;
    while (const CURLMsg* message = curl_multi_info_read(m_multi, &queued))
      if (message->msg == CURLMSG_DONE) return message->data.result;
    const auto left = wait.left();
    if (left.count() <= 0) return core::fail(core::ErrorKind::timeout, "timed out");
    const auto pause = std::min(left, core::Duration(60'000));
    BGDEPLOY_TRY(succeeded(curl_multi_poll(m_multi, nullptr, 0, static_cast<int>(pause.count()), nullptr)));
  }
}

}  // namespace bgdeploy::io
