// Where the load goes. Only this machine and its labs are accepted: a typing error must not send a steady
// stream of requests to somebody else's server.
#pragma once

#include <netinet/in.h>

#include <expected>
#include <string>
#include <string_view>

namespace bgload {

struct Target {
  sockaddr_in address{};
  bool tls = false;
  std::string host;  // as the Host header, and TLS, say it
  std::string path;
};

// "http[s]://127.0.0.1[:port][/path]". The address is numeric, and either in 127.0.0.0/8 or on the same
// subnet as an interface called bglab…; the error says which rule was broken.
std::expected<Target, std::string> parse_target(std::string_view url);

}  // namespace bgload
