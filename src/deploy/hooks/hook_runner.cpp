#include "hooks/hook_runner.hpp"

#include <csignal>
#include <cstring>

#include <fmt/format.h>

#include "bgdeploy/core/duration.hpp"
#include "bgdeploy/deploy/deadlines.hpp"
#include "bgdeploy/plan/hooks.hpp"
#include "bgdeploy/spec/hooks.hpp"
#include "parallel.hpp"

namespace bgdeploy::deploy {

using core::Error;
using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

std::string title_of(const plan::RunHook& step) {
  return fmt::format("{} hook {}", spec::name_of(step.at), step.index + 1);
}

// "exit code 137: SIGKILL ended it"
std::string end_of(int code) {
  const char* name = code > 128 ? ::sigabbrev_np(code - 128) : nullptr;
  return fmt::format("exit code {}{}", code,
                     name == nullptr ? "" : fmt::format(": SIG{} ended it, or a command in it", name));
}

Error explained(const plan::RunHook& step, Error error) {
  const std::string what = fmt::format("{} ({})", title_of(step), spec::words_of(step.hook));
  if (error.kind == ErrorKind::timeout)
    error.message = fmt::format("{} did not end within {}, so it was ended", what,
                                core::format_duration(step.hook.timeout));
  else if (error.kind == ErrorKind::cancelled)
    error.message = fmt::format("{} was ended before it was done", what);
  else
    error = std::move(error).within(what);
  return error;
}

bool is_here(const plan::RunHook& step) {
  return step.hosts.empty();
}

}  // namespace

// A worker answers nobody.
bool HookRunner::asked_at(const plan::RunHook& step, std::size_t host, const Ready& ready) const {
  return host < ready.size() && !ready[host].empty() && m_spec.slots.at(step.slot).port != 0;
}

Result<void> HookRunner::run(const plan::RunHook& step, const Ready& ready, HookFacts facts,
                             std::stop_token stop) {
  facts.report = m_world.report;
  const core::SteadyTime began = m_world.clock.now();
  const Wait wait = deadlines::within(m_world.clock, step.hook.timeout, std::move(stop));
  const bool contained = std::holds_alternative<spec::HookContainer>(step.hook.what);
  if (is_here(step))
    return tell(step, std::nullopt,
                [&](OutputLines& lines) { return on_this_machine(step, ready, facts, lines, wait); });
  if (!contained) return on_hosts(step, ready, facts, wait);
  BGDEPLOY_TRY(
      tell(step, step.hosts.front(), [&](OutputLines& lines) { return in_container(step, lines, wait); }));
  if (step.at != spec::HookPosition::before_start) return {};
  const auto took = std::chrono::duration_cast<core::Duration>(m_world.clock.now() - began);
  // It was done all the same.
  if (auto recorded = m_world.record_hook(step, took); !recorded)
    m_world.sink.emit(report::Warning{fmt::format(
        "{} ran, and the history could not be told, so a run after one that is cut short would run "
        "it again: {}",
        title_of(step), recorded.error().message)});
  return {};
}

// The first one that fails ends the others.
Result<void> HookRunner::on_hosts(const plan::RunHook& step, const Ready& ready, const HookFacts& facts,
                                  const Wait& wait) {
  std::stop_source ended;
  const std::stop_callback on_stop(wait.stop, [&] { ended.request_stop(); });
  const Wait unless_failed{wait.deadline, ended.get_token()};
  std::mutex mutex;
  Result<void> first;
  for_each_parallel(step.hosts.size(), m_spec.parallel, [&](std::size_t i) {
    const std::size_t host = step.hosts[i];
    auto done = tell(step, host, [&](OutputLines& lines) {
      return on_host(step, host, ready, facts, lines, unless_failed);
    });
    if (done) return;
    const std::scoped_lock lock(mutex);
    if (first) first = std::unexpected(std::move(done.error()).within(m_world.apps[host].name));
    ended.request_stop();
  });
  return first;
}

Result<void> HookRunner::tell(const plan::RunHook& step, std::optional<std::size_t> host,
                              const std::function<Result<int>(OutputLines&)>& work) {
  const report::StepName name{host ? m_world.apps[*host].name : "", m_spec.slots.at(step.slot).name, "hook"};
  OutputLines lines([&](std::string line) { m_world.sink.emit(report::HookOutput{name, std::move(line)}); });
  const auto code = work(lines);
  lines.end();
  if (code && *code == 0) return {};
  Error error = code ? Error{ErrorKind::refused,
                             fmt::format("{} ({}) failed with {}", title_of(step), spec::words_of(step.hook),
                                         end_of(*code)),
                             {}}
                     : explained(step, code.error());
  const auto last = lines.last();
  error.details.insert(error.details.end(), last.begin(), last.end());
  if (last.empty()) error.details.emplace_back("it printed nothing");
  return std::unexpected(std::move(error));
}

Result<int> HookRunner::on_this_machine(const plan::RunHook& step, const Ready& ready, HookFacts facts,
                                        OutputLines& lines, const Wait& wait) {
  std::vector<std::shared_ptr<const void>> tunnels;
  for (std::size_t host = 0; host < ready.size(); ++host) {
    if (!asked_at(step, host, ready)) continue;
    BGDEPLOY_ASSIGN(SlotUrl url, m_world.reach_slot(host, step.slot, ready[host], wait));
    facts.urls.push_back(std::move(url.here));
    tunnels.push_back(std::move(url.tunnel));
  }
  return m_world.run_shell(
      {std::nullopt, std::get<spec::HookRun>(step.hook.what).command,
       hook_environment(m_spec, m_plan, facts)},
      [&](std::string_view piece) { lines.take(piece); }, wait);
}

Result<int> HookRunner::on_host(const plan::RunHook& step, std::size_t host, const Ready& ready,
                                HookFacts facts, OutputLines& lines, const Wait& wait) {
  if (asked_at(step, host, ready)) {
    BGDEPLOY_ASSIGN(SlotUrl url, m_world.reach_slot(host, step.slot, ready[host], wait));
    facts.urls.push_back(std::move(url.there));
  }
  return m_world.run_shell(
      {host, std::get<spec::HookHost>(step.hook.what).command, hook_environment(m_spec, m_plan, facts)},
      [&](std::string_view piece) { lines.take(piece); }, wait);
}

Result<int> HookRunner::in_container(const plan::RunHook& step, OutputLines& lines, const Wait& wait) {
  const App& app = m_world.apps.at(step.hosts.front());
  // What fails before the image is known has none to run in.
  if (app.runtime == nullptr || !step.launch || step.launch->release.digest.empty())
    return core::fail(ErrorKind::not_found, "there is no release to run it in");
  BGDEPLOY_ASSIGN(const bool present, app.images->present(step.launch->release, wait));
  if (!present)
    BGDEPLOY_TRY(app.images->pull(
        step.launch->release, [](const auto&) {}, wait));
  std::mutex mutex;
  return app.runtime->run_once(
      {step.slot, *step.launch, std::get<spec::HookContainer>(step.hook.what).argv,
       fmt::format("{} {}", spec::name_of(step.at), step.index + 1)},
      [&](bool, std::string_view piece) {
        const std::scoped_lock lock(mutex);
        lines.take(piece);
      },
      wait);
}

}  // namespace bgdeploy::deploy
