#include "bgdeploy/deploy/inspect.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "bgdeploy/deploy/compose_files.hpp"
#include "bgdeploy/deploy/fleet.hpp"
#include "bgdeploy/deploy/observe.hpp"
#include "bgdeploy/deploy/secrets.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/plan/substitutions.hpp"
#include "bgdeploy/spec/compose_file.hpp"
#include "clients.hpp"
#include "parallel.hpp"
#include "prepare.hpp"

namespace bgdeploy::deploy {

using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

constexpr core::Duration k_look = std::chrono::minutes(2);
constexpr core::Duration k_long = std::chrono::hours(24 * 365);  // until it is interrupted

void leave_out(std::vector<spec::Host>& hosts, const std::vector<HostFailure>& failed) {
  std::erase_if(hosts, [&](const spec::Host& host) {
    return std::ranges::any_of(
        failed, [&](const HostFailure& failure) { return spec::same_machine(failure.host, host); });
  });
}

// What only looks needs no secret of the app: the values may not even be there. And it shows the rest where
// some hosts cannot be used, which `failed` names. An error where no app host or no proxy is left.
Result<Fleet> open_fleet(const Context& context, const Wait& wait, std::vector<HostFailure>& failed) {
  spec::Spec rest = context.spec;
  while (true) {
    std::vector<HostFailure> now;
    auto fleet = Fleet::connect(rest, wait, &now);
    const Result<void> opened =
        fleet ? fleet->open_docker({}, wait, &now) : Result<void>(std::unexpected(fleet.error()));
    if (opened) return fleet;
    if (now.empty() || context.stop.stop_requested()) return std::unexpected(opened.error());
    failed.insert(failed.end(), now.begin(), now.end());
    leave_out(rest.app_hosts, now);
    if (!fleet) leave_out(rest.proxy_hosts, now);
    if (rest.app_hosts.empty() || rest.proxy_hosts.empty() != context.spec.proxy_hosts.empty())
      return std::unexpected(merge(failed));
  }
}

// The host that was asked for must be there; of others that are not it is only said.
Result<Fleet> open_fleet(const Context& context, const Which& which, const Wait& wait,
                         std::vector<HostFailure>& failed) {
  BGDEPLOY_ASSIGN(Fleet fleet, open_fleet(context, wait, failed));
  for (const HostFailure& failure : failed) {
    if (which.host == failure.host.name) return std::unexpected(failure.error);
    context.sink.emit({.name = "warning", .message = failure.error.message});
  }
  return fleet;
}

struct Found {
  std::size_t host;
  std::string container;
};

Result<std::size_t> slot_index(const Context& context, const plan::State& state, const std::string& name) {
  if (name.empty()) {
    BGDEPLOY_ASSIGN(const auto live, plan::live_slot(context.spec, state));
    if (!live) return core::fail(ErrorKind::usage, "nothing is live yet; name a slot with --slot");
    return *live;
  }
  for (std::size_t i = 0; i < context.spec.slots.size(); ++i)
    if (context.spec.slots[i].name == name) return i;
  return core::fail(ErrorKind::usage,
                    fmt::format("there is no slot '{}'; the slots are {} and {}", core::printable(name),
                                context.spec.slots[0].name, context.spec.slots[1].name));
}

Result<std::vector<Found>> find_containers(const Context& context, const World& world, const Which& which,
                                           const Wait& wait) {
  BGDEPLOY_ASSIGN(const plan::State state, observe(context.spec, world, std::nullopt, wait));
  BGDEPLOY_ASSIGN(const std::size_t slot, slot_index(context, state, which.slot));
  std::vector<Found> found;
  bool known = which.host.empty();
  for (std::size_t i = 0; i < state.app_hosts.size(); ++i) {
    if (!which.host.empty() && state.app_hosts[i].host != which.host) continue;
    known = true;
    if (const auto* container = plan::occupant(state.app_hosts[i].slots[slot]))
      found.push_back({i, container->id});
  }
  if (!known)
    return core::fail(ErrorKind::usage,
                      fmt::format("there is no app host '{}'", core::printable(which.host)));
  if (found.empty())
    return core::fail(ErrorKind::not_found,
                      fmt::format("slot {} has no container", context.spec.slots[slot].name));
  return found;
}

}  // namespace

namespace {

// Of what is uploaded the text is here. Where bgdeploy names the containers, or a project is both slots', it
// tells too little.
Result<void> check_compose_offline(const spec::Spec& spec) {
  if (!spec.compose || spec.compose->named[0] || spec.compose->named[1]) return {};
  const auto project = [&](std::size_t slot) {
    return core::substitute(spec.compose->project, plan::substitutions(spec, slot, "", "", ""));
  };
  if (project(0) == project(1)) return {};
  const auto files = read_compose_files(spec);
  if (!files || !*files) return {};
  const auto& [one, other] = (*files)->files;
  const auto name = spec::container_of_both(one, other);
  if (!name) return {};
  return core::fail(ErrorKind::usage,
                    fmt::format("both slots, {} and {}, need the container {}", spec.slots[0].name,
                                spec.slots[1].name, core::printable(*name)),
                    {std::string(spec::k_by_slot)});
}

}  // namespace

Result<void> check_offline(const spec::Spec& spec) {
  BGDEPLOY_TRY(check_compose_offline(spec));
  spec::Spec placed = spec;
  for (std::size_t i = 0; i < placed.app_hosts.size(); ++i)
    if (!placed.proxy_hosts.empty() && !placed.app_hosts[i].address)
      placed.app_hosts[i].address = fmt::format("192.0.2.{}", i + 1);  // RFC 5737: nobody's
  return check_rendering(placed, "latest");
}

Result<Survey> survey(const Context& context) {
  const Wait wait = Wait::for_at_most(k_look, context.stop);
  Survey survey;
  hide_what_is_at_hand(context.spec, context.variables, context.sink);
  BGDEPLOY_ASSIGN(Fleet fleet, open_fleet(context, wait, survey.failed));
  const World world = fleet.world(context.clock, context.sink);
  BGDEPLOY_ASSIGN(survey.state, observe(fleet.spec(), world, std::nullopt, wait));
  ask_running(fleet.spec(), world, survey.state, wait);
  for (plan::AppHost& host : survey.state.app_hosts)
    for (plan::SlotState& slot : host.slots) slot.answer = context.sink.veiled(std::move(slot.answer));
  auto lock = fleet.lock_status(wait);
  if (!lock && lock.error().kind != ErrorKind::refused) return std::unexpected(std::move(lock.error()));
  survey.lock =
      lock ? std::move(*lock) : LockStatus{.holder = {}, .freeze = {}, .unknown = lock.error().message};
  survey.serving = who_is_served(fleet.spec(), world, survey.state, wait);
  for (std::string& trouble : survey.serving.troubles) trouble = context.sink.veiled(std::move(trouble));
  return survey;
}

Result<std::vector<HistoryEntry>> past_deploys(const Context& context) {
  const Wait wait = Wait::for_at_most(k_look, context.stop);
  // Only from where it is kept: others may be down.
  spec::Spec alone = context.spec;
  alone.app_hosts = {context.spec.proxy_hosts.empty() ? context.spec.app_hosts.front()
                                                      : context.spec.proxy_hosts.front()};
  alone.proxy_hosts.clear();
  BGDEPLOY_ASSIGN(const Fleet fleet, Fleet::connect(alone, wait));
  BGDEPLOY_ASSIGN(auto entries, read_history(fleet.history_host(), alone.history, alone.service, wait));
  return of_environment(std::move(entries), context.spec);
}

Result<void> logs(const Context& context, const Which& which, int tail, bool follow, const LogSink& line) {
  const Wait wait = Wait::for_at_most(k_look, context.stop);
  std::vector<HostFailure> failed;
  BGDEPLOY_ASSIGN(Fleet fleet, open_fleet(context, which, wait, failed));
  const World world = fleet.world(context.clock, context.sink);
  BGDEPLOY_ASSIGN(const auto found, find_containers(context.with(fleet.spec()), world, which, wait));
  std::vector<Result<void>> results(found.size());
  const Wait reading = Wait::for_at_most(follow ? k_long : k_look, context.stop);
  for_each_parallel(found.size(), follow ? static_cast<int>(found.size()) : 1, [&](std::size_t i) {
    const App& app = world.apps[found[i].host];
    results[i] = app.runtime->logs(
        found[i].container, tail, follow, [&](const runtime::LogLine& log) { line(app.name, log.text); },
        reading);
  });
  for (Result<void>& result : results)
    if (!result && !(follow && result.error().kind == ErrorKind::cancelled)) return result;
  if (which.host.empty() && !failed.empty()) return std::unexpected(failed.front().error);
  return {};
}

Result<int> exec(const Context& context, const Which& which, const std::vector<std::string>& argv,
                 const runtime::Runtime::Output& output) {
  const Wait wait = Wait::for_at_most(k_look, context.stop);
  std::vector<HostFailure> failed;
  BGDEPLOY_ASSIGN(Fleet fleet, open_fleet(context, which, wait, failed));
  const World world = fleet.world(context.clock, context.sink);
  BGDEPLOY_ASSIGN(const auto found, find_containers(context.with(fleet.spec()), world, which, wait));
  return world.apps[found.front().host].runtime->exec(found.front().container, argv, output,
                                                      Wait::for_at_most(k_long, context.stop));
}

Result<std::optional<LockOwner>> freeze_service(const Context& context, const std::string& text) {
  const Wait wait = Wait::for_at_most(k_look, context.stop);
  BGDEPLOY_ASSIGN(const Fleet fleet, Fleet::connect(context.spec, wait));
  BGDEPLOY_ASSIGN(const LockStatus before, fleet.lock_status(wait));
  const LockOwner owner{context.who, text, context.clock.wall()};
  const auto places = fleet.locks();
  for (auto place = places.begin(); place != places.end(); ++place) {
    auto frozen = freeze(*place->host, place->path, owner, wait);
    if (frozen) continue;
    // All or none.
    while (place != places.begin()) {
      --place;
      if (auto thawed = unfreeze(*place->host, place->path, wait); !thawed)
        frozen.error().details.push_back(place->host->name() + " stays frozen: " + thawed.error().message);
    }
    return std::unexpected(frozen.error());
  }
  return before.freeze;
}

Result<bool> unfreeze_service(const Context& context) {
  const Wait wait = Wait::for_at_most(k_look, context.stop);
  BGDEPLOY_ASSIGN(const Fleet fleet, Fleet::connect(context.spec, wait));
  bool any = false;
  for (const auto& place : fleet.locks()) {
    BGDEPLOY_ASSIGN(const bool thawed, unfreeze(*place.host, place.path, wait));
    any = any || thawed;
  }
  return any;
}

}  // namespace bgdeploy::deploy
