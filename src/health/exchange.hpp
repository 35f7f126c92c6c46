// One connection of libcurl's, ended by a deadline or a stop token.
#pragma once

#include <curl/curl.h>

#include <filesystem>
#include <memory>
#include <string>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/host/host.hpp"

namespace bgdeploy::health {

struct Url {
  std::string host;  // for the Host header and TLS; where no socket is given also where to connect
  int port = 0;
  std::string path = "/";
  bool tls = false;  // whatever certificate there is
};

class Exchange {
public:
  Exchange();
  Exchange(const Exchange&) = delete;
  ~Exchange();

  CURL* easy() const { return m_easy; }
  // Connects from this machine, or through `socket` where one is given.
  void connect_to(const Url& url, const std::filesystem::path& socket);
  // Kinds timeout and cancelled; untrusted: no TLS connection came about; refused with words for people when
  // the exchange failed otherwise.
  core::Result<void> perform(const core::Wait& wait);

private:
  CURL* m_easy;
  CURLM* m_multi;
  bool m_tunnelled = false;
};

}  // namespace bgdeploy::health
