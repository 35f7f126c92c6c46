#include "bgdeploy/deploy/execute/execute.hpp"

#include <algorithm>
#include <mutex>
#include <span>

#include "bgdeploy/deploy/deadlines.hpp"
#include "execute/aftermath.hpp"
#include "execute/traffic_steps.hpp"
#include "observe/clients.hpp"
#include "parallel.hpp"

namespace bgdeploy::deploy {

using core::Error;
using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

bool on_host(const plan::Step& step) {
  return plan::app_host(step).has_value();
}

bool starts(const plan::Step& step) {
  return std::holds_alternative<plan::Create>(step) || std::holds_alternative<plan::Start>(step);
}

// The result to report: of the host that failed by itself, not of one that gave up because of it.
Result<void> first_cause(std::vector<Result<void>> results) {
  const auto fails = [](const Result<void>& result) { return !result; };
  const auto by_itself = [&](const Result<void>& result) {
    return fails(result) && result.error().kind != ErrorKind::cancelled;
  };
  auto cause = std::ranges::find_if(results, by_itself);
  if (cause == results.end()) cause = std::ranges::find_if(results, fails);
  return cause == results.end() ? Result<void>{} : std::move(*cause);
}

// Whether clients were served before the deploy: only then can they be worse off.
bool serves_now(const plan::State& state, const plan::Plan& plan) {
  return plan.live && std::ranges::all_of(state.app_hosts, [&](const plan::AppHost& host) {
           return host.slots[*plan.live].answers == true;
         });
}

class PlanRunner {
public:
  explicit PlanRunner(Run& run) : m_run(run) {}

  Result<void> run_all(const std::vector<plan::Step>& steps) {
    for (auto step = steps.begin(); step != steps.end();) {
      if (!on_host(*step)) {
        BGDEPLOY_TRY(run(*step++));
        continue;
      }
      // What runs stops when all hosts are ready for it, not before.
      const auto stops_first = [](const plan::Step& one) {
        return std::holds_alternative<plan::StopFirst>(one);
      };
      const bool stopping = stops_first(*step);
      const auto end = std::find_if(step, steps.end(), [&](const plan::Step& one) {
        return !on_host(one) || (!stopping && stops_first(one));
      });
      const auto* change = end == steps.end() ? nullptr : std::get_if<plan::Switch>(&*end);
      auto done = guarded([&] { return run_beside({step, end}, change); });
      if (!done) m_run.traffic.transaction().forget_ahead();
      if (const auto& ended = m_run.containers.ended_meanwhile(); ended && !m_run.context.lost())
        return m_run.traffic.come_back({}, ended);
      BGDEPLOY_TRY(done);
      step = end;
    }
    return {};
  }

private:
  Result<void> carry_out(const plan::RunHook& step) {
    StepContext& context = m_run.context;
    HookFacts facts;
    if (step.at == spec::HookPosition::after_deploy) facts.result = to_string(Verdict::succeeded);
    auto done = m_run.hooks.run(step, m_run.containers.healthy(), std::move(facts), context.stop());
    if (done || !m_run.traffic.transaction().can_restore()) return done;
    if (!context.lost()) {
      // A signal is no verdict: the new release stays where it serves.
      if (done.error().kind == ErrorKind::cancelled) {
        BGDEPLOY_TRY(m_run.traffic.transaction().accept());
        return done;
      }
      done = std::unexpected(
          m_run.traffic.unless_old_is_gone(std::move(done.error()), TrafficSteps::Old::must_answer));
    }
    m_run.judged_bad = m_run.traffic.transaction().can_restore();
    return done;
  }

  Result<void> carry_out(const plan::Switch& step) {
    BGDEPLOY_TRY(m_run.watch.mark());
    return m_run.traffic.carry_out(step);
  }

  Result<void> carry_out(const plan::Accept& step) {
    auto done = m_run.traffic.carry_out(step);
    m_run.judged_bad = !done && m_run.context.plan.live && m_run.traffic.transaction().can_restore();
    return done;
  }

  Result<void> carry_out(const plan::Watch& step) {
    auto good = m_run.watch.carry_out(step);
    m_run.judged_bad = !good && m_run.traffic.transaction().can_restore();
    return good;
  }

  // Half a switch is no place to stop: a signal waits until it is accepted or taken back.
  Result<void> run(const plan::Step& step) {
    const bool halfway = m_run.traffic.transaction().can_restore();
    return m_run.context.run(
        step, halfway, [&] { return std::visit([&](const auto& value) { return carry_out(value); }, step); });
  }

  template <class T>
  Result<void> carry_out(const T& step) {
    if constexpr (requires { m_run.containers.carry_out(step); })
      return m_run.containers.carry_out(step);
    else if constexpr (requires { m_run.traffic.carry_out(step); })
      return m_run.traffic.carry_out(step);
    else
      return core::fail(ErrorKind::internal, "a step that only undoes stands in a plan");
  }

  // Steps of different hosts run side by side, those of one host in order. Before the commit one that fails
  // ends them all; after it the other hosts get as far as they can. The `change` that follows is staged while
  // the first container starts.
  Result<void> run_beside(std::span<const plan::Step> steps, const plan::Switch* change) {
    std::once_flag starting;
    std::vector<std::vector<const plan::Step*>> lanes(m_run.context.spec.app_hosts.size());
    for (const plan::Step& step : steps) lanes.at(*plan::app_host(step)).push_back(&step);
    std::vector<Result<void>> results(lanes.size());
    for_each_parallel(lanes.size(), m_run.context.spec.parallel, [&](std::size_t lane) {
      for (const plan::Step* step : lanes[lane]) {
        if (change != nullptr && starts(*step))
          std::call_once(starting, [&] { m_run.traffic.transaction().stage_ahead(*change); });
        if (std::holds_alternative<plan::Retire>(*step) && m_run.context.world.begin_record)
          m_run.context.world.begin_record();
        results[lane] = run(*step);
        if (!results[lane]) break;
      }
      if (!results[lane] && !m_run.traffic.transaction().accepted()) m_run.context.abandon();
    });
    return first_cause(std::move(results));
  }

  Run& m_run;
};

}  // namespace

Outcome execute(const spec::Spec& spec, const plan::State& state, const plan::Plan& plan, World& world,
                const Stops& stops) {
  const auto before = guarded([&]() -> Result<Before> {
    const Wait wait = deadlines::within(world.clock, deadlines::k_look, stops.user);
    const spec::Spec now = as_of(spec, world, plan.from);
    return Before{plan.steps.empty() ? Clients{} : ask_clients(now, world, state.proxies, wait),
                  serves_now(state, plan)};
  });
  if (!before) return {Verdict::failed, 1, false, before.error()};
  StepContext context(spec, state, plan, world, stops);
  UndoLog undo;
  StepRunner containers(context, undo);
  TrafficSteps traffic(context, containers, *before);
  HookRunner hooks(spec, plan, world);
  WatchStep watch(context, containers, traffic);
  Run run{context, containers, traffic, undo, hooks, watch};
  const auto outcome = guarded([&]() -> Result<Outcome> {
    if (plan.steps.empty()) return unchanged(context);
    auto result = guarded([&] { return PlanRunner(run).run_all(plan.steps); });
    if (result) return after_success(run);
    return after_failure(run, std::move(result.error()));
  });
  if (outcome) {
    Outcome done = *outcome;
    done.gap = containers.gap();
    return done;
  }
  Error error = outcome.error();
  error.details.push_back("what serves now is not known: look with `bgdeploy status`, then run this again");
  return {Verdict::inconsistent, 5, false, std::move(error)};
}

}  // namespace bgdeploy::deploy
