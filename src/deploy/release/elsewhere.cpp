#include "release/elsewhere.hpp"

#include <algorithm>
#include <iterator>

#include "bgdeploy/deploy/observe/observe.hpp"
#include "bgdeploy/deploy/release/rollback_target.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "parallel.hpp"

namespace bgdeploy::deploy {

bool may_be_elsewhere(const spec::Spec& spec, const plan::State& state,
                      const std::vector<HistoryEntry>& history) {
  const plan::Container* serves = plan::live_container(spec, state);
  if (serves == nullptr) return history.empty();
  const auto last = std::ranges::find_if(history.rbegin(), history.rend(), &HistoryEntry::served);
  return serves->managed && (last == history.rend() || last->to.id != serves->release.id);
}

std::vector<HistoryEntry> add_missing(std::vector<HistoryEntry>& history, std::vector<HistoryEntry> others) {
  std::ranges::stable_sort(others, {}, &HistoryEntry::time);
  std::vector<HistoryEntry> added;
  for (HistoryEntry& entry : others)
    if (std::ranges::find(history, entry) == history.end() && std::ranges::find(added, entry) == added.end())
      added.push_back(std::move(entry));
  std::ranges::copy(added, std::back_inserter(history));
  std::ranges::stable_sort(history, {}, &HistoryEntry::time);
  return added;
}

std::vector<HistoryEntry> add_from_elsewhere(const Fleet& fleet, std::vector<HistoryEntry>& history,
                                             const core::Wait& wait) {
  const spec::Spec& spec = fleet.spec();
  std::vector<host::Host*> hosts = fleet.machines();
  std::erase(hosts, &fleet.history_host());
  std::vector<std::vector<HistoryEntry>> found(hosts.size());
  for_each_parallel(hosts.size(), spec.parallel, [&](std::size_t i) {
    auto read = guarded([&] { return read_history(*hosts[i], spec.history, spec.service, wait); });
    if (read) found[i] = of_environment(std::move(*read), spec);
  });
  std::vector<HistoryEntry> all;
  for (auto& entries : found) std::ranges::move(entries, std::back_inserter(all));
  return add_missing(history, std::move(all));
}

core::Result<plan::State> observe_by_history(Fleet& fleet, World& world,
                                             const std::optional<plan::Launch>& launch,
                                             std::vector<HistoryEntry>& history,
                                             std::vector<HistoryEntry>& added, const core::Wait& wait) {
  const auto look = [&] {
    world.healths = past_healths(fleet.spec(), history);
    fleet.set_healths(world.healths);
    return observe(fleet.spec(), world, launch, wait);
  };
  auto state = look();
  if (!state || !may_be_elsewhere(fleet.spec(), *state, history)) return state;
  added = add_from_elsewhere(fleet, history, wait);
  return added.empty() ? std::move(state) : look();
}

}  // namespace bgdeploy::deploy
