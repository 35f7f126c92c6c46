#include "execute/transaction.hpp"

#include <algorithm>
#include <thread>

#include <fmt/format.h>

#include "bgdeploy/core/duration.hpp"
#include "bgdeploy/deploy/deadlines.hpp"
#include "bgdeploy/deploy/observe/observe.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"
#include "bgdeploy/plan/substitutions.hpp"
#include "bgdeploy/proxy/kinds.hpp"
#include "parallel.hpp"

namespace bgdeploy::deploy {

using core::ErrorKind;
using core::Result;
using core::Wait;

Result<plan::Switch> reversed(const plan::Switch& change) {
  if (!change.from || change.old.size() != change.routing.size())
    return core::fail(ErrorKind::inconsistent, "nothing served before the switch");
  return plan::Switch{
      .slot = *change.from, .routing = change.old, .old = change.routing, .from = change.slot};
}

// What is staged on a thread of its own.
struct Transaction::Ahead {
  plan::Switch change;
  Result<Switches> staged{};
  std::jthread thread{};  // last: it uses all of the above
};

Transaction::Transaction(StepContext& context) : m_context(context) {}
Transaction::~Transaction() = default;

void Transaction::stage_ahead(const plan::Switch& change) {
  const World& world = m_context.world;
  if (m_ahead || !world.roomy || world.proxies.empty() || m_state != State::nothing) return;
  m_ahead = std::make_unique<Ahead>(change);
  const auto started = guarded([&]() -> Result<void> {
    m_ahead->thread = std::jthread([this, ahead = m_ahead.get()](const std::stop_token& stop) {
      const Wait wait = deadlines::within(m_context.world.clock, deadlines::k_request, stop);
      ahead->staged = guarded([&] { return stage_all(ahead->change, wait); });
    });
    return {};
  });
  if (!started) m_ahead.reset();
}

void Transaction::forget_ahead() {
  m_ahead.reset();
}

Result<Transaction::Switches> Transaction::stage_all(const plan::Switch& change, const Wait& wait) const {
  const World& world = m_context.world;
  std::vector<Result<std::unique_ptr<proxy::Switch>>> staged(world.proxies.size());
  for_each_parallel(staged.size(), m_context.spec.parallel, [&](std::size_t i) {
    const auto content = proxy::content_for(m_context.spec, change.routing[i]);
    if (content)
      staged[i] = world.proxies[i].proxy->stage(change.slot, *content, wait);
    else
      staged[i] = std::unexpected(content.error());
  });
  for (std::size_t i = 0; i < staged.size(); ++i)
    if (!staged[i]) return std::unexpected(std::move(staged[i].error()).within(world.proxies[i].name));
  Switches switches;
  for (auto& one : staged) switches.push_back(std::move(*one));
  return switches;
}

Result<void> Transaction::stage(const plan::Switch& change, const Wait& wait) {
  // A proxy keeps one way back only. From here on it leads to the first part, and that one's inverse further.
  if (m_state == State::committed) {
    if (!m_first) m_first = m_change;
    BGDEPLOY_TRY(accept_switches());
  }
  m_switches.clear();
  Result<Switches> staged;
  const auto ahead = std::exchange(m_ahead, nullptr);
  if (ahead) {
    ahead->thread.join();
    staged = std::move(ahead->staged);
  }
  // What a proxy refused it may take now. One that did not answer may still be at work.
  if (!ahead || (!staged && staged.error().kind == ErrorKind::refused) || (staged && ahead->change != change))
    staged = stage_all(change, wait);
  BGDEPLOY_ASSIGN(m_switches, std::move(staged));
  m_change = change;
  m_state = State::staged;
  return {};
}

// From here on a signal waits: half a switch is no place to stop.
Result<void> Transaction::commit() {
  m_state = State::committing;
  const Wait wait = m_context.wait_through(deadlines::k_switch);
  std::vector<Result<void>> results(m_switches.size());
  for_each_parallel(results.size(), m_context.spec.parallel,
                    [&](std::size_t i) { results[i] = m_switches[i]->commit(wait); });
  const auto failed = std::ranges::find_if(results, [](const Result<void>& result) { return !result; });
  if (failed == results.end()) {
    m_state = State::committed;
    return {};
  }
  core::Error error = std::move(failed->error());
  if (m_switches.size() > 1)
    error = std::move(error).within(
        m_context.world.proxies[static_cast<std::size_t>(failed - results.begin())].name);
  for (std::size_t i = 0; i < m_switches.size(); ++i)
    if (!results[i]) m_switches[i].reset();
  append(error.details, restore_switches());
  return std::unexpected(std::move(error));
}

std::vector<std::string> Transaction::restore() {
  std::vector<std::string> words;
  if (m_state == State::committed) words = restore_switches();
  // A proxy whose switch is dropped before it has committed puts everything back itself.
  m_switches.clear();
  m_context.world.revive(m_context.world, m_context.wait_undoing(deadlines::k_look));
  append(words, recover_unfinished());
  if (m_first) append(words, switch_back(*std::exchange(m_first, std::nullopt)));
  m_state = State::restored;
  return words;
}

// Where a connection broke in the middle of a commit, the proxy still knows what it would put back.
std::vector<std::string> Transaction::recover_unfinished() {
  const std::vector<ProxySide>& proxies = m_context.world.proxies;
  std::vector<Result<void>> results(proxies.size());
  for_each_parallel(results.size(), m_context.spec.parallel, [&](std::size_t i) {
    results[i] = [&]() -> Result<void> {
      const Wait looking = m_context.wait_undoing(deadlines::k_look);
      BGDEPLOY_ASSIGN(const auto seen, observe_proxy(m_context.spec, m_context.world, i, looking));
      if (!seen.unfinished) return {};
      return proxies[i].proxy->recover(false, m_context.wait_undoing(deadlines::k_switch));
    }();
  });
  return failures(results, "could not be put back");
}

std::vector<std::string> Transaction::switch_back(const plan::Switch& first) {
  const auto back = [&]() -> Result<void> {
    BGDEPLOY_ASSIGN(const plan::Switch change, reversed(first));
    BGDEPLOY_TRY(stage(change, m_context.wait_undoing(deadlines::k_request)));
    BGDEPLOY_TRY(commit());
    return accept_switches();
  };
  const auto done = back();
  m_switches.clear();
  if (done) return {};
  std::vector<std::string> words{fmt::format("could not be switched back: {}", done.error().message)};
  append(words, done.error().details);
  return words;
}

// The errors in words, each with the name of its proxy.
std::vector<std::string> Transaction::failures(const std::vector<Result<void>>& results,
                                               std::string_view what) const {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < results.size(); ++i)
    if (!results[i])
      words.push_back(
          fmt::format("{}: {}: {}", m_context.world.proxies[i].name, what, results[i].error().message));
  return words;
}

std::vector<std::string> Transaction::restore_switches() {
  const Wait wait = m_context.wait_undoing(deadlines::k_switch);
  std::vector<Result<void>> results(m_switches.size());
  for_each_parallel(results.size(), m_context.spec.parallel, [&](std::size_t i) {
    if (m_switches[i]) results[i] = m_switches[i]->restore(wait);
  });
  m_switches.clear();
  m_state = State::restored;
  return failures(results, "could not be put back");
}

Result<void> Transaction::accept() {
  m_state = State::accepted;
  m_accepted = m_change->slot;
  m_first.reset();
  return accept_switches();
}

Result<void> Transaction::accept_switches() {
  const Wait wait = m_context.wait_through(deadlines::k_switch);
  std::vector<Result<void>> results(m_switches.size());
  for_each_parallel(results.size(), m_context.spec.parallel,
                    [&](std::size_t i) { results[i] = m_switches[i]->accept(wait); });
  for (Result<void>& result : results) BGDEPLOY_TRY(std::move(result));
  return {};
}

Result<void> Transaction::drain(const plan::Drain& step) {
  BGDEPLOY_TRY(drain_switches(step, m_context.spec.drain_timeout));
  // While one proxy drained, somebody may have changed the file of another.
  if (m_switches.size() > 1) BGDEPLOY_TRY(drain_switches(step, core::Duration(0)));
  m_state = State::drained;
  // What follows may need the place of their commands (sshd's MaxSessions).
  m_switches.clear();
  return {};
}

Result<void> Transaction::drain_switches(const plan::Drain& step, core::Duration timeout) {
  const spec::Spec& spec = m_context.spec;
  const plan::ProxyKind& kind = plan::proxy_kind(spec);
  const std::vector<ProxySide>& proxies = m_context.world.proxies;
  std::vector<Result<proxy::Drained>> results(m_switches.size());
  for_each_parallel(results.size(), spec.parallel, [&](std::size_t i) {
    results[i] = m_switches[i]->drain(timeout, step.old[i], m_context.wait(deadlines::draining(timeout)));
  });
  for (std::size_t i = 0; i < results.size(); ++i) {
    BGDEPLOY_ASSIGN(const proxy::Drained drained, std::move(results[i]));
    if (!drained.running)
      return core::fail(ErrorKind::inconsistent,
                        fmt::format("{} on {} ended after the switch: nobody is served, and {} keeps running",
                                    kind.name, proxies[i].name, spec.slots[step.slot].container),
                        {fmt::format("start {}, then run this again", kind.name)});
    if (!drained.still_ours)
      return core::fail(
          ErrorKind::inconsistent,
          fmt::format("{} on {} was changed by somebody else after the switch, so {} keeps running",
                      plan::routing_file(spec), proxies[i].name, spec.slots[step.slot].container),
          {}, std::string(k_look_and_run_again));
    if (!drained.complete && timeout > core::Duration(0)) tell_cap(drained, step.slot, proxies[i].name);
  }
  return {};
}

// Says that drain.timeout was hit.
void Transaction::tell_cap(const proxy::Drained& drained, std::size_t slot, const std::string& proxy) {
  const std::string after = "after " + core::format_duration(m_context.spec.drain_timeout);
  const std::string& name = m_context.spec.slots[slot].name;
  if (drained.connections > 0)
    m_context.warn(fmt::format("{} {} connection{} to {} {} still open, and cut when it stops", after,
                               drained.connections, drained.connections == 1 ? "" : "s", name,
                               drained.connections == 1 ? "is" : "are"),
                   proxy);
  else
    m_context.world.sink.emit(report::Info{fmt::format("{} old {} workers are still busy, but not with {}",
                                                       after, plan::proxy_kind(m_context.spec).name, name),
                                           proxy});
}

Result<void> Transaction::drain_leaving(std::size_t slot, std::stop_token stop) {
  const core::Duration timeout = m_context.spec.drain_timeout;
  const World& world = m_context.world;
  const Wait wait = deadlines::within(world.clock, deadlines::draining(timeout), std::move(stop));
  BGDEPLOY_ASSIGN(const auto proxies, observe_proxies(m_context.spec, world, wait));
  std::vector<Result<proxy::Drained>> results(proxies.size());
  for_each_parallel(results.size(), m_context.spec.parallel, [&](std::size_t i) {
    results[i] = [&]() -> Result<proxy::Drained> {
      if (proxies[i].leaving.empty()) return proxy::Drained{};
      BGDEPLOY_ASSIGN(const plan::Routing old,
                      plan::routing_to(m_context.spec, *m_context.world.places, i, slot, ""));
      return world.proxies[i].proxy->drain(proxies[i].leaving, old, timeout, wait);
    }();
  });
  for (std::size_t i = 0; i < results.size(); ++i) {
    BGDEPLOY_ASSIGN(const proxy::Drained drained, std::move(results[i]));
    if (!drained.complete) tell_cap(drained, slot, world.proxies[i].name);
  }
  return {};
}

}  // namespace bgdeploy::deploy
