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

class Exchange {
public:
  Exchange();
  Exchange(const Exchange&) = delete;
  ~Exchange();

  CURL* easy() const { return m_easy; }
  // Connects to `endpoint` from this machine, or through `socket` where one is given.
  void connect_to(const host::TcpEndpoint& endpoint, const std::filesystem::path& socket,
                  const std::string& path);
  // Kinds timeout and cancelled; refused with words for people when the exchange failed otherwise.
  core::Result<void> perform(const core::Wait& wait);

private:
  CURL* m_easy;
  CURLM* m_multi;
  bool m_tunnelled = false;
};

}  // namespace bgdeploy::health
