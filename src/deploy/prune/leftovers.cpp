#include <algorithm>
#include <utility>

#include "bgdeploy/deploy/prune.hpp"

namespace bgdeploy::deploy {

namespace {

constexpr int k_default_images = spec::Prune{}.images;

void add(std::vector<std::string>& list, const std::string& digest) {
  if (!digest.empty() && std::ranges::find(list, digest) == list.end()) list.push_back(digest);
}

// What tells environments of one service apart.
using EnvironmentKey = std::pair<std::string, std::vector<int>>;

// Newest first, beginning with `live`.
std::vector<std::string> kept(const std::vector<const HistoryEntry*>& entries, int images,
                              const std::string& live) {
  const std::size_t most = 1 + static_cast<std::size_t>(std::max(images, 1));
  std::vector<std::string> digests;
  add(digests, live);
  for (auto entry = entries.rbegin(); entry != entries.rend() && digests.size() < most; ++entry)
    if ((*entry)->served) add(digests, (*entry)->to.digest);
  return digests;
}

void keep_all(const spec::Spec& spec, const std::vector<HistoryEntry>& history, bool own,
              const std::string& live, std::vector<std::string>& keep) {
  std::map<EnvironmentKey, std::vector<const HistoryEntry*>> environments;
  for (const HistoryEntry& entry : history) environments[{entry.include, entry.ports}].push_back(&entry);
  const EnvironmentKey ours{environment_include(spec), environment_ports(spec)};
  if (own) environments.try_emplace(ours);
  for (const auto& [key, entries] : environments) {
    const bool here = own && key == ours;
    const int told = entries.empty() ? 0 : entries.back()->keep_images.value_or(k_default_images);
    for (const auto& digest : kept(entries, here ? spec.prune.images : told, here ? live : ""))
      add(keep, digest);
  }
}

}  // namespace

plan::Leftovers leftovers(const spec::Spec& spec, const Histories& histories, const plan::Release& live) {
  plan::Leftovers found{.service = spec.service};
  if (!histories.contains(spec.service)) keep_all(spec, {}, true, live.digest, found.keep);
  for (const auto& [service, history] : histories)
    keep_all(spec, history, service == spec.service, live.digest, found.keep);
  const auto add_old = [&](const plan::Release& release) {
    if (release.digest.empty() || release.image.empty()) return;
    if (std::ranges::find(found.keep, release.digest) != found.keep.end()) return;
    const auto same = [&](const plan::Release& other) {
      return other.digest == release.digest && other.tag == release.tag && other.image == release.image;
    };
    if (std::ranges::none_of(found.old, same))
      found.old.push_back({"", release.tag, release.image, release.digest});
  };
  if (const auto own = histories.find(spec.service); own != histories.end())
    for (auto entry = own->second.rbegin(); entry != own->second.rend(); ++entry) {
      add_old(entry->to);
      add_old(entry->from);
    }
  return found;
}

}  // namespace bgdeploy::deploy
