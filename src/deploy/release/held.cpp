#include "bgdeploy/deploy/release/held.hpp"

#include <algorithm>
#include <functional>
#include <ranges>

#include <fmt/format.h>

#include "bgdeploy/core/shell_words.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"

namespace bgdeploy::deploy {

namespace {

using Entries = std::vector<HistoryEntry>;

// Where release `id` was held and has not served, nor been taken away, since: the entry that says so first.
// A run that went on with it and failed leaves it waiting.
const HistoryEntry* held_since(const Entries& history, const std::string& id) {
  const HistoryEntry* since = nullptr;
  for (const HistoryEntry& entry : history | std::views::reverse) {
    if (entry.from.id == id) break;
    if (entry.to.id != id) continue;
    if (entry.result == "held")
      since = &entry;
    else if (entry.served || entry.result == "aborted")
      break;
  }
  return since;
}

bool served_once(const Entries& history, const std::string& id) {
  return std::ranges::any_of(history, [&](const HistoryEntry& entry) {
    return entry.from.id == id || (entry.to.id == id && entry.served);
  });
}

std::string wish_for(const plan::Release& release) {
  return release.tag.empty() ? "--digest " + release.digest : "--tag " + core::shell_quote(release.tag);
}

// The first container of ours in `slot` that fits. A run that died may have left it on one host only.
template <class Fits>
const plan::Container* own_container(const plan::State& state, std::size_t slot, Fits fits) {
  for (const plan::AppHost& host : state.app_hosts) {
    const auto& container = host.slots[slot].container;
    if (container && container->managed && !container->release.id.empty() && fits(*container))
      return &*container;
  }
  return nullptr;
}

}  // namespace

std::optional<plan::Held> find_held(const spec::Spec& spec, const plan::State& state,
                                    const Entries& history) {
  const auto live = plan::live_slot(spec, state);
  if (!live) return std::nullopt;
  // One that served before and is stopped is a way back, as before it was held.
  const auto waits = [&](const plan::Container& container) {
    return held_since(history, container.release.id) != nullptr &&
           (container.running() || !served_once(history, container.release.id));
  };
  for (std::size_t slot = 0; slot < spec.slots.size(); ++slot) {
    const plan::Container* container = slot == *live ? nullptr : own_container(state, slot, waits);
    if (container == nullptr) continue;
    const HistoryEntry& since = *held_since(history, container->release.id);
    return plan::Held{.slot = slot,
                      .release = container->release,
                      .who = since.who,
                      .since = since.time + since.took,
                      .served = served_once(history, container->release.id)};
  }
  return std::nullopt;
}

std::optional<plan::Release> to_promote(const spec::Spec& spec, const plan::State& state,
                                        const Entries& history) {
  if (const auto held = find_held(spec, state, history)) return held->release;
  const auto live = plan::live_slot(spec, state);
  if (!live || !*live) return std::nullopt;
  const plan::Container* container = own_container(state, **live, [&](const plan::Container& one) {
    return held_since(history, one.release.id) != nullptr;
  });
  return container == nullptr ? std::nullopt : std::optional(container->release);
}

core::Error nothing_waits(const spec::Spec& spec, const plan::State& state, const Entries& history) {
  const auto live = plan::live_slot(spec, state).value_or(std::nullopt);
  for (std::size_t slot = 0; live && slot < spec.slots.size(); ++slot) {
    if (slot == *live) continue;
    const bool aside = std::ranges::any_of(
        state.app_hosts, [&](const plan::AppHost& host) { return host.slots[slot].aside.has_value(); });
    const plan::Container* left = own_container(state, slot, [&](const plan::Container& one) {
      return (one.running() || aside) && !served_once(history, one.release.id);
    });
    if (left != nullptr)
      return {core::ErrorKind::nothing,
              fmt::format("nothing waits to be promoted: the deploy of {} to {} was cut short",
                          plan::describe(left->release), spec.slots[slot].name),
              {},
              fmt::format("bgdeploy deploy --hold {}, which goes on with it, or bgdeploy abort",
                          wish_for(left->release))};
    if (aside)
      return {
          core::ErrorKind::nothing,
          fmt::format("nothing waits to be promoted: a deploy to {} was cut short", spec.slots[slot].name),
          {},
          "the same deploy again, or bgdeploy abort"};
  }
  core::Error error{core::ErrorKind::nothing, "nothing waits to be promoted", {}, {}};
  if (plan::proxy_kind(spec).can.be_switched)
    error.next = "bgdeploy deploy --hold --tag TAG lets a release wait";
  return error;
}

const HistoryEntry* last_rehearsal(const Entries& history, const plan::Release& release) {
  const auto found = std::ranges::find_if(history.rbegin(), history.rend(), [&](const HistoryEntry& entry) {
    return entry.command == "rehearse" && !release.id.empty() && entry.to.id == release.id;
  });
  return found == history.rend() ? nullptr : &*found;
}

}  // namespace bgdeploy::deploy
