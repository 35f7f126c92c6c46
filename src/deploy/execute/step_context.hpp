// What all steps of one run work with, and what ends them early.
#pragma once

#include <atomic>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "bgdeploy/deploy/execute/execute.hpp"

namespace bgdeploy::deploy {

// What to do where somebody else changed the proxies' file.
inline constexpr std::string_view k_look_and_run_again =
    "see what serves with `bgdeploy status`, then deploy, or roll back, again";

inline void append(std::vector<std::string>& list, std::vector<std::string> more) {
  list.insert(list.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

// The step as the events name it.
report::StepName report_name(const spec::Spec& spec, const plan::Step& step);

class StepContext {
public:
  StepContext(const spec::Spec& spec, const plan::State& state, const plan::Plan& plan, World& world,
              const Stops& stops);

  const spec::Spec& spec;
  const plan::State& state;
  const plan::Plan& plan;
  World& world;
  const Stops stops;

  // Before the commit: ends what the other hosts are doing, since one of them failed.
  void abandon();
  std::stop_token stop() const { return m_stop.get_token(); }
  // Where a signal must wait.
  std::stop_token stop_through() const { return stops.lost; }
  std::stop_token undo_ends() const { return m_end_undo.get_token(); }
  bool stopped() const { return m_stop.stop_requested(); }
  bool lost() const { return stops.lost.stop_requested(); }
  bool hurried() const { return stops.hurry.stop_requested(); }
  core::Error why_stopped() const;

  // Until a signal, a failure on another host or the loss of the lock.
  core::Wait wait(core::Duration at_most) const;
  // Where a signal must wait: until the loss of the lock.
  core::Wait wait_through(core::Duration at_most) const;
  // While undoing: until the loss of the lock, or until the user gives up on the undo.
  core::Wait wait_undoing(core::Duration at_most) const;
  // While looking at what serves, which needs no lock: until the user gives up on it.
  core::Wait wait_looking(core::Duration at_most) const;

  // Does `work` between the events of a step, unless the run was stopped before. With `halfway` only the loss
  // of the lock stops it. An exception becomes an error.
  core::Result<void> run(const plan::Step& step, bool halfway,
                         const std::function<core::Result<void>()>& work);
  report::StepName name_of(const plan::Step& step) const;
  void warn(std::string message, std::string host = "");

private:
  using OnStop = std::stop_callback<std::function<void()>>;
  std::stop_source m_stop, m_end_undo;
  OnStop m_on_user, m_on_lost, m_on_hurry, m_on_lost_undoing;
  std::atomic<bool> m_abandoned = false;
};

}  // namespace bgdeploy::deploy
