#include "disk.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/archive/load_stream.hpp"
#include "bgdeploy/core/size.hpp"
#include "bgdeploy/deploy/deadlines.hpp"
#include "bgdeploy/report/words.hpp"
#include "bgdeploy/runtime/disk.hpp"
#include "parallel.hpp"

namespace bgdeploy::deploy {

using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

using archive::k_grows;
// The history of a deploy, and what its lock writes.
constexpr std::int64_t k_history_bytes = 1 << 20;

std::string figure(std::int64_t bytes) {
  return core::short_bytes(bytes);
}

// Compressed.
Result<std::int64_t> size_of(const App& app, const plan::Release& release, const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto found, app.storage->find(release.image, release.digest, wait));
  return found.bytes;
}

// `how`: what the bytes consist of.
Result<void> fits(const App& app, std::int64_t bytes, const std::string& how, const Wait& wait) {
  if (bytes == 0) return {};
  const auto room = app.storage->room(wait);
  // An engine that does not tell where it keeps images.
  if (!room) return room.error().kind == ErrorKind::refused ? Result<void>{} : std::unexpected(room.error());
  if (bytes <= room->free) return {};
  return core::fail(
      ErrorKind::refused,
      fmt::format("{}: the image does not fit: it needs about {} in {} ({}), and {} are free", app.name,
                  figure(bytes), room->folder, how, figure(room->free)),
      {"see what old releases left there with `bgdeploy prune --dry-run`, and remove it with `bgdeploy "
       "prune`"});
}

Result<void> compressed_fits(const App& app, std::int64_t bytes, const Wait& wait) {
  return fits(app, bytes * k_grows,
              fmt::format("{} compressed, {} times that while it is unpacked", figure(bytes), k_grows), wait);
}

}  // namespace

SizeAhead::SizeAhead(const App& app, plan::Release release, const Wait& wait) : m_stop(wait.stop, {}) {
  const Wait own{wait.deadline, m_stop.token()};
  const auto ask = [this, app, release = std::move(release), own] {
    const auto there = guarded([&] { return app.images->present(release, own); });
    if (there && !*there)
      m_size = guarded([&] { return size_of(app, release, own.at_most(deadlines::k_registry)); });
  };
  (void)guarded([&]() -> Result<void> { return m_asking = std::jthread(ask), Result<void>{}; });
}

std::optional<Result<std::int64_t>> SizeAhead::take() {
  if (m_asking.joinable()) m_asking.join();
  return std::exchange(m_size, std::nullopt);
}

Result<runtime::Room> history_room(const Context& context, const Fleet& fleet, const Wait& wait) {
  return runtime::room_in(fleet.history_host(), context.spec.history.dir, wait);
}

Result<void> history_fits(const std::string& host, const runtime::Room& room) {
  if (room.free >= k_history_bytes) return {};
  return core::fail(ErrorKind::refused,
                    fmt::format("{}: the history needs about {} in {}, and {} are free", host,
                                figure(k_history_bytes), room.folder, figure(room.free)));
}

Result<void> enough_disk(const Context& context, const World& world, const std::vector<std::size_t>& hosts,
                         const plan::Release& release, SizeAhead* ahead, const Wait& wait) {
  if (release.built() || release.digest.empty() || (release.sent() && !world.archive)) return {};
  std::vector<std::size_t> pulling;
  for (const std::size_t host : hosts) {
    BGDEPLOY_ASSIGN(const bool there, world.apps[host].images->present(release, wait));
    if (!there) pulling.push_back(host);
  }
  if (pulling.empty()) return {};
  std::vector<Result<void>> results(pulling.size());
  const auto each = [&](const auto& fits_on) -> Result<void> {
    for_each_parallel(results.size(), context.spec.parallel,
                      [&](std::size_t i) { results[i] = fits_on(world.apps[pulling[i]]); });
    for (Result<void>& result : results) BGDEPLOY_TRY(std::move(result));
    return {};
  };
  if (release.sent())
    return each([&](const App& app) -> Result<void> {
      BGDEPLOY_ASSIGN(const auto send, app.images->lacking(*world.archive, wait));
      return fits(app, send.room, fmt::format("{} to send", figure(send.bytes)), wait);
    });
  const auto unknown = [&](const App& app, const core::Error& error) -> Result<void> {
    if (wait.stop.stop_requested()) return std::unexpected(error);
    context.sink.emit(
        report::Info{"whether the image fits on the disk is not known: " + error.message, app.name});
    return {};
  };
  const Wait patient = wait.at_most(deadlines::k_registry);
  const App& first = world.apps[pulling.front()];
  const auto asked = ahead != nullptr ? ahead->take() : std::nullopt;
  const Result<std::int64_t> size = asked ? *asked : size_of(first, release, patient);
  if (!size) return unknown(first, size.error());
  // Nearly always all of it fits, and what is there already does not matter.
  return each([&](const App& app) -> Result<void> {
    if (compressed_fits(app, *size, wait)) return {};
    const auto lacking = app.storage->lacking(release, patient);
    return lacking ? compressed_fits(app, *lacking, wait) : unknown(app, lacking.error());
  });
}

Result<std::string> disk_of(const App& app, const plan::Release& live, const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto room, app.storage->room(wait));
  std::string words = fmt::format("{} free in {}", figure(room.free), room.folder);
  if (live.local() || live.digest.empty()) return words;
  const auto size = size_of(app, live, wait.at_most(deadlines::k_registry));
  if (!size) return words;
  words += fmt::format("; a release like {} needs up to {}", plan::describe(live), figure(*size * k_grows));
  if (room.free < *size) return core::fail(ErrorKind::refused, std::move(words));
  return words;
}

Result<std::string> disk_of_history(const Context& context, const Fleet& fleet, const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto room, history_room(context, fleet, wait));
  BGDEPLOY_TRY(history_fits(fleet.history_host().name(), room));
  return fmt::format("{} free in {}", figure(room.free), room.folder);
}

}  // namespace bgdeploy::deploy
