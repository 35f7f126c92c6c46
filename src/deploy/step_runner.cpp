#include "step_runner.hpp"

#include <algorithm>
#include <thread>

#include <fmt/format.h>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/deploy/observe.hpp"
#include "bgdeploy/plan/substitutions.hpp"
#include "parallel.hpp"

namespace bgdeploy::deploy {

using core::Error;
using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

constexpr core::Duration k_request = std::chrono::minutes(1);  // one request to docker or nginx
constexpr core::Duration k_pull = std::chrono::minutes(30);
constexpr core::Duration k_build = std::chrono::hours(1);
constexpr core::Duration k_undo = std::chrono::minutes(2);
constexpr core::Duration k_newcomer_grace = std::chrono::seconds(5);  // it never served a request
constexpr core::Duration k_most_grace = std::chrono::minutes(30);     // of what a compose file may give

std::string_view why_killed(const runtime::Diagnosis& diagnosis) {
  if (diagnosis.oom_killed) return ": it ran out of memory (OOM) and was killed";
  if (diagnosis.exit_code != runtime::k_killed) return "";
  return ": it was killed (SIGKILL), most often for running out of memory (OOM), which docker cannot always "
         "tell";
}

}  // namespace

StepRunner::StepRunner(const spec::Spec& spec, const plan::State& state, const plan::Plan& plan, World& world,
                       const Stops& stops, Before before)
    : m_spec(spec),
      m_state(state),
      m_plan(plan),
      m_world(world),
      m_user(stops.user),
      m_lost(stops.lost),
      m_on_user(stops.user, [this] { m_stop.request_stop(); }),
      m_on_lost(stops.lost, [this] { m_stop.request_stop(); }),
      m_before(std::move(before)),
      m_sites(state.proxies) {}

Wait StepRunner::wait(core::Duration at_most) const {
  return Wait::for_at_most(at_most, m_stop.get_token());
}

Result<void> StepRunner::run(const plan::Step& step) {
  // Half a switch is no place to stop: a signal waits until it is accepted or taken back.
  const bool waits = m_commit_began && !m_committed;
  const auto stopped = [&] { return waits ? m_lost.stop_requested() : m_stop.stop_requested(); };
  if (stopped()) return std::unexpected(why_stopped());
  emit(step, "step.started", plan::describe(m_spec, step));
  const core::SteadyTime began = m_world.clock.now();
  Result<void> result = std::visit([this](const auto& value) { return carry_out(value); }, step);
  const auto took = std::chrono::duration_cast<core::Duration>(m_world.clock.now() - began);
  if (result) {
    emit(step, "step.finished", plan::describe(m_spec, step), took);
    return {};
  }
  if (stopped()) result = std::unexpected(why_stopped());
  emit(step, "step.failed", plan::describe(m_spec, step), took, result.error());
  return result;
}

Error StepRunner::why_stopped() const {
  if (m_lost.stop_requested())
    return {ErrorKind::lost,
            "the lock was lost: the connection that holds it broke or was silent too long, or its file was "
            "removed",
            {}};
  if (m_abandoned && !m_user.stop_requested())
    return {ErrorKind::cancelled, "given up, because another host failed", {}};
  return {ErrorKind::cancelled, "interrupted", {}};
}

void StepRunner::abandon() {
  m_abandoned = true;
  m_stop.request_stop();
}

std::vector<std::string> StepRunner::not_undone() const {
  std::vector<std::string> words;
  for (auto undo = m_undo.rbegin(); undo != m_undo.rend(); ++undo)
    words.push_back(fmt::format("{}: not done: {}", plan::step_host(m_spec, undo->step),
                                plan::describe_undo(m_spec, undo->step)));
  return words;
}

std::vector<std::string> StepRunner::undo_all() {
  std::vector<std::string> leftovers;
  for (auto undo = m_undo.rbegin(); undo != m_undo.rend(); ++undo) {
    const std::string words = plan::describe_undo(m_spec, undo->step);
    const core::SteadyTime began = m_world.clock.now();
    if (auto result = undo->action(Wait::for_at_most(k_undo, m_lost)); !result) {
      if (m_lost.stop_requested()) result = std::unexpected(why_stopped());
      const std::string host = plan::step_host(m_spec, undo->step);
      leftovers.push_back(
          fmt::format("{}{}could not {}: {}", host, host.empty() ? "" : ": ", words, result.error().message));
      warn(leftovers.back(), host);
      continue;
    }
    emit(undo->step, "step.undone", words,
         std::chrono::duration_cast<core::Duration>(m_world.clock.now() - began));
  }
  m_undo.clear();
  return leftovers;
}

Result<void> StepRunner::carry_out(const plan::Pull& step) {
  auto progress = [&](const runtime::PullProgress& layer) {
    m_world.sink.emit({.name = "pull.progress",
                       .host = m_world.apps[step.host].name,
                       .step = "pull",
                       .fields = {{"layer", layer.layer},
                                  {"status", layer.status},
                                  {"current", layer.current},
                                  {"total", layer.total}}});
  };
  return m_world.apps[step.host].images->pull(step.release, progress, wait(k_pull));
}

Result<void> StepRunner::carry_out(const plan::Build& step) {
  if (!m_world.files) return core::fail(ErrorKind::internal, "a build without its files");
  const auto output = [&](const std::string& line) {
    m_world.sink.emit({.name = "build.output",
                       .host = m_world.apps[step.host].name,
                       .step = "build",
                       .fields = {{"text", line}}});
  };
  return m_world.apps[step.host].images->build(step.release, *m_world.files, output, wait(k_build));
}

// What a compose file says of it is known to its containers only.
core::Duration StepRunner::stop_grace() const {
  return m_spec.compose ? k_most_grace : m_spec.docker.stop_grace_period;
}

core::Duration StepRunner::newcomer_grace() const {
  return std::min(k_newcomer_grace, stop_grace());
}

Result<void> StepRunner::carry_out(const plan::Stop& step) {
  BGDEPLOY_TRY(confirm_idle(step.slot));
  const core::Duration grace = stop_grace();
  BGDEPLOY_TRY(runtime(step.host).stop(step.container, grace, wait(grace + k_request)));
  if (step.restart_on_undo)
    undo_with(step, [this, step](const Wait& w) { return runtime(step.host).start(step.container, w); });
  return {};
}

Result<void> StepRunner::carry_out(const plan::SetAside& step) {
  // Registered first: an answer that got lost on the way must be undone too.
  undo_with(step, [this, step](const Wait& w) {
    return runtime(step.host).put_back(step.slot, step.container, w);
  });
  return runtime(step.host).set_aside(step.slot, step.container, wait(k_request));
}

Result<void> StepRunner::carry_out(const plan::PutBack& step) {
  return runtime(step.host).put_back(step.slot, step.container, wait(k_request));
}

Result<void> StepRunner::carry_out(const plan::Remove& step) {
  return runtime(step.host).remove(step.container, wait(k_request));
}

Result<void> StepRunner::carry_out(const plan::Create& step) {
  // Compose pulls what else is in its file.
  auto created = runtime(step.host).launch(step.slot, step.launch, wait(m_spec.compose ? k_pull : k_request));
  if (!created) return std::unexpected(std::move(created.error()));
  undo_with(step, [this, step, id = created->id](const Wait& w) -> Result<void> {
    // Docker may be about to start it again, by a policy that it has read already.
    Result<void> removed;
    for (int attempt = 0; attempt < 3; ++attempt) {
      BGDEPLOY_TRY(runtime(step.host).stop(id, newcomer_grace(), w));
      removed = runtime(step.host).remove(id, w);
      if (removed || removed.error().kind != ErrorKind::conflict) break;
    }
    return removed;
  });
  std::scoped_lock lock(m_mutex);
  m_started[step.host] = {created->id, m_world.clock.now()};
  return {};
}

Result<void> StepRunner::carry_out(const plan::AwaitHealth& step) {
  Started started;
  {
    std::scoped_lock lock(m_mutex);
    started = m_started[step.host];
  }
  if (started.container.empty()) {
    // It runs already: an interrupted deploy started it.
    BGDEPLOY_ASSIGN(const auto slots, runtime(step.host).observe({}, wait(k_request)));
    const auto& container = slots[step.slot].container;
    if (!container) return core::fail(ErrorKind::conflict, "the container was removed meanwhile");
    started = {container->id, m_world.clock.now()};
  }
  auto asked = m_world.prober(step.host, step.slot, started.container);
  if (!asked) return std::unexpected(never_asked(step, started.container, std::move(asked.error())));
  health::Prober* const prober = asked->get();
  std::atomic<bool> exited = false;
  const std::string host = m_world.apps[step.host].name;
  const health::Waiting waiting{
      m_spec.health, started.since, [&] { return exited.load(); },
      [&](const health::Answer& answer, int attempt) {
        m_world.sink.emit({.name = "health.probe",
                           .message = answer.text,
                           .host = host,
                           .slot = m_spec.slots[step.slot].name,
                           .step = "health",
                           .fields = {{"ok", answer.healthy}, {"attempt", std::int64_t{attempt}}}});
      }};
  Result<void> healthy;
  std::optional<runtime::Diagnosis> at_exit;
  {
    std::stop_source wake;
    const std::stop_callback on_stop(m_stop.get_token(), [&] { wake.request_stop(); });
    std::jthread watcher([&](std::stop_token stop) {
      const Wait forever = Wait::for_at_most(m_spec.health.deadline + k_request, std::move(stop));
      const auto ended = runtime(step.host).await_exit(started.container, forever);
      if (ended ? !*ended : ended.error().kind != ErrorKind::not_found) return;
      // At once: docker may start it again, and forget why it ended.
      if (auto diagnosis = runtime(step.host).diagnose(started.container, forever); diagnosis && ended) {
        at_exit = std::move(*diagnosis);
        at_exit->exit_code = **ended;
      }
      exited = true;
      wake.request_stop();
    });
    healthy = health::await_healthy(*prober, waiting, m_world.clock, wake.get_token());
  }
  tell_neighbours(step.host, step.slot);
  if (healthy) {
    std::scoped_lock lock(m_mutex);
    m_ready.push_back({step.host, started.container, std::move(*asked)});
    return {};
  }
  return std::unexpected(
      explain(step.host, step.slot, started.container, std::move(at_exit), std::move(healthy.error())));
}

// The host that was ready first waited for the others, and what runs there may have died meanwhile.
Result<void> StepRunner::confirm_healthy(std::size_t slot) {
  if (m_ready.size() < 2) return {};
  std::vector<health::Answer> answers(m_ready.size());
  for_each_parallel(answers.size(), m_spec.parallel, [&](std::size_t i) {
    answers[i] = m_ready[i].prober->probe(wait(m_spec.health.timeout));
  });
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].healthy) continue;
    Error error{answers[i].lost ? ErrorKind::lost : ErrorKind::unhealthy,
                fmt::format("{}: {} was healthy and is not any more: {}", m_world.apps[m_ready[i].host].name,
                            m_spec.slots[slot].container, answers[i].text),
                {}};
    return std::unexpected(
        explain(m_ready[i].host, slot, m_ready[i].container, std::nullopt, std::move(error)));
  }
  return {};
}

void StepRunner::tell_neighbours(std::size_t host, std::size_t slot) {
  const auto found = runtime(host).neighbours(slot, Wait::for_at_most(k_request, m_lost));
  if (!found) return;
  for (const std::string& words : *found)
    warn(fmt::format("beside {}: {}", m_spec.slots[slot].container, words), m_world.apps[host].name);
}

// Adds what docker knows about a container that did not get healthy, and shows its last words.
Error StepRunner::explain(std::size_t host, std::size_t slot, const std::string& container,
                          std::optional<runtime::Diagnosis> diagnosis, Error error) {
  if (error.kind != ErrorKind::unhealthy) return error;
  const std::string& name = m_spec.slots[slot].container;
  if (diagnosis) {
    error.details.push_back(
        fmt::format("{} exited with exit code {}{}", name, diagnosis->exit_code, why_killed(*diagnosis)));
  } else {
    auto now = runtime(host).diagnose(container, Wait::for_at_most(k_request, m_lost));
    if (!now) return error;
    diagnosis = std::move(*now);
    if (diagnosis->restarts > 0)
      error.details.push_back(fmt::format("docker started {} again {} time{}, last after exit code {}{}",
                                          name, diagnosis->restarts, diagnosis->restarts == 1 ? "" : "s",
                                          diagnosis->exit_code, why_killed(*diagnosis)));
  }
  for (const std::string& line : diagnosis->output)
    m_world.sink.emit({.name = "log.line",
                       .host = m_world.apps[host].name,
                       .slot = m_spec.slots[slot].name,
                       .step = "health",
                       .fields = {{"text", line}}});
  if (!diagnosis->error.empty()) error.details.push_back("docker says: " + core::printable(diagnosis->error));
  if (!diagnosis->health_log.empty())
    error.details.push_back("its HEALTHCHECK says: " + core::printable(diagnosis->health_log));
  if (diagnosis->output.empty()) error.details.push_back(fmt::format("{} wrote nothing to its log", name));
  return error;
}

Result<void> StepRunner::carry_out(const plan::Retire& step) {
  if (!m_drained) BGDEPLOY_TRY(confirm_idle(step.slot));
  const core::Duration grace = stop_grace();
  BGDEPLOY_ASSIGN(const bool killed, runtime(step.host).stop(step.container, grace, wait(grace + k_request)));
  if (killed)
    warn(fmt::format("{} did not stop within {} and was killed", plan::container_name(m_spec, step),
                     m_spec.compose ? "its grace period" : core::format_duration(grace)),
         m_world.apps[step.host].name);
  if (step.how == spec::Retire::remove) return runtime(step.host).remove(step.container, wait(k_request));
  return {};
}

// Read again right before something is stopped: what dockerd accepts cannot be taken back by losing the lock.
Result<void> StepRunner::confirm_idle(std::size_t slot) {
  BGDEPLOY_ASSIGN(const auto proxies, observe_proxies(m_spec, m_world, wait(k_request)));
  for (const plan::ProxyHost& proxy : proxies)
    if (proxy.routing == plan::ProxyHost::Routing::unknown ||
        (proxy.routing == plan::ProxyHost::Routing::slot && proxy.live == slot))
      return core::fail(ErrorKind::inconsistent,
                        fmt::format("{} on {} changed meanwhile, so {} is not touched",
                                    plan::routing_file(m_spec), proxy.host, m_spec.slots[slot].container),
                        {std::string(k_look_and_run_again)});
  return {};
}

void StepRunner::undo_with(const plan::Step& step, std::function<Result<void>(const Wait&)> action) {
  std::scoped_lock lock(m_mutex);
  m_undo.push_back({step, std::move(action)});
}

void StepRunner::emit(const plan::Step& step, std::string name, std::string message,
                      std::optional<core::Duration> took, std::optional<Error> error) {
  m_world.sink.emit({.name = std::move(name),
                     .message = std::move(message),
                     .host = plan::step_host(m_spec, step),
                     .slot = plan::step_slot(m_spec, step),
                     .step = std::string(plan::step_name(step)),
                     .duration = took,
                     .error = std::move(error)});
}

void StepRunner::warn(std::string message, std::string host) {
  m_world.sink.emit({.name = "warning", .message = std::move(message), .host = std::move(host)});
}

}  // namespace bgdeploy::deploy
