// The switch as one transaction over all proxies. It either gets everywhere or nowhere, and what it did can
// be taken back with one call until it is accepted.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "execute/step_context.hpp"

namespace bgdeploy::deploy {

class Transaction {
public:
  enum class State {
    nothing,     // no proxy was told anything
    staged,      // every proxy has the new file beside the live one
    committing,  // some proxies may send to the new slot
    committed,   // all proxies do, and each can still put the old file back
    restored,    // the commit failed or was taken back: as before it, as far as each proxy says
    accepted,    // there is no way back
    drained,     // and nothing uses the old slot any more
  };

  explicit Transaction(StepContext& context);
  ~Transaction();

  State state() const { return m_state; }
  // The slot of the switch that was accepted last.
  std::optional<std::size_t> accepted() const { return m_accepted; }
  // Whether a proxy may still send elsewhere than restore() leads to.
  bool can_restore() const { return m_state == State::committed || m_first; }

  // Begins a switch. One that was committed and not accepted becomes its first part: restore() leads to what
  // served before both.
  core::Result<void> stage(const plan::Switch& change, const core::Wait& wait);
  // Begins to stage the first switch, which shows nowhere: stage() goes on with it. Where the hosts have no
  // place for that, or it was done before, it does nothing.
  void stage_ahead(const plan::Switch& change);
  // Takes that back.
  void forget_ahead();
  // On an error every proxy is asked to put the old file back; what could not be put back is in the details.
  core::Result<void> commit();
  // Leads all proxies back, over new connections where they broke; returns in words what could not be put
  // back.
  std::vector<std::string> restore();
  core::Result<void> accept();
  // Waits until nothing uses the old slot, drain.timeout at most. Kind inconsistent: a proxy ended, or
  // somebody else changed the file.
  core::Result<void> drain(const plan::Drain& step);
  // Waits for old workers that may still serve `slot`, before anything in it is stopped.
  core::Result<void> drain_leaving(std::size_t slot, std::stop_token stop);

private:
  using Switches = std::vector<std::unique_ptr<proxy::Switch>>;
  core::Result<Switches> stage_all(const plan::Switch& change, const core::Wait& wait) const;
  std::vector<std::string> restore_switches();
  std::vector<std::string> recover_unfinished();
  std::vector<std::string> switch_back(const plan::Switch& first);
  std::vector<std::string> failures(const std::vector<core::Result<void>>& results,
                                    std::string_view what) const;
  core::Result<void> accept_switches();
  core::Result<void> drain_switches(const plan::Drain& step, core::Duration timeout);
  void tell_cap(const proxy::Drained& drained, std::size_t slot, const std::string& proxy);

  struct Ahead;

  StepContext& m_context;
  std::unique_ptr<Ahead> m_ahead;
  State m_state = State::nothing;
  Switches m_switches;                   // by proxy, as long as its process is needed
  std::optional<plan::Switch> m_change;  // the one under way
  std::optional<plan::Switch> m_first;   // an earlier part of the same transaction
  std::optional<std::size_t> m_accepted;
};

// The switch that leads back. Kind inconsistent: nothing served before it.
core::Result<plan::Switch> reversed(const plan::Switch& change);

}  // namespace bgdeploy::deploy
