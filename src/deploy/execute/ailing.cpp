// What got healthy may end later, or get sick: looked at before the old slot goes, and after it has gone.
#include <fmt/format.h>

#include "bgdeploy/deploy/deadlines.hpp"
#include "execute/ended.hpp"
#include "execute/step_runner.hpp"
#include "parallel.hpp"

namespace bgdeploy::deploy {

using core::Error;
using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

using Status = plan::Container::Status;

// One answer that is bad, or got lost on the way, must not decide.
constexpr core::Duration k_between_looks = std::chrono::milliseconds(300);
constexpr int k_looks = 3;
// What ends over and over does so again soon. Docker has forgotten the exit code of the last time.
constexpr core::Duration k_next_end = std::chrono::seconds(5);

}  // namespace

// Nothing where docker has run it without an end since it got healthy.
Result<std::optional<StepRunner::Ailing>> StepRunner::glance_at(std::size_t index,
                                                                const std::stop_token& stop) {
  const Ready& ready = m_ready[index];
  const auto seen =
      runtime(ready.host)
          .glance(ready.container, deadlines::within(m_context.world.clock, deadlines::k_request, stop));
  if (!seen && seen.error().kind == ErrorKind::not_found) return Ailing{index, "it was removed"};
  if (!seen) return std::unexpected(seen.error());
  if (seen->status == Status::paused) return Ailing{index, "it is paused"};
  if (seen->status != Status::running) return Ailing{index, "it " + how_it_ended(*seen), *seen};
  if (seen->started != ready.then.started || seen->restarts != ready.then.restarts)
    return Ailing{index, "it ended, and was started again", *seen};
  return std::nullopt;
}

Result<std::optional<StepRunner::Ailing>> StepRunner::look_at(std::size_t index, Look look,
                                                              const std::stop_token& stop) {
  const Ready& ready = m_ready[index];
  health::Answer answer;
  for (int tried = 0;; ++tried) {
    BGDEPLOY_ASSIGN(auto found, glance_at(index, stop));
    if (found || look == Look::at_docker) return found;
    if (tried == k_looks) return Ailing{index, answer.text, std::nullopt, answer};
    if (tried > 0 && !m_context.world.clock.sleep_for(k_between_looks, stop))
      return std::unexpected(m_context.why_stopped());
    answer = ready.prober->probe(deadlines::within(m_context.world.clock, ready.timeout, stop));
    if (answer.healthy) return std::nullopt;
    if (answer.lost) return core::fail(ErrorKind::lost, answer.text);
  }
}

Result<std::optional<StepRunner::Ailing>> StepRunner::ailing(Look look, const std::stop_token& stop) {
  std::vector<Result<std::optional<Ailing>>> found(m_ready.size());
  for_each_parallel(found.size(), m_context.spec.parallel,
                    [&](std::size_t i) { found[i] = guarded([&] { return look_at(i, look, stop); }); });
  for (auto& one : found)
    if (one && *one) return std::move(one);
  for (std::size_t i = 0; i < found.size(); ++i)
    if (!found[i]) return std::unexpected(std::move(found[i].error()).within(host_name(m_ready[i].host)));
  return std::nullopt;
}

Result<void> StepRunner::confirm_healthy(std::size_t slot) {
  BGDEPLOY_ASSIGN(auto found, ailing(Look::and_ask, m_context.stop()));
  return found ? std::unexpected(explain(slot, std::move(*found))) : Result<void>{};
}

Error StepRunner::no_longer_healthy(std::size_t slot, const Ailing& ailing) const {
  return {ErrorKind::unhealthy,
          fmt::format("{} on {} was healthy and is not any more: {}", container_name(slot),
                      host_name(m_ready[ailing.ready].host), ailing.words),
          {},
          ailing.answer.next};
}

Error StepRunner::explain(std::size_t slot, Ailing ailing) {
  const Ready& ready = m_ready[ailing.ready];
  const Sick sick{ready.host,         slot,          ready.container,
                  ready.prober.get(), ailing.answer, started_at(ready.host)};
  if (!ailing.ended) {
    refine(sick, ailing.answer);
    if (!ailing.answer.text.empty()) ailing.words = ailing.answer.text;
    return explain(sick, std::nullopt, no_longer_healthy(slot, ailing));
  }
  const Wait wait = m_context.wait_through(deadlines::k_request);
  std::optional<runtime::Diagnosis> diagnosis;
  const bool again = ailing.ended->status == Status::running;
  if (again) {
    const auto over =
        watch(ready.host, ready.container, m_context.wait_through(k_next_end), diagnosis).value_or(false);
    if (over && diagnosis) ailing.words = fmt::format("it {}, over and over", how_it_ended(*diagnosis));
  }
  const bool knows_code = !again || diagnosis;
  if (!diagnosis) {
    auto now = runtime(ready.host).diagnose(ready.container, wait);
    diagnosis = now ? std::move(*now) : *ailing.ended;
  }
  Error told = no_longer_healthy(slot, ailing);
  told.next = knows_code
                  ? after_its_end(m_context.spec, host_name(ready.host), again ? *diagnosis : *ailing.ended,
                                  runtime(ready.host).clues(ready.container, wait))
                  : std::string(k_mend);
  tell(sick, *diagnosis, told);
  return told;
}

}  // namespace bgdeploy::deploy
