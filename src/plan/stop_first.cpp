// `order: stop_first`: for what must not run twice.
#include "stop_first.hpp"

#include <algorithm>

#include "steps.hpp"

namespace bgdeploy::plan {
namespace {

bool starts(const Step& step) {
  return std::holds_alternative<Create>(step) || std::holds_alternative<Start>(step) ||
         std::holds_alternative<AwaitHealth>(step);
}

std::optional<StopFirst> end_of_old(const spec::Spec& spec, const State& state, std::size_t host,
                                    std::size_t live) {
  const SlotState& slot = state.app_hosts[host].slots[live];
  const Container* old = occupant(slot);
  const bool stopped = old != nullptr && !old->active();
  if (old == nullptr || (stopped && !state.last_served)) return std::nullopt;
  StopFirst stop{.host = host,
                 .slot = live,
                 .container = old->id,
                 .release = old->release,
                 .grace = grace_of(spec, *old),
                 .name = name_unless_own(slot, *old),
                 .stopped = stopped};
  // What was sick before may stay so.
  if (slot.answers == true || stopped) stop.health = spec.health;
  return stop;
}

}  // namespace

void stop_first(const spec::Spec& spec, const State& state, std::size_t live, std::vector<Step>& prepared) {
  const auto first = std::ranges::stable_partition(prepared, [](const Step& step) { return !starts(step); });
  const std::vector<Step> starting(first.begin(), first.end());
  prepared.erase(first.begin(), first.end());
  for (std::size_t host = 0; host < state.app_hosts.size(); ++host) {
    if (auto stop = end_of_old(spec, state, host, live)) prepared.emplace_back(std::move(*stop));
    std::ranges::copy_if(starting, std::back_inserter(prepared),
                         [host](const Step& step) { return app_host(step) == host; });
  }
}

}  // namespace bgdeploy::plan
