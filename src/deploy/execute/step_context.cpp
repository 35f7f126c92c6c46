#include "execute/step_context.hpp"

#include "bgdeploy/deploy/deadlines.hpp"
#include "bgdeploy/deploy/lock/lease.hpp"
#include "parallel.hpp"

namespace bgdeploy::deploy {

using core::Error;
using core::ErrorKind;
using core::Result;
using core::Wait;

report::StepName report_name(const spec::Spec& spec, const plan::Step& step) {
  return {plan::step_host(spec, step), plan::step_slot(spec, step), std::string(plan::step_name(step)),
          static_cast<int>(plan::step_hosts(spec, step).size())};
}

StepContext::StepContext(const spec::Spec& of, const plan::State& seen, const plan::Plan& planned, World& on,
                         const Stops& by)
    : spec(of),
      state(seen),
      plan(planned),
      world(on),
      stops(by),
      m_on_user(by.user, [this] { m_stop.request_stop(); }),
      m_on_lost(by.lost, [this] { m_stop.request_stop(); }),
      m_on_hurry(by.hurry, [this] { m_end_undo.request_stop(); }),
      m_on_lost_undoing(by.lost, [this] { m_end_undo.request_stop(); }) {}

void StepContext::abandon() {
  m_abandoned = true;
  m_stop.request_stop();
}

Error StepContext::why_stopped() const {
  if (lost()) return lock_lost();
  if (m_abandoned && !stops.user.stop_requested())
    return {ErrorKind::cancelled, "given up, because another host failed", {}};
  return {ErrorKind::cancelled, "interrupted", {}};
}

Wait StepContext::wait(core::Duration at_most) const {
  return deadlines::within(world.clock, at_most, m_stop.get_token());
}

Wait StepContext::wait_through(core::Duration at_most) const {
  return deadlines::within(world.clock, at_most, stops.lost);
}

Wait StepContext::wait_undoing(core::Duration at_most) const {
  return deadlines::within(world.clock, at_most, m_end_undo.get_token());
}

Result<void> StepContext::run(const plan::Step& step, bool halfway,
                              const std::function<Result<void>()>& work) {
  const auto ended = [&] { return halfway ? lost() : stopped(); };
  if (ended()) return std::unexpected(why_stopped());
  const std::string words = plan::describe(spec, step);
  const std::string about = plan::about(spec, plan, step);
  world.sink.emit(report::StepStarted{name_of(step), words, about});
  const core::SteadyTime began = world.clock.now();
  Result<void> result = guarded(work);
  const auto took = std::chrono::duration_cast<core::Duration>(world.clock.now() - began);
  if (result) {
    world.sink.emit(report::StepFinished{name_of(step), words, took, about});
    return {};
  }
  if (ended()) result = std::unexpected(why_stopped());
  world.sink.emit(report::StepFailed{name_of(step), words, took, result.error(), about});
  return result;
}

Wait StepContext::wait_looking(core::Duration at_most) const {
  return deadlines::within(world.clock, at_most, stops.hurry);
}

report::StepName StepContext::name_of(const plan::Step& step) const {
  return report_name(spec, step);
}

void StepContext::warn(std::string message, std::string host) {
  world.sink.emit(report::Warning{std::move(message), std::move(host)});
}

}  // namespace bgdeploy::deploy
