#include "release/record.hpp"

#include "bgdeploy/deploy/deadlines.hpp"
#include "bgdeploy/deploy/release/history.hpp"
#include "bgdeploy/plan/hooks.hpp"
#include "bgdeploy/runtime/launches.hpp"
#include "run_events.hpp"

namespace bgdeploy::deploy {

using core::Result;

namespace {

// As the history has it.
std::string result_of(const plan::Plan& plan, const Outcome& outcome, report::Command command) {
  if (outcome.verdict == Verdict::succeeded) {
    if (command == report::Command::promote) return "promoted";
    if (plan.aim == plan::Plan::Aim::abort) return "aborted";
    if (plan.aim == plan::Plan::Aim::rehearse) return "rehearsed";
  }
  return std::string(to_string(outcome.verdict));
}

// What all entries of one run have in common.
HistoryEntry entry_of(const Context& context, const Prepared& prepared) {
  const plan::Plan& plan = prepared.plan;
  HistoryEntry entry{.who = context.who,
                     .from = plan.from,
                     .to = plan.to,
                     .same_as = prepared.same_as,
                     .slot = slot_name(context, plan.target),
                     .include = environment_include(context.spec),
                     .ports = environment_ports(context.spec)};
  for (const spec::Host& host : context.spec.app_hosts) entry.hosts.push_back(host.name);
  for (const spec::Host& host : spec::proxies(context.spec)) entry.proxies.push_back(host.name);
  return entry;
}

void remember_launch(const Context& context, const plan::Launch& launch, const std::string& sources,
                     HistoryEntry& entry) {
  entry.sources = sources;
  entry.ran_with = runtime::record_of(launch);
  entry.health = spec::health_to_json(launch.health.value_or(context.spec.health));
}

}  // namespace

Result<void> record_hook(const Context& context, const Fleet& fleet, const Prepared& prepared,
                         const plan::RunHook& hook, core::Duration took) {
  HistoryEntry entry = entry_of(context, prepared);
  entry.time = context.clock.wall() - took;
  entry.took = took;
  entry.command = "hook";
  entry.result = to_string(Verdict::succeeded);
  entry.message = context.sink.redacted(plan::describe(hook));
  entry.hook = plan::identity(hook);
  if (hook.launch) remember_launch(context, *hook.launch, prepared.sources, entry);
  return append_history(fleet.history_host(), context.spec.history, context.spec.service, entry,
                        deadlines::within(context.clock, deadlines::k_record));
}

Result<void> record(const Context& context, const Goal& goal, const Fleet& fleet, const Prepared& prepared,
                    const Outcome& outcome, core::SystemTime began, core::Duration took,
                    HistoryWriter& writer) {
  const plan::Plan& plan = prepared.plan;
  const bool serves_on = plan.aim == plan::Plan::Aim::serve && !changes_release(plan);
  HistoryEntry entry = entry_of(context, prepared);
  entry.time = began;
  entry.took = took;
  entry.command = command_name(goal);
  entry.result = result_of(plan, outcome, command_of(goal));
  entry.served = outcome.committed || (serves_on && outcome.verdict != Verdict::inconsistent);
  entry.message =
      outcome.error ? context.sink.redacted(outcome.error->message) : remark(context.spec, prepared);
  if ((changes_release(plan) || plan.aim == plan::Plan::Aim::hold) && prepared.recordable)
    remember_launch(context, prepared.launch, prepared.sources, entry);
  entry.keep_images = context.spec.prune.images;
  entry.steps = context.sink.step_times();
  auto written =
      writer.append(fleet.history_host(), entry, deadlines::within(context.clock, deadlines::k_record));
  if (!written) context.sink.emit(report::Warning{"the history was not written: " + written.error().message});
  return written;
}

}  // namespace bgdeploy::deploy
