// One connection of libcurl's, ended by a deadline or a stop token.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/host/host.hpp"
#include "bgdeploy/io/curl.hpp"

namespace bgdeploy::health {

struct Url {
  std::string host;  // for the Host header and TLS; where no socket is given also where to connect
  int port = 0;
  std::string path = "/";
  bool tls = false;  // whatever certificate there is
};

// "http://127.0.0.1:8081/health"
std::string to_string(const Url& url);

class Exchange {
public:
  Exchange();

  CURL* easy() const { return m_curl.easy(); }
  // Connects from this machine, or through `socket` where one is given.
  void connect_to(const Url& url, const std::filesystem::path& socket);
  // Kinds timeout and cancelled; unreachable and untrusted: no connection, or no TLS connection, came about;
  // refused with words for people when the exchange failed otherwise.
  core::Result<void> perform(const core::Wait& wait);

private:
  io::Curl m_curl;
  bool m_tunnelled = false;
};

}  // namespace bgdeploy::health
