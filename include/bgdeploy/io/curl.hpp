// The one loop over a libcurl transfer.
#pragma once

#include <curl/curl.h>

#include <memory>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"

namespace bgdeploy::io {

// An easy handle under a multi handle of its own: the multi keeps the connection alive between transfers, and
// a stop request wakes its poll.
class Curl {
public:
  Curl();
  ~Curl();
  Curl(const Curl&) = delete;
  Curl& operator=(const Curl&) = delete;

  // For curl_easy_setopt and curl_easy_getinfo. Null when there is no memory.
  CURL* easy() const { return m_easy; }
  // Forgets the settings of the last transfer.
  void reset();
  // Carries out what `easy` is set up for, and says how libcurl ended it. Kinds: timeout and cancelled, at
  // once; internal.
  core::Result<CURLcode> perform(const core::Wait& wait);

private:
  void end_last();

  CURL* m_easy;
  CURLM* m_multi;
  bool m_added = false;  // a socket of CURLOPT_CONNECT_ONLY lives as long as that
};

}  // namespace bgdeploy::io
