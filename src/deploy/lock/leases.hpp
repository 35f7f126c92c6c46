// All leases of a service, as whatever changes something holds them.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "bgdeploy/deploy/connect/fleet.hpp"
#include "bgdeploy/deploy/lock/lease.hpp"
#include "bgdeploy/deploy/run.hpp"

namespace bgdeploy::deploy {

// The lock is lost with the last lease that counts: until then nobody else can hold them all. A step on a
// host whose own lease is lost fails by itself, since its connection is gone.
class Leases {
public:
  // `purpose`: what others are told that it is held for. With a `patience` it stands in line, that long in
  // all. Kinds: locked, frozen, and those of acquire() in lease.hpp.
  core::Result<void> acquire(const Context& context, const Fleet& fleet, const std::string& purpose,
                             core::Duration patience, const core::Wait& wait);
  // Whether nobody else may change anything now.
  bool held() const { return m_acquired && !m_lost.stop_requested(); }
  std::stop_token lost() const { return m_lost.get_token(); }
  void release(const Context& context);

private:
  using Watch = std::stop_callback<std::function<void()>>;
  std::stop_source m_lost;
  std::atomic<std::size_t> m_held = 0;
  bool m_acquired = false;
  std::vector<std::unique_ptr<Lease>> m_leases;
  std::vector<std::unique_ptr<Watch>> m_watches;
};

// Does `work` while it holds them. A signal ends it, and so does the loss of the lock, which is the error
// then.
core::Result<void> under_lock(const Context& context, const Fleet& fleet, const std::string& purpose,
                              const core::Wait& wait,
                              const std::function<core::Result<void>(const core::Wait&)>& work);

}  // namespace bgdeploy::deploy
