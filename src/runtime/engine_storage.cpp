#include "engine_storage.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/engine/registry.hpp"
#include "bgdeploy/host/account.hpp"
#include "bgdeploy/runtime/disk.hpp"
#include "layers_there.hpp"
#include "pruning.hpp"

namespace bgdeploy::runtime {

using core::ErrorKind;

Result<bool> EngineStorage::remove(const std::vector<std::string>& references, const Wait& wait) {
  for (const auto& reference : references) {
    const auto removed = m_client->remove_image(reference, wait);
    // With its last tag an image loses its digests too.
    if (removed || removed.error().kind == ErrorKind::not_found) continue;
    if (removed.error().kind == ErrorKind::conflict) return false;
    return std::unexpected(removed.error());
  }
  return true;
}

Result<void> EngineStorage::prune(const plan::Leftovers& leftovers, bool only_look,
                                  const std::function<void(const Removed&)>& removed, const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto images, m_client->list_images(wait));
  // After the images: one that a container was made from since then counts as used.
  BGDEPLOY_ASSIGN(const auto containers, m_client->list_containers(wait));
  std::set<std::string> used;
  for (const auto& container : containers) used.insert(container.image_id);
  std::vector<std::string> failures;
  for (const auto& one : superfluous_images(images, used, leftovers)) {
    const auto gone = only_look ? Result<bool>(true) : remove(one.references, wait);
    if (!gone)
      failures.push_back(fmt::format("{}: {}", one.shown.what, gone.error().message));
    else if (*gone)
      removed(one.shown);
  }
  if (failures.empty()) return {};
  return core::fail(
      ErrorKind::refused,
      fmt::format("{} could not be removed",
                  failures.size() == 1 ? std::string("an image") : fmt::format("{} images", failures.size())),
      std::move(failures));
}

Result<InRegistry> EngineStorage::find(const std::string& repository, const std::string& tag_or_digest,
                                       const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto engine, m_client->info(wait));
  BGDEPLOY_ASSIGN(auto image,
                  engine::registry_image(m_host, engine, repository, tag_or_digest, m_auth, wait));
  return InRegistry{std::move(image.digest), image.bytes};
}

Result<std::size_t> layers_there(engine::Client& client, const std::vector<std::string>& contents,
                                 const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto images, client.list_images(wait));
  std::size_t there = 0;
  for (const auto& summary : images) {
    const auto image = client.inspect_image(summary.id, wait);
    if (!image) continue;  // it was removed meanwhile
    const auto [own, other] = std::ranges::mismatch(contents, image->layers);
    there = std::max(there, static_cast<std::size_t>(own - contents.begin()));
  }
  return there;
}

Result<std::int64_t> EngineStorage::lacking(const plan::Release& release, const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto engine, m_client->info(wait));
  BGDEPLOY_ASSIGN(const auto layers,
                  engine::registry_layers(m_host, engine, release.image, release.digest, m_auth, wait));
  std::vector<std::string> contents;
  for (const auto& layer : layers) contents.push_back(layer.content);
  BGDEPLOY_ASSIGN(const std::size_t there, layers_there(*m_client, contents, wait));
  std::int64_t bytes = 0;
  for (std::size_t i = there; i < layers.size(); ++i) bytes += layers[i].bytes;
  return bytes;
}

Result<std::string> EngineStorage::root(const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto engine, m_client->info(wait));
  return engine.root;
}

Result<Room> EngineStorage::room(const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto folder, root(wait));
  if (m_seen && m_seen->folder == folder) return *m_seen;
  return room_in(m_host, folder, wait);
}

constexpr std::string_view k_disk_full = "no space left on device";

std::string disk_full_advice(const std::string& host) {
  return fmt::format("free some space on {}: docker system df shows what takes it", host);
}

// What is not there yet lies where its parent does. df's first line is a heading.
constexpr std::string_view k_find_rooms = R"sh(
find_rooms() {
  rooms=
  for at do
    shift
    case $at in '~' | '~/'*) find_home; at=$home${at#'~'} ;; esac
    while [ -n "$at" ] && [ ! -e "$at" ]; do
      case $at in */*) at=${at%/*} ;; *) return 1 ;; esac
    done
    set -- "$@" "${at:-/}"
  done
  rooms=$(LC_ALL=C df -Pk -- "$@" 2>/dev/null) || { rooms= && return 1; }
  rooms=${rooms#*"
"}
}
)sh";

Result<Room> room_in(host::Host& host, const std::string& folder, const Wait& wait) {
  const std::string script = std::string(host::k_account) + std::string(k_find_rooms) +
                             "find_rooms \"$1\" && printf '%s\\n' \"$rooms\"\n";
  BGDEPLOY_ASSIGN(const auto output,
                  host.run({{"sh", "-c", script, "bgdeploy", folder}, host::Tool::other, {}}, wait));
  return read_room(host.name(), folder, output.ok() ? output.out : "");
}

// "/dev/vda1 41152736 9216328 31919960 23% /"; a device's name may hold blanks.
Result<Room> read_room(const std::string& host, const std::string& folder, std::string_view room) {
  const auto unknown = [&] {
    return core::fail(ErrorKind::refused,
                      fmt::format("{}: how much is free in {} cannot be told", host, folder));
  };
  std::vector<std::string> words;
  for (std::string_view rest = core::trim(room); !rest.empty();) {
    const auto end = std::min(rest.find_first_of(" \t"), rest.size());
    words.emplace_back(rest.substr(0, end));
    rest = core::trim(rest.substr(end));
  }
  const auto percent = std::ranges::find_if(words, [](const std::string& word) {
    return word.ends_with('%') && word.find_first_not_of("0123456789%") == std::string::npos;
  });
  if (percent == words.begin() || percent == words.end()) return unknown();
  const auto kilobytes = core::leading_number<std::int64_t>(*std::prev(percent));
  if (!kilobytes) return unknown();
  return Room{folder, *kilobytes * 1024};
}

}  // namespace bgdeploy::runtime
