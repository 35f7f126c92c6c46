#include "bgdeploy/io/wakeup.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <cstdint>
#include <limits>

namespace bgdeploy::io {

Wakeup::Wakeup() : m_fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void Wakeup::wake() const noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(m_fd.get(), &one, sizeof one);
}

void Wakeup::clear() const noexcept {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(m_fd.get(), &count, sizeof count);
}

int poll_timeout(core::SteadyTime deadline) {
  const auto left = core::Wait{deadline, {}}.left().count();
  return left > std::numeric_limits<int>::max() ? std::numeric_limits<int>::max() : static_cast<int>(left);
}

core::Error wait_error(const core::Wait& wait, std::string_view what) {
  if (wait.stop.stop_requested())
    return {core::ErrorKind::cancelled, fmt::format("cancelled while waiting for {}", what), {}};
  return {core::ErrorKind::timeout, fmt::format("timed out waiting for {}", what), {}};
}

core::Result<short> wait_for(int fd, short events, const core::Wait& wait, std::string_view what) {
  const Wakeup wakeup;
  const std::stop_callback on_stop(wait.stop, [&wakeup] { wakeup.wake(); });
  while (!wait.stop.stop_requested()) {
    pollfd polled[] = {{fd, events, 0}, {wakeup.fd(), POLLIN, 0}};
    const int ready = ::poll(polled, 2, poll_timeout(wait.deadline));
    if (ready < 0 && errno != EINTR) return core::fail(core::ErrorKind::io, "poll failed");
    if (ready > 0 && polled[0].revents != 0) return polled[0].revents;
    if (ready == 0 && wait.left().count() == 0) break;
  }
  return std::unexpected(wait_error(wait, what));
}

}  // namespace bgdeploy::io
