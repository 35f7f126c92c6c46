// HTTP/1.1 over a unix socket, with libcurl. HTTP/1.1 is sequential, so a connection serves one exchange at a
// time; connections that became free are kept alive and taken again, so that requests one after the other
// share one, while a pull or a followed log does not hold up anybody.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"

namespace bgdeploy::engine {

using core::Result;
using core::Wait;

// A body that is too large for a text.
struct Upload {
  std::int64_t size = 0;
  // Fills some of the buffer; 0: there is no more.
  std::function<Result<std::size_t>(std::span<char>)> read;
};

struct Request {
  std::string method;                // "GET"
  std::string target;                // "/v1.41/info?x=y", percent-encoded
  std::string body;                  // sent as application/json where not empty
  std::vector<std::string> headers;  // "X-Registry-Auth: …"
  const Upload* upload = nullptr;    // instead of `body`: a tar stream
};

struct Response {
  int status = 0;
  std::string api_version;  // the Api-Version header that dockerd puts into every answer
  bool podman = false;      // Podman's own header is there too
  std::string body;
  core::SystemTime date{};  // of the answer, by the engine's clock in whole seconds; the epoch: not told
};

// Percent-encodes everything but RFC 3986's unreserved characters: safe in a path segment and in a query.
std::string percent_encode(std::string_view text);

class Http {
public:
  // Takes pieces of a streamed body. False ends the exchange, which then counts as done.
  using Sink = std::function<bool(std::string_view)>;

  static constexpr std::size_t k_max_body = 16UL << 20;

  explicit Http(std::filesystem::path socket);
  ~Http();
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;

  // Kinds: unreachable (nothing listens on the socket), lost, timeout, cancelled; refused for an answer of
  // more than k_max_body bytes. Any status is a Response. A stop request interrupts at once.
  Result<Response> send(const Request& request, const Wait& wait);
  // The body of a 2xx answer goes to `sink` as it comes; that of any other becomes Response::body.
  Result<Response> stream(const Request& request, const Sink& sink, const Wait& wait);

  const std::filesystem::path& socket() const { return m_socket; }

  // `why` tells why nothing listens on the socket any more, where it knows.
  void explain_by(std::function<std::optional<core::Error>()> why);
  // The same error, or of kind unreachable what `why` tells.
  core::Error explained(core::Error error);

  // Ends the connections that are kept for later requests; as long as `crowded` says so, none is kept.
  void drop_idle();
  void keep_none_while(std::function<bool()> crowded);

private:
  class Connection;
  std::unique_ptr<Connection> take();
  void give_back(std::unique_ptr<Connection> connection);

  const std::filesystem::path m_socket;
  std::mutex m_mutex;
  std::vector<std::unique_ptr<Connection>> m_free;
  std::function<bool()> m_crowded;
  std::function<std::optional<core::Error>()> m_why;
};

}  // namespace bgdeploy::engine
