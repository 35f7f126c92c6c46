#include "bgdeploy/deploy/run.hpp"

#include <fmt/format.h>

#include "bgdeploy/deploy/compose_files.hpp"
#include "bgdeploy/deploy/execute.hpp"
#include "bgdeploy/deploy/fleet.hpp"
#include "bgdeploy/deploy/history.hpp"
#include "bgdeploy/deploy/places.hpp"
#include "bgdeploy/plan/substitutions.hpp"
#include "parallel.hpp"
#include "prepare.hpp"

namespace bgdeploy::deploy {

using core::Error;
using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

constexpr core::Duration k_prepare = std::chrono::minutes(5);
constexpr core::Duration k_record = std::chrono::seconds(30);

std::string_view command_name(const Goal& goal) {
  return goal.kind == plan::Request::Kind::deploy ? "deploy" : "rollback";
}

// What the goal names, as the user wrote it; empty for a rollback to the release before.
const std::string& wish(const Goal& goal) {
  if (goal.to) return *goal.to;
  return goal.tag.empty() ? goal.digest : goal.tag;
}

std::string purpose(const Goal& goal) {
  return fmt::format("{}{}{}", command_name(goal), wish(goal).empty() ? "" : " ", wish(goal));
}

// All leases of a service. The lock is lost with the last of them that counts: until then nobody else can
// hold them all. What is wanted of a host whose own lease is lost fails by itself, since its connection is
// gone.
class Leases {
public:
  Result<void> acquire(const Context& context, const Goal& goal, const Fleet& fleet, const Wait& wait) {
    const LockOwner owner{context.who, purpose(goal), context.clock.wall()};
    // One after the other, in the same order everywhere: of two deployers one gets them all.
    const auto locks = fleet.locks();
    m_held = locks.size();
    for (const Fleet::LockPlace& place : locks) {
      BGDEPLOY_ASSIGN(auto lease, deploy::acquire(*place.host, place.path, owner, wait));
      m_watches.push_back(std::make_unique<Watch>(lease->lost(), [this] {
        if (--m_held == 0) m_lost.request_stop();
      }));
      m_leases.push_back(std::move(lease));
    }
    const auto fences = fleet.fences();
    std::vector<Result<std::unique_ptr<Lease>>> results(fences.size());
    for_each_parallel(fences.size(), context.spec.parallel, [&](std::size_t i) {
      results[i] = deploy::acquire(*fences[i].host, fences[i].path, owner, wait);
    });
    for (auto& result : results) {
      BGDEPLOY_ASSIGN(auto lease, std::move(result));
      m_leases.push_back(std::move(lease));
    }
    context.sink.emit({.name = "lock.acquired"});
    return {};
  }
  std::stop_token lost() const { return m_lost.get_token(); }
  void release(const Context& context) {
    m_watches.clear();
    for (auto& lease : m_leases) {
      // A lock that is not let go in good order frees itself; the outcome of the deploy stands.
      if (auto released = lease->release(Wait::for_at_most(k_record)); !released)
        context.sink.emit(
            {.name = "warning", .message = "the lock frees itself: " + released.error().message});
    }
    if (!m_leases.empty()) context.sink.emit({.name = "lock.released"});
    m_leases.clear();
  }

private:
  using Watch = std::stop_callback<std::function<void()>>;
  std::stop_source m_lost;
  std::atomic<std::size_t> m_held = 0;
  std::vector<std::unique_ptr<Lease>> m_leases;
  std::vector<std::unique_ptr<Watch>> m_watches;
};

std::string slot_name(const Context& context, std::optional<std::size_t> slot) {
  return slot ? context.spec.slots[*slot].name : std::string();
}

std::string name_of(const plan::Release& release) {
  return release.tag.empty() ? release.digest : release.tag;
}

// As far as it was seen.
plan::Release serving(const spec::Spec& spec, const plan::State& seen) {
  if (seen.app_hosts.empty()) return {};
  const auto live = plan::live_slot(spec, seen);
  if (!live || !*live) return {};
  const plan::Container* container = plan::occupant(seen.app_hosts.front().slots[**live]);
  return container != nullptr ? container->release : plan::Release{};
}

// Whether another release serves afterwards.
bool changes_release(const plan::Plan& plan) {
  return plan.switches() && !plan.rewrites();
}

std::string remark(const spec::Spec& spec, const plan::Plan& plan) {
  if (plan.rewrites())
    return fmt::format("it was live already; {} is written as the spec has it", plan::routing_file(spec));
  return plan.switches() ? "" : "already live; removed leftovers of an interrupted deploy";
}

void finish(const Context& context, const Goal& goal, const plan::Plan& plan, const Outcome& outcome,
            core::Duration took) {
  report::Event event{
      .name = fmt::format("{}.finished", command_name(goal)),
      .message = outcome.verdict == Verdict::succeeded ? remark(context.spec, plan) : "",
      .slot = outcome.committed ? slot_name(context, plan.target) : slot_name(context, plan.live),
      .duration = took,
      .error = outcome.error,
      .fields = {{"exit_code", std::int64_t{outcome.exit_code}},
                 {"result", std::string(to_string(outcome.verdict))},
                 {"from", name_of(plan.from)},
                 {"to", name_of(plan.to)}}};
  // Where the tag does not tell them apart.
  if (plan.from.tag == plan.to.tag && plan.from.digest != plan.to.digest) {
    event.fields["from_digest"] = plan.from.digest;
    event.fields["to_digest"] = plan.to.digest;
  }
  context.sink.emit(std::move(event));
}

// A run that only tidied up, or wrote the include anew, is recorded too, but is no release to come back from:
// `from` and `to` are the same one.
void record(const Context& context, const Goal& goal, const Fleet& fleet, const Prepared& prepared,
            const Outcome& outcome, core::SystemTime began, core::Duration took) {
  const bool changes = changes_release(prepared.plan);
  HistoryEntry entry{.time = began,
                     .took = took,
                     .who = context.who,
                     .command = std::string(command_name(goal)),
                     .result = std::string(to_string(outcome.verdict)),
                     .served = outcome.committed || (!changes && outcome.verdict != Verdict::inconsistent),
                     .message = outcome.error ? context.sink.veiled(outcome.error->message)
                                              : remark(context.spec, prepared.plan),
                     .from = prepared.plan.from,
                     .to = prepared.plan.to,
                     .slot = slot_name(context, prepared.plan.target),
                     .include = environment_include(context.spec),
                     .ports = environment_ports(context.spec)};
  if (changes) {
    entry.docker = spec::docker_to_json(prepared.launch.docker);
    if (prepared.launch.compose) entry.compose = compose_record(*prepared.launch.compose);
  }
  for (const spec::Host& host : fleet.spec().app_hosts) entry.hosts.push_back(host.name);
  for (const spec::Host& host : spec::proxies(fleet.spec())) entry.proxies.push_back(host.name);
  const auto written = append_history(fleet.history_host(), context.spec.history, context.spec.service, entry,
                                      Wait::for_at_most(k_record));
  if (!written)
    context.sink.emit(
        {.name = "warning", .message = "the history was not written: " + written.error().message});
}

}  // namespace

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
    case ErrorKind::unsupported:
    case ErrorKind::nothing:
      return 2;
    case ErrorKind::unreachable:
    case ErrorKind::untrusted:
    case ErrorKind::denied:
    case ErrorKind::lost:
      return 3;
    case ErrorKind::locked:
    case ErrorKind::frozen:
      return 4;
    case ErrorKind::inconsistent:
      return 5;
    case ErrorKind::cancelled:
      return 130;
    default:
      return 1;
  }
}

report::Event refused(const Goal& goal, Error error, core::Duration took, const plan::Release& from) {
  const int code = exit_code(error.kind);
  const Verdict verdict = error.kind == ErrorKind::inconsistent ? Verdict::inconsistent
                          : error.kind == ErrorKind::cancelled  ? Verdict::interrupted
                                                                : Verdict::failed;
  return {.name = fmt::format("{}.finished", command_name(goal)),
          .message = {},
          .duration = took,
          .error = std::move(error),
          .fields = {{"exit_code", std::int64_t{code}},
                     {"nothing_changed", true},
                     {"result", std::string(to_string(verdict))},
                     {"from", name_of(from)},
                     {"to", wish(goal)}}};
}

int run(const Context& given, const Goal& goal) {
  const core::SteadyTime start = given.clock.now();
  const core::SystemTime began = given.clock.wall();
  const auto elapsed = [&] { return std::chrono::duration_cast<core::Duration>(given.clock.now() - start); };
  given.sink.emit({.name = fmt::format("{}.started", command_name(goal)),
                   .message = fmt::format("{} {}", given.spec.service, purpose(goal))});
  const Wait wait = Wait::for_at_most(k_prepare, given.stop);

  Prepared prepared;
  const auto give_up = [&](Error error) {
    // Whatever the wait that was broken off made of it.
    if (given.stop.stop_requested())
      error = {ErrorKind::cancelled, "interrupted", {std::move(error.message)}};
    const int code = exit_code(error.kind);
    given.sink.emit(refused(goal, std::move(error), elapsed(), serving(given.spec, prepared.state)));
    return code;
  };

  auto fleet = Fleet::connect(given.spec, wait);
  if (!fleet) return give_up(std::move(fleet.error()));
  if (auto enough = enough_places(*fleet, wait); !enough) return give_up(std::move(enough.error()));
  const Context context = given.with(fleet->spec());
  Leases leases;
  const auto ready = prepare(
      context, goal, *fleet, true, [&] { return leases.acquire(context, goal, *fleet, wait); }, wait,
      prepared);
  if (!ready) {
    leases.release(context);
    return give_up(ready.error());
  }
  for (const std::string& note : prepared.plan.notes) context.sink.emit({.name = "warning", .message = note});
  context.sink.emit(
      {.name = "plan.made", .fields = {{"steps", static_cast<std::int64_t>(prepared.plan.steps.size())}}});

  World world = fleet->world(context.clock, context.sink);
  world.files = prepared.files;
  const Outcome outcome =
      execute(context.spec, prepared.state, prepared.plan, world, {context.stop, leases.lost()});
  if (!prepared.plan.steps.empty() && !leases.lost().stop_requested())
    record(context, goal, *fleet, prepared, outcome, began, elapsed());
  leases.release(context);
  finish(context, goal, prepared.plan, outcome, elapsed());
  return outcome.exit_code;
}

Result<Preview> preview(const Context& given, const Goal& goal) {
  const Wait wait = Wait::for_at_most(k_prepare, given.stop);
  BGDEPLOY_ASSIGN(Fleet fleet, Fleet::connect(given.spec, wait));
  const Context context = given.with(fleet.spec());
  Preview preview;
  const auto look = [&]() -> Result<void> {
    BGDEPLOY_ASSIGN(preview.lock, fleet.lock_status(wait));
    return {};
  };
  Prepared prepared;
  BGDEPLOY_TRY(prepare(context, goal, fleet, false, look, wait, prepared));
  preview.state = std::move(prepared.state);
  preview.plan = std::move(prepared.plan);
  return preview;
}

}  // namespace bgdeploy::deploy
