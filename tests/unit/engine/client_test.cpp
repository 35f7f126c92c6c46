#include "bgdeploy/engine/client.hpp"

#include <gmock/gmock.h>

#include "../host/idle_host.hpp"
#include "fake_daemon.hpp"

namespace bgdeploy::engine {
namespace {

using core::ErrorKind;
using testing::FakeDaemon;

Wait soon() {
  return Wait::for_at_most(std::chrono::seconds(20));
}

FakeDaemon::Answer answering(const std::string& answer, const std::string& version = "1.41") {
  return [answer, version](const std::string& line, const auto&) {
    return line == "GET /_ping" ? FakeDaemon::pong(version) : answer;
  };
}

TEST(Client, SpeaksWhatBothSidesKnow) {
  for (const auto& [server, spoken] : {std::pair("1.41", "1.41"), {"1.44", "1.44"}, {"1.99", "1.45"}}) {
    std::string asked;
    FakeDaemon daemon([&](const std::string& line, const auto&) {
      if (line == "GET /_ping") return FakeDaemon::pong(server);
      asked = line;
      return FakeDaemon::response(200, "[]");
    });
    const auto client = Client::open(daemon.socket(), soon());
    ASSERT_TRUE(client) << client.error().message;
    ASSERT_TRUE((*client)->list_containers(soon()));
    EXPECT_TRUE(asked.starts_with(std::string("GET /v") + spoken + "/")) << asked;
  }
}

TEST(Client, AnOldDaemonIsUnsupportedAndAStrangerUnreachable) {
  FakeDaemon old(answering("", "1.40"));
  EXPECT_EQ(Client::open(old.socket(), soon()).error().kind, ErrorKind::unsupported);
  FakeDaemon stranger([](const auto&, const auto&) { return FakeDaemon::response(200, "hello"); });
  EXPECT_EQ(Client::open(stranger.socket(), soon()).error().kind, ErrorKind::unreachable);
}

TEST(Client, AskingForTheVersionLeavesTheConnectionForTheNext) {
  FakeDaemon daemon(answering(FakeDaemon::response(200, "[]")));
  const auto client = Client::open(daemon.socket(), soon());
  ASSERT_TRUE((*client)->list_containers(soon()));
  EXPECT_EQ(daemon.connections(), 1);
}

TEST(Client, StatusesBecomeKindsWithDockersWords) {
  for (const auto& [status, kind] : {std::pair(404, ErrorKind::not_found),
                                     {409, ErrorKind::conflict},
                                     {401, ErrorKind::denied},
                                     {403, ErrorKind::denied},
                                     {400, ErrorKind::refused},
                                     {500, ErrorKind::refused}}) {
    FakeDaemon daemon(answering(FakeDaemon::response(status, R"({"message":"words\u001b[1m\nmore"})")));
    const auto error = (*Client::open(daemon.socket(), soon()))->start_container("x", soon()).error();
    EXPECT_EQ(error.kind, kind);
    EXPECT_EQ(error.message, "docker: words\\x1b[1m");
    EXPECT_EQ(error.details, std::vector<std::string>{"more"});
  }
}

TEST(Client, WhatIsNoJsonIsRefusedAndWhatIsOfAnotherTypeReadsAsEmpty) {
  FakeDaemon garbage(answering(FakeDaemon::response(200, "<html>")));
  const auto client = *Client::open(garbage.socket(), soon());
  EXPECT_EQ(client->inspect_container("x", soon()).error().kind, ErrorKind::refused);
  EXPECT_EQ(client->list_containers(soon()).error().kind, ErrorKind::refused);
  for (const auto* json :
       {"[]", "null", "{}", "7", "\"x\"", R"([1, {"Names": 3, "Ports": [4], "Labels": []}])",
        R"({"State": [], "Config": 1, "HostConfig": null, "NetworkSettings": {"Ports":
                               {"x": [1]}, "Networks": {"n": 2}}, "RepoDigests": {"a": 1}})"}) {
    FakeDaemon daemon(answering(FakeDaemon::response(200, json)));
    const auto strange = *Client::open(daemon.socket(), soon());
    EXPECT_TRUE(strange->inspect_container("x", soon())) << json;
    EXPECT_TRUE(strange->inspect_image("x", soon())) << json;
    EXPECT_TRUE(strange->list_containers(soon())) << json;
    EXPECT_EQ(strange->create_container("x", "{}", soon()).error().kind, ErrorKind::refused) << json;
  }
}

// A value takes a hundred times the two bytes that it may be written in.
TEST(Client, AnAnswerThatDockerDoesNotGiveIsNotParsed) {
  std::string wide = "[0", deep(10'000'000, '[');
  for (int i = 0; i < 5'000'000; ++i) wide += ",0";
  for (const std::string& answer : {wide + "]", deep + std::string(deep.size() / 10, ']')}) {
    FakeDaemon daemon(answering(FakeDaemon::response(200, answer)));
    const auto client = *Client::open(daemon.socket(), soon());
    const auto began = std::chrono::steady_clock::now();
    const auto listed = client->list_containers(soon());
    ASSERT_FALSE(listed);
    EXPECT_EQ(listed.error().kind, ErrorKind::refused);
    EXPECT_EQ(listed.error().message, "docker's answer is nested too deeply, or has too many values");
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
  }
  FakeDaemon daemon(answering(FakeDaemon::response(200, R"([{"Names": ["/[[\"{,"], "Labels": {}}])")));
  EXPECT_TRUE((*Client::open(daemon.socket(), soon()))->list_containers(soon()))
      << "a string is no structure";
}

// A cast of any of these would be undefined, or another number than the one that was meant.
constexpr const char* k_no_numbers[] = {
    "1e300", "-1e300", "1.5", "NaN", "9223372036854775808", "18446744073709551616", "-9223372036854775809",
    "\"7\"", "true",   "[7]"};

std::shared_ptr<Client> client_of(const FakeDaemon& daemon) {
  return Client::open(daemon.socket(), soon()).value();
}

TEST(Client, ANumberThatDockerCannotHaveMeantIsRefused) {
  const std::vector<std::string> members = {
      R"("State": {"ExitCode": #})", R"("RestartCount": #)", R"("Config": {"StopTimeout": #})",
      R"("HostConfig": {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": #}})"};
  for (const std::string& member : members)
    for (const std::string number : k_no_numbers) {
      std::string json = "{" + member + "}";
      json.replace(json.find('#'), 1, number);
      FakeDaemon daemon(answering(FakeDaemon::response(200, json)));
      const auto inspected = client_of(daemon)->inspect_container("x", soon());
      ASSERT_FALSE(inspected) << json;
      EXPECT_EQ(inspected.error().kind, ErrorKind::refused) << json;
      EXPECT_TRUE(inspected.error().message.starts_with("docker's answer")) << inspected.error().message;
    }
}

TEST(Client, APortThatIsNoneIsRefused) {
  std::vector<std::string> numbers(std::begin(k_no_numbers), std::end(k_no_numbers));
  numbers.insert(numbers.end(), {"-1", "65536", "4294967296"});
  for (const std::string key : {"PrivatePort", "PublicPort"})
    for (const std::string& number : numbers) {
      FakeDaemon daemon(
          answering(FakeDaemon::response(200, R"([{"Ports": [{")" + key + "\": " + number + "}]}]")));
      const auto listed = client_of(daemon)->list_containers(soon());
      ASSERT_FALSE(listed) << number;
      EXPECT_EQ(listed.error().kind, ErrorKind::refused) << number;
    }
  FakeDaemon daemon(answering(FakeDaemon::response(
      200, R"({"NetworkSettings": {"Ports": {"99999999999/tcp": [{"HostPort": "-8081"}]}}})")));
  const auto inspected = client_of(daemon)->inspect_container("x", soon());
  ASSERT_TRUE(inspected);
  ASSERT_EQ(inspected->ports.size(), 1U);
  EXPECT_EQ(inspected->ports.front().container_port, 0);
  EXPECT_EQ(inspected->ports.front().host_port, 0);
}

TEST(Client, AnExitCodeThatIsNoneIsRefused) {
  for (const std::string number : k_no_numbers) {
    FakeDaemon daemon([&](const std::string& line, const auto&) {
      if (line == "GET /_ping") return FakeDaemon::pong("1.41");
      if (line.ends_with("/exec")) return FakeDaemon::response(201, R"({"Id": "e"})");
      if (line.ends_with("/start")) return FakeDaemon::response(200, "") + FakeDaemon::k_close;
      return FakeDaemon::response(200, R"({"StatusCode": )" + number + R"(, "ExitCode": )" + number + "}");
    });
    const auto client = client_of(daemon);
    const auto ended = client->await_container("x", Client::Until::not_running, soon());
    ASSERT_FALSE(ended) << number;
    EXPECT_EQ(ended.error().kind, ErrorKind::refused) << number;
    const auto ran = client->exec(
        "x", {"true"}, nullptr, [](bool, std::string_view) {}, soon());
    ASSERT_FALSE(ran) << number;
    EXPECT_EQ(ran.error().kind, ErrorKind::refused) << number;
  }
}

TEST(Client, AFigureOfAPullThatIsNoneReadsAsUnknown) {
  std::string lines;
  for (const std::string number : k_no_numbers)
    lines += R"({"status": "Downloading", "progressDetail": {"current": )" + number + R"(, "total": )" +
             number + "}}\n";
  FakeDaemon daemon(
      answering(FakeDaemon::response(200, lines + R"({"progressDetail": {"current": -1, "total": 7}})")));
  std::vector<std::int64_t> seen;
  ASSERT_TRUE(client_of(daemon)->pull(
      "a", "v1", {},
      [&](const LayerProgress& progress) { seen.push_back(progress.current + progress.total); }, soon()));
  ASSERT_EQ(seen.size(), std::size(k_no_numbers)) << "NaN is not even JSON";
  EXPECT_EQ(seen.back(), 7);
  seen.pop_back();
  EXPECT_THAT(seen, ::testing::Each(0));
}

TEST(Client, TheStopTimeoutIsReadAsTheContainerWasMade) {
  for (const auto& [json, timeout] : {std::pair("{}", std::optional<core::Duration>()),
                                      {R"({"Config": {"StopTimeout": 30}})", std::chrono::seconds(30)},
                                      {R"({"Config": {"StopTimeout": -1}})", core::Duration::max()}}) {
    FakeDaemon daemon(answering(FakeDaemon::response(200, json)));
    EXPECT_EQ(client_of(daemon)->inspect_container("x", soon())->stop_timeout, timeout) << json;
  }
}

TEST(Client, CredentialsGoIntoAHeaderAsUrlSafeBase64) {
  std::string seen;
  FakeDaemon daemon([&](const std::string& line, const auto& request) {
    if (line == "GET /_ping") return FakeDaemon::pong("1.41");
    seen = request;
    return FakeDaemon::response(200, R"({"Descriptor": {"digest": "sha256:1"}})");
  });
  const auto client = *Client::open(daemon.socket(), soon());
  EXPECT_EQ(client->registry_digest("r.example:5000/a/b:v1", RegistryAuth{"u", core::Secret("?>~\xc3\xbf")},
                                    soon()),
            "sha256:1");
  // {"password":"?>~ÿ","serveraddress":"r.example:5000","username":"u"}
  EXPECT_NE(
      seen.find("\r\nX-Registry-Auth: "
                "eyJwYXNzd29yZCI6Ij8-fsO_Iiwic2VydmVyYWRkcmVzcyI6InIuZXhhbXBsZTo1MDAwIiwidXNlcm5hbWUiOiJ1In0="
                "\r\n"),
      std::string::npos)
      << seen;
  EXPECT_TRUE(seen.starts_with("GET /v1.41/distribution/r.example:5000/a/b:v1/json "));
}

TEST(Client, AnErrorInsideAPullsAnswerHasTheKindThatTheRegistryGives) {
  for (const auto& [status, kind] :
       {std::pair(401, ErrorKind::denied), {404, ErrorKind::not_found}, {500, ErrorKind::refused}}) {
    FakeDaemon daemon([status = status](const std::string& line, const auto&) {
      if (line == "GET /_ping") return FakeDaemon::pong("1.41");
      if (line.find("/images/create") != std::string::npos)
        return FakeDaemon::response(200,
                                    "{\"status\":\"Pulling\",\"id\":\"v1\"}\r\n{\"errorDetail\":{},"
                                    "\"error\":\"sorry\"}\r\n");
      return FakeDaemon::response(status, R"({"message":"other words"})");
    });
    const auto client = *Client::open(daemon.socket(), soon());
    std::vector<std::string> seen;
    const auto pulled = client->pull(
        "a", "v1", {}, [&](const LayerProgress& progress) { seen.push_back(progress.status); }, soon());
    EXPECT_EQ(pulled.error().kind, kind);
    EXPECT_EQ(pulled.error().message, "docker: sorry");
    EXPECT_EQ(seen, std::vector<std::string>{"Pulling"});
  }
}

// A host whose docker socket is dead, and whose docker program leads to `daemon`.
class HostWithDialStdio : public host::IdleHost {
public:
  explicit HostWithDialStdio(std::filesystem::path daemon)
      : IdleHost("example"), m_daemon(std::move(daemon)) {}
  Result<host::Output> run(const host::Command& command, const Wait&) override {
    if (command.argv.at(0) == "test") return host::Output{command.argv.at(1) == "-S" ? 0 : 1, {}, {}, {}};
    return host::Output{1, {}, {}, "no docker\n"};
  }
  Result<std::filesystem::path> socket_to(const host::Endpoint& endpoint) override {
    if (std::holds_alternative<host::UnixEndpoint>(endpoint)) return "/nonexistent/docker.sock";
    const auto& command = std::get<host::CommandEndpoint>(endpoint);
    EXPECT_THAT(command.argv, ::testing::ElementsAre("docker", "system", "dial-stdio"));
    EXPECT_EQ(command.tool, host::Tool::docker);
    return m_daemon;
  }

private:
  const std::filesystem::path m_daemon;
};

TEST(Client, GoesThroughDialStdioWhereTheSocketIsClosed) {
  FakeDaemon daemon(answering(FakeDaemon::response(200, "[]")));
  HostWithDialStdio host(daemon.socket());
  const auto client = Client::open(host, {}, soon());
  ASSERT_TRUE(client) << client.error().message;
  EXPECT_TRUE((*client)->list_containers(soon()));
}

TEST(Client, ASocketWithoutPermissionIsDeniedWithWhatToDo) {
  HostWithDialStdio host("/nonexistent/either.sock");
  const auto client = Client::open(host, {}, soon());
  EXPECT_EQ(client.error().kind, ErrorKind::denied);
  EXPECT_EQ(client.error().message,
            "example: the login may not use docker: no permission for /var/run/docker.sock");
  EXPECT_THAT(client.error().next, ::testing::HasSubstr("ssh.sudo: [docker]"));
}

}  // namespace
}  // namespace bgdeploy::engine
