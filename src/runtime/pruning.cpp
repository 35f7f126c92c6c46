#include "pruning.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/runtime/docker_container.hpp"
#include "engine_containers.hpp"

namespace bgdeploy::runtime {
namespace {

// Docker leaves out what Podman writes, and the other way round.
std::string plain_repository(std::string_view name) {
  for (const std::string_view prefix : {"docker.io/", "library/", "localhost/"})
    if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  return std::string(name);
}

bool lists(const std::vector<std::string>& list, std::string_view text) {
  return std::ranges::find(list, text) != list.end();
}

struct Name {
  std::string repository, rest;  // "1.0", or "sha256:…"
};

Name parts(const std::string& reference, char separator) {
  const auto at = reference.rfind(separator);
  if (at == std::string::npos) return {plain_repository(reference), ""};
  return {plain_repository(std::string_view(reference).substr(0, at)), reference.substr(at + 1)};
}

class Choice {
public:
  explicit Choice(const plan::Leftovers& leftovers) : m_leftovers(leftovers) {}

  // Nothing where it has to stay.
  std::optional<Superfluous> of(const engine::ImageSummary& image) const {
    std::string built = value_of(image.labels, label::k_build);
    const bool own_build = !built.empty() && value_of(image.labels, label::k_build_of) == m_leftovers.service;
    if (const auto sent = sent_as(image); !sent.empty()) built = sent;
    if (!built.empty() && lists(m_leftovers.keep, built)) return std::nullopt;
    bool ours = own_build;
    std::string shown = built;
    for (const auto& digest : image.repo_digests) {
      const Name name = parts(digest, '@');
      if (lists(m_leftovers.keep, name.rest)) return std::nullopt;
      if (const auto* old = release(name.repository, name.rest)) {
        ours = true;
        shown = plan::describe(*old);
      }
    }
    for (const auto& old : m_leftovers.old)
      if (!built.empty() && old.digest == built) {
        ours = true;
        shown = plan::describe(old);
      }
    if (!ours) return std::nullopt;
    for (const auto& tag : image.repo_tags)
      if (!is_own_tag(parts(tag, ':'), image, built)) return std::nullopt;
    Superfluous found{{built == label::k_part ? "layers of an image that was not sent to its end"
                                              : fmt::format("image {}:{}", repository(image), shown),
                       image.size},
                      image.repo_tags};
    found.references.insert(found.references.end(), image.repo_digests.begin(), image.repo_digests.end());
    if (found.references.empty()) found.references.push_back(image.id);
    return found;
  }

private:
  const plan::Release* release(const std::string& repository, const std::string& digest) const {
    const auto found = std::ranges::find_if(m_leftovers.old, [&](const plan::Release& old) {
      return old.digest == digest && plain_repository(old.image) == repository;
    });
    return found == m_leftovers.old.end() ? nullptr : &*found;
  }

  // The digest of the release whose image came from an archive.
  std::string sent_as(const engine::ImageSummary& image) const {
    const auto is_its = [&](const std::string& digest) {
      return digest.starts_with(plan::k_sent) &&
             std::ranges::any_of(image.repo_tags,
                                 [tag = local_tag({.digest = digest})](const std::string& own) {
                                   return parts(own, ':').rest == tag;
                                 });
    };
    if (const auto kept = std::ranges::find_if(m_leftovers.keep, is_its); kept != m_leftovers.keep.end())
      return *kept;
    const auto old = std::ranges::find_if(m_leftovers.old, is_its, &plan::Release::digest);
    return old == m_leftovers.old.end() ? "" : old->digest;
  }

  // A tag that a deploy gave it: that of one of its releases, or of its build.
  bool is_own_tag(const Name& tag, const engine::ImageSummary& image, const std::string& built) const {
    if (!built.empty() && tag.rest == local_tag({.digest = built})) return true;
    return std::ranges::any_of(m_leftovers.old, [&](const plan::Release& old) {
      const bool same =
          old.digest == built || std::ranges::any_of(image.repo_digests, [&](const std::string& digest) {
            return parts(digest, '@').rest == old.digest;
          });
      return same && old.tag == tag.rest && plain_repository(old.image) == tag.repository;
    });
  }

  static std::string repository(const engine::ImageSummary& image) {
    if (!image.repo_tags.empty()) return parts(image.repo_tags.front(), ':').repository;
    return image.repo_digests.empty() ? "" : parts(image.repo_digests.front(), '@').repository;
  }

  const plan::Leftovers& m_leftovers;
};

}  // namespace

std::vector<Superfluous> superfluous_images(const std::vector<engine::ImageSummary>& images,
                                            const std::set<std::string>& used,
                                            const plan::Leftovers& leftovers) {
  std::vector<Superfluous> found;
  const Choice choice(leftovers);
  for (const auto& image : images)
    if (!used.contains(image.id))
      if (auto one = choice.of(image)) found.push_back(std::move(*one));
  return found;
}

}  // namespace bgdeploy::runtime
