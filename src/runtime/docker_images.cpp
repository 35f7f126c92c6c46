#include "docker_images.hpp"

#include <fmt/format.h>

#include "bgdeploy/runtime/docker_container.hpp"

namespace bgdeploy::runtime {

using core::ErrorKind;

Result<std::string> DockerImages::resolve(const std::string& image, const std::string& tag,
                                          const Wait& wait) {
  if (m_client->podman()) return resolve_by_pulling(image, tag, wait);
  const auto reference = image + ":" + tag;
  auto digest = m_client->registry_digest(reference, m_auth, wait);
  if (!digest) return std::unexpected(std::move(digest).error().within("cannot resolve " + reference));
  return digest;
}

Result<bool> DockerImages::present(const plan::Release& release, const Wait& wait) {
  const auto image = m_client->inspect_image(image_reference(release), wait);
  if (image) return true;
  if (image.error().kind == ErrorKind::not_found) return false;
  return std::unexpected(image.error());
}

// Podman's API has no way to ask a registry. The image is wanted on the host anyway.
Result<std::string> DockerImages::resolve_by_pulling(const std::string& image, const std::string& tag,
                                                     const Wait& wait) {
  const auto reference = image + ":" + tag;
  const auto failed = [&](core::Error error) {
    return std::unexpected(std::move(error).within("cannot resolve " + reference));
  };
  if (auto pulled = m_client->pull(image, tag, m_auth, {}, wait); !pulled) return failed(pulled.error());
  auto there = m_client->inspect_image(reference, wait);
  if (!there) return failed(there.error());
  for (const auto& digest : there->repo_digests)
    if (digest.starts_with(image + "@")) return digest.substr(image.size() + 1);
  return failed({ErrorKind::refused, "the engine tells no digest of it", {}});
}

Result<std::optional<std::vector<int>>> DockerImages::exposed(const plan::Release& release,
                                                              const Wait& wait) {
  auto image = m_client->inspect_image(image_reference(release), wait);
  if (image) return std::optional(std::move(image->exposed));
  if (image.error().kind == ErrorKind::not_found) return std::nullopt;
  return std::unexpected(image.error());
}

Result<void> DockerImages::pull(const plan::Release& release,
                                const std::function<void(const PullProgress&)>& progress, const Wait& wait) {
  BGDEPLOY_ASSIGN(const bool there, present(release, wait));
  if (there) return {};
  const auto reference = image_reference(release);
  if (release.built()) {
    return core::fail(ErrorKind::not_found,
                      fmt::format("{} was built on {} and its image is gone there", reference, m_host.name()),
                      {"deploy it again from its source"});
  }
  const auto on_layer = [&](const engine::LayerProgress& layer) {
    if (progress) progress({layer.layer, layer.status, layer.current, layer.total});
  };
  auto pulled = m_client->pull(release.image, release.digest.empty() ? release.tag : release.digest, m_auth,
                               on_layer, wait);
  if (!pulled) return std::unexpected(std::move(pulled).error().within("cannot pull " + reference));
  // An image with a digest only counts as dangling, and goes with the first `docker image prune`.
  if (!release.tag.empty() && !release.digest.empty())
    BGDEPLOY_TRY(m_client->tag_image(reference, release.image, release.tag, wait));
  return {};
}

}  // namespace bgdeploy::runtime
