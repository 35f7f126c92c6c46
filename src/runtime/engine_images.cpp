#include "engine_images.hpp"

#include <fmt/format.h>

#include <utility>

#include "bgdeploy/engine/registry.hpp"
#include "bgdeploy/runtime/docker_container.hpp"

namespace bgdeploy::runtime {

using core::ErrorKind;

namespace {

std::string docker_id(const plan::Release& release) {
  return "sha256:" + release.digest.substr(plan::k_sent.size());
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

Result<bool> EngineImages::has_id(const plan::Release& release, const Wait& wait) {
  const auto image = m_client->inspect_image(docker_id(release), wait);
  if (image) return true;
  if (image.error().kind == ErrorKind::not_found) return false;
  return std::unexpected(image.error());
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
    BGDEPLOY_ASSIGN(const bool untagged, has_id(release, wait));
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
