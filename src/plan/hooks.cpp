#include "bgdeploy/plan/hooks.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "bgdeploy/core/shell_words.hpp"
#include "bgdeploy/spec/hooks.hpp"

namespace bgdeploy::plan {
namespace {

// One-off containers run on the first app host.
std::vector<std::size_t> hosts_of(const spec::Spec& spec, const spec::Hook& hook) {
  if (std::holds_alternative<spec::HookRun>(hook.what)) return {};
  const auto* host = std::get_if<spec::HookHost>(&hook.what);
  if (host == nullptr || host->once) return {0};
  std::vector<std::size_t> all;
  for (std::size_t i = 0; i < spec.app_hosts.size(); ++i) all.push_back(i);
  return all;
}

bool runs_on(const spec::Hook& hook, Request::Kind kind) {
  return kind == Request::Kind::deploy ? hook.on_deploy : hook.on_rollback;
}

RunHook step_of(const spec::Spec& spec, spec::HookPosition at, std::size_t index, std::size_t slot,
                const Launch& launch) {
  const spec::Hook& hook = spec.hooks.at(static_cast<std::size_t>(at)).at(index);
  RunHook step{at, index, hook, slot, hosts_of(spec, hook), {}};
  if (std::holds_alternative<spec::HookContainer>(hook.what)) step.launch = launch;
  return step;
}

}  // namespace

std::string_view command_name(const Request& request) {
  if (request.kind == Request::Kind::rollback) return request.rehearse ? "rehearse" : "rollback";
  if (request.abort) return "abort";
  return request.promote ? "promote" : "deploy";
}

std::vector<RunHook> hooks_at(const spec::Spec& spec, spec::HookPosition at, Request::Kind kind,
                              std::size_t slot, const Launch& launch) {
  std::vector<RunHook> steps;
  const auto& hooks = spec.hooks.at(static_cast<std::size_t>(at));
  for (std::size_t i = 0; i < hooks.size(); ++i)
    if (runs_on(hooks[i], kind)) steps.push_back(step_of(spec, at, i, slot, launch));
  return steps;
}

void add_hooks(const spec::Spec& spec, spec::HookPosition at, const Request& request, Plan& plan) {
  const auto& hooks = spec.hooks.at(static_cast<std::size_t>(at));
  for (std::size_t i = 0; i < hooks.size(); ++i) {
    RunHook step = step_of(spec, at, i, plan.target, request.launch);
    const bool ran =
        at == spec::HookPosition::before_start && std::ranges::find(request.ran, i) != request.ran.end();
    if (!runs_on(hooks[i], request.kind))
      plan.skipped.push_back(fmt::format("{}: it is not for {}", describe(step), command_name(request)));
    else if (ran)
      plan.skipped.push_back(fmt::format(
          "{}: it ran for this release already, in a run that did not get through (--force runs it again)",
          describe(step)));
    else
      plan.steps.emplace_back(std::move(step));
  }
}

std::string describe(const RunHook& step) {
  return fmt::format("{} hook {}: {}", spec::name_of(step.at), step.index + 1, spec::words_of(step.hook));
}

std::string identity(const RunHook& step) {
  const auto* container = std::get_if<spec::HookContainer>(&step.hook.what);
  const std::string what =
      container != nullptr ? core::shell_join(container->argv) : spec::words_of(step.hook);
  return fmt::format("{}: {}", spec::name_of(step.at), what);
}

}  // namespace bgdeploy::plan
