// What `rollback` would start, as `status` shows it.
#pragma once

#include <optional>
#include <vector>

#include "bgdeploy/deploy/release/history.hpp"
#include "bgdeploy/deploy/world.hpp"
#include "bgdeploy/plan/state.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::deploy {

struct WayBack {
  plan::Release release;
  // On all app hosts, the worst of them.
  enum class Container { running, stopped, absent };
  Container container = Container::absent;
  bool image = false;  // on all app hosts
  // How long it took when it was tried, or rolled back to, last; else when it was deployed.
  std::optional<core::Duration> about{};
  struct Rehearsal {
    core::SystemTime time;
    bool succeeded;
    bool interrupted = false;  // by a signal, so nobody knows
    bool operator==(const Rehearsal&) const = default;
  };
  std::optional<Rehearsal> rehearsed{};
  bool operator==(const WayBack&) const = default;
};

// Nothing where there is nothing to roll back to.
std::optional<WayBack> find_way_back(const spec::Spec& spec, const World& world, const plan::State& state,
                                     const std::vector<HistoryEntry>& history, const core::Wait& wait);

}  // namespace bgdeploy::deploy
