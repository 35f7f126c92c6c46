// One step at a time: what it does, and what undoes it.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/deploy/execute.hpp"
#include "clients.hpp"

namespace bgdeploy::deploy {

// What to do where somebody else changed the include.
inline constexpr std::string_view k_look_and_run_again =
    "see what serves with `bgdeploy status`, then deploy, or roll back, again";

class StepRunner {
public:
  // `before`: what clients got before the first step.
  StepRunner(const spec::Spec& spec, const plan::State& state, const plan::Plan& plan, World& world,
             const Stops& stops, Before before);

  // Runs the step, emits its events, and remembers how to undo it. Steps of different hosts may run side by
  // side.
  core::Result<void> run(const plan::Step& step);
  // Undoes what was done, last first; returns in words what could not be undone.
  std::vector<std::string> undo_all();
  // What undo_all() would do, in words.
  std::vector<std::string> not_undone() const;
  // Before the commit: ends what the other hosts are doing, since one of them failed.
  void abandon();
  // A proxy may send to the new release.
  bool commit_began() const { return m_commit_began; }
  // All do.
  bool committed() const { return m_committed; }

private:
  struct Undo {
    plan::Step step;
    std::function<core::Result<void>(const core::Wait&)> action;
  };

  core::Result<void> carry_out(const plan::Pull& step);
  core::Result<void> carry_out(const plan::Build& step);
  core::Result<void> carry_out(const plan::Stop& step);
  core::Result<void> carry_out(const plan::SetAside& step);
  core::Result<void> carry_out(const plan::PutBack& step);
  core::Result<void> carry_out(const plan::Remove& step);
  core::Result<void> carry_out(const plan::Create& step);
  core::Result<void> carry_out(const plan::Start& step);
  core::Result<void> carry_out(const plan::AwaitHealth& step);
  core::Result<void> carry_out(const plan::Retire& step);
  core::Result<void> carry_out(const plan::AwaitLeaving& step);
  core::Result<void> carry_out(const plan::Switch& step);
  core::Result<void> carry_out(const plan::Verify& step);
  core::Result<void> carry_out(const plan::Drain& step);

  using Switches = std::vector<std::unique_ptr<proxy::Switch>>;
  core::Result<Switches> stage_all(std::size_t slot, const std::vector<plan::Routing>& routing,
                                   std::stop_token stop);
  core::Result<void> commit_all(Switches& switches);
  void restore_all(Switches& switches, core::Error& error);
  core::Result<void> accept_all();
  core::Result<void> see_sites();
  core::Result<void> still_nobody();
  core::Result<void> old_answers() const;
  core::Result<void> take_back(std::vector<std::string> worse);
  core::Result<void> come_back(std::vector<std::string> worse);
  core::Result<void> start_old_again();
  core::Result<void> confirm_reachable(const plan::Switch& step);
  core::Result<void> drain_all(const plan::Drain& step, core::Duration timeout);
  core::Result<void> drain_leaving(std::size_t slot, std::stop_token stop);
  core::Result<void> confirm_idle(std::size_t slot);
  core::Result<void> confirm_healthy(std::size_t slot);
  core::Result<void> start_anew(const plan::Start& step, core::Error why);
  core::Error never_asked(const plan::AwaitHealth& step, const std::string& container, core::Error error);
  core::Error explain(std::size_t host, std::size_t slot, const std::string& container,
                      std::optional<runtime::Diagnosis> diagnosis, core::Error error);
  void undo_with(const plan::Step& step, std::function<core::Result<void>(const core::Wait&)> action);
  void emit(const plan::Step& step, std::string name, std::string message,
            std::optional<core::Duration> took = std::nullopt,
            std::optional<core::Error> error = std::nullopt);
  void warn(std::string message, std::string host = "");
  void tell_cap(const proxy::Drained& drained, std::size_t slot, const std::string& proxy);
  core::Duration stop_grace() const;
  core::Duration newcomer_grace() const;
  void tell_neighbours(std::size_t host, std::size_t slot);
  core::Error why_stopped() const;
  core::Wait wait(core::Duration at_most) const;
  runtime::Runtime& runtime(std::size_t host) const { return *m_world.apps.at(host).runtime; }

  const spec::Spec& m_spec;
  const plan::State& m_state;
  const plan::Plan& m_plan;
  World& m_world;
  std::stop_source m_stop;
  std::stop_token m_user, m_lost;
  std::stop_callback<std::function<void()>> m_on_user, m_on_lost;
  std::atomic<bool> m_abandoned = false;
  bool m_commit_began = false;
  bool m_committed = false;
  bool m_drained = false;  // the old slot was drained and the include still holds what was switched to
  Switches m_switches;
  const Before m_before;
  Clients m_after;                       // the switch
  std::vector<plan::ProxyHost> m_sites;  // proxies as they were last observed, with their sites
  std::mutex m_mutex;                    // guards what is below
  std::vector<Undo> m_undo;
  struct Started {
    std::string container;
    core::SteadyTime since;
  };
  std::map<std::size_t, Started> m_started;  // by host: the container that the target slot runs
  struct Ready {
    std::size_t host;
    std::string container;
    std::unique_ptr<health::Prober> prober;
  };
  std::vector<Ready> m_ready;  // what got healthy
};

}  // namespace bgdeploy::deploy
