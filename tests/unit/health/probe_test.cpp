// Each kind of probe, against real sockets on this machine.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <thread>

#include "bgdeploy/health/health.hpp"
#include "bgdeploy/health/reply.hpp"

namespace bgdeploy::health {
namespace {

using core::ErrorKind;
using core::fail;
using core::Result;
using core::Wait;
using runtime::Diagnosis;
using testing::HasSubstr;
using namespace std::chrono_literals;

// A server on a free port that says one thing to each connection and keeps what it was asked.
class Server {
public:
  enum class After { close, stay_open };

  Server(std::string says, After after) : m_says(std::move(says)), m_after(after) {
    m_socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(m_socket, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(m_socket, 16), 0);
    EXPECT_EQ(::getsockname(m_socket, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port = ntohs(address.sin_port);
    m_thread = std::jthread([this](std::stop_token stop) { serve(stop); });
  }
  ~Server() {
    m_thread.request_stop();
    m_thread.join();
    for (const int client : m_clients) ::close(client);
    ::close(m_socket);
  }
  Server(const Server&) = delete;

  std::vector<std::string> asked() const {
    const std::lock_guard lock(m_mutex);
    return m_asked;
  }
  int port = 0;

private:
  void serve(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      pollfd polled{m_socket, POLLIN, 0};
      if (::poll(&polled, 1, 10) <= 0) continue;
      const int client = ::accept4(m_socket, nullptr, nullptr, SOCK_CLOEXEC);
      if (client >= 0) answer(client);
    }
  }
  void answer(int client) {
    if (!m_says.empty()) {
      char request[4096];
      const auto size = ::recv(client, request, sizeof request, 0);
      const std::lock_guard lock(m_mutex);
      m_asked.emplace_back(request, static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
      for (std::string_view rest = m_says; !rest.empty();) {
        const auto sent = ::send(client, rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent <= 0) break;
        rest.remove_prefix(static_cast<std::size_t>(sent));
      }
    }
    if (m_after == After::close) {
      ::close(client);
    } else {
      m_clients.push_back(client);
    }
  }

  const std::string m_says;
  const After m_after;
  int m_socket = -1;
  std::vector<int> m_clients;
  mutable std::mutex m_mutex;
  std::vector<std::string> m_asked;
  std::jthread m_thread;
};

std::string http(const std::string& status, const std::string& body, const std::string& headers = "") {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + headers +
         "\r\n" + body;
}

// A docker that knows one container.
struct OneContainer final : runtime::Inspection {
  Result<Diagnosis> diagnose(const std::string& id, const Wait&) override {
    if (broken) return std::unexpected(*broken);
    if (id != "c0ffee") return fail(ErrorKind::not_found, "no such container");
    return diagnosis;
  }
  Result<std::optional<int>> await_exit(const std::string&, const Wait&) override { return std::nullopt; }
  Result<void> logs(const std::string&, const runtime::LogRange&,
                    const std::function<void(const runtime::LogLine&)>&, const Wait&) override {
    return {};
  }
  Result<int> exec(const std::string& id, const std::vector<std::string>& argv, engine::Console*,
                   const Output& output, const Wait&) override {
    if (broken) return std::unexpected(*broken);
    if (id != "c0ffee") return fail(ErrorKind::not_found, "no such container");
    if (argv == std::vector<std::string>{"true"}) return 0;
    output(false, "out");
    output(true, "\nno \x1b[31m");
    output(true, "database\nsecond");
    return 3;
  }

  Diagnosis diagnosis;
  std::optional<core::Error> broken;
};

class Probe : public testing::Test {
protected:
  Answer probe(int port = 1, std::stop_token stop = {}) {
    const Target target{*m_host, m_runtime, m_container, {"127.0.0.1", port}, "127.0.0.1"};
    return make_prober(m_health, target)->probe(Wait::for_at_most(10s, stop));
  }
  Answer ask(const std::string& answer) {
    const Server server(answer, Server::After::close);
    return probe(server.port);
  }
  static int free_port() { return Server("", Server::After::close).port; }

  std::unique_ptr<host::Host> m_host =
      std::move(*host::connect({.name = "local", .local = true}, Wait::for_at_most(10s)));
  OneContainer m_runtime;
  std::string m_container = "c0ffee";
  spec::Health m_health;
};

// Through the host, and from here.
class Network : public Probe, public testing::WithParamInterface<bool> {
protected:
  void SetUp() override { m_health.direct = GetParam(); }
};
INSTANTIATE_TEST_SUITE_P(Via, Network, testing::Values(false, true),
                         [](const auto& way) { return way.param ? "direct" : "host"; });

TEST_P(Network, HttpStatusDecides) {
  EXPECT_TRUE(ask(http("200 OK", "fine")).healthy);
  EXPECT_EQ(ask(http("200 OK", "fine")).text, "HTTP 200");
  const auto starting = ask(http("503 Service Unavailable", "\nstarting\nmore"));
  EXPECT_FALSE(starting.healthy);
  EXPECT_EQ(starting.text, "HTTP 503: starting");
  EXPECT_EQ(ask(http("404 Not Found", "")).text, "HTTP 404");
  m_health.probe = spec::HealthHttp{.status = {{200, 200}, {404, 404}}};
  EXPECT_TRUE(ask(http("404 Not Found", "")).healthy);
  EXPECT_FALSE(ask(http("201 Created", "")).healthy);
}

TEST_P(Network, HttpSaysWhatMendsIt) {
  m_health.probe = spec::HealthHttp{.path = "/helth", .body = "server is on"};
  const auto next = [&](const std::string& status, const std::string& headers = "") {
    return ask(http(status, "", headers)).next;
  };
  EXPECT_EQ(next("404 Not Found"), "check health.http.path: /helth");
  EXPECT_EQ(next("200 OK"), "check health.http.path (/helth) and health.http.body");
  EXPECT_THAT(next("301 Moved", "Location: https://shop.example.com/helth\r\n"),
              HasSubstr("health.http.headers: {X-Forwarded-Proto: https}"));
  EXPECT_THAT(next("302 Found", "Location: /login\r\n"), HasSubstr("a page that does not redirect"));
  EXPECT_THAT(next("401 Unauthorized"), HasSubstr("a page without a login"));
  EXPECT_THAT(next("403 Forbidden"), HasSubstr("health.http.headers: {Host: NAME}"));
  EXPECT_THAT(next("400 Bad Request"), HasSubstr("health.http.headers: {Host: NAME}"));
  EXPECT_THAT(next("405 Method Not Allowed"), HasSubstr("GET"));
  EXPECT_THAT(next("503 Service Unavailable"), HasSubstr("bgdeploy logs"));
  EXPECT_THAT(next("204 No Content"), HasSubstr("health.http.body"));
  EXPECT_THAT(next("418 Teapot"), HasSubstr("health.http.status allow 418"));
}

TEST_P(Network, TheAnswerNamesWhatWasAsked) {
  const Server server(http("404 Not Found", ""), Server::After::close);
  m_health.probe = spec::HealthHttp{.path = "/health"};
  auto answer = probe(server.port);
  EXPECT_EQ(answer.asked, "GET http://127.0.0.1:" + std::to_string(server.port) + "/health");
  EXPECT_FALSE(answer.silent) << "it did answer";
  answer = probe(free_port());
  EXPECT_TRUE(answer.silent);
  m_health.probe = spec::HealthTcp{};
  answer = probe(1);
  EXPECT_EQ(answer.asked, "connecting to 127.0.0.1:1");
  EXPECT_TRUE(answer.silent);
  m_health.timeout = 100ms;
  m_health.probe = spec::HealthHttp{.path = "/health"};
  const Server mute("", Server::After::stay_open);
  answer = probe(mute.port);
  EXPECT_TRUE(answer.silent);
  EXPECT_EQ(answer.next, "raise health.timeout (100ms), where /health takes longer to answer");
}

TEST_P(Network, HttpBodyMustContain) {
  m_health.probe = spec::HealthHttp{.body = "server is on"};
  EXPECT_TRUE(ask(http("200 OK", "the server is on.")).healthy);
  EXPECT_EQ(ask(http("200 OK", "{\"state\":\"down\"}")).text,
            "body does not contain 'server is on': {\"state\":\"down\"}");
  EXPECT_EQ(ask(http("200 OK", "")).text, "body does not contain 'server is on': it is empty");
}

TEST_P(Network, HttpLooksAtOneMegabyteOnly) {
  m_health.probe = spec::HealthHttp{.body = "needle"};
  const std::string hay(std::size_t{3} << 20, 'x');
  EXPECT_TRUE(ask(http("200 OK", "needle" + hay)).healthy);
  const auto late = ask(http("200 OK", hay + "needle"));
  EXPECT_FALSE(late.healthy);
  EXPECT_LT(late.text.size(), 210u);
}

TEST_P(Network, HttpRedirectsAreNotFollowed) {
  EXPECT_EQ(ask(http("302 Found", "", "Location: http://elsewhere/login\r\n")).text,
            "HTTP 302: redirects to http://elsewhere/login, which is not followed");
}

TEST_P(Network, HttpSendsPathAndHeaders) {
  m_health.probe =
      spec::HealthHttp{.path = "/api/../health?x=1", .headers = {{"Host", "example.com"}, {"X-Empty", ""}}};
  Server server(http("200 OK", ""), Server::After::close);
  EXPECT_TRUE(probe(server.port).healthy);
  ASSERT_EQ(server.asked().size(), 1u);
  EXPECT_THAT(server.asked().front(), testing::StartsWith("GET /api/../health?x=1 HTTP/1.1\r\n"));
  EXPECT_THAT(server.asked().front(), HasSubstr("Host: example.com\r\n"));
  EXPECT_THAT(server.asked().front(), HasSubstr("X-Empty:\r\n"));
}

// health.http.port is the container's: where that is reached was found out before.
TEST_P(Network, HttpAsksWhereTheContainerIsReached) {
  const Server server(http("200 OK", ""), Server::After::close);
  m_health.probe = spec::HealthHttp{.port = free_port()};
  EXPECT_TRUE(probe(server.port).healthy);
}

TEST_P(Network, HttpIgnoresProxiesOfTheEnvironment) {
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  EXPECT_TRUE(ask(http("200 OK", "")).healthy);
  ::unsetenv("http_proxy");
}

TEST_P(Network, HttpTextIsPrintableAndCut) {
  const auto answer =
      ask(http("500 Oops", "\x1b[31m" + std::string(150, 'x') + std::string("é") + std::string(400, '\xFF')));
  EXPECT_THAT(answer.text, testing::StartsWith("HTTP 500: \\x1b[31mxxx"));
  EXPECT_THAT(answer.text, testing::EndsWith("…"));
  EXPECT_LE(answer.text.size(), 203u);
}

TEST_P(Network, HttpThatNeverAnswersTimesOut) {
  m_health.timeout = 200ms;
  const Server server("", Server::After::stay_open);
  const auto answer = probe(server.port);
  EXPECT_FALSE(answer.healthy);
  EXPECT_EQ(answer.text, "timed out after 200ms");
}

TEST_P(Network, HttpIsCancelled) {
  m_health.timeout = 10min;
  const Server server("", Server::After::stay_open);
  std::stop_source stop;
  const auto began = std::chrono::steady_clock::now();
  const std::jthread canceller([&] { stop.request_stop(); });
  EXPECT_FALSE(probe(server.port, stop.get_token()).healthy);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
}

TEST_P(Network, HttpSaysWhatIsNoHttp) {
  EXPECT_EQ(ask("SSH-2.0-OpenSSH_9.2\r\n").text, "the answer is not HTTP");
}

TEST_P(Network, NothingThatListensIsRefused) {
  const auto by_http = probe(free_port());
  EXPECT_FALSE(by_http.healthy);
  EXPECT_THAT(by_http.text, HasSubstr("connection refused"));
  m_health.probe = spec::HealthTcp{};
  EXPECT_EQ(probe(free_port()).text, "connection refused");
}

TEST_P(Network, TcpThatStaysOpenIsHealthy) {
  m_health.probe = spec::HealthTcp{};
  const Server silent("", Server::After::stay_open);
  EXPECT_TRUE(probe(silent.port).healthy);
}

TEST_P(Network, TcpThatIsHungUpAtOnceIsNot) {
  m_health.probe = spec::HealthTcp{};
  const Server proxy_without_app("", Server::After::close);
  const auto answer = probe(proxy_without_app.port);
  EXPECT_FALSE(answer.healthy);
  EXPECT_THAT(answer.text, HasSubstr("nothing listens behind"));
}

TEST_F(Probe, DockerIsAskedForItsOwnHealth) {
  m_health.probe = spec::HealthDocker{};
  EXPECT_EQ(probe().text, "its image has no HEALTHCHECK, which health.docker asks for");
  EXPECT_THAT(probe().next, HasSubstr("give the image a HEALTHCHECK, or set health.http"));
  EXPECT_TRUE(probe().is_final);
  m_runtime.diagnosis.health = "starting";
  EXPECT_FALSE(probe().healthy);
  EXPECT_EQ(probe().text, "docker says starting");
  EXPECT_FALSE(probe().is_final);
  EXPECT_TRUE(probe().early);
  m_runtime.diagnosis.restarts = 1;
  EXPECT_FALSE(probe().early) << "it ended once";
  m_runtime.diagnosis.health = "unhealthy";
  m_runtime.diagnosis.health_log = "curl: (7) refused\nmore";
  EXPECT_EQ(probe().text, "docker says unhealthy: curl: (7) refused");
  m_runtime.diagnosis = {.health = "healthy"};
  EXPECT_TRUE(probe().healthy);
}

TEST_F(Probe, RunningIsHealthyWithTimeAndNotAfterAnEnd) {
  m_health.probe = spec::HealthRunning{std::chrono::seconds(10)};
  EXPECT_EQ(probe().text, "not running, exit code 0");
  EXPECT_FALSE(probe().early);
  m_runtime.diagnosis.running_for = std::chrono::seconds(3);
  EXPECT_FALSE(probe().healthy);
  EXPECT_TRUE(probe().early);
  m_runtime.diagnosis.restarts = 1;
  EXPECT_FALSE(probe().early);
  m_runtime.diagnosis.running_for = std::chrono::seconds(10);
  EXPECT_TRUE(probe().healthy);
}

TEST_F(Probe, ExecDecidesByItsExitCode) {
  m_health.probe = spec::HealthExec{{"true"}};
  EXPECT_TRUE(probe().healthy);
  m_health.probe = spec::HealthExec{{"check"}};
  const auto answer = probe();
  EXPECT_FALSE(answer.healthy);
  EXPECT_EQ(answer.text, "exit code 3: no \\x1b[31mdatabase");
}

TEST_F(Probe, ALostHostIsToldApart) {
  m_health.probe = spec::HealthExec{{"true"}};
  m_runtime.broken = core::Error{ErrorKind::lost, "web-1: connection lost"};
  EXPECT_TRUE(probe().lost);
  m_runtime.broken = core::Error{ErrorKind::timeout, "late"};
  EXPECT_EQ(probe().text, "timed out after 2s");
  EXPECT_FALSE(probe().lost);
  m_runtime.broken.reset();
  m_container = "gone";
  EXPECT_EQ(probe().text, "no such container");
}

// What a client gets through a proxy.
class Site : public Probe {
protected:
  Reply reply(const std::string& answer) {
    const Server server(answer, Server::After::close);
    m_front.port = server.port;
    const Reply reply = ask_site(*m_host, m_front, m_health, m_verify, Wait::for_at_most(10s));
    for (const std::string& request : server.asked()) m_request = request;
    return reply;
  }

  plan::Front m_front{.address = "127.0.0.1", .host = "shop.example.com"};
  spec::Verify m_verify{.path = "/up"};
  std::string m_request;
};

TEST_F(Site, IsJudgedAsAClientWould) {
  m_health.probe = spec::HealthHttp{.path = "/up", .body = "server is on"};
  EXPECT_EQ(reply(http("200 OK", "server is on")), (Reply{Reply::Kind::good, 200, "HTTP 200"}));
  EXPECT_EQ(reply(http("200 OK", "welcome to nginx")).kind, Reply::Kind::bad);
  EXPECT_EQ(reply(http("502 Bad Gateway", "")), (Reply{Reply::Kind::bad, 502, "HTTP 502"}));
  EXPECT_EQ(reply(http("401 Unauthorized", "")).kind, Reply::Kind::other);
  EXPECT_EQ(reply(http("301 Moved", "", "Location: https://shop.example.com/up\r\n")).kind,
            Reply::Kind::other);
  EXPECT_EQ(reply("").kind, Reply::Kind::bad) << "no answer";
  m_verify.path = "/";
  EXPECT_EQ(reply(http("200 OK", "welcome")).kind, Reply::Kind::good) << "the body is the health path's";
}

TEST_F(Site, IsAskedByItsNameWithTheHealthHeaders) {
  m_health.probe = spec::HealthHttp{.path = "/up", .headers = {{"host", "app.internal"}, {"X-Token", "t"}}};
  reply(http("200 OK", ""));
  EXPECT_THAT(m_request, HasSubstr("GET /up HTTP/1.1\r\n"));
  EXPECT_THAT(m_request, HasSubstr("Host: shop.example.com\r\n"));
  EXPECT_THAT(m_request, HasSubstr("X-Token: t\r\n"));
  EXPECT_THAT(m_request, testing::Not(HasSubstr("app.internal")));
  m_verify.host = "www.example.com:8443";
  reply(http("200 OK", ""));
  EXPECT_THAT(m_request, HasSubstr("Host: www.example.com:8443\r\n"));
  m_verify.host.reset();
  m_front.host.clear();
  reply(http("200 OK", ""));
  EXPECT_THAT(m_request, HasSubstr("app.internal"));
}

TEST_F(Site, ThatSpeaksNoTlsWithUsIsNoFailureByItself) {
  m_front.tls = true;
  EXPECT_EQ(reply(http("400 Bad Request", "")).kind, Reply::Kind::other);
}

TEST_F(Site, BehindAProxyProtocolIsGreetedWithIt) {
  m_front.proxy_protocol = true;
  reply(http("200 OK", ""));
  EXPECT_TRUE(m_request.starts_with("PROXY ")) << m_request;
}

TEST(IsRefusal, IsNoAnswerOrAnError) {
  using Kind = Reply::Kind;
  EXPECT_TRUE(is_refusal({Kind::bad, 0, ""}));
  EXPECT_TRUE(is_refusal({Kind::bad, 502, ""}));
  EXPECT_FALSE(is_refusal({Kind::bad, 200, "body does not contain"})) << "a page is served";
  EXPECT_FALSE(is_refusal({Kind::other, 404, ""}));
}

TEST(IsWorse, ComparesWithWhatWasBefore) {
  using Kind = Reply::Kind;
  const Reply good{Kind::good, 200, ""}, login{Kind::other, 401, ""}, missing{Kind::other, 404, ""};
  const Reply gateway{Kind::bad, 502, ""}, error{Kind::bad, 500, ""}, none{Kind::bad, 0, ""};
  const Reply closed{Kind::bad, 503, ""}, page{Kind::bad, 200, "body does not contain"};
  for (const bool served : {true, false})
    for (const auto& before : std::vector<std::optional<Reply>>{{}, good, login, gateway})
      EXPECT_FALSE(is_worse(before, served, good));
  EXPECT_TRUE(is_worse(good, true, gateway));
  EXPECT_TRUE(is_worse(login, true, none));
  EXPECT_TRUE(is_worse(gateway, true, error));
  EXPECT_FALSE(is_worse(gateway, true, gateway)) << "it was there before";
  EXPECT_FALSE(is_worse(none, true, none));
  EXPECT_TRUE(is_worse(good, true, missing));
  EXPECT_FALSE(is_worse(login, true, login));
  EXPECT_FALSE(is_worse(good, true, Reply{Kind::other, 429, ""})) << "we ask too often";
  // A first deploy.
  for (const Reply& now : {gateway, none, error}) EXPECT_TRUE(is_worse({}, false, now));
  for (const Reply& now : {closed, page, login}) EXPECT_FALSE(is_worse({}, false, now));
  EXPECT_TRUE(is_worse(gateway, false, gateway)) << "nobody was served, and nobody is";
  EXPECT_TRUE(is_worse(gateway, false, error));
  for (const Reply& same : {closed, page, error})
    EXPECT_FALSE(is_worse(same, false, same)) << "no matter of the app's";
}

}  // namespace
}  // namespace bgdeploy::health
