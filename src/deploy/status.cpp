#include "bgdeploy/deploy/status.hpp"

#include <algorithm>
#include <iterator>

#include "bgdeploy/deploy/deadlines.hpp"
#include "bgdeploy/deploy/observe/observe.hpp"
#include "bgdeploy/deploy/release/held.hpp"
#include "bgdeploy/deploy/release/rollback_target.hpp"
#include "bgdeploy/deploy/release/secrets.hpp"
#include "bgdeploy/plan/held.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "connect/usable_fleet.hpp"
#include "observe/clients.hpp"
#include "parallel.hpp"
#include "release/elsewhere.hpp"
#include "under_way.hpp"

namespace bgdeploy::deploy {

using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

Result<std::vector<HistoryEntry>> read_own_history(const Context& context, const Fleet& fleet,
                                                   const Wait& wait) {
  BGDEPLOY_ASSIGN(auto entries,
                  read_history(fleet.history_host(), fleet.spec().history, fleet.spec().service, wait));
  return of_environment(std::move(entries), context.spec);
}

// Unset: by a run that died before it could say so.
std::optional<core::SystemTime> last_switch(const std::vector<HistoryEntry>& history,
                                            const plan::Container* live) {
  const auto last = std::ranges::find_if(history.rbegin(), history.rend(), [](const HistoryEntry& entry) {
    return entry.served && entry.from != entry.to;
  });
  if (last == history.rend()) return std::nullopt;
  if (live != nullptr && live->managed && live->release.id != last->to.id) return std::nullopt;
  return last->time + last->took;
}

// `failed`: the hosts that are not in the fleet.
Result<Survey> look(const Context& context, Fleet& fleet, std::vector<HostFailure> failed, const Wait& wait) {
  Survey survey;
  survey.failed = std::move(failed);
  auto history = read_own_history(context, fleet, wait);
  World world = fleet.world(context.clock, context.sink);
  std::vector<HistoryEntry> elsewhere;
  BGDEPLOY_ASSIGN(survey.state,
                  history ? observe_by_history(fleet, world, std::nullopt, *history, elsewhere, wait)
                          : observe(fleet.spec(), world, std::nullopt, wait));
  ask_running(fleet.spec(), world, survey.state, wait);
  // It names hosts too that were not seen.
  if (!survey.failed.empty())
    for (plan::ProxyHost& proxy : survey.state.proxies) proxy.outdated = false;
  for (plan::AppHost& host : survey.state.app_hosts)
    for (plan::SlotState& slot : host.slots) slot.answer = context.sink.redacted(std::move(slot.answer));
  if (!history) {
    survey.history_unknown = context.sink.redacted(std::move(history.error().message));
  } else {
    survey.state.last_served = find_last_served(fleet.spec(), survey.state, *history);
    survey.state.held = find_held(fleet.spec(), survey.state, *history);
    survey.since = last_switch(*history, plan::live_container(fleet.spec(), survey.state));
    survey.way_back = find_way_back(fleet.spec(), world, survey.state, *history, wait);
  }
  if (survey.state.held)
    survey.ways_to_held = plan::ways_to(fleet.spec(), survey.state, survey.state.held->slot);
  auto lock = fleet.lock_status(wait);
  if (!lock && lock.error().kind != ErrorKind::refused) return std::unexpected(std::move(lock.error()));
  survey.lock =
      lock ? std::move(*lock) : LockStatus{.holder = {}, .freeze = {}, .unknown = lock.error().message};
  take_for_under_way(survey.lock, survey.state);
  survey.serving = who_is_served(fleet.spec(), world, survey.state, wait);
  for (std::string& trouble : survey.serving.troubles) trouble = context.sink.redacted(std::move(trouble));
  return survey;
}

// By the history too: a site that `bgdeploy site` wrote names a slot before the first deploy.
bool was_deployed(const Survey& survey, const std::optional<std::size_t>& live) {
  return live && (survey.since || !plan::nothing_runs_yet(survey.state));
}

}  // namespace

int exit_code(const spec::Spec& spec, const Survey& survey) {
  const auto live = plan::live_slot(spec, survey.state);
  if (!live) return exit_code(live.error().kind);
  if (survey.serving.who == Serving::Who::nobody && was_deployed(survey, *live))
    return exit_code(ErrorKind::inconsistent);
  return survey.failed.empty() ? 0 : exit_code(survey.failed.front().error.kind);
}

Result<Survey> survey(const Context& context) {
  const Wait wait = deadlines::within(context.clock, deadlines::k_command, context.stop);
  hide_what_is_at_hand(context.spec, context.variables, context.sink);
  std::vector<HostFailure> failed;
  BGDEPLOY_ASSIGN(Fleet fleet, open_usable_fleet(context, wait, failed));
  return look(context, fleet, std::move(failed), wait);
}

void survey_again_and_again(const Context& context, core::Duration pause,
                            const std::function<void(const Result<Survey>&)>& seen) {
  hide_what_is_at_hand(context.spec, context.variables, context.sink);
  std::optional<Fleet> fleet;
  do {
    const Wait wait = deadlines::within(context.clock, deadlines::k_command, context.stop);
    std::vector<HostFailure> failed;
    const auto survey = [&]() -> Result<Survey> {
      if (!fleet) {
        BGDEPLOY_ASSIGN(fleet, open_usable_fleet(context, wait, failed));
      }
      return look(context, *fleet, std::move(failed), wait);
    }();
    if (context.stop.stop_requested()) return;
    seen(survey);
    if (!survey || !survey->failed.empty()) fleet.reset();
  } while (context.clock.sleep_for(pause, context.stop));
}

Result<std::vector<HistoryEntry>> past_deploys(const Context& context) {
  const Wait wait = deadlines::within(context.clock, deadlines::k_command, context.stop);
  // Only from where it is kept: others may be down.
  const auto read_on = [&](const spec::Host& host) -> Result<std::vector<HistoryEntry>> {
    spec::Spec alone = context.spec;
    alone.app_hosts = {host};
    alone.proxy_hosts.clear();
    BGDEPLOY_ASSIGN(const Fleet fleet, Fleet::connect(alone, wait));
    BGDEPLOY_ASSIGN(auto entries, read_history(fleet.history_host(), alone.history, alone.service, wait));
    return of_environment(std::move(entries), context.spec);
  };
  std::vector<spec::Host> hosts = context.spec.proxy_hosts;
  std::ranges::copy(context.spec.app_hosts, std::back_inserter(hosts));
  BGDEPLOY_ASSIGN(auto entries, read_on(hosts.front()));
  if (!entries.empty() || hosts.size() == 1) return entries;
  std::vector<Result<std::vector<HistoryEntry>>> others(hosts.size() - 1);
  for_each_parallel(others.size(), context.spec.parallel,
                    [&](std::size_t i) { others[i] = guarded([&] { return read_on(hosts[i + 1]); }); });
  for (auto& other : others)
    if (other) add_missing(entries, std::move(*other));
  return entries;
}

}  // namespace bgdeploy::deploy
