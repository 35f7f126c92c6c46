// The steps that concern all proxies at once: the commit, and waiting for old workers.
#include <algorithm>

#include <fmt/format.h>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/deploy/observe.hpp"
#include "bgdeploy/plan/substitutions.hpp"
#include "parallel.hpp"
#include "step_runner.hpp"

namespace bgdeploy::deploy {

using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

constexpr core::Duration k_stage = std::chrono::minutes(1);
constexpr core::Duration k_commit = std::chrono::minutes(2);  // waits for another service's switch too

}  // namespace

Result<void> StepRunner::carry_out(const plan::Switch& step) {
  BGDEPLOY_TRY(confirm_healthy(step.slot));
  BGDEPLOY_TRY(confirm_reachable(step));
  BGDEPLOY_ASSIGN(Switches switches, stage_all(step.slot, step.routing, m_stop.get_token()));
  if (m_stop.stop_requested()) return std::unexpected(why_stopped());
  m_commit_began = true;
  BGDEPLOY_TRY(commit_all(switches));
  m_switches = std::move(switches);
  // What takes it back, or accepts it, comes next.
  return m_spec.verify ? Result<void>{} : accept_all();
}

Result<StepRunner::Switches> StepRunner::stage_all(std::size_t slot,
                                                   const std::vector<plan::Routing>& routing,
                                                   std::stop_token stop) {
  std::vector<Result<std::unique_ptr<proxy::Switch>>> staged(m_world.proxies.size());
  const Wait wait = Wait::for_at_most(k_stage, std::move(stop));
  for_each_parallel(staged.size(), m_spec.parallel, [&](std::size_t i) {
    const auto content = m_spec.nginx.sites ? Result<std::string>() : proxy::render(m_spec.nginx, routing[i]);
    if (content)
      staged[i] = m_world.proxies[i].proxy->stage(slot, *content, wait);
    else
      staged[i] = std::unexpected(content.error());
  });
  Switches switches;
  for (std::size_t i = 0; i < staged.size(); ++i) {
    if (!staged[i]) return std::unexpected(std::move(staged[i].error()).within(m_world.proxies[i].name));
    switches.push_back(std::move(*staged[i]));
  }
  return switches;
}

// From here on a signal waits: half a switch is no place to stop.
Result<void> StepRunner::commit_all(Switches& switches) {
  const Wait wait = Wait::for_at_most(k_commit, m_lost);
  std::vector<Result<void>> results(switches.size());
  for_each_parallel(switches.size(), m_spec.parallel,
                    [&](std::size_t i) { results[i] = switches[i]->commit(wait); });
  const auto failed = std::ranges::find_if(results, [](const Result<void>& result) { return !result; });
  if (failed == results.end()) return {};
  core::Error error = std::move(failed->error());
  if (m_world.proxies.size() > 1)
    error = std::move(error).within(m_world.proxies[static_cast<std::size_t>(failed - results.begin())].name);
  for (std::size_t i = 0; i < switches.size(); ++i)
    if (!results[i]) switches[i].reset();
  restore_all(switches, error);
  return std::unexpected(std::move(error));
}

// What could not be put back is added to the error.
void StepRunner::restore_all(Switches& switches, core::Error& error) {
  const Wait wait = Wait::for_at_most(k_commit, m_lost);
  for (std::size_t i = 0; i < switches.size(); ++i) {
    if (!switches[i]) continue;
    if (auto restored = switches[i]->restore(wait); !restored)
      error.details.push_back(
          fmt::format("{}: could not be put back: {}", m_world.proxies[i].name, restored.error().message));
  }
  switches.clear();
  // New workers may have taken requests for the newcomer before they were told to quit.
  if (auto drained = drain_leaving(m_plan.target, m_lost); !drained)
    error.details.push_back(drained.error().message);
}

Result<void> StepRunner::accept_all() {
  m_committed = true;
  const Wait wait = Wait::for_at_most(k_commit, m_lost);
  std::vector<Result<void>> results(m_switches.size());
  for (std::size_t i = 0; i < m_switches.size(); ++i) results[i] = m_switches[i]->accept(wait);
  for (Result<void>& result : results) BGDEPLOY_TRY(std::move(result));
  return {};
}

Result<void> StepRunner::carry_out(const plan::Drain& step) {
  const core::Duration timeout = m_spec.drain_timeout;
  if (!m_spec.proxied) {
    const bool slept =
        m_world.clock.sleep_for(std::min(timeout, plan::k_until_tried_again), m_stop.get_token());
    return slept ? Result<void>{} : std::unexpected(why_stopped());
  }
  BGDEPLOY_TRY(drain_all(step, timeout));
  // What one proxy's include said when its workers were gone may have changed while another one's drained.
  if (m_switches.size() > 1) BGDEPLOY_TRY(drain_all(step, core::Duration(0)));
  m_drained = true;
  // What follows may need the place of their commands (sshd's MaxSessions).
  m_switches.clear();
  return {};
}

Result<void> StepRunner::drain_all(const plan::Drain& step, core::Duration timeout) {
  std::vector<Result<proxy::Drained>> results(m_switches.size());
  for_each_parallel(results.size(), m_spec.parallel, [&](std::size_t i) {
    results[i] = m_switches[i]->drain(timeout, step.old[i], wait(timeout + k_stage));
  });
  for (std::size_t i = 0; i < results.size(); ++i) {
    BGDEPLOY_ASSIGN(const proxy::Drained drained, std::move(results[i]));
    if (!drained.running)
      return core::fail(
          ErrorKind::inconsistent,
          fmt::format("nginx on {} ended after the switch: nobody is served, and {} keeps running",
                      m_world.proxies[i].name, m_spec.slots[step.slot].container),
          {"start nginx, then run this again"});
    if (!drained.still_ours)
      return core::fail(
          ErrorKind::inconsistent,
          fmt::format("{} on {} was changed by somebody else after the switch, so {} keeps running",
                      plan::routing_file(m_spec), m_world.proxies[i].name, m_spec.slots[step.slot].container),
          {std::string(k_look_and_run_again)});
    if (!drained.complete && timeout > core::Duration(0))
      tell_cap(drained, step.slot, m_world.proxies[i].name);
  }
  return {};
}

// drain.timeout was hit.
void StepRunner::tell_cap(const proxy::Drained& drained, std::size_t slot, const std::string& proxy) {
  const std::string after = "after " + core::format_duration(m_spec.drain_timeout);
  const std::string& name = m_spec.slots[slot].name;
  if (drained.connections > 0)
    warn(fmt::format("{} {} connection{} to {} {} still open, and cut when it stops", after,
                     drained.connections, drained.connections == 1 ? "" : "s", name,
                     drained.connections == 1 ? "is" : "are"),
         proxy);
  else
    m_world.sink.emit(
        {.name = "info",
         .message = fmt::format("{} old nginx workers are still busy, but not with {}", after, name),
         .host = proxy});
}

Result<void> StepRunner::carry_out(const plan::AwaitLeaving&) {
  return drain_leaving(m_plan.live ? 1 - *m_plan.live : m_plan.target, m_stop.get_token());
}

// Old workers may still serve `slot`: wait for them before anything in it is stopped.
Result<void> StepRunner::drain_leaving(std::size_t slot, std::stop_token stop) {
  const core::Duration timeout = m_spec.drain_timeout;
  const Wait wait = Wait::for_at_most(timeout + k_stage, std::move(stop));
  BGDEPLOY_ASSIGN(const auto proxies, observe_proxies(m_spec, m_world, wait));
  for (std::size_t i = 0; i < proxies.size(); ++i) {
    if (proxies[i].leaving.empty()) continue;
    BGDEPLOY_ASSIGN(const plan::Routing old, plan::routing_to(m_spec, i, slot, ""));
    BGDEPLOY_ASSIGN(const proxy::Drained drained,
                    m_world.proxies[i].proxy->drain(proxies[i].leaving, old, timeout, wait));
    if (!drained.complete) tell_cap(drained, slot, m_world.proxies[i].name);
  }
  return {};
}

}  // namespace bgdeploy::deploy
