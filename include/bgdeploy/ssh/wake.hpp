// What lets a thread that sleeps in poll() be woken: by another thread, by a deadline, by a stop token.
#pragma once

#include <string_view>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/ssh/fd.hpp"

namespace bgdeploy::ssh {

// An eventfd. wake() may be called from any thread and from a stop callback.
class Waker {
public:
  Waker();
  void wake() const noexcept;
  void clear() const noexcept;
  int fd() const { return m_fd.get(); }

private:
  Fd m_fd;
};

// What poll() wants for a deadline: milliseconds, rounded up, never more than an int holds.
int poll_timeout(core::SteadyTime deadline);

// Waits until `fd` has one of `events` (or hung up) and returns what it has. Kinds timeout and cancelled;
// `what` says what was waited for.
core::Result<short> wait_for(int fd, short events, const core::Wait& wait, std::string_view what);

// The error of a wait that ended without its event: cancelled when stop was requested, else timeout.
core::Error wait_error(const core::Wait& wait, std::string_view what);

}  // namespace bgdeploy::ssh
