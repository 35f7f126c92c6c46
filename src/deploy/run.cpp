#include "bgdeploy/deploy/run.hpp"

#include <fmt/format.h>

#include "bgdeploy/deploy/execute.hpp"
#include "bgdeploy/deploy/fleet.hpp"
#include "bgdeploy/deploy/history.hpp"
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

std::string purpose(const Goal& goal) {
  const std::string_view what = goal.kind == plan::Request::Kind::rollback
                                    ? std::string_view(goal.to ? *goal.to : "")
                                : goal.tag.empty() ? std::string_view(goal.digest)
                                                   : std::string_view(goal.tag);
  return fmt::format("{}{}{}", command_name(goal), what.empty() ? "" : " ", what);
}

// All leases of a service; losing any of them is losing all.
class Leases {
public:
  Result<void> acquire(const Context& context, const Goal& goal, const Fleet& fleet, const Wait& wait) {
    const LockOwner owner{context.who, purpose(goal), context.clock.wall()};
    for (host::Host* host : fleet.lock_hosts()) {
      BGDEPLOY_ASSIGN(auto lease, deploy::acquire(*host, lock_path(context.spec), owner, wait));
      m_watches.push_back(std::make_unique<Watch>(lease->lost(), [this] { m_lost.request_stop(); }));
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
  std::vector<std::unique_ptr<Lease>> m_leases;
  std::vector<std::unique_ptr<Watch>> m_watches;
};

std::string slot_name(const Context& context, std::optional<std::size_t> slot) {
  return slot ? context.spec.slots[*slot].name : std::string();
}

void finish(const Context& context, const Goal& goal, const plan::Plan& plan, const Outcome& outcome,
            core::Duration took) {
  context.sink.emit(
      {.name = fmt::format("{}.finished", command_name(goal)),
       .message = outcome.verdict == Verdict::succeeded && !plan.switches()
                      ? "it was live already; what an interrupted deploy left is tidied up"
                      : "",
       .slot = outcome.committed ? slot_name(context, plan.target) : slot_name(context, plan.live),
       .duration = took,
       .error = outcome.error,
       .fields = {{"exit_code", std::int64_t{outcome.exit_code}},
                  {"result", std::string(to_string(outcome.verdict))},
                  {"from", plan.from.tag.empty() ? plan.from.digest : plan.from.tag},
                  {"to", plan.to.tag.empty() ? plan.to.digest : plan.to.tag}}});
}

void record(const Context& context, const Goal& goal, const Fleet& fleet, const Prepared& prepared,
            const Outcome& outcome, core::SystemTime began, core::Duration took) {
  HistoryEntry entry{.time = began,
                     .took = took,
                     .who = context.who,
                     .command = std::string(command_name(goal)),
                     .result = std::string(to_string(outcome.verdict)),
                     .message = outcome.error ? context.sink.veiled(outcome.error->message) : "",
                     .from = prepared.plan.from,
                     .to = prepared.plan.to,
                     .slot = slot_name(context, prepared.plan.target),
                     .docker = spec::docker_to_json(prepared.launch.docker)};
  for (const auto& host : fleet.app_hosts()) entry.hosts.push_back(host->name());
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

int run(const Context& context, const Goal& goal) {
  const core::SteadyTime start = context.clock.now();
  const core::SystemTime began = context.clock.wall();
  const auto elapsed = [&] {
    return std::chrono::duration_cast<core::Duration>(context.clock.now() - start);
  };
  context.sink.emit({.name = fmt::format("{}.started", command_name(goal)),
                     .message = fmt::format("{} {}", context.spec.service, purpose(goal))});
  const Wait wait = Wait::for_at_most(k_prepare, context.stop);

  const auto give_up = [&](Error error) {
    const int code = exit_code(error.kind);
    const Verdict verdict = error.kind == ErrorKind::inconsistent ? Verdict::inconsistent
                            : error.kind == ErrorKind::cancelled  ? Verdict::interrupted
                                                                  : Verdict::failed;
    context.sink.emit({.name = fmt::format("{}.finished", command_name(goal)),
                       .duration = elapsed(),
                       .error = std::move(error),
                       .fields = {{"exit_code", std::int64_t{code}},
                                  {"result", std::string(to_string(verdict))},
                                  {"from", ""},
                                  {"to", goal.to            ? *goal.to
                                         : goal.tag.empty() ? goal.digest
                                                            : goal.tag}}});
    return code;
  };

  auto fleet = Fleet::connect(context.spec, wait);
  if (!fleet) return give_up(std::move(fleet.error()));
  Leases leases;
  auto prepared = prepare(
      context, goal, *fleet, true, [&] { return leases.acquire(context, goal, *fleet, wait); }, wait);
  if (!prepared) {
    leases.release(context);
    return give_up(std::move(prepared.error()));
  }
  for (const std::string& note : prepared->plan.notes)
    context.sink.emit({.name = "warning", .message = note});
  context.sink.emit(
      {.name = "plan.made", .fields = {{"steps", static_cast<std::int64_t>(prepared->plan.steps.size())}}});

  World world = fleet->world(context.spec, context.clock, context.sink);
  const Outcome outcome =
      execute(context.spec, prepared->state, prepared->plan, world, {context.stop, leases.lost()});
  if (outcome.verdict != Verdict::unchanged && !leases.lost().stop_requested())
    record(context, goal, *fleet, *prepared, outcome, began, elapsed());
  leases.release(context);
  finish(context, goal, prepared->plan, outcome, elapsed());
  return outcome.exit_code;
}

Result<Preview> preview(const Context& context, const Goal& goal) {
  const Wait wait = Wait::for_at_most(k_prepare, context.stop);
  BGDEPLOY_ASSIGN(Fleet fleet, Fleet::connect(context.spec, wait));
  Preview preview;
  const auto look = [&]() -> Result<void> {
    BGDEPLOY_ASSIGN(preview.lock, lock_status(*fleet.lock_hosts().front(), lock_path(context.spec), wait));
    return {};
  };
  BGDEPLOY_ASSIGN(Prepared prepared, prepare(context, goal, fleet, false, look, wait));
  preview.state = std::move(prepared.state);
  preview.plan = std::move(prepared.plan);
  return preview;
}

}  // namespace bgdeploy::deploy
