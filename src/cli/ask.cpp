#include "ask.hpp"

#include <poll.h>
#include <unistd.h>

namespace bgdeploy::cli {

std::string read_line(const std::stop_token& stop) {
  constexpr int k_look_at_stop_ms = 100;
  std::string line;
  pollfd input{STDIN_FILENO, POLLIN, 0};
  while (!stop.stop_requested()) {
    if (::poll(&input, 1, k_look_at_stop_ms) <= 0) continue;
    char byte = 0;
    if (::read(STDIN_FILENO, &byte, 1) != 1 || byte == '\n') return line;
    line += byte;
  }
  return {};
}

}  // namespace bgdeploy::cli
