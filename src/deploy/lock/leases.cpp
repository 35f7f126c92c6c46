#include "lock/leases.hpp"

#include <algorithm>

#include "bgdeploy/deploy/deadlines.hpp"
#include "either_stop.hpp"
#include "parallel.hpp"

namespace bgdeploy::deploy {

using core::Result;
using core::Wait;

Result<void> Leases::acquire(const Context& context, const Fleet& fleet, const std::string& purpose,
                             core::Duration patience, const Wait& wait) {
  const LockOwner owner{context.who, purpose, context.clock.wall()};
  const core::SteadyTime until = context.clock.now() + patience;
  const auto rest = [&] {
    const auto left = std::chrono::ceil<core::Duration>(until - context.clock.now());
    return Patience{std::max(left, core::Duration{0}),
                    [&](const std::string& whom) { context.sink.emit(report::Info{"waiting for " + whom}); }};
  };
  // One after the other, in the same order everywhere: of two deployers one gets them all.
  const auto locks = fleet.locks();
  m_held = locks.size();
  for (const Fleet::LockPlace& place : locks) {
    BGDEPLOY_ASSIGN(auto lease, deploy::acquire(*place.host, place.path, owner, wait, rest()));
    m_watches.push_back(std::make_unique<Watch>(lease->lost(), [this] {
      if (--m_held == 0) m_lost.request_stop();
    }));
    m_leases.push_back(std::move(lease));
  }
  const auto fences = fleet.fences();
  std::vector<Result<std::unique_ptr<Lease>>> results(fences.size());
  for_each_parallel(fences.size(), context.spec.parallel, [&](std::size_t i) {
    results[i] = deploy::acquire(*fences[i].host, fences[i].path, owner, wait, rest());
  });
  for (auto& result : results) {
    BGDEPLOY_ASSIGN(auto lease, std::move(result));
    m_leases.push_back(std::move(lease));
  }
  m_acquired = true;
  context.sink.emit(report::LockAcquired{});
  return {};
}

void Leases::release(const Context& context) {
  m_watches.clear();
  for (auto& lease : m_leases) {
    // The outcome stands: a lock that is not released in good order frees itself.
    if (auto released = lease->release(deadlines::within(context.clock, deadlines::k_record)); !released)
      context.sink.emit(report::Warning{"the lock frees itself: " + released.error().message});
  }
  if (!m_leases.empty()) context.sink.emit(report::LockReleased{});
  m_leases.clear();
}

Result<void> under_lock(const Context& context, const Fleet& fleet, const std::string& purpose,
                        const Wait& wait, const std::function<Result<void>(const Wait&)>& work) {
  Leases leases;
  const auto done = [&]() -> Result<void> {
    BGDEPLOY_TRY(leases.acquire(context, fleet, purpose, {}, wait));
    const EitherStop ended(context.stop, leases.lost());
    return work(Wait{wait.deadline, ended.token()});
  }();
  const bool lost = leases.lost().stop_requested();
  leases.release(context);
  if (!done && lost && !context.stop.stop_requested()) return std::unexpected(lock_lost());
  return done;
}

}  // namespace bgdeploy::deploy
