#include "bgdeploy/engine/http.hpp"

#include <gtest/gtest.h>

#include "fake_daemon.hpp"

namespace bgdeploy::engine {
namespace {

using core::ErrorKind;
using testing::FakeDaemon;

Wait in_time() {
  return Wait::for_at_most(std::chrono::seconds(20));
}

FakeDaemon::Answer always(std::string bytes) {
  return [bytes = std::move(bytes)](const auto&, const auto&) { return bytes; };
}

TEST(Http, RequestsOneAfterTheOtherShareAConnection) {
  FakeDaemon daemon(always(FakeDaemon::response(200, "yes")));
  Http http(daemon.socket());
  for (int i = 0; i < 5; ++i) EXPECT_EQ(http.send({"GET", "/x", {}, {}}, in_time())->body, "yes");
  EXPECT_EQ(daemon.connections(), 1);
}

TEST(Http, AStreamThatRunsDoesNotHoldUpARequest) {
  FakeDaemon daemon([](const auto& line, const auto&) {
    return line == "GET /stream" ? "HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\nhalf"
                                 : FakeDaemon::response(200, "yes");
  });
  Http http(daemon.socket());
  std::string streamed, asked;
  const auto ended = http.stream(
      {"GET", "/stream", {}, {}},
      [&](std::string_view piece) {
        streamed += piece;
        asked = http.send({"GET", "/x", {}, {}}, in_time())->body;
        return false;
      },
      in_time());
  EXPECT_TRUE(ended);
  EXPECT_EQ(streamed, "half");
  EXPECT_EQ(asked, "yes");
}

TEST(Http, SendsMethodBodyAndHeaders) {
  std::string seen;
  FakeDaemon daemon([&](const auto&, const auto& request) {
    seen = request;
    return FakeDaemon::response(201, "", "API-version:  1.41 \r\n");
  });
  Http http(daemon.socket());
  const auto response =
      http.send({"POST", "/c?name=a%20b", "{\"a\":1}", {"X-Registry-Auth: abc"}}, in_time());
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(response->api_version, "1.41");
  EXPECT_TRUE(seen.starts_with("POST /c?name=a%20b HTTP/1.1\r\n")) << seen;
  EXPECT_NE(seen.find("\r\nContent-Type: application/json\r\n"), std::string::npos);
  EXPECT_NE(seen.find("\r\nX-Registry-Auth: abc\r\n"), std::string::npos);
  EXPECT_TRUE(seen.ends_with("\r\n\r\n{\"a\":1}"));
}

TEST(Http, TheProxyOfTheEnvironmentIsNotAsked) {
  setenv("http_proxy", "http://127.0.0.1:9", 1);
  FakeDaemon daemon(always(FakeDaemon::response(200, "yes")));
  Http http(daemon.socket());
  const auto response = http.send({"GET", "/x", {}, {}}, in_time());
  unsetenv("http_proxy");
  ASSERT_TRUE(response) << response.error().message;
}

TEST(Http, AnErrorsBodyIsNoPartOfTheStream) {
  FakeDaemon daemon(always(FakeDaemon::response(404, "{\"message\":\"no\"}")));
  Http http(daemon.socket());
  bool streamed = false;
  const auto response = http.stream(
      {"GET", "/x", {}, {}}, [&](std::string_view) { return streamed = true; }, in_time());
  ASSERT_TRUE(response);
  EXPECT_EQ(response->body, "{\"message\":\"no\"}");
  EXPECT_FALSE(streamed);
}

TEST(Http, NobodyListeningIsUnreachable) {
  Http http("/nonexistent/docker.sock");
  EXPECT_EQ(http.send({"GET", "/x", {}, {}}, in_time()).error().kind, ErrorKind::unreachable);
  http.explain_by([] { return core::Error{ErrorKind::lost, "web-1: the SSH connection broke", {}}; });
  const auto failed = http.send({"GET", "/x", {}, {}}, in_time());
  EXPECT_EQ(failed.error().kind, ErrorKind::unreachable) << "nothing was sent";
  EXPECT_EQ(failed.error().message, "web-1: the SSH connection broke");
}

TEST(Http, AConnectionThatEndsIsLost) {
  for (const auto* bytes : {FakeDaemon::k_close, "HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\nhalf\x01"}) {
    FakeDaemon daemon(always(bytes));
    Http http(daemon.socket());
    EXPECT_EQ(http.send({"GET", "/x", {}, {}}, in_time()).error().kind, ErrorKind::lost);
  }
}

TEST(Http, AKeptConnectionThatDiedIsReplaced) {
  int answered = 0;
  FakeDaemon daemon([&](const auto&, const auto&) {
    return FakeDaemon::response(200, "yes") + (++answered == 1 ? FakeDaemon::k_close : "");
  });
  Http http(daemon.socket());
  EXPECT_TRUE(http.send({"GET", "/x", {}, {}}, in_time()));
  EXPECT_TRUE(http.send({"GET", "/x", {}, {}}, in_time()));
  EXPECT_EQ(daemon.connections(), 2);
}

TEST(Http, SilenceEndsAtTheDeadline) {
  FakeDaemon daemon(always(""));
  Http http(daemon.socket());
  const auto begin = std::chrono::steady_clock::now();
  const auto response = http.send({"GET", "/x", {}, {}}, Wait::for_at_most(std::chrono::milliseconds(50)));
  EXPECT_EQ(response.error().kind, ErrorKind::timeout);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(50));
}

TEST(Http, AStopRequestInterruptsAtOnce) {
  std::stop_source stop;
  std::atomic<std::chrono::steady_clock::time_point> asked{};
  FakeDaemon daemon([&](const auto&, const auto&) {
    asked = std::chrono::steady_clock::now();
    stop.request_stop();
    return std::string();
  });
  Http http(daemon.socket());
  const auto response =
      http.send({"GET", "/x", {}, {}}, Wait::for_at_most(std::chrono::seconds(20), stop.get_token()));
  EXPECT_EQ(response.error().kind, ErrorKind::cancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - asked.load(), std::chrono::milliseconds(500));
}

TEST(Http, AnEndlessAnswerIsRefused) {
  FakeDaemon daemon(always(FakeDaemon::response(200, std::string(Http::k_max_body + 1, 'x'))));
  Http http(daemon.socket());
  EXPECT_EQ(http.send({"GET", "/x", {}, {}}, in_time()).error().kind, ErrorKind::refused);
}

TEST(Http, EncodesWhatIsNotUnreserved) {
  EXPECT_EQ(percent_encode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(percent_encode("a/b?c=d&e f%\n\xff"), "a%2Fb%3Fc%3Dd%26e%20f%25%0A%FF");
}

}  // namespace
}  // namespace bgdeploy::engine
