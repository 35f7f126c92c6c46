#include "hooks/failure.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgdeploy/plan/hooks.hpp"
#include "hooks/hook_runner.hpp"
#include "parallel.hpp"

namespace bgdeploy::deploy {

void run_failure_hooks(const Context& context, plan::Request::Kind kind, World& world, const plan::Plan& plan,
                       const plan::Launch& launch, const Outcome& outcome, std::stop_token lost) {
  using OnStop = std::stop_callback<std::function<void()>>;
  std::stop_source ended;
  const auto end = [&] { ended.request_stop(); };
  // The signal that ended the run is no reason to end what is to follow from it; a later one is.
  const OnStop on_signal(context.stop.stop_requested() ? context.hurry : context.stop, end);
  const OnStop on_loss(lost, end);
  const HookFacts facts{
      .urls = {},
      .result = std::string(to_string(outcome.verdict)),
      .error = outcome.error ? context.sink.redacted(outcome.error->message) : std::string()};
  HookRunner hooks(context.spec, plan, world);
  for (const plan::RunHook& hook :
       plan::hooks_at(context.spec, spec::HookPosition::on_failure, kind, plan.target, launch)) {
    if (ended.stop_requested()) return;
    world.sink.emit(report::Info{plan::describe(hook)});
    const auto done = guarded([&] { return hooks.run(hook, {}, facts, ended.get_token()); });
    if (!done) world.sink.emit(report::Warning{done.error().message});
  }
}

}  // namespace bgdeploy::deploy
