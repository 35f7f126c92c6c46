// Starting a container that is there already, and what is told of one that ended before it was asked
// anything.
#include <fmt/format.h>

#include <memory>

#include "step_runner.hpp"

namespace bgdeploy::deploy {

using core::Error;
using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

constexpr core::Duration k_request = std::chrono::minutes(1);
constexpr core::Duration k_create = std::chrono::minutes(30);  // compose pulls what else is in its file

}  // namespace

Result<void> StepRunner::carry_out(const plan::Start& step) {
  undo_with(step, [this, step](const Wait& w) -> Result<void> {
    BGDEPLOY_TRY(runtime(step.host).stop(step.container, newcomer_grace(), w));
    return {};
  });
  auto started = runtime(step.host).start(step.container, wait(k_request));
  if (!started) {
    const ErrorKind kind = started.error().kind;
    const bool answered =
        kind == ErrorKind::refused || kind == ErrorKind::conflict || kind == ErrorKind::not_found;
    if (!answered || !step.anew) return started;
    return start_anew(step, std::move(started.error()));
  }
  std::scoped_lock lock(m_mutex);
  m_started[step.host] = {step.container, m_world.clock.now()};
  return {};
}

// A daemon that was killed while it started a container may never start that one again ("task … already
// exists"). It is kept until the new one runs, since something else may have been the matter.
Result<void> StepRunner::start_anew(const plan::Start& step, Error why) {
  warn(fmt::format("{} cannot be started again, so it is made anew: {}", m_spec.slots[step.slot].container,
                   why.message),
       m_world.apps[step.host].name);
  bool aside = true;
  if (auto moved = runtime(step.host).set_aside(step.slot, step.container, wait(k_request)); !moved) {
    // Compose cannot move one out of its way; and where another one is aside already, there is no need to.
    aside = false;
    if (!m_spec.compose && moved.error().kind != ErrorKind::conflict) return moved;
    BGDEPLOY_TRY(runtime(step.host).remove(step.container, wait(k_request)));
  }
  plan::Launch launch = *step.anew;
  launch.release = step.release;
  auto created = runtime(step.host).launch(step.slot, launch, wait(k_create));
  if (!created) {
    if (aside) {
      const auto back =
          runtime(step.host).put_back(step.slot, step.container, Wait::for_at_most(k_request, m_lost));
      if (!back) created.error().details.push_back("it could not be put back: " + back.error().message);
    }
    return std::unexpected(std::move(created.error()));
  }
  undo_with(step, [this, step, aside, id = created->id](const Wait& w) -> Result<void> {
    BGDEPLOY_TRY(runtime(step.host).stop(id, newcomer_grace(), w));
    BGDEPLOY_TRY(runtime(step.host).remove(id, w));
    return aside ? runtime(step.host).put_back(step.slot, step.container, w) : Result<void>{};
  });
  {
    std::scoped_lock lock(m_mutex);
    m_started[step.host] = {created->id, m_world.clock.now()};
  }
  return {};
}

// Where nothing says how it is reached, it has most often ended already.
Error StepRunner::never_asked(const plan::AwaitHealth& step, const std::string& container, Error error) {
  auto diagnosis = runtime(step.host).diagnose(container, Wait::for_at_most(k_request, m_lost));
  if (!diagnosis) return error;
  using Status = plan::Container::Status;
  if (diagnosis->status == Status::running || diagnosis->status == Status::paused) return error;
  return explain(
      step.host, step.slot, container, std::move(*diagnosis),
      {ErrorKind::unhealthy,
       fmt::format("{} ended before it was asked for its health", m_spec.slots[step.slot].container),
       {}});
}

}  // namespace bgdeploy::deploy
