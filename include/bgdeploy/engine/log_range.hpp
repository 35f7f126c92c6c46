// Which part of a container's log.
#pragma once

#include <optional>

#include "bgdeploy/core/clock.hpp"

namespace bgdeploy::engine {

struct LogRange {
  int tail = -1;                                     // the last lines; negative: all
  bool follow = false;                               // more, as it comes
  bool timed = false;                                // each line with its time
  std::optional<core::SystemTime> since{}, until{};  // by the clock of the host
};

}  // namespace bgdeploy::engine
