#include <thread>

#include <fmt/format.h>

#include "bgdeploy/deploy/release/rollback_target.hpp"
#include "bgdeploy/spec/runtime.hpp"
#include "disk.hpp"
#include "parallel.hpp"
#include "prepare.hpp"
#include "release/container_port.hpp"

namespace bgdeploy::deploy {

using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

// The release to deploy with its digest, and today's configuration.
Result<plan::Launch> wanted_launch(const Context& context, const Goal& goal, const World& world,
                                   plan::Launch launch, const Wait& wait) {
  plan::Release& release = launch.release;
  release.id = new_release_id(context.clock.wall());
  if (release.image.empty()) {
    BGDEPLOY_ASSIGN(release.image, world.apps.front().runtime->repository(launch, wait));
  }
  if (world.files) release.digest = world.files->digest;
  if (release.digest.empty()) {
    auto digest = world.apps.front().images->resolve(release.image, goal.tag, wait);
    if (!digest) return std::unexpected(of_the_registry(std::move(digest.error())));
    release.digest = std::move(*digest);
  }
  if (!spec::is_worker(context.spec)) BGDEPLOY_TRY(settle_container_port(world, launch, wait));
  return launch;
}

}  // namespace

core::Error of_the_registry(core::Error error) {
  if (error.kind == ErrorKind::unreachable || error.kind == ErrorKind::denied ||
      error.kind == ErrorKind::untrusted)
    error.kind = ErrorKind::refused;
  return error;
}

Result<Gathered> gather(const Context& context, const Goal& goal, Fleet& fleet, LocalSources local,
                        const Wait& wait) {
  const bool deploying = goal.fresh();
  Gathered gathered;
  gathered.files = std::move(local.files);
  gathered.without_secrets = std::move(local.without_secrets);
  gathered.without_password = std::move(local.without_password);
  std::jthread reading([&] {
    gathered.history = guarded([&]() -> Result<std::vector<HistoryEntry>> {
      BGDEPLOY_ASSIGN(auto entries,
                      read_history(fleet.history_host(), context.spec.history, context.spec.service, wait));
      return of_environment(std::move(entries), context.spec);
    });
    if (deploying || goal.promote)
      gathered.histories = guarded([&] {
                             return read_histories(fleet.history_host(), context.spec.history, wait);
                           }).value_or(Histories{});
    gathered.history_room = guarded([&] { return history_room(context, fleet, wait); });
  });
  BGDEPLOY_TRY(fleet.open_docker(local.secrets, wait));
  if (deploying) {
    World world = fleet.world(context.clock, context.sink);
    world.files = gathered.files;
    gathered.wanted = wanted_launch(context, goal, world, std::move(local.today), wait);
  }
  reading.join();
  return gathered;
}

}  // namespace bgdeploy::deploy
