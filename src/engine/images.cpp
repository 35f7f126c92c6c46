#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "answer.hpp"
#include "bgdeploy/core/base64.hpp"
#include "bgdeploy/core/exposed_ports.hpp"
#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/engine/client.hpp"
#include "bgdeploy/engine/registry.hpp"
#include "bgdeploy/engine/streams.hpp"

namespace bgdeploy::engine {
namespace {

using core::ErrorKind;
using core::Json;
using core::member;
using core::text_of;

std::string server_of(std::string_view repository) {
  auto name = registry_name(repository);
  return name == k_docker_hub ? "https://index.docker.io/v1/" : name;
}

std::vector<std::string> auth_headers(const std::string& repository,
                                      const std::optional<RegistryAuth>& auth) {
  if (!auth) return {};
  const Json json{{"username", auth->username},
                  {"password", auth->password.reveal()},
                  {"serveraddress", server_of(repository)}};
  return {"X-Registry-Auth: " + core::base64url_encode(core::dump_json(json))};
}

// A wrong figure is no reason to give up a pull: it reads as unknown.
LayerProgress progress_of(const Json& json) {
  const Json& detail = member(json, "progressDetail");
  const auto bytes = [&](std::string_view name) {
    return std::max<std::int64_t>(core::integer(member(detail, name)).value_or(0), 0);
  };
  return {core::printable(text_of(json, "id")), core::printable(text_of(json, "status")), bytes("current"),
          bytes("total")};
}

}  // namespace

std::string registry_name(std::string_view repository) {
  const auto slash = repository.find('/');
  const auto first = repository.substr(0, slash);
  const bool is_domain = slash != std::string_view::npos &&
                         (first.find_first_of(".:") != std::string_view::npos || first == "localhost");
  return std::string(is_domain ? first : k_docker_hub);
}

core::ErrorKind kind_of_registry_words(std::string_view words, core::ErrorKind otherwise) {
  // No answer of a registry's own: it would have a status, and so a kind.
  if (otherwise != ErrorKind::refused) return otherwise;
  struct Sign {
    std::string_view words;
    ErrorKind kind;
  };
  constexpr std::array<Sign, 12> k_signs{{
      {"no basic auth credentials", ErrorKind::denied},
      {"authentication required", ErrorKind::denied},
      {"x509: ", ErrorKind::untrusted},
      {"server gave HTTP response to HTTPS client", ErrorKind::untrusted},
      {"dial tcp", ErrorKind::unreachable},
      {"no such host", ErrorKind::unreachable},
      {"connection refused", ErrorKind::unreachable},
      {"connection reset", ErrorKind::unreachable},
      {"i/o timeout", ErrorKind::unreachable},
      {"TLS handshake timeout", ErrorKind::unreachable},
      {"Client.Timeout exceeded", ErrorKind::unreachable},
      {"context deadline exceeded", ErrorKind::unreachable},
  }};
  for (const auto& sign : k_signs)
    if (words.find(sign.words) != std::string_view::npos) return sign.kind;
  return otherwise;
}

Result<std::string> Client::registry_digest(const std::string& reference,
                                            const std::optional<RegistryAuth>& auth, const Wait& wait) {
  // The reference's slashes are part of the route.
  auto query = request("GET", "/distribution/" + reference + "/json");
  query.headers = auth_headers(reference, auth);
  auto answer = call(query, wait);
  if (!answer) {
    auto error = std::move(answer).error();
    error.kind = kind_of_registry_words(error.message, error.kind);
    return std::unexpected(std::move(error));
  }
  const auto& response = *answer;
  BGDEPLOY_ASSIGN(const auto json, parse_answer(response.body));
  auto digest = text_of(member(json, "Descriptor"), "digest");
  if (digest.empty()) return core::fail(ErrorKind::refused, "docker: the registry gave no digest");
  return digest;
}

Result<Image> Client::inspect_image(const std::string& reference, const Wait& wait) {
  BGDEPLOY_ASSIGN(auto response, call(request("GET", "/images/" + reference + "/json"), wait));
  BGDEPLOY_ASSIGN(const auto json, parse_answer(response.body));
  Image image{text_of(json, "Id"),
              {},
              core::exposed_ports(member(member(json, "Config"), "ExposedPorts")),
              {},
              std::move(response.body),
              text_of(json, "Architecture")};
  for (const auto& layer : member(member(json, "RootFS"), "Layers"))
    if (layer.is_string()) image.layers.push_back(layer.get<std::string>());
  for (const auto& digest : member(json, "RepoDigests")) {
    if (digest.is_string()) image.repo_digests.push_back(digest.get<std::string>());
  }
  return image;
}

namespace {

std::vector<std::string> texts_of(const Json& list) {
  std::vector<std::string> texts;
  for (const auto& one : list)
    if (one.is_string()) texts.push_back(one.get<std::string>());
  return texts;
}

// Docker's `<none>` is no name.
std::vector<std::string> names_of(const Json& image, std::string_view key) {
  auto names = texts_of(member(image, key));
  std::erase_if(names, [](const std::string& name) { return name.find("<none>") != std::string::npos; });
  return names;
}

// What `uname -m` calls a processor, and images do otherwise.
std::string image_architecture(const std::string& machine) {
  if (machine == "x86_64") return "amd64";
  if (machine == "aarch64") return "arm64";
  if (machine.starts_with("armv")) return "arm";
  return machine;
}

}  // namespace

Result<std::vector<ImageSummary>> Client::list_images(const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto response, call(request("GET", "/images/json"), wait));
  BGDEPLOY_ASSIGN(const auto json, parse_answer(response.body));
  std::vector<ImageSummary> images;
  for (const auto& entry : json)
    images.push_back({text_of(entry, "Id"), names_of(entry, "RepoTags"), names_of(entry, "RepoDigests"),
                      core::strings_of(entry, "Labels"),
                      std::max<std::int64_t>(core::integer(member(entry, "Size")).value_or(0), 0)});
  return images;
}

Result<void> Client::remove_image(const std::string& reference, const Wait& wait) {
  BGDEPLOY_TRY(call(request("DELETE", "/images/" + reference), wait));
  return {};
}

Result<Info> Client::info(const Wait& wait) {
  const std::scoped_lock lock(m_info_mutex);
  if (m_info) return *m_info;
  BGDEPLOY_ASSIGN(const auto response, call(request("GET", "/info"), wait));
  BGDEPLOY_ASSIGN(const auto json, parse_answer(response.body));
  Info info{text_of(json, "DockerRootDir"), text_of(json, "OSType"),
            image_architecture(text_of(json, "Architecture"))};
  info.proxy = text_of(json, "HttpsProxy");
  // [["driver-type", "io.containerd.snapshotter.v1"]]
  info.containerd_images =
      core::dump_json(member(json, "DriverStatus")).find("io.containerd.") != std::string::npos;
  const Json& registries = member(json, "RegistryConfig");
  info.mirrors = !member(registries, "Mirrors").empty();
  info.insecure_registries = texts_of(member(registries, "InsecureRegistryCIDRs"));
  if (const Json& known = member(registries, "IndexConfigs"); known.is_object())
    for (const auto& [name, config] : known.items())
      if (!core::flag_of(config, "Secure")) info.insecure_registries.push_back(name);
  m_info = info;
  return info;
}

Result<void> Client::tag_image(const std::string& reference, const std::string& repository,
                               const std::string& tag, const Wait& wait) {
  BGDEPLOY_TRY(call(request("POST", fmt::format("/images/{}/tag?repo={}&tag={}", reference,
                                                percent_encode(repository), percent_encode(tag))),
                    wait));
  return {};
}

Result<void> Client::load(const Upload& images, const Wait& wait) {
  auto post = request("POST", "/images/load?quiet=1");
  post.upload = &images;
  BGDEPLOY_ASSIGN(const auto response, call(post, wait));
  for (const auto& line : core::split_lines(response.body))
    if (const auto json = parse_answer(line))
      if (const auto error = text_of(*json, "error"); !error.empty())
        return core::fail(ErrorKind::refused, "docker: " + core::printable(core::trim(error)));
  return {};
}

Result<void> Client::save(const std::string& reference, const Http::Sink& sink, const Wait& wait) {
  BGDEPLOY_TRY(stream(request("GET", "/images/" + reference + "/get"), sink, wait));
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
    const auto json = parse_answer(line);
    if (!json) return;
    if (const auto error = text_of(*json, "error"); !error.empty()) {
      failure = core::printable(core::trim(error));
    } else if (progress) {
      progress(progress_of(*json));
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
  error.kind = kind_of_registry_words(error.message, error.kind);
  if (m_podman || error.kind != ErrorKind::refused) return std::unexpected(std::move(error));
  const char separator = tag_or_digest.starts_with("sha256:") ? '@' : ':';
  const auto asked = registry_digest(repository + separator + tag_or_digest, auth, wait);
  if (!asked) error.kind = asked.error().kind;
  return std::unexpected(std::move(error));
}

}  // namespace bgdeploy::engine
