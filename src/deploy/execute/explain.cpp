// Why a container is not healthy, for the user: looked for only after it failed.
#include <fmt/format.h>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/deploy/deadlines.hpp"
#include "bgdeploy/health/silence.hpp"
#include "execute/ended.hpp"
#include "execute/step_runner.hpp"

namespace bgdeploy::deploy {

using core::Error;
using core::ErrorKind;

// With what docker knows about it; its last words are shown.
Error StepRunner::explain(const Sick& sick, std::optional<runtime::Diagnosis> ended, Error error) {
  if (error.kind != ErrorKind::unhealthy) return error;
  std::optional<runtime::Diagnosis> diagnosis = ended;
  if (ended) {
    error = explain_end(sick, *ended, std::move(error));
  } else {
    auto now = runtime(sick.host).diagnose(sick.container, m_context.wait_through(deadlines::k_request));
    if (!now) return error;
    diagnosis = std::move(*now);
    if (diagnosis->restarts > 0)
      error.details.push_back(fmt::format("docker started {} again {} time{}, last after exit code {}",
                                          container_name(sick.slot), diagnosis->restarts,
                                          diagnosis->restarts == 1 ? "" : "s", diagnosis->exit_code));
  }
  tell(sick, *diagnosis, error);
  return error;
}

void StepRunner::tell(const Sick& sick, const runtime::Diagnosis& diagnosis, Error& error) {
  {
    const std::scoped_lock lock(m_mutex);
    m_told_log.insert(host_name(sick.host));
  }
  for (const std::string& line : diagnosis.output)
    m_context.world.sink.emit(
        report::LogLine{{host_name(sick.host), m_context.spec.slots[sick.slot].name, "health"}, line});
  if (!diagnosis.error.empty()) error.details.push_back("docker says: " + core::printable(diagnosis.error));
  if (!diagnosis.health_log.empty())
    error.details.push_back("its HEALTHCHECK says: " + core::printable(diagnosis.health_log));
  if (diagnosis.output.empty())
    error.details.push_back(fmt::format("{} wrote nothing to its log", container_name(sick.slot)));
}

Error StepRunner::explain_end(const Sick& sick, const runtime::Diagnosis& ended, Error error) {
  const std::string& host = host_name(sick.host);
  const auto clues = runtime(sick.host).clues(sick.container, m_context.wait_through(deadlines::k_request));
  error.message = fmt::format("{} {}", container_name(sick.slot), how_it_ended(ended));
  if (!clues.image_architecture.empty())
    error.message += fmt::format("; its image is for {}, and {} is {}", clues.image_architecture, host,
                                 clues.host_architecture);
  else if (!sick.last.text.empty() && !sick.last.silent)
    error.message += ", last answer: " + sick.last.text;
  error.next = after_its_end(m_context.spec, host, ended, clues);
  return error;
}

bool StepRunner::told_log(const std::string& host) const {
  const std::scoped_lock lock(m_mutex);
  return m_told_log.contains(host);
}

// In the place of "connection refused", which says nothing of why.
void StepRunner::refine(const Sick& sick, health::Answer& answer) {
  if (!answer.silent) return;
  const auto wait = m_context.wait_through(deadlines::k_request);
  const spec::Health& health = health_of(m_context.spec, m_context.world, m_context.plan.to);
  const auto at = runtime(sick.host).reachable(sick.slot, sick.container, health, wait);
  if (!at) return;
  const health::Silence silence{
      .spec = m_context.spec,
      .slot = sick.slot,
      .name = container_name(sick.slot),
      .host = host_name(sick.host),
      .asked = at->container_port,
      .up = std::chrono::duration_cast<core::Duration>(m_context.world.clock.now() - sick.since),
      .tls = sick.prober != nullptr && sick.prober->speaks_tls(wait)};
  const auto reason = health::explain(silence, runtime(sick.host).clues(sick.container, wait));
  if (!reason) return;
  answer.text = reason->why;
  answer.next = reason->next;
}

}  // namespace bgdeploy::deploy
