// The step `watch`: between the switch and its acceptance, while the old slot still runs.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "execute/step_runner.hpp"
#include "execute/traffic_steps.hpp"
#include "watch/look_after.hpp"
#include "watch/responses.hpp"

namespace bgdeploy::deploy {

class WatchStep {
public:
  WatchStep(StepContext& context, StepRunner& containers, TrafficSteps& traffic)
      : m_context(context), m_containers(containers), m_traffic(traffic) {}

  // Right before the switch: what the proxies log from here on counts.
  core::Result<void> mark();
  // A signal ends it and accepts the switch. What is bad is an error, after which the way back is open where
  // the old slot answers and the step says that it comes back; elsewhere the switch is accepted, so that
  // nothing is undone.
  core::Result<void> carry_out(const plan::Watch& step);

private:
  // The log of one proxy.
  struct Log {
    LogPlace place;
    std::unique_ptr<Responses> responses;
  };

  std::vector<Looker> lookers(const spec::Watch& settings);
  void add_containers(const spec::Watch& settings, std::vector<Looker>& all);
  void add_logs(const spec::WatchResponses& responses, std::vector<Looker>& all);
  void add_runs(const spec::Watch& settings, std::vector<Looker>& all);
  Sight ask(const StepRunner::Ready& ready, const core::Wait& wait);
  Sight read(std::size_t proxy, const spec::WatchResponses& settings, const core::Wait& wait);
  core::Result<void> judged(const plan::Watch& step, const WatchVerdict& verdict);
  core::Result<void> stays(core::Error error, std::string why);
  const std::string& name() const { return m_context.spec.slots[m_context.plan.target].name; }

  StepContext& m_context;
  StepRunner& m_containers;
  TrafficSteps& m_traffic;
  std::vector<Log> m_logs;  // by proxy, where they are read
};

}  // namespace bgdeploy::deploy
