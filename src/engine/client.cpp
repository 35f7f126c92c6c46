#include "bgdeploy/engine/client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "answer.hpp"
#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"

namespace bgdeploy::engine {
namespace {

using core::ErrorKind;

constexpr int k_oldest = 41, k_newest = 45;  // of API 1.x
constexpr std::string_view k_socket = "/var/run/docker.sock";

ErrorKind kind_of(int status) {
  switch (status) {
    case 401:
    case 403:
      return ErrorKind::denied;
    case 404:
      return ErrorKind::not_found;
    case 409:
      return ErrorKind::conflict;
    default:
      return ErrorKind::refused;
  }
}

// 41 of "1.41"; 0 where it is something else.
int minor_of(std::string_view version) {
  if (!version.starts_with("1.")) return 0;
  return core::leading_number<int>(version.substr(2)).value_or(0);
}

// Where the daemon listens, as far as it can be told. DOCKER_HOST of this machine says nothing about another.
std::string socket_path(const host::Host& host) {
  constexpr std::string_view scheme = "unix://";
  const char* variable = std::getenv("DOCKER_HOST");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  if (host.name() == "local" && variable && std::string_view(variable).starts_with(scheme))
    return variable + scheme.size();
  return std::string(k_socket);
}

// The commands that carry a connection to the daemon.
std::vector<std::vector<std::string>> dial_commands(const std::optional<std::string>& own) {
  if (!own) return {{"docker", "system", "dial-stdio"}};
  const std::string url = "unix://" + *own;
  return {{"docker", "--host", url, "system", "dial-stdio"},
          {"podman", "--url", url, "system", "dial-stdio"}};
}

// Asks the host why no way led to the daemon. Exit codes only: docker's words are for the user.
core::Error explain(host::Host& host, const std::string& socket, bool own, const Wait& wait) {
  const auto yes = [&](std::vector<std::string> argv) {
    const auto output = host.run({std::move(argv), host::Tool::other, {}}, wait);
    return output && output->ok();
  };
  const auto& name = host.name();
  const std::string who = host.login().empty() ? "the login" : core::printable(host.login());
  const bool through_sudo = !host.prefix(host::Tool::docker).empty();
  if (!through_sudo && yes({"test", "-S", socket}) && !yes({"test", "-w", socket}))
    return {ErrorKind::denied,
            fmt::format("{}: {} may not use docker: no permission for {}", name, who, socket),
            {},
            fmt::format("add {} to the group docker there, or set ssh.sudo: [docker]", who)};
  if (own) {
    const bool there = yes({"test", "-e", socket});
    return {
        ErrorKind::unreachable,
        fmt::format("{}: nothing answers on docker.socket {}", name, socket),
        {},
        there
            ? "start the engine there; Podman: systemctl --user start podman.socket"
            : "it does not exist: start the engine there (Podman: systemctl --user start podman.socket), or "
              "mend docker.socket: `docker context inspect` and `podman info` show the path"};
  }
  constexpr const char* k_programs =
      "PATH=$PATH:/usr/local/bin:/usr/sbin:/sbin; command -v docker || command -v dockerd || command -v "
      "podman";
  const auto installed = host.run({{"sh", "-c", k_programs}, host::Tool::other, {}}, wait);
  if (!installed && installed.error().kind == ErrorKind::denied) return installed.error();
  if (installed && !installed->ok())
    return {ErrorKind::unreachable,
            fmt::format("{}: docker is not installed (20.10 or newer)", name),
            {},
            fmt::format("install docker on {} (Debian, Ubuntu: sudo apt install docker.io)", name)};
  const auto output = host.run({{"docker", "version"}, host::Tool::docker, {}}, wait);
  if (!output && output.error().kind == ErrorKind::denied) return output.error();
  core::Error error{ErrorKind::unreachable,
                    fmt::format("{}: no docker daemon answers", name),
                    {},
                    fmt::format("start it on {}: sudo systemctl start docker", name)};
  if (output) error.details = core::split_lines(core::printable(core::trim(output->err), true));
  return error;
}

}  // namespace

core::Error docker_error(const Response& response) {
  std::string message;
  if (const auto json = parse_answer(response.body)) message = core::text_of(*json, "message");
  if (message.empty()) message = fmt::format("HTTP {}", response.status);
  auto lines = core::split_lines(core::printable(message, true));
  if (lines.empty()) lines.emplace_back();
  core::Error error{kind_of(response.status), "docker: " + lines.front(), {}};
  error.details.assign(lines.begin() + 1, lines.end());
  return error;
}

Client::Client(std::unique_ptr<Http> http, std::string version, bool podman)
    : m_http(std::move(http)), m_version(std::move(version)), m_podman(podman) {}

Result<std::shared_ptr<Client>> Client::open(const std::filesystem::path& socket, const Wait& wait) {
  auto http = std::make_unique<Http>(socket);
  BGDEPLOY_ASSIGN(const auto response, http->send({"GET", "/_ping", {}, {}}, wait));
  const int server = minor_of(response.api_version);
  if (response.status != 200 || server == 0)
    return core::fail(ErrorKind::unreachable, "what answers on the socket is not a docker daemon");
  if (server < k_oldest) {
    return core::fail(ErrorKind::unsupported,
                      fmt::format("docker speaks API {} only; 1.{} (Docker 20.10) or newer is needed",
                                  response.api_version, k_oldest),
                      {}, "update docker there to 20.10 or newer");
  }
  return std::make_shared<Client>(std::move(http), fmt::format("1.{}", std::min(server, k_newest)),
                                  response.podman);
}

Result<std::shared_ptr<Client>> Client::open(host::Host& host, const std::optional<std::string>& own,
                                             const Wait& wait) {
  const std::string path = own.value_or(socket_path(host));
  std::vector<host::Endpoint> ways{host::UnixEndpoint{path}};
  for (auto& command : dial_commands(own))
    ways.emplace_back(host::CommandEndpoint{std::move(command), host::Tool::docker});
  for (const auto& way : ways) {
    BGDEPLOY_ASSIGN(const auto socket, host.socket_to(way));
    auto client = open(socket, wait.at_most(std::chrono::seconds(20)));
    if (client)
      (*client)->m_http->explain_by([&host, way]() -> std::optional<core::Error> {
        const auto there = host.socket_to(way);
        return there ? std::nullopt : std::optional(there.error());
      });
    if (client && std::holds_alternative<host::CommandEndpoint>(way)) {
      (*client)->share_places(host);
      host.when_crowded([kept = std::weak_ptr(*client)] {
        if (const auto alive = kept.lock()) alive->drop_idle();
      });
    }
    if (client) return client;
    const auto kind = client.error().kind;
    if (kind == ErrorKind::unsupported || kind == ErrorKind::cancelled)
      return std::unexpected(std::move(client).error().within(host.name()));
    if (wait.left().count() == 0) return std::unexpected(std::move(client).error().within(host.name()));
  }
  return std::unexpected(explain(host, path, own.has_value(), wait));
}

void Client::share_places(host::Host& host) {
  m_http->keep_none_while([&host] { return host.crowded(); });
}

void Client::drop_idle() {
  m_http->drop_idle();
}

Request Client::request(std::string method, std::string path, std::string body) const {
  return {std::move(method), "/v" + m_version + std::move(path), std::move(body), {}};
}

Result<Response> Client::call(const Request& request, const Wait& wait) {
  BGDEPLOY_ASSIGN(auto response, m_http->send(request, wait));
  if (response.status >= 400) return std::unexpected(docker_error(response));
  return response;
}

Result<Response> Client::stream(const Request& request, const Http::Sink& sink, const Wait& wait) {
  BGDEPLOY_ASSIGN(auto response, m_http->stream(request, sink, wait));
  if (response.status >= 400) return std::unexpected(docker_error(response));
  return response;
}

}  // namespace bgdeploy::engine
