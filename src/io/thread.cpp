#include "bgdeploy/io/thread.hpp"

#include "bgdeploy/core/current_error.hpp"

namespace bgdeploy::io {

core::Result<std::thread> start_thread(std::function<void()> run) {
  try {
    return std::thread(std::move(run));
  } catch (...) {
    return std::unexpected(core::current_error().within("no thread can be started"));
  }
}

}  // namespace bgdeploy::io
