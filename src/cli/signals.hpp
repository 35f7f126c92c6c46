// SIGINT, SIGTERM and SIGHUP as stop tokens.
#pragma once

#include <csignal>
#include <stop_token>
#include <thread>

namespace bgdeploy::cli {

// Construct it before any other thread starts: it blocks the signals for all of them. A SIGHUP that the
// program was started with as ignored stays ignored: `nohup` means that. SIGINT and SIGTERM are always taken:
// a shell without job control starts `bgdeploy … &` with SIGINT ignored, and nobody means that.
class Signals {
public:
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // The first signal.
  std::stop_token stop() const { return m_stop.get_token(); }
  // The third: CI systems and wrappers send two, and those must not cut an undo short.
  std::stop_token hurry() const { return m_hurry.get_token(); }

private:
  void count(const std::stop_token& done);

  std::stop_source m_stop, m_hurry;
  sigset_t m_set{};
  std::jthread m_waiter;
};

}  // namespace bgdeploy::cli
