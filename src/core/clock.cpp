#include "bgdeploy/core/clock.hpp"

#include <condition_variable>
#include <mutex>

namespace bgdeploy::core {
namespace {

class SystemClock final : public Clock {
public:
  SteadyTime now() const override { return std::chrono::steady_clock::now(); }
  SystemTime wall() const override { return std::chrono::system_clock::now(); }
  bool sleep_for(Duration duration, std::stop_token stop) override {
    std::mutex mutex;
    std::condition_variable_any condition;
    std::unique_lock lock(mutex);
    condition.wait_for(lock, stop, duration, [] { return false; });
    return !stop.stop_requested();
  }
};

}  // namespace

Clock& system_clock() {
  static SystemClock clock;
  return clock;
}

}  // namespace bgdeploy::core
