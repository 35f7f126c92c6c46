// What a deploy that runs now has in hand.
#pragma once

#include "bgdeploy/deploy/lock/lease.hpp"
#include "bgdeploy/plan/state.hpp"

namespace bgdeploy::deploy {

// Whoever holds the lock has a switch staged, or not accepted yet: then none was cut short.
inline void take_for_under_way(const LockStatus& lock, plan::State& state) {
  if (!lock.holder) return;
  for (plan::ProxyHost& proxy : state.proxies) proxy.unfinished = false;
}

}  // namespace bgdeploy::deploy
