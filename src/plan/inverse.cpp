// What undoes a step.
#include <algorithm>

#include "bgdeploy/plan/plan.hpp"
#include "overloaded.hpp"
#include "steps.hpp"

namespace bgdeploy::plan {
namespace {

// Containers that have a grace period of their own take no longer than that.
core::Duration newcomer_grace(const Launch& launch) {
  const auto* docker = std::get_if<spec::Docker>(&launch.with);
  return docker == nullptr ? k_newcomer_grace : std::min(k_newcomer_grace, docker->stop_grace_period);
}

}  // namespace

std::optional<Step> inverse(const Step& step, const std::string& made) {
  using Undo = std::optional<Step>;
  return std::visit(
      Overloaded{
          [](const auto&) { return Undo(); },
          [](const Stop& stop) {
            return stop.restart_on_undo ? Undo(Start{stop.host, stop.slot, stop.container, stop.release})
                                        : Undo();
          },
          [](const StopFirst& stop) {
            return Undo(Start{stop.host, stop.slot, stop.container, stop.release, {}, stop.health});
          },
          [](const SetAside& aside) {
            return Undo(PutBack{aside.host, aside.slot, aside.container, aside.release});
          },
          [&](const Create& create) {
            return Undo(Discard{create.host, create.slot, made, newcomer_grace(create.launch), true});
          },
          [](const Start& start) {
            return Undo(Discard{start.host, start.slot, start.container,
                                start.anew ? newcomer_grace(*start.anew) : k_newcomer_grace});
          },
          [](const AwaitHealth& await) {
            return await.leftover ? Undo(Discard{await.host, await.slot, await.container, k_newcomer_grace})
                                  : Undo();
          },
          // Where there is no proxy nobody was told anything.
          [](const Switch& change) { return change.routing.empty() ? Undo() : Undo(Restore{change.slot}); },
      },
      step);
}

}  // namespace bgdeploy::plan
