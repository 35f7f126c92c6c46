// Time as an effect, so that tests of waiting need not wait.
// And the Wait that every blocking call takes.
#pragma once

#include <algorithm>
#include <chrono>
#include <stop_token>

namespace bgdeploy::core {

using Duration = std::chrono::milliseconds;
using SteadyTime = std::chrono::steady_clock::time_point;
using SystemTime = std::chrono::system_clock::time_point;

// The limits of a blocking call: a deadline, and a request to stop.
struct Wait {
  SteadyTime deadline;
  std::stop_token stop;

  static Wait for_at_most(Duration duration, std::stop_token stop = {}) {
    return {std::chrono::steady_clock::now() + duration, std::move(stop)};
  }
  // The same stop token with a deadline at most `duration` from now.
  Wait at_most(Duration duration) const {
    return {std::min(deadline, std::chrono::steady_clock::now() + duration), stop};
  }
  Duration left() const {
    return std::max(Duration{0}, std::chrono::ceil<Duration>(deadline - std::chrono::steady_clock::now()));
  }
};

class Clock {
public:
  virtual ~Clock() = default;
  virtual SteadyTime now() const = 0;
  virtual SystemTime wall() const = 0;
  // Returns early, with false, when stop is requested.
  virtual bool sleep_for(Duration duration, std::stop_token stop) = 0;
};

// The machine's clocks.
Clock& system_clock();

}  // namespace bgdeploy::core
