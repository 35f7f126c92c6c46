#include "engine_images.hpp"

#include <fmt/format.h>

#include <utility>

#include "bgdeploy/core/json.hpp"
#include "bgdeploy/engine/registry.hpp"
#include "bgdeploy/runtime/docker_container.hpp"

namespace bgdeploy::runtime {

using core::ErrorKind;

namespace {

std::string docker_id(const plan::Release& release) {
  return "sha256:" + release.digest.substr(plan::k_sent.size());
}

// The digest that the image was built for, by its labels; empty where they name none of the service.
std::string build_of(const engine::Image& image, const std::string& service) {
  const auto json = core::Json::parse(image.json, nullptr, false);
  const auto& labels = core::member(core::member(json, "Config"), "Labels");
  std::string digest = core::text_of(labels, label::k_build);
  const bool whole = digest.starts_with(plan::k_built) && digest.size() == plan::k_built.size() + 64 &&
                     digest.find_first_not_of("0123456789abcdef", plan::k_built.size()) == std::string::npos;
  return whole && core::text_of(labels, label::k_build_of) == service ? digest : "";
}

}  // namespace

// What a registry's refusal means for the spec. Docker's own words stay below. `what`: a tag or a digest;
// empty where no image was asked for.
core::Error EngineImages::refused(const std::string& image, const std::string& what,
                                  core::Error error) const {
  const std::string registry = engine::registry_name(image);
  const std::string said = std::exchange(error.message, "");
  // "…: dial tcp 10.0.0.5:5000: connect: connection refused"
  const auto colon = said.rfind(": ");
  const std::string cause = colon == std::string::npos ? said : said.substr(colon + 2);
  switch (error.kind) {
    case ErrorKind::not_found:
      error.message =
          fmt::format("{} has no {} {}", image, what.starts_with("sha256:") ? "image" : "tag", what);
      error.next = "was it pushed, and is it spelled right?";
      break;
    case ErrorKind::denied:
      error.message = m_auth ? fmt::format("the registry {} refuses the login of {} for {}", registry,
                                           m_auth->username, image)
                             : fmt::format("the registry {} wants a login for {}", registry, image);
      error.next = m_auth ? "correct username and password in `registry`; may that user read the repository?"
                          : "set registry: {username, password}; or is `image` spelled wrong?";
      break;
    case ErrorKind::unreachable:
      error.message = fmt::format("the registry {} does not answer {}: {}", registry, m_host.name(), cause);
      error.next = fmt::format("does it run, and does a firewall let {} reach it?", m_host.name());
      break;
    case ErrorKind::untrusted:
      error.message =
          fmt::format("docker on {} does not trust the registry {}: {}", m_host.name(), registry, cause);
      error.next = fmt::format(
          "give docker there its certificate, in /etc/docker/certs.d/{}/ca.crt, or list it under "
          "insecure-registries in /etc/docker/daemon.json",
          registry);
      break;
    default:
      error.message = said;
      if (what.empty())
        return std::move(error).within(fmt::format("the registry {} refuses {}", registry, m_host.name()));
      return std::move(error).within(
          fmt::format("cannot get {}{}{}", image, what.starts_with("sha256:") ? "@" : ":", what));
  }
  error.details.insert(error.details.begin(), said);
  return error;
}

Result<std::string> EngineImages::resolve(const std::string& image, const std::string& tag,
                                          const Wait& wait) {
  if (m_client->podman()) return resolve_by_pulling(image, tag, wait);
  auto digest = m_client->registry_digest(image + ":" + tag, m_auth, wait);
  if (!digest) return std::unexpected(refused(image, tag, std::move(digest.error())));
  return digest;
}

// By a digest that no image has: which tags there are nobody has said.
Result<void> EngineImages::reach_registry(const std::string& image, const Wait& wait) {
  const std::string nobodys = "sha256:" + std::string(64, '0');
  auto asked = m_client->registry_digest(image + "@" + nobodys, m_auth, wait);
  if (asked || asked.error().kind == ErrorKind::not_found) return {};
  return std::unexpected(refused(image, "", std::move(asked.error())));
}

Result<bool> EngineImages::present(const plan::Release& release, const Wait& wait) {
  const auto image = m_client->inspect_image(image_reference(release), wait);
  if (image) return true;
  if (image.error().kind == ErrorKind::not_found) return false;
  return std::unexpected(image.error());
}

Result<std::optional<std::string>> EngineImages::digest_of_id(const plan::Release& release,
                                                              const Wait& wait) {
  const auto image = m_client->inspect_image(docker_id(release), wait);
  if (!image && image.error().kind == ErrorKind::not_found) return std::nullopt;
  if (!image) return std::unexpected(image.error());
  const plan::Release built{.image = release.image, .digest = build_of(*image, m_service)};
  if (built.digest.empty()) return release.digest;
  // What was made FROM a build has its labels too, and a build's own tag may be gone.
  const auto tagged = m_client->inspect_image(image_reference(built), wait);
  if (!tagged && tagged.error().kind != ErrorKind::not_found) return std::unexpected(tagged.error());
  return tagged && tagged->id == image->id ? built.digest : release.digest;
}

// Podman's API has no way to ask a registry. The image is wanted on the host anyway.
Result<std::string> EngineImages::resolve_by_pulling(const std::string& image, const std::string& tag,
                                                     const Wait& wait) {
  const auto reference = image + ":" + tag;
  const auto failed = [&](core::Error error) {
    return std::unexpected(refused(image, tag, std::move(error)));
  };
  if (auto pulled = m_client->pull(image, tag, m_auth, {}, wait); !pulled) return failed(pulled.error());
  auto there = m_client->inspect_image(reference, wait);
  if (!there) return failed(there.error());
  for (const auto& digest : there->repo_digests)
    if (digest.starts_with(image + "@")) return digest.substr(image.size() + 1);
  return failed({ErrorKind::refused, "the engine tells no digest of it", {}});
}

Result<std::optional<std::vector<int>>> EngineImages::exposed(const plan::Release& release,
                                                              const Wait& wait) {
  auto image = m_client->inspect_image(image_reference(release), wait);
  // Only pull() gives it the release's own tag.
  if (!image && image.error().kind == ErrorKind::not_found && release.sent())
    image = m_client->inspect_image(docker_id(release), wait);
  if (image) return std::optional(std::move(image->exposed));
  if (image.error().kind == ErrorKind::not_found) return std::nullopt;
  return std::unexpected(image.error());
}

Result<void> EngineImages::pull(const plan::Release& release,
                                const std::function<void(const PullProgress&)>& progress, const Wait& wait) {
  BGDEPLOY_ASSIGN(const bool there, present(release, wait));
  if (there) return {};
  const auto reference = image_reference(release);
  if (release.built())
    return core::fail(ErrorKind::not_found,
                      fmt::format("{} was built on {} and its image is gone there", reference, m_host.name()),
                      {}, "deploy it again from its source");
  if (release.sent()) {
    BGDEPLOY_ASSIGN(const auto untagged, digest_of_id(release, wait));
    if (untagged) return m_client->tag_image(docker_id(release), release.image, local_tag(release), wait);
    return core::fail(ErrorKind::not_found,
                      fmt::format("{} was sent to {} and its image is gone there", reference, m_host.name()),
                      {}, "deploy it again from its archive");
  }
  const auto on_layer = [&](const engine::LayerProgress& layer) {
    if (progress) progress({layer.layer, layer.status, layer.current, layer.total});
  };
  const auto& wanted = release.digest.empty() ? release.tag : release.digest;
  auto pulled = m_client->pull(release.image, wanted, m_auth, on_layer, wait);
  if (!pulled) return std::unexpected(refused(release.image, wanted, std::move(pulled.error())));
  // An image with a digest only counts as dangling, and goes with the first `docker image prune`.
  if (!release.tag.empty() && !release.digest.empty())
    BGDEPLOY_TRY(m_client->tag_image(reference, release.image, release.tag, wait));
  return {};
}

}  // namespace bgdeploy::runtime
