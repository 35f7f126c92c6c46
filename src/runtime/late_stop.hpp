#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

#include "bgdeploy/core/clock.hpp"

namespace bgdeploy::runtime {

// For a request that docker carries out even where nobody waits for its answer any more: only that tells what
// was done. Stops some time after `wait` does, should docker not answer at all.
class LateStop {
public:
  LateStop(const core::Wait& wait, core::Duration late)
      : m_deadline(wait.deadline), m_thread([this, stop = wait.stop, late](const std::stop_token& over) {
          const std::stop_callback on_stop(stop, [this] { wake(); });
          const std::stop_callback on_end(over, [this] { wake(); });
          std::unique_lock lock(m_mutex);
          m_changed.wait(lock, [&] { return stop.stop_requested() || over.stop_requested(); });
          m_changed.wait_for(lock, late, [&] { return over.stop_requested(); });
          m_stop.request_stop();
        }) {}

  core::Wait wait() const { return {m_deadline, m_stop.get_token()}; }

private:
  void wake() {
    const std::scoped_lock lock(m_mutex);
    m_changed.notify_all();
  }

  const core::SteadyTime m_deadline;
  std::stop_source m_stop;
  std::mutex m_mutex;
  std::condition_variable m_changed;
  std::jthread m_thread;  // last: it uses all of the above
};

}  // namespace bgdeploy::runtime
