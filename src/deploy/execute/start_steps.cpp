// Starting a container that exists, and explaining one that ended before its first health check.
#include <fmt/format.h>

#include <memory>

#include "bgdeploy/core/duration.hpp"
#include "bgdeploy/core/size.hpp"
#include "bgdeploy/deploy/deadlines.hpp"
#include "bgdeploy/report/words.hpp"
#include "bgdeploy/spec/runtime.hpp"
#include "execute/step_runner.hpp"

namespace bgdeploy::deploy {

using core::Error;
using core::ErrorKind;
using core::Result;

Result<void> StepRunner::carry_out(const plan::Start& step) {
  m_undo.record(step, plan::inverse(step));
  auto started = runtime(step.host).start(step.container, m_context.wait(deadlines::k_request));
  if (!started) {
    const ErrorKind kind = started.error().kind;
    const bool answered =
        kind == ErrorKind::refused || kind == ErrorKind::conflict || kind == ErrorKind::not_found;
    if (!answered || !step.anew) return started;
    return start_anew(step, std::move(started.error()));
  }
  remember(step.host, step.container);
  return {};
}

Result<void> StepRunner::carry_out(const plan::StopFirst& step) {
  // An answer that got lost on the way must be undone too.
  m_undo.record(step, plan::inverse(step));
  if (step.stopped) return {};
  {
    const std::scoped_lock lock(m_mutex);
    m_gaps[step.host] = {m_context.world.clock.now()};
  }
  BGDEPLOY_ASSIGN(
      const bool killed,
      runtime(step.host).stop(step.container, step.grace, m_context.wait(deadlines::stopping(step.grace))));
  if (killed) tell_killed(plan::container_name(m_context.spec, step), step.grace, step.host);
  return {};
}

Result<void> StepRunner::carry_out(const plan::Prune& step) {
  const App& app = m_context.world.apps.at(step.host);
  const auto tell = [&](const runtime::Removed& removed) {
    m_context.world.sink.emit(report::Info{
        fmt::format("removed {}, {}", removed.what, core::short_bytes(removed.bytes)), app.name});
  };
  BGDEPLOY_ASSIGN(const auto uploads,
                  app.runtime->remove_uploads(false, m_context.wait(deadlines::k_request)));
  for (const auto& removed : uploads) tell(removed);
  return app.storage->prune(step.leftovers, false, tell, m_context.wait(deadlines::k_prune));
}

void StepRunner::tell_killed(const std::string& name, core::Duration grace, std::size_t host) {
  m_context.warn(fmt::format("{} did not stop within {} and was killed", name,
                             spec::runtime_of(m_context.spec).own_grace ? "its grace period"
                                                                        : core::format_duration(grace)),
                 host_name(host));
}

void StepRunner::end_gap(std::size_t host, core::SteadyTime at) {
  const std::scoped_lock lock(m_mutex);
  if (const auto gap = m_gaps.find(host); gap != m_gaps.end() && !gap->second.ended) gap->second.ended = at;
}

std::optional<core::Duration> StepRunner::gap() const {
  const std::scoped_lock lock(m_mutex);
  std::optional<core::Duration> longest;
  for (const auto& [host, gap] : m_gaps) {
    const auto end = gap.ended.value_or(m_context.world.clock.now());
    const auto took = std::chrono::duration_cast<core::Duration>(end - gap.began);
    longest = std::max(longest.value_or(took), took);
  }
  return longest;
}

// One that is only to run does its work from its start on.
Result<void> StepRunner::start_until_healthy(std::size_t host, std::size_t slot, const std::string& container,
                                             const spec::Health& health, std::stop_token stop) {
  const core::SteadyTime began = m_context.world.clock.now();
  BGDEPLOY_TRY(
      runtime(host).start(container, deadlines::within(m_context.world.clock, deadlines::k_request, stop)));
  const bool from_start = std::holds_alternative<spec::HealthRunning>(health.probe);
  if (from_start) end_gap(host, m_context.world.clock.now());
  BGDEPLOY_ASSIGN(auto prober, m_context.world.prober(host, slot, container, health));
  BGDEPLOY_TRY(health::await_healthy(*prober, {health, began, [] { return false; }, [](const auto&, int) {}},
                                     m_context.world.clock, std::move(stop)));
  end_gap(host, m_context.world.clock.now());
  return {};
}

// A daemon that was killed while it started a container may never start that one again ("task … already
// exists"). The old one is kept until the new one runs, since the cause may be another.
Result<void> StepRunner::start_anew(const plan::Start& step, Error why) {
  m_context.warn(fmt::format("{} cannot be started again, so it is made anew: {}", container_name(step.slot),
                             why.message),
                 host_name(step.host));
  runtime::Aside* aside = runtime(step.host).aside();
  if (aside != nullptr) {
    const auto moved = aside->set_aside(step.slot, step.container, m_context.wait(deadlines::k_request));
    // Where another one stands aside already, there is no need to.
    if (!moved && moved.error().kind != ErrorKind::conflict) return moved;
    if (!moved) aside = nullptr;
  }
  if (aside == nullptr)
    BGDEPLOY_TRY(runtime(step.host).remove(step.container, m_context.wait(deadlines::k_request)));
  plan::Launch launch = *step.anew;
  launch.release = step.release;
  auto created =
      runtime(step.host).launch(step.slot, launch, m_context.wait(deadlines::creating(m_context.spec)));
  if (!created) {
    if (aside != nullptr) {
      const auto back =
          aside->put_back(step.slot, step.container, m_context.wait_through(deadlines::k_request));
      if (!back) created.error().details.push_back("it could not be put back: " + back.error().message);
    }
    return std::unexpected(std::move(created.error()));
  }
  if (aside != nullptr)
    m_undo.record(step, plan::PutBack{step.host, step.slot, step.container, step.release});
  m_undo.record(step, plan::inverse(plan::Create{step.host, step.slot, launch}, created->id));
  remember(step.host, created->id);
  return {};
}

// A container without an address has most often ended already.
Error StepRunner::never_asked(const plan::AwaitHealth& step, const std::string& container, Error error) {
  auto diagnosis = runtime(step.host).diagnose(container, m_context.wait_through(deadlines::k_request));
  if (!diagnosis) return error;
  const Sick sick{step.host, step.slot, container, nullptr, {}, started_at(step.host)};
  using Status = plan::Container::Status;
  if (diagnosis->status == Status::running || diagnosis->status == Status::paused) {
    if (diagnosis->restarts == 0) return error;
    // It ends over and over, and docker has just started it again: its next end tells more.
    std::optional<runtime::Diagnosis> at_exit;
    (void)watch(
        step.host, container,
        deadlines::within(m_context.world.clock, deadlines::getting_healthy(step.health), m_context.stop()),
        at_exit);
    if (!at_exit) return explain(sick, {}, {ErrorKind::unhealthy, std::move(error.message), {}});
    diagnosis = std::move(*at_exit);
  }
  return explain(sick, std::move(*diagnosis), {ErrorKind::unhealthy, std::move(error.message), {}});
}

}  // namespace bgdeploy::deploy
