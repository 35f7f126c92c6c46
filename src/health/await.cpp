#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/core/duration.hpp"
#include "bgdeploy/health/health.hpp"

namespace bgdeploy::health {
namespace {

using core::Duration;
using core::ErrorKind;
using core::fail;

constexpr Duration k_first_interval{50};
// What a probe right before the deadline has: enough for an application that is up.
constexpr Duration k_least_time{500};

std::unexpected<core::Error> unhealthy(std::string text, const Answer& last) {
  if (!last.text.empty()) text += last.asked.empty() ? ", last answer: " : ": " + last.asked + ": ";
  return fail(ErrorKind::unhealthy, text + last.text, {}, last.next);
}

bool has_exited(const Waiting& waiting) {
  return waiting.exited && waiting.exited();
}

// How long the next probe may take.
Duration time_for(int attempt, const spec::Health& health, core::SteadyTime deadline, core::SteadyTime now) {
  if (attempt == 1) return health.timeout;
  const auto left = std::chrono::ceil<Duration>(deadline - now);
  return std::min(health.timeout, std::max(left, k_least_time));
}

}  // namespace

core::Result<void> await_healthy(Prober& prober, const Waiting& waiting, core::Clock& clock,
                                 std::stop_token stop) {
  const auto& health = waiting.health;
  const auto deadline = waiting.started + health.deadline;
  auto interval = std::min(health.interval, k_first_interval);
  Answer last;
  int in_a_row = 0;
  for (int attempt = 1;; ++attempt) {
    if (has_exited(waiting)) return unhealthy(waiting.name + " exited before it was healthy", last);
    if (stop.stop_requested()) return fail(ErrorKind::cancelled, "cancelled while waiting for health");
    const auto began = clock.now();
    const auto allowed = time_for(attempt, health, deadline, began);
    auto answer = prober.probe(core::Wait::for_at_most(allowed, stop));
    answer.took = std::chrono::duration_cast<Duration>(clock.now() - began);
    // A probe that was called off says nothing about the container.
    if (stop.stop_requested() && !answer.healthy) continue;
    const bool cut_short = answer.timed_out && allowed < health.timeout;
    if (cut_short) answer.text = "timed out after " + core::format_duration(allowed);
    if (waiting.probed) waiting.probed(answer, attempt);
    if (answer.lost) return fail(ErrorKind::lost, answer.text);
    in_a_row = answer.healthy ? in_a_row + 1 : 0;
    // What was answered before says more than a probe that the deadline cut short.
    if (!cut_short) last = std::move(answer);
    if (in_a_row >= health.success_threshold) return {};
    if (last.is_final) return fail(ErrorKind::unhealthy, waiting.name + ": " + last.text, {}, last.next);
    if (has_exited(waiting)) return unhealthy(waiting.name + " exited before it was healthy", last);
    if (in_a_row > 0) interval = health.interval;
    if (clock.now() >= deadline) {
      if (waiting.refine) waiting.refine(last);
      return unhealthy(
          fmt::format("{} was not healthy within {}", waiting.name, core::format_duration(health.deadline)),
          last);
    }
    const auto next = std::min(began + interval, deadline);
    const auto pause = std::chrono::ceil<Duration>(next - clock.now());
    if (pause.count() > 0) clock.sleep_for(pause, stop);
    interval = std::min(health.interval, interval * 3 / 2);
  }
}

}  // namespace bgdeploy::health
