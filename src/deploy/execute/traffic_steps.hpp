// The steps that concern all proxies at once: what is asked around the switch, the switch itself, and the way
// back.
#pragma once

#include <string>
#include <vector>

#include "execute/step_runner.hpp"
#include "execute/transaction.hpp"
#include "observe/clients.hpp"

namespace bgdeploy::deploy {

class TrafficSteps {
public:
  // `before`: what clients got before the first step.
  TrafficSteps(StepContext& context, StepRunner& containers, Before before);

  core::Result<void> carry_out(const plan::AwaitLeaving& step);
  core::Result<void> carry_out(const plan::Switch& step);
  core::Result<void> carry_out(const plan::Verify& step);
  core::Result<void> carry_out(const plan::Accept& step);
  core::Result<void> carry_out(const plan::Drain& step);

  Transaction& transaction() { return m_transaction; }
  const Before& before() const { return m_before; }
  // `must_answer`: where the old slot failed its health check before the deploy already, something has to
  // listen there.
  enum class Old { may_be_sick, must_answer };
  // `error` is why the switch is to be taken back. Where the old slot does not answer, nobody is better off
  // there: then the switch is accepted, and the error becomes inconsistent.
  core::Error unless_old_is_gone(core::Error error, Old old);
  // Once the old slot has stopped: starts it again and switches back to it. Always an error. `worse`: what
  // clients get, `ailing`: what of the new release does not do well; one of them at least.
  core::Result<void> come_back(std::vector<std::string> worse, std::optional<StepRunner::Ailing> ailing);

private:
  // Whether the old slot could still serve: asked by its health check, or, where that failed before the
  // deploy already, whether anything listens there. `may_be_sick`: then nothing is asked.
  core::Result<void> old_answers(Old old) const;
  core::Result<void> confirm_reachable(const plan::Switch& step);
  core::Result<void> see_sites();
  core::Result<void> still_nobody();
  bool runs_at_all(std::size_t host, std::size_t slot) const;
  health::Answer ask_old(std::size_t host, std::size_t slot, const plan::Container& container) const;
  core::Result<void> worse_after_switch(std::vector<std::string> worse);
  core::Result<void> confirm_before_accept();
  core::Result<void> confirm_before_retire();
  core::Result<void> switch_back();
  core::Result<void> start_old_again();
  const std::string& slot_name(std::size_t slot) const { return m_context.spec.slots[slot].name; }

  StepContext& m_context;
  StepRunner& m_containers;
  Transaction m_transaction;
  const Before m_before;
  Clients m_after;                       // the switch
  std::vector<plan::ProxyHost> m_sites;  // proxies as they were last observed, with their sites
};

}  // namespace bgdeploy::deploy
