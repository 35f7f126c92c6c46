// A value that one thread settles once and another waits for: whether a channel has opened.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"

namespace bgdeploy::ssh {

using core::Result;
using core::Wait;

class Opening {
public:
  void settle(Result<void> result);
  // Why it has not been settled yet; a wait that takes too long says so.
  void excuse(std::string words);
  Result<void> wait(const Wait& wait, std::string_view what);
  std::optional<Result<void>> peek() const;

private:
  mutable std::mutex m_mutex;
  std::condition_variable_any m_changed;
  std::optional<Result<void>> m_result;
  std::string m_excuse;
};

}  // namespace bgdeploy::ssh
