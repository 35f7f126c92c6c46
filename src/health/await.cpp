#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/health/health.hpp"

namespace bgdeploy::health {
namespace {

using core::Duration;
using core::ErrorKind;
using core::fail;

constexpr Duration k_first_interval{50};

std::string quoting(std::string text, const Answer& last) {
  return last.text.empty() ? text : text + ", last answer: " + last.text;
}

bool has_exited(const Waiting& waiting) {
  return waiting.exited && waiting.exited();
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
    if (has_exited(waiting))
      return fail(ErrorKind::unhealthy, quoting("the container exited before it was healthy", last));
    if (stop.stop_requested()) return fail(ErrorKind::cancelled, "cancelled while waiting for health");
    const auto began = clock.now();
    auto answer = prober.probe(core::Wait::for_at_most(health.timeout, stop));
    // A probe that was called off says nothing about the container.
    if (stop.stop_requested() && !answer.healthy) continue;
    last = std::move(answer);
    if (waiting.probed) waiting.probed(last, attempt);
    if (last.lost) return fail(ErrorKind::lost, last.text);
    in_a_row = last.healthy ? in_a_row + 1 : 0;
    if (in_a_row >= health.success_threshold) return {};
    if (has_exited(waiting))
      return fail(ErrorKind::unhealthy, quoting("the container exited before it was healthy", last));
    if (last.healthy) interval = health.interval;
    if (clock.now() >= deadline)
      return fail(ErrorKind::unhealthy,
                  quoting("not healthy within " + core::format_duration(health.deadline), last));
    const auto next = std::min(began + interval, deadline);
    const auto pause = std::chrono::ceil<Duration>(next - clock.now());
    if (pause.count() > 0) clock.sleep_for(pause, stop);
    interval = std::min(health.interval, interval * 3 / 2);
  }
}

}  // namespace bgdeploy::health
