// `bgdeploy prune`.
#include "bgdeploy/deploy/prune.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <mutex>

#include <fmt/format.h>

#include "bgdeploy/deploy/connect/fleet.hpp"
#include "bgdeploy/deploy/deadlines.hpp"
#include "bgdeploy/deploy/observe/observe.hpp"
#include "lock/leases.hpp"
#include "parallel.hpp"

namespace bgdeploy::deploy {

using core::Error;
using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

class Pruning {
public:
  Pruning(const World& world, const plan::State& state, plan::Leftovers leftovers,
          std::optional<std::size_t> live, bool only_look, std::vector<Pruned>& pruned)
      : m_world(world),
        m_state(state),
        m_leftovers(std::move(leftovers)),
        m_live(live),
        m_only_look(only_look),
        m_pruned(pruned) {}

  Result<void> run(std::size_t host, const Wait& wait) {
    BGDEPLOY_TRY(remove_aside(host, wait));
    BGDEPLOY_ASSIGN(const auto uploads, m_world.apps[host].runtime->remove_uploads(m_only_look, wait));
    for (const auto& removed : uploads) tell(host, removed);
    return m_world.apps[host].storage->prune(
        m_leftovers, m_only_look, [&](const runtime::Removed& removed) { tell(host, removed); }, wait);
  }

private:
  // Nobody goes back to what stands aside in the slot that serves; in the other one it may be the way back.
  Result<void> remove_aside(std::size_t host, const Wait& wait) {
    if (!m_live) return {};
    const auto& aside = m_state.app_hosts[host].slots[*m_live].aside;
    if (!aside || aside->active()) return {};
    if (!m_only_look) BGDEPLOY_TRY(m_world.apps[host].runtime->remove(aside->id, wait));
    tell(host, {fmt::format("container {} ({})", aside->name, plan::describe(aside->release)), 0});
    return {};
  }
  void tell(std::size_t host, const runtime::Removed& removed) {
    const std::scoped_lock lock(m_mutex);
    m_pruned.push_back({m_world.apps[host].name, removed});
  }

  const World& m_world;
  const plan::State& m_state;
  const plan::Leftovers m_leftovers;
  const std::optional<std::size_t> m_live;
  const bool m_only_look;
  std::mutex m_mutex;
  std::vector<Pruned>& m_pruned;
};

Error all_of_them(const std::vector<std::pair<std::string, Error>>& failures) {
  Error all = Error(failures.front().second).within(failures.front().first);
  for (std::size_t i = 1; i < failures.size(); ++i) {
    all.details.push_back(Error(failures[i].second).within(failures[i].first).message);
    all.details.insert(all.details.end(), failures[i].second.details.begin(),
                       failures[i].second.details.end());
  }
  return all;
}

Result<void> prune_all(const Context& context, const Fleet& fleet, const World& world, bool only_look,
                       std::vector<Pruned>& pruned, const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto state, observe(context.spec, world, std::nullopt, wait));
  // Where nobody knows what serves, nothing is superfluous. Kind inconsistent.
  BGDEPLOY_ASSIGN(const auto live, plan::live_slot(context.spec, state));
  plan::Release serves;
  if (live)
    if (const auto* container = plan::occupant(state, *live)) serves = container->release;
  BGDEPLOY_ASSIGN(auto histories, read_histories(fleet.history_host(), context.spec.history, wait));
  auto& own = histories[context.spec.service];
  if (may_be_elsewhere(context.spec, state, of_environment(own, context.spec)))
    add_from_elsewhere(fleet, own, wait);
  Pruning pruning(world, state, leftovers(context.spec, histories, serves), live, only_look, pruned);
  std::vector<Result<void>> results(world.apps.size());
  for_each_parallel(results.size(), context.spec.parallel, [&](std::size_t i) {
    results[i] = guarded(
        [&] { return pruning.run(i, deadlines::within(context.clock, deadlines::k_prune, wait.stop)); });
  });
  std::vector<std::pair<std::string, Error>> failures;
  for (std::size_t i = 0; i < results.size(); ++i)
    if (!results[i]) failures.emplace_back(world.apps[i].name, results[i].error());
  std::ranges::stable_sort(pruned, {}, &Pruned::host);
  if (failures.empty()) return {};
  return std::unexpected(all_of_them(failures));
}

}  // namespace

Result<void> prune(const Context& context, bool only_look, std::vector<Pruned>& pruned) {
  const Wait wait = deadlines::within(context.clock, deadlines::k_prepare, context.stop);
  BGDEPLOY_ASSIGN(Fleet fleet, Fleet::connect(context.spec, wait));
  const auto work = [&](const Wait& held) -> Result<void> {
    BGDEPLOY_TRY(fleet.open_docker({}, held));
    const World world = fleet.world(context.clock, context.sink);
    return prune_all(context, fleet, world, only_look, pruned, held);
  };
  return only_look ? work(wait) : under_lock(context, fleet, "prune", wait, work);
}

}  // namespace bgdeploy::deploy
