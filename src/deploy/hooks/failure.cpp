#include "hooks/failure.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgdeploy/plan/hooks.hpp"
#include "either_stop.hpp"
#include "hooks/hook_runner.hpp"
#include "parallel.hpp"

namespace bgdeploy::deploy {

void run_failure_hooks(const Context& context, plan::Request::Kind kind, World& world, const plan::Plan& plan,
                       const plan::Launch& launch, const Outcome& outcome, std::stop_token lost) {
  // The signal that ended the run is no reason to end what is to follow from it; a later one is.
  const EitherStop ended(context.stop.stop_requested() ? context.hurry : context.stop, std::move(lost));
  const HookFacts facts{
      .urls = {},
      .result = std::string(to_string(outcome.verdict)),
      .error = outcome.error ? context.sink.redacted(outcome.error->message) : std::string()};
  HookRunner hooks(context.spec, plan, world);
  for (const plan::RunHook& hook :
       plan::hooks_at(context.spec, spec::HookPosition::on_failure, kind, plan.target, launch)) {
    if (ended.token().stop_requested()) return;
    world.sink.emit(report::Info{plan::describe(hook)});
    const auto done = guarded([&] { return hooks.run(hook, {}, facts, ended.token()); });
    if (!done) world.sink.emit(report::Warning{done.error().message});
  }
}

}  // namespace bgdeploy::deploy
