#include "bgdeploy/deploy/way_back.hpp"

#include <algorithm>

#include "bgdeploy/deploy/release/held.hpp"
#include "bgdeploy/deploy/release/rollback_target.hpp"
#include "bgdeploy/plan/held.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "parallel.hpp"

namespace bgdeploy::deploy {
namespace {

WayBack::Container container_of(const plan::SlotState& slot, const plan::Release& release) {
  const auto is_it = [&](const std::optional<plan::Container>& container) {
    return container && container->release == release && container->status != plan::Container::Status::dead;
  };
  if (is_it(slot.container) && slot.container->running()) return WayBack::Container::running;
  return is_it(slot.container) || is_it(slot.aside) ? WayBack::Container::stopped
                                                    : WayBack::Container::absent;
}

// A run that put it live, or only up.
std::optional<core::Duration> took_last(const std::vector<HistoryEntry>& history,
                                        const plan::Release& release) {
  const auto newest = [&](auto fits) -> std::optional<core::Duration> {
    const auto found = std::ranges::find_if(history.rbegin(), history.rend(), [&](const HistoryEntry& entry) {
      return !release.id.empty() && entry.to.id == release.id && entry.from.id != entry.to.id && fits(entry);
    });
    return found == history.rend() ? std::nullopt : std::optional(found->took);
  };
  const auto back = newest([](const HistoryEntry& entry) {
    return entry.result == "rehearsed" || (entry.command == "rollback" && entry.result == "succeeded");
  });
  return back ? back : newest([](const HistoryEntry& entry) { return entry.served; });
}

}  // namespace

std::optional<WayBack> find_way_back(const spec::Spec& spec, const World& world, const plan::State& state,
                                     const std::vector<HistoryEntry>& history, const core::Wait& wait) {
  const auto live = plan::live_slot(spec, state);
  if (!live || !*live || state.app_hosts.empty()) return std::nullopt;
  const plan::State free = plan::without_held(spec, state);
  const auto target = find_rollback_target(spec, free, **live, history, std::nullopt);
  if (!target) return std::nullopt;
  WayBack back{.release = target->release, .container = WayBack::Container::running, .image = true};
  const bool again = free.last_served && free.last_served->release == back.release;
  const std::size_t slot = again ? **live : 1 - **live;
  for (const plan::AppHost& host : free.app_hosts)
    back.container = std::max(back.container, container_of(host.slots[slot], back.release));
  std::vector<char> present(world.apps.size());
  for_each_parallel(present.size(), spec.parallel, [&](std::size_t i) {
    present[i] = world.apps[i].images->present(back.release, wait).value_or(false);
  });
  back.image = std::ranges::all_of(present, [](char one) { return one != 0; });
  back.about = took_last(history, back.release);
  if (const HistoryEntry* entry = last_rehearsal(history, back.release))
    back.rehearsed =
        WayBack::Rehearsal{entry->time, entry->result == "rehearsed", entry->result == "interrupted"};
  return back;
}

}  // namespace bgdeploy::deploy
