#pragma once

#include <functional>
#include <thread>

#include "bgdeploy/core/error.hpp"

namespace bgdeploy::io {

// Kind io when the system has no thread left. An exception that leaves `run` ends the process, so `run`
// converts its own: see core/current_error.
core::Result<std::thread> start_thread(std::function<void()> run);

}  // namespace bgdeploy::io
