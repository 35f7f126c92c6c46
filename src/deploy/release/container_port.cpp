#include "release/container_port.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgdeploy/plan/plan.hpp"
#include "execute/step_runner.hpp"
#include "parallel.hpp"

namespace bgdeploy::deploy {

using core::ErrorKind;
using core::Result;
using core::Wait;

Result<int> only_port(const plan::Release& release, const std::vector<int>& exposed) {
  if (exposed.size() == 1) return exposed.front();
  const auto image = release.image + (release.tag.empty() ? "" : ":" + release.tag);
  if (exposed.empty())
    return core::fail(
        ErrorKind::usage, fmt::format("docker.container_port is missing: {} exposes no port", image),
        {"set docker.container_port to the port that the app listens on, or write EXPOSE into the "
         "image's Dockerfile"});
  return core::fail(ErrorKind::usage,
                    fmt::format("docker.container_port is missing: {} exposes several ports: {}", image,
                                fmt::join(exposed, ", ")),
                    {"set docker.container_port to the one that requests are sent to"});
}

Result<bool> settle_container_port(const World& world, plan::Launch& launch, const Wait& wait) {
  auto* docker = std::get_if<spec::Docker>(&launch.with);
  if (docker == nullptr || docker->container_port) return true;
  const auto settle = [&](const std::vector<int>& exposed) -> Result<bool> {
    BGDEPLOY_ASSIGN(const int port, only_port(launch.release, exposed));
    docker->container_port = std::to_string(port);
    return true;
  };
  if (world.archive) return settle(world.archive->variants.front().exposed);
  for (const App& app : world.apps) {
    BGDEPLOY_ASSIGN(const auto exposed, app.images->exposed(launch.release, wait));
    if (exposed) return settle(*exposed);
  }
  return false;
}

namespace {

plan::Step fetching(std::size_t host, const plan::Release& release, const World& world) {
  if (release.built() && world.files) return plan::Build{host, release};
  return plan::Pull{host, release};
}

}  // namespace

Result<void> fetch_image(const spec::Spec& spec, const plan::Release& release, World& world,
                         const Stops& stops) {
  plan::Plan plan;
  for (std::size_t host = 0; host < world.apps.size(); ++host)
    plan.steps.push_back(fetching(host, release, world));
  const plan::State unseen;
  StepContext context(spec, unseen, plan, world, stops);
  UndoLog nothing_to_undo;
  StepRunner runner(context, nothing_to_undo);
  std::vector<Result<void>> results(plan.steps.size());
  for_each_parallel(results.size(), spec.parallel, [&](std::size_t i) {
    const plan::Step& step = plan.steps[i];
    results[i] = context.run(step, false, [&]() -> Result<void> {
      if (const auto* build = std::get_if<plan::Build>(&step)) return runner.carry_out(*build);
      return runner.carry_out(std::get<plan::Pull>(step));
    });
  });
  for (auto& result : results) BGDEPLOY_TRY(std::move(result));
  return {};
}

}  // namespace bgdeploy::deploy
