// Wakes a thread that sleeps in poll(): from another thread, at a deadline, on a stop token.
#pragma once

#include <string_view>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/io/fd.hpp"

namespace bgdeploy::io {

// An eventfd. wake() may be called from any thread and from a stop callback.
class Wakeup {
public:
  Wakeup();
  void wake() const noexcept;
  void clear() const noexcept;
  int fd() const { return m_fd.get(); }

private:
  Fd m_fd;
};

// A deadline as poll() takes it: milliseconds, rounded up, at most what an int holds.
int poll_timeout(core::SteadyTime deadline);

// Waits until `fd` has one of `events` (or hung up) and returns its events. Kinds timeout and cancelled;
// `what` names in the message what was waited for.
core::Result<short> wait_for(int fd, short events, const core::Wait& wait, std::string_view what);

// The error of a wait without an event: cancelled when stop was requested, else timeout.
core::Error wait_error(const core::Wait& wait, std::string_view what);

}  // namespace bgdeploy::io
