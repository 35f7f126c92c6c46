#pragma once

#include "bgdeploy/core/error.hpp"

namespace bgdeploy::core {

// The exception of a catch block as an error: for the edges of threads and of C libraries. Kind io for memory
// and system errors, else internal.
Error current_error() noexcept;

}  // namespace bgdeploy::core
