#include "execute/step_runner.hpp"

#include <algorithm>
#include <thread>

#include <fmt/format.h>

#include "bgdeploy/core/duration.hpp"
#include "bgdeploy/deploy/deadlines.hpp"
#include "bgdeploy/deploy/observe/observe.hpp"
#include "bgdeploy/plan/substitutions.hpp"
#include "bgdeploy/runtime/disk.hpp"
#include "bgdeploy/spec/runtime.hpp"
#include "execute/ended.hpp"
#include "parallel.hpp"

namespace bgdeploy::deploy {

using core::Error;
using core::ErrorKind;
using core::Result;
using core::Wait;

std::function<void(const runtime::PullProgress&)> StepRunner::progress_of(const plan::Step& step) const {
  return [this, name = m_context.name_of(step)](const runtime::PullProgress& layer) {
    m_context.world.sink.emit(
        report::PullProgress{name, layer.layer, layer.status, layer.current, layer.total});
  };
}

namespace {

// An image may fill a disk on which there was room for it, or of which that could not be told.
Result<void> with_room(Result<void> got, const App& app) {
  if (!got && got.error().next.empty() && got.error().message.contains(runtime::k_disk_full))
    got.error().next = runtime::disk_full_advice(app.name);
  return got;
}

}  // namespace

Result<void> StepRunner::carry_out(const plan::Pull& step) {
  const App& app = m_context.world.apps[step.host];
  return with_room(app.images->pull(step.release, progress_of(step), m_context.wait(deadlines::k_pull)), app);
}

Result<void> StepRunner::carry_out(const plan::Build& step) {
  if (!m_context.world.files) return core::fail(ErrorKind::internal, "a build without its files");
  const auto output = [&](const std::string& line) {
    m_context.world.sink.emit(report::BuildOutput{m_context.name_of(step), line});
  };
  const App& app = m_context.world.apps[step.host];
  const Wait wait = m_context.wait(deadlines::k_build);
  const context::Files& files = *m_context.world.files;
  if (!files.build.here) return with_room(app.images->build(step.release, files, output, wait), app);
  BGDEPLOY_ASSIGN(const auto image, m_context.world.build_here(step.release, files, output, wait));
  return with_room(
      app.images->send(step.release, *image, progress_of(step), m_context.wait(deadlines::k_build)), app);
}

Result<void> StepRunner::carry_out(const plan::Send& step) {
  if (!m_context.world.archive)
    return core::fail(ErrorKind::internal, "an image to send without its archive");
  const App& app = m_context.world.apps[step.host];
  return with_room(app.images->send(step.release, *m_context.world.archive, progress_of(step),
                                    m_context.wait(deadlines::k_build)),
                   app);
}

Result<void> StepRunner::carry_out(const plan::Stop& step) {
  BGDEPLOY_TRY(confirm_idle(step.slot));
  BGDEPLOY_TRY(
      runtime(step.host).stop(step.container, step.grace, m_context.wait(deadlines::stopping(step.grace))));
  m_undo.record(step, plan::inverse(step));
  return {};
}

Result<runtime::Aside*> StepRunner::aside(std::size_t host) const {
  auto* const aside = runtime(host).aside();
  if (aside == nullptr) return core::fail(ErrorKind::internal, "a step that this runtime has no way to do");
  return aside;
}

Result<void> StepRunner::carry_out(const plan::SetAside& step) {
  // Recorded first: an answer that got lost on the way must be undone too.
  m_undo.record(step, plan::inverse(step));
  BGDEPLOY_ASSIGN(auto* const aside, this->aside(step.host));
  return aside->set_aside(step.slot, step.container, m_context.wait(deadlines::k_request));
}

Result<void> StepRunner::carry_out(const plan::PutBack& step) {
  BGDEPLOY_ASSIGN(auto* const aside, this->aside(step.host));
  return aside->put_back(step.slot, step.container, m_context.wait(deadlines::k_request));
}

Result<void> StepRunner::carry_out(const plan::Remove& step) {
  return runtime(step.host).remove(step.container, m_context.wait(deadlines::k_request));
}

Result<void> StepRunner::carry_out(const plan::Create& step) {
  const core::Duration at_most = deadlines::creating(m_context.spec);
  BGDEPLOY_ASSIGN(const plan::Container created,
                  runtime(step.host).launch(step.slot, step.launch, m_context.wait(at_most)));
  m_undo.record(step, plan::inverse(step, created.id));
  remember(step.host, created.id);
  return {};
}

void StepRunner::remember(std::size_t host, const std::string& container) {
  const std::scoped_lock lock(m_mutex);
  m_started[host] = {container, m_context.world.clock.now()};
}

core::SteadyTime StepRunner::started_at(std::size_t host) {
  const std::scoped_lock lock(m_mutex);
  const auto own = m_started.find(host);
  return own != m_started.end() ? own->second.since : m_context.world.clock.now();
}

StepRunner::Started StepRunner::started(const plan::AwaitHealth& step) {
  const std::scoped_lock lock(m_mutex);
  const auto own = m_started.find(step.host);
  return own != m_started.end() ? own->second : Started{step.container, m_context.world.clock.now()};
}

// Until `wait` is over. Diagnosed at once: docker may start the container again, and forget why it ended.
Result<bool> StepRunner::watch(std::size_t host, const std::string& container, const Wait& wait,
                               std::optional<runtime::Diagnosis>& diagnosis) {
  const auto ended = runtime(host).await_exit(container, wait);
  if (ended ? !*ended : ended.error().kind != ErrorKind::not_found) return false;
  if (auto found = runtime(host).diagnose(container, wait); found && ended) {
    diagnosis = std::move(*found);
    diagnosis->exit_code = **ended;
  }
  return true;
}

std::optional<std::string> StepRunner::ended(std::size_t host, const std::string& container,
                                             const Wait& wait) {
  std::optional<runtime::Diagnosis> diagnosis;
  if (const auto over = watch(host, container, wait, diagnosis); !over || !*over) return {};
  if (!diagnosis) return "it was removed";
  // Docker forgets the exit code of what it has started again meanwhile.
  if (diagnosis->exit_code == 0 && diagnosis->status == plan::Container::Status::running)
    return "ended, and docker started it again";
  return how_it_ended(*diagnosis);
}

std::vector<LogOfHost> StepRunner::last_lines(const Wait& wait) {
  std::map<std::size_t, std::string> containers;
  {
    const std::scoped_lock lock(m_mutex);
    for (const Ready& ready : m_ready) containers[ready.host] = ready.container;
    for (const auto& [host, started] : m_started) containers[host] = started.container;
  }
  std::vector<LogOfHost> all;
  for (const auto& [host, container] : containers) all.push_back({host_name(host), container, {}});
  for_each_parallel(all.size(), m_context.spec.parallel, [&](std::size_t i) {
    const auto host = std::next(containers.begin(), static_cast<std::ptrdiff_t>(i))->first;
    const auto take = [&](const runtime::LogLine& line) { all[i].lines.push_back(line.text); };
    // What can be read of it is better than nothing.
    (void)guarded([&] { return runtime(host).logs(all[i].container, {.tail = k_kept_lines}, take, wait); });
  });
  return all;
}

Result<void> StepRunner::carry_out(const plan::AwaitHealth& step) {
  const Started started = this->started(step);
  m_undo.record(step, plan::inverse(step));
  auto prober = m_context.world.prober(step.host, step.slot, started.container, step.health);
  if (!prober) return std::unexpected(never_asked(step, started.container, std::move(prober.error())));
  std::atomic<bool> exited = false;
  Sick sick{step.host, step.slot, started.container, prober->get(), {}, started.since};
  const auto tell = [&, name = m_context.name_of(step)](const health::Answer& answer, int attempt) {
    m_context.world.sink.emit(
        report::HealthProbe{name, answer.healthy, attempt, answer.text, answer.asked, answer.took});
    sick.last = answer;
  };
  const health::Waiting waiting{step.health,
                                started.since,
                                [&] { return exited.load(); },
                                tell,
                                container_name(step.slot),
                                [&](health::Answer& answer) { refine(sick, answer); }};
  Result<void> healthy;
  Result<bool> watched;
  std::optional<runtime::Diagnosis> at_exit;
  {
    std::stop_source wake;
    const std::stop_callback on_stop(m_context.stop(), [&] { wake.request_stop(); });
    const std::jthread watcher([&](std::stop_token stop) {
      const Wait wait =
          deadlines::within(m_context.world.clock, deadlines::getting_healthy(step.health), std::move(stop));
      watched = guarded([&] { return watch(step.host, started.container, wait, at_exit); });
      exited = watched.value_or(false);
      if (exited || !watched) wake.request_stop();
    });
    healthy = health::await_healthy(**prober, waiting, m_context.world.clock, wake.get_token());
  }
  if (!watched) return std::unexpected(std::move(watched.error()));
  tell_neighbours(step.host, step.slot);
  if (!healthy) return std::unexpected(explain(sick, std::move(at_exit), std::move(healthy.error())));
  // One that is only to run does its work from its start on.
  const bool from_start = std::holds_alternative<spec::HealthRunning>(step.health.probe);
  end_gap(step.host, from_start ? started.since : m_context.world.clock.now());
  auto then = runtime(step.host).glance(started.container, m_context.wait(deadlines::k_request));
  if (!then && then.error().kind == ErrorKind::not_found)
    return core::fail(ErrorKind::unhealthy,
                      fmt::format("{} was removed when it had got healthy", container_name(step.slot)));
  BGDEPLOY_TRY(then);
  const std::scoped_lock lock(m_mutex);
  m_ready.push_back(
      {step.host, started.container, std::move(*prober), step.health.timeout, std::move(*then)});
  return {};
}

std::vector<std::string> StepRunner::healthy() {
  const std::scoped_lock lock(m_mutex);
  std::vector<std::string> containers(m_context.spec.app_hosts.size());
  for (const Ready& ready : m_ready) containers.at(ready.host) = ready.container;
  return containers;
}

void StepRunner::tell_neighbours(std::size_t host, std::size_t slot) {
  const auto found = runtime(host).neighbours(slot, m_context.wait_through(deadlines::k_request));
  if (!found) return;
  for (const std::string& words : *found)
    m_context.warn(fmt::format("beside {}: {}", container_name(slot), words), host_name(host));
}

Result<void> StepRunner::carry_out(const plan::Retire& step) {
  if (!m_old_is_idle) BGDEPLOY_TRY(confirm_idle(step.slot));
  BGDEPLOY_ASSIGN(
      const bool killed,
      runtime(step.host).stop(step.container, step.grace, m_context.wait(deadlines::stopping(step.grace))));
  if (killed) tell_killed(plan::container_name(m_context.spec, step), step.grace, step.host);
  BGDEPLOY_TRY(confirm_runs(step.host));
  if (step.how != spec::Retire::remove) return {};
  return runtime(step.host).remove(step.container, m_context.wait(deadlines::k_request));
}

// While the old one stopped, which may take its grace period.
Result<void> StepRunner::confirm_runs(std::size_t host) {
  const auto ready = std::ranges::find(m_ready, host, &Ready::host);
  if (ready == m_ready.end()) return {};
  BGDEPLOY_ASSIGN(auto found, glance_at(static_cast<std::size_t>(ready - m_ready.begin()), m_context.stop()));
  if (!found) return {};
  Error error = no_longer_healthy(m_context.plan.target, *found);
  const std::scoped_lock lock(m_mutex);
  if (!m_ended_meanwhile) m_ended_meanwhile = std::move(found);
  return std::unexpected(std::move(error));
}

Result<void> StepRunner::start_again(const plan::Retire& step) {
  return start_until_healthy(step.host, step.slot, step.container,
                             health_of(m_context.spec, m_context.world, step.release), m_context.stops.lost);
}

// Read again right before something is stopped: what dockerd accepts cannot be taken back by losing the lock.
Result<void> StepRunner::confirm_idle(std::size_t slot) {
  BGDEPLOY_ASSIGN(const auto proxies,
                  observe_proxies(m_context.spec, m_context.world, m_context.wait(deadlines::k_request)));
  for (const plan::ProxyHost& proxy : proxies)
    if (proxy.may_send_to(slot))
      return core::fail(ErrorKind::inconsistent,
                        fmt::format("{} on {} changed meanwhile, so {} is not touched",
                                    plan::routing_file(m_context.spec), proxy.host, container_name(slot)),
                        {}, std::string(k_look_and_run_again));
  return {};
}

Result<void> StepRunner::undo(const plan::Step& inverse, const Wait& wait) {
  if (const auto* start = std::get_if<plan::Start>(&inverse)) {
    if (start->until)
      return start_until_healthy(start->host, start->slot, start->container,
                                 health_of(m_context.spec, m_context.world, start->release), wait.stop);
    BGDEPLOY_TRY(runtime(start->host).start(start->container, wait));
    end_gap(start->host, m_context.world.clock.now());
    return {};
  }
  if (const auto* back = std::get_if<plan::PutBack>(&inverse)) {
    BGDEPLOY_ASSIGN(auto* const aside, this->aside(back->host));
    return aside->put_back(back->slot, back->container, wait);
  }
  if (const auto* newcomer = std::get_if<plan::Discard>(&inverse)) return discard(*newcomer, wait);
  return core::fail(ErrorKind::internal,
                    fmt::format("nothing undoes by the step {}", plan::step_name(inverse)));
}

Result<void> StepRunner::discard(const plan::Discard& step, const Wait& wait) {
  const auto try_once = [&]() -> Result<void> {
    BGDEPLOY_TRY(runtime(step.host).stop(step.container, step.grace, wait));
    return step.remove ? runtime(step.host).remove(step.container, wait) : Result<void>();
  };
  // One that crashes in a loop may be about to start again by a policy that docker has read already: docker
  // then refuses to stop it, or to remove it, in whichever words that moment has.
  constexpr int k_attempts = 5;
  constexpr core::Duration k_between = std::chrono::milliseconds(200);
  Result<void> done = try_once();
  for (int attempt = 1; attempt < k_attempts && !done; ++attempt) {
    const auto kind = done.error().kind;
    if (kind != ErrorKind::conflict && kind != ErrorKind::refused) break;
    if (!m_context.world.clock.sleep_for(attempt * k_between, wait.stop)) break;
    done = try_once();
  }
  return done;
}

}  // namespace bgdeploy::deploy
