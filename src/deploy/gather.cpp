#include <algorithm>
#include <functional>
#include <thread>

#include <fmt/format.h>

#include "bgdeploy/deploy/deadlines.hpp"
#include "bgdeploy/deploy/release/rollback_target.hpp"
#include "bgdeploy/spec/runtime.hpp"
#include "parallel.hpp"
#include "prepare.hpp"
#include "release/container_port.hpp"

namespace bgdeploy::deploy {

using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

// One request shows the digest and the size. Docker needs four for the digest alone, but may be let in where
// we are not, and its words are the ones that count.
Result<runtime::InRegistry> in_registry(const App& app, const std::string& image, const std::string& tag,
                                        const Wait& wait) {
  if (!app.images->asks_registry())
    return core::fail(ErrorKind::unsupported, "this engine pulls to see a digest");
  return guarded([&] { return app.storage->find(image, tag, wait.at_most(deadlines::k_registry)); });
}

// The release to deploy with its digest, and today's configuration. `size`: what the registry said of it by
// the way.
Result<plan::Launch> wanted_launch(const Context& context, const Goal& goal, const World& world,
                                   plan::Launch launch, std::optional<std::int64_t>& size, const Wait& wait) {
  plan::Release& release = launch.release;
  release.id = new_release_id(context.clock.wall());
  if (release.image.empty()) {
    BGDEPLOY_ASSIGN(release.image, world.apps.front().runtime->repository(launch, wait));
  }
  if (world.files) release.digest = world.files->digest;
  if (release.digest.empty()) {
    const App& first = world.apps.front();
    auto found = in_registry(first, release.image, goal.tag, wait);
    if (found) size = found->bytes;
    auto digest = found ? Result<std::string>(std::move(found->digest))
                        : first.images->resolve(release.image, goal.tag, wait);
    if (!digest) return std::unexpected(of_the_registry(std::move(digest.error())));
    release.digest = std::move(*digest);
  }
  std::vector<std::string> digests;
  for (const App& app : world.apps) {
    if (!by_id(context.spec, goal)) break;
    BGDEPLOY_ASSIGN(auto digest, app.images->digest_of_id(release, wait));
    if (!digest)
      return core::fail(ErrorKind::usage,
                        fmt::format("docker on {} has no image with the id {}", app.name, goal.digest), {},
                        "with `build`, --digest is docker's id of an image there (docker image ls "
                        "--no-trunc); --tag builds one");
    digests.push_back(std::move(*digest));
  }
  // A release has one digest on all hosts.
  if (!digests.empty() && std::ranges::adjacent_find(digests, std::not_equal_to{}) == digests.end())
    release.digest = digests.front();
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

bool wants_histories(const Goal& goal) {
  return goal.fresh() || goal.promote;
}

Result<Gathered> gather(const Context& context, const Goal& goal, Fleet& fleet, LocalSources local,
                        const HistoryReader& history, const Wait& wait) {
  const bool deploying = goal.fresh();
  Gathered gathered;
  gathered.files = std::move(local.files);
  gathered.archive = std::move(local.archive);
  gathered.without_secrets = std::move(local.without_secrets);
  gathered.without_password = std::move(local.without_password);
  Result<runtime::Room> docker_room = core::fail(ErrorKind::not_found, "");
  std::jthread reading([&] {
    auto folder = guarded(history.folder);
    if (!folder) {
      gathered.history_room = std::unexpected(folder.error());
      gathered.history = std::unexpected(std::move(folder.error()));
      return;
    }
    gathered.history = of_environment(std::move(folder->own), context.spec);
    gathered.histories = std::move(folder->all);
    gathered.history_room = std::move(folder->room);
    docker_room = std::move(folder->beside);
  });
  const auto opened = guarded([&] { return fleet.open_docker(local.secrets, wait); });
  runtime::Storage* const storage = opened && deploying ? fleet.history_storage() : nullptr;
  const auto tell_root = [&] {
    const Wait patient = wait.at_most(deadlines::k_registry);
    std::string root = storage != nullptr ? guarded([&] { return storage->root(patient); }).value_or("") : "";
    if (root.find('\n') != std::string::npos) root.clear();
    history.know_root(std::move(root));
  };
  std::jthread telling;
  const auto began =
      guarded([&]() -> Result<void> { return telling = std::jthread(tell_root), Result<void>{}; });
  if (!began) tell_root();
  BGDEPLOY_TRY(opened);
  if (deploying) {
    World world = fleet.world(context.clock, context.sink);
    world.files = gathered.files;
    world.archive = gathered.archive;
    std::optional<std::int64_t> size;
    gathered.wanted = wanted_launch(context, goal, world, std::move(local.today), size, wait);
    if (size)
      gathered.size = std::make_shared<SizeAhead>(*size);
    else if (gathered.wanted && !gathered.wanted->release.local())
      gathered.size = std::make_shared<SizeAhead>(world.apps.front(), gathered.wanted->release, wait);
  }
  reading.join();
  if (docker_room && storage != nullptr) storage->know(std::move(*docker_room));
  return gathered;
}

}  // namespace bgdeploy::deploy
