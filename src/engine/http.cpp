#include "bgdeploy/engine/http.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/io/curl.hpp"

namespace bgdeploy::engine {
namespace {

using core::ErrorKind;

// What one exchange collects.
struct Exchange {
  const Http::Sink* sink = nullptr;
  CURL* easy = nullptr;
  Response response;
  bool too_large = false;
  bool ended_by_sink = false;
  const Upload* upload = nullptr;
  Result<void> read;  // of the upload

  bool succeeded() const {
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    return status >= 200 && status < 300;
  }
};

std::size_t on_body(char* data, std::size_t, std::size_t size, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  if (exchange.sink && exchange.succeeded()) {
    exchange.ended_by_sink = !(*exchange.sink)({data, size});
    return exchange.ended_by_sink ? 0 : size;
  }
  exchange.too_large = exchange.response.body.size() + size > Http::k_max_body;
  if (exchange.too_large) return 0;
  exchange.response.body.append(data, size);
  return size;
}

std::size_t on_read(char* data, std::size_t, std::size_t size, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const auto count = exchange.upload->read({data, size});
  if (count) return *count;
  exchange.read = std::unexpected(count.error());
  return CURL_READFUNC_ABORT;
}

std::size_t on_header(char* data, std::size_t, std::size_t size, void* user) {
  constexpr std::string_view version = "api-version:", podman = "libpod-api-version:", date = "date:";
  const std::string_view line(data, size);
  const auto begins_with = [&](std::string_view name) {
    const auto same = [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); };
    return line.size() > name.size() && std::equal(name.begin(), name.end(), line.begin(), same);
  };
  Response& response = static_cast<Exchange*>(user)->response;
  if (begins_with(version)) response.api_version = core::trim(line.substr(version.size()));
  if (begins_with(podman)) response.podman = true;
  if (begins_with(date)) {
    const auto told = curl_getdate(std::string(core::trim(line.substr(date.size()))).c_str(), nullptr);
    if (told > 0) response.date = std::chrono::system_clock::from_time_t(told);
  }
  return size;
}

struct SlistFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Slist = std::unique_ptr<curl_slist, SlistFree>;

Slist header_list(const Request& request) {
  Slist list;
  const auto add = [&](const char* line) {
    if (auto* longer = curl_slist_append(list.get(), line)) {
      (void)list.release();
      list.reset(longer);
    }
  };
  // Without these curl waits up to a second for a "100 Continue" before a larger body.
  add("Expect:");
  add(request.upload != nullptr ? "Content-Type: application/x-tar"
      : request.body.empty()    ? "Content-Type:"
                                : "Content-Type: application/json");
  for (const auto& header : request.headers) add(header.c_str());
  return list;
}

}  // namespace

std::string percent_encode(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
        c == '_' || c == '~') {
      encoded.push_back(c);
    } else {
      encoded += fmt::format("%{:02X}", byte);
    }
  }
  return encoded;
}

class Http::Connection {
public:
  // `finished` tells whether the connection is fit for another exchange.
  Result<Response> exchange(const std::string& socket, const Request& request, const Sink* sink,
                            const Wait& wait, bool& finished) {
    Exchange exchange;
    exchange.sink = sink;
    exchange.easy = m_curl.easy();
    exchange.upload = request.upload;
    const Slist headers = header_list(request);
    m_curl.reset();
    if (exchange.easy) prepare(exchange.easy, socket, request, headers.get(), exchange);
    auto result = m_curl.perform(wait);
    finished = result && *result == CURLE_OK;
    if (exchange.too_large) return core::fail(ErrorKind::refused, "docker's answer is larger than 16 MB");
    if (!result) {
      if (result.error().kind == ErrorKind::timeout) result.error().message = "docker did not answer in time";
      return std::unexpected(std::move(result.error()));
    }
    BGDEPLOY_TRY(std::move(exchange.read));
    if (*result != CURLE_OK && !exchange.ended_by_sink) return std::unexpected(transport_error(*result));
    long status = 0;
    curl_easy_getinfo(exchange.easy, CURLINFO_RESPONSE_CODE, &status);
    exchange.response.status = static_cast<int>(status);
    return std::move(exchange.response);
  }

private:
  static void prepare(CURL* easy, const std::string& socket, const Request& request, curl_slist* headers,
                      Exchange& exchange) {
    const std::string url = "http://docker" + request.target;
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, socket.c_str());
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(easy, CURLOPT_PROXY, "");  // the environment's proxies are not for a unix socket
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    if (request.method == "HEAD") curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    if (request.upload != nullptr) {
      // A body that was read cannot be sent again, over a connection that turned out to be dead.
      curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
      curl_easy_setopt(easy, CURLOPT_POST, 1L);
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.upload->size));
      curl_easy_setopt(easy, CURLOPT_READFUNCTION, &on_read);
      curl_easy_setopt(easy, CURLOPT_READDATA, &exchange);
    } else if (request.method == "POST") {
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.c_str());
    }
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &exchange);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &exchange);
  }

  static core::Error transport_error(CURLcode code) {
    if (code == CURLE_COULDNT_CONNECT)
      return {ErrorKind::unreachable, "cannot connect to docker's socket", {}};
    return {
        ErrorKind::lost, fmt::format("the connection to docker broke ({})", curl_easy_strerror(code)), {}};
  }

  io::Curl m_curl;
};

Http::Http(std::filesystem::path socket) : m_socket(std::move(socket)) {}

Http::~Http() = default;

std::unique_ptr<Http::Connection> Http::take() {
  const std::lock_guard lock(m_mutex);
  if (m_free.empty()) return std::make_unique<Connection>();
  auto connection = std::move(m_free.back());
  m_free.pop_back();
  return connection;
}

void Http::give_back(std::unique_ptr<Connection> connection) {
  bool crowded = false;
  {
    const std::lock_guard lock(m_mutex);
    m_free.push_back(std::move(connection));
    crowded = m_crowded && m_crowded();
  }
  if (crowded) drop_idle();
}

void Http::drop_idle() {
  std::vector<std::unique_ptr<Connection>> idle;
  const std::lock_guard lock(m_mutex);
  idle.swap(m_free);
}

void Http::keep_none_while(std::function<bool()> crowded) {
  const std::lock_guard lock(m_mutex);
  m_crowded = std::move(crowded);
}

void Http::explain_by(std::function<std::optional<core::Error>()> why) {
  const std::lock_guard lock(m_mutex);
  m_why = std::move(why);
}

core::Error Http::explained(core::Error error) {
  if (error.kind != ErrorKind::unreachable) return error;
  const std::lock_guard lock(m_mutex);
  auto why = m_why ? m_why() : std::nullopt;
  if (!why) return error;
  why->kind = ErrorKind::unreachable;
  return *std::move(why);
}

Result<Response> Http::send(const Request& request, const Wait& wait) {
  return stream(request, {}, wait);
}

Result<Response> Http::stream(const Request& request, const Sink& sink, const Wait& wait) {
  auto connection = take();
  bool finished = false;
  auto response = connection->exchange(m_socket.string(), request, sink ? &sink : nullptr, wait, finished);
  if (finished) give_back(std::move(connection));
  if (!response) return std::unexpected(explained(std::move(response.error())));
  return response;
}

}  // namespace bgdeploy::engine
