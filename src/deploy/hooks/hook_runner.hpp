// Running one hook, wherever it runs.
#pragma once

#include <functional>
#include <mutex>
#include <string>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/deploy/world.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "hooks/environment.hpp"
#include "hooks/output_lines.hpp"

namespace bgdeploy::deploy {

class HookRunner {
public:
  HookRunner(const spec::Spec& spec, const plan::Plan& plan, World& world)
      : m_spec(spec), m_plan(plan), m_world(world) {}

  // By app host: the container of the new release that is healthy there; empty where none is.
  using Ready = std::vector<std::string>;
  // Until `stop`, and as long as the hook's timeout. Kinds: refused (its exit code), timeout, cancelled,
  // lost. The last lines of its output are the details.
  core::Result<void> run(const plan::RunHook& step, const Ready& ready, HookFacts facts,
                         std::stop_token stop);

private:
  bool asked_at(const plan::RunHook& step, std::size_t host, const Ready& ready) const;
  core::Result<int> on_this_machine(const plan::RunHook& step, const Ready& ready, HookFacts facts,
                                    OutputLines& lines, const core::Wait& wait);
  core::Result<int> on_host(const plan::RunHook& step, std::size_t host, const Ready& ready, HookFacts facts,
                            OutputLines& lines, const core::Wait& wait);
  core::Result<int> in_container(const plan::RunHook& step, OutputLines& lines, const core::Wait& wait);
  // One of the above, with its output shown and its end told.
  core::Result<void> tell(const plan::RunHook& step, std::optional<std::size_t> host,
                          const std::function<core::Result<int>(OutputLines&)>& work);
  core::Result<void> on_hosts(const plan::RunHook& step, const Ready& ready, const HookFacts& facts,
                              const core::Wait& wait);

  const spec::Spec& m_spec;
  const plan::Plan& m_plan;
  World& m_world;
};

}  // namespace bgdeploy::deploy
