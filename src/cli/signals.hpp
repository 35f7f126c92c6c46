// SIGINT, SIGTERM and SIGHUP as a stop token.
#pragma once

#include <csignal>
#include <stop_token>
#include <thread>

namespace bgdeploy::cli {

// Construct it before any other thread starts: the signals are blocked for all of them. Further signals
// change nothing: CI systems send several, and undoing must not be cut short.
class Signals {
public:
  Signals();
  ~Signals();
  std::stop_token token() const { return m_stop.get_token(); }

private:
  std::stop_source m_stop;
  sigset_t m_set;
  std::jthread m_waiter;
};

}  // namespace bgdeploy::cli
