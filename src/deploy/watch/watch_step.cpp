#include "watch/watch_step.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "bgdeploy/core/duration.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/deploy/deadlines.hpp"
#include "bgdeploy/spec/hooks.hpp"
#include "either_stop.hpp"
#include "hooks/environment.hpp"
#include "hooks/output_lines.hpp"
#include "parallel.hpp"
#include "watch/preflight.hpp"

namespace bgdeploy::deploy {

using core::Error;
using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

Sight sight_of(const health::Answer& answer) {
  if (answer.lost) return {.good = {}, .answer = answer.text, .lost = true};
  return {.good = answer.healthy, .answer = answer.text};
}

}  // namespace

Result<void> WatchStep::mark() {
  const plan::Watch* watch = watch_of(m_context.plan);
  if (watch == nullptr || !watch->settings.responses) return {};
  const spec::WatchResponses& settings = *watch->settings.responses;
  const World& world = m_context.world;
  m_logs.clear();
  for (std::size_t i = 0; i < world.proxies.size(); ++i)
    m_logs.push_back({.place = {}, .responses = std::make_unique<Responses>(settings)});
  std::vector<Result<void>> results(m_logs.size());
  for_each_parallel(results.size(), m_context.spec.parallel, [&](std::size_t i) {
    const auto end = world.read_log(i, settings.log, m_logs[i].place, m_context.wait(deadlines::k_request));
    if (!end) results[i] = std::unexpected(end.error());
  });
  for (Result<void>& result : results) BGDEPLOY_TRY(std::move(result));
  return {};
}

// Behind a connection that broke every slot looks as if nothing listened in it.
Sight WatchStep::ask(const StepRunner::Ready& ready, const Wait& wait) {
  const health::Answer answer = ready.prober->probe(wait);
  if (answer.healthy || answer.lost) return sight_of(answer);
  const Wait looking = deadlines::within(m_context.world.clock, deadlines::k_look, wait.stop);
  const auto still = m_context.world.apps.at(ready.host).runtime->diagnose(ready.container, looking);
  if (!still && still.error().kind == ErrorKind::lost)
    return {.good = {}, .answer = still.error().message, .lost = true};
  return sight_of(answer);
}

// A container that ends counts at once, whatever docker does with it then.
void WatchStep::add_containers(const spec::Watch& settings, std::vector<Looker>& all) {
  for (const StepRunner::Ready& ready : m_containers.ready()) {
    const std::string& host = m_context.world.apps.at(ready.host).name;
    all.push_back({.check = {.name = "container", .host = host, .only_bad = true},
                   .look = [this, &ready](const Wait& wait) -> Sight {
                     const auto ended = m_containers.ended(ready.host, ready.container, wait);
                     if (!ended) return {};
                     return {.good = false, .answer = *ended, .at_once = true};
                   }});
    if (settings.health)
      all.push_back({.check = {.name = "health", .host = host},
                     .longest = m_context.spec.health.timeout,
                     .look = [this, &ready](const Wait& wait) { return ask(ready, wait); }});
  }
}

Sight WatchStep::read(std::size_t proxy, const spec::WatchResponses& settings, const Wait& wait) {
  Log& log = m_logs.at(proxy);
  const auto piece = m_context.world.read_log(proxy, settings.log, log.place, wait);
  if (!piece)
    return {.good = {}, .answer = piece.error().message, .lost = piece.error().kind == ErrorKind::lost};
  log.responses->add(*piece);
  return log.responses->sight();
}

void WatchStep::add_logs(const spec::WatchResponses& responses, std::vector<Looker>& all) {
  for (std::size_t i = 0; i < m_logs.size(); ++i)
    all.push_back(
        {.check = {.name = "responses", .host = m_context.world.proxies.at(i).name, .one_is_enough = true},
         .longest = deadlines::k_look,
         .look = [this, i, &responses](const Wait& wait) { return read(i, responses, wait); }});
}

void WatchStep::add_runs(const spec::Watch& settings, std::vector<Looker>& all) {
  constexpr int k_no_verdict = 75;  // EX_TEMPFAIL
  const auto environment = hook_environment(m_context.spec, m_context.plan, {});
  for (const spec::WatchRun& run : settings.runs)
    all.push_back(
        {.check = {.name = "run " + spec::words_of({spec::HookRun{run.command}})},
         .longest = run.timeout,
         .look = [this, &run, environment](const Wait& wait) -> Sight {
           OutputLines lines([](const std::string&) {});  // only the last one is told
           const auto code = m_context.world.run_shell(
               {{}, run.command, environment}, [&](std::string_view piece) { lines.take(piece); }, wait);
           lines.end();
           const auto said = lines.last();
           const std::string words = said.empty() ? "" : ": " + said.back();
           if (!code && code.error().kind == ErrorKind::timeout)
             return {.good = false, .answer = "no end within " + core::format_duration(run.timeout) + words};
           if (!code) return {.good = {}, .answer = code.error().message};
           const std::string answer = fmt::format("exit code {}{}", *code, words);
           if (*code == k_no_verdict) return {.good = {}, .answer = answer};
           return {.good = *code == 0, .answer = answer};
         }});
}

std::vector<Looker> WatchStep::lookers(const spec::Watch& settings) {
  std::vector<Looker> all;
  add_containers(settings, all);
  for (const spec::WatchUrl& url : settings.urls)
    all.push_back(
        {.check = {.name = "url " + core::printable(url.url)},
         .longest = url.timeout,
         .look = [this, &url](const Wait& wait) { return sight_of(m_context.world.ask_url(url, wait)); }});
  if (settings.responses) add_logs(*settings.responses, all);
  add_runs(settings, all);
  return all;
}

Result<void> WatchStep::carry_out(const plan::Watch& step) {
  World& world = m_context.world;
  world.sink.emit(
      report::Info{fmt::format("Ctrl-C during the watch leaves {} serving, with exit code 6", name())});
  const report::StepName step_name = m_context.name_of(step);
  const auto seen = [&](const WatchCheck& check, const Sight& sight) {
    world.sink.emit(report::WatchSeen{step_name, check.name, check.host, sight.good, sight.answer});
  };
  const EitherStop stop(m_context.stops.user, m_context.stops.lost);
  const auto verdict = look_after(step.settings, lookers(step.settings), world.clock, stop.token(), seen);
  if (verdict) return judged(step, *verdict);
  if (m_context.lost()) return std::unexpected(m_context.why_stopped());
  return stays({ErrorKind::cancelled, fmt::format("interrupted while {} was watched", name()), {}},
               "the old slot keeps running: see what serves with `bgdeploy status`; "
               "`bgdeploy rollback` goes back");
}

// From here on nothing leads back by itself.
Result<void> WatchStep::stays(Error error, std::string why) {
  if (auto accepted = m_traffic.transaction().accept(); !accepted)
    error.details.push_back(accepted.error().message);
  error.details.push_back(std::move(why));
  return std::unexpected(std::move(error));
}

Result<void> WatchStep::judged(const plan::Watch& step, const WatchVerdict& verdict) {
  if (verdict.kind == WatchVerdict::Kind::good) return {};
  const bool bad = verdict.kind == WatchVerdict::Kind::bad;
  const bool returns = step.settings.return_when_inconclusive && step.comes_back;
  if (!bad && !returns) {
    for (const std::string& why : verdict.why)
      m_context.warn(fmt::format("the watch came to no verdict, and {} stays: {}", name(), why));
    return {};
  }
  Error error{ErrorKind::unhealthy,
              bad ? fmt::format("{} was found bad: {}", name(), verdict.why.front())
                  : fmt::format("the watch of {} came to no verdict: {}", name(), verdict.why.front()),
              {verdict.why.begin() + 1, verdict.why.end()}};
  if (!step.comes_back)
    return stays(std::move(error),
                 m_context.plan.live
                     ? fmt::format("a rollback is not taken back by itself: {} goes on serving, and {} runs",
                                   name(), m_context.spec.slots[*m_context.plan.live].name)
                     : "a first deploy has nothing to go back to: " + name() + " goes on serving");
  return std::unexpected(m_traffic.unless_old_is_gone(std::move(error), TrafficSteps::Old::must_answer));
}

}  // namespace bgdeploy::deploy
