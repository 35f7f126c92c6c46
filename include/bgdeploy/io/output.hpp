#pragma once

#include <string>

namespace bgdeploy::io {

// How a command ended, and what it printed.
struct Output {
  int exit_code = 0;     // 128 + n when a signal ended it
  std::string signal;    // "KILL", or empty
  std::string out, err;  // each at most Pipes::k_capture_limit
  bool ok() const { return exit_code == 0; }
};

}  // namespace bgdeploy::io
