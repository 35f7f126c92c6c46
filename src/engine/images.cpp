#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/engine/client.hpp"
#include "bgdeploy/engine/streams.hpp"
#include "json.hpp"

namespace bgdeploy::engine {
namespace {

using core::ErrorKind;

// RFC 4648 section 5, with padding as Go's URLEncoding wants it.
std::string base64url(std::string_view data) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string encoded;
  for (std::size_t i = 0; i < data.size(); i += 3) {
    std::uint32_t bits = 0;
    const std::size_t count = std::min<std::size_t>(3, data.size() - i);
    for (std::size_t j = 0; j < 3; ++j)
      bits = bits << 8 | (j < count ? static_cast<unsigned char>(data[i + j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j)
      encoded.push_back(j <= count ? alphabet[bits >> (18 - 6 * j) & 63U] : '=');
  }
  return encoded;
}

// The part of a repository name that names its registry.
std::string registry_of(std::string_view repository) {
  const auto slash = repository.find('/');
  const auto first = repository.substr(0, slash);
  const bool is_domain = slash != std::string_view::npos &&
                         (first.find_first_of(".:") != std::string_view::npos || first == "localhost");
  return is_domain ? std::string(first) : "https://index.docker.io/v1/";
}

std::vector<std::string> auth_headers(const std::string& repository,
                                      const std::optional<RegistryAuth>& auth) {
  if (!auth) return {};
  const Json json{{"username", auth->username},
                  {"password", auth->password.reveal()},
                  {"serveraddress", registry_of(repository)}};
  return {"X-Registry-Auth: " + base64url(dump_json(json))};
}

LayerProgress progress_of(const Json& json) {
  const Json& detail = member(json, "progressDetail");
  return {core::printable(text_of(json, "id")), core::printable(text_of(json, "status")),
          number_of(detail, "current"), number_of(detail, "total")};
}

// Of "8080/tcp"; a range or another protocol is none of them.
std::vector<int> exposed_by(const Json& image) {
  std::vector<int> ports;
  const Json& exposed = member(member(image, "Config"), "ExposedPorts");
  if (!exposed.is_object()) return ports;
  for (const auto& [name, unused] : exposed.items()) {
    int port = 0;
    const char* const end = name.data() + name.size();
    const auto number = std::from_chars(name.data(), end, port);
    const std::string_view rest(number.ptr, static_cast<std::size_t>(end - number.ptr));
    if (number.ec == std::errc{} && (rest.empty() || rest == "/tcp")) ports.push_back(port);
  }
  std::ranges::sort(ports);
  return ports;
}

}  // namespace

Result<std::string> Client::registry_digest(const std::string& reference,
                                            const std::optional<RegistryAuth>& auth, const Wait& wait) {
  // The reference's slashes are part of the route.
  auto query = request("GET", "/distribution/" + reference + "/json");
  query.headers = auth_headers(reference, auth);
  auto answer = call(query, wait);
  if (!answer) {
    // Without credentials the daemon gives up by itself, with status 500: its words are the only sign.
    auto error = std::move(answer).error();
    const bool wants_login = !auth && error.message.ends_with("no basic auth credentials");
    if (wants_login) error.kind = ErrorKind::denied;
    return std::unexpected(std::move(error));
  }
  const auto& response = *answer;
  BGDEPLOY_ASSIGN(const auto json, parse_json(response.body));
  auto digest = text_of(member(json, "Descriptor"), "digest");
  if (digest.empty()) return core::fail(ErrorKind::refused, "docker: the registry gave no digest");
  return digest;
}

Result<Image> Client::inspect_image(const std::string& reference, const Wait& wait) {
  BGDEPLOY_ASSIGN(auto response, call(request("GET", "/images/" + reference + "/json"), wait));
  BGDEPLOY_ASSIGN(const auto json, parse_json(response.body));
  Image image{text_of(json, "Id"), {}, exposed_by(json), std::move(response.body)};
  for (const auto& digest : member(json, "RepoDigests")) {
    if (digest.is_string()) image.repo_digests.push_back(digest.get<std::string>());
  }
  return image;
}

Result<void> Client::tag_image(const std::string& reference, const std::string& repository,
                               const std::string& tag, const Wait& wait) {
  BGDEPLOY_TRY(call(request("POST", fmt::format("/images/{}/tag?repo={}&tag={}", reference,
                                                percent_encode(repository), percent_encode(tag))),
                    wait));
  return {};
}

Result<void> Client::pull(const std::string& repository, const std::string& tag_or_digest,
                          const std::optional<RegistryAuth>& auth,
                          const std::function<void(const LayerProgress&)>& progress, const Wait& wait) {
  auto create = request("POST", fmt::format("/images/create?fromImage={}&tag={}", percent_encode(repository),
                                            percent_encode(tag_or_digest)));
  create.headers = auth_headers(repository, auth);
  std::string failure;
  LineSplitter lines(1UL << 20, [&](std::string_view line) {
    const auto json = Json::parse(line, nullptr, false);
    if (json.is_discarded()) return;
    if (const auto error = text_of(json, "error"); !error.empty()) {
      failure = core::printable(error);
    } else if (progress) {
      progress(progress_of(json));
    }
  });
  const auto pulled = stream(
      create,
      [&](std::string_view piece) {
        lines.feed(piece);
        return true;
      },
      wait);
  lines.finish();
  if (!pulled && pulled.error().kind != ErrorKind::refused) return std::unexpected(pulled.error());
  if (pulled && failure.empty()) return {};
  auto error = pulled ? core::Error{ErrorKind::refused, "docker: " + failure, {}} : pulled.error();
  if (m_podman) return std::unexpected(std::move(error));
  const char separator = tag_or_digest.starts_with("sha256:") ? '@' : ':';
  const auto asked = registry_digest(repository + separator + tag_or_digest, auth, wait);
  if (!asked) error.kind = asked.error().kind;
  return std::unexpected(std::move(error));
}

}  // namespace bgdeploy::engine
