#include "signals.hpp"

#include <pthread.h>

#include <chrono>

namespace bgdeploy::cli {
namespace {

bool is_ignored(int signal) {
  struct sigaction inherited {};
  return sigaction(signal, nullptr, &inherited) == 0 && inherited.sa_handler == SIG_IGN;
}

// Ends the waiter's own wait.
int wake_signal() {
  return SIGRTMIN;
}

}  // namespace

Signals::Signals() {
  std::signal(SIGPIPE, SIG_IGN);  // a write to a closed pipe returns an error
  sigemptyset(&m_set);
  sigaddset(&m_set, wake_signal());
  for (const int signal : {SIGINT, SIGTERM}) {
    std::signal(signal, SIG_DFL);  // a script's `&` has it ignored
    sigaddset(&m_set, signal);
  }
  if (!is_ignored(SIGHUP)) sigaddset(&m_set, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &m_set, nullptr);
  m_waiter = std::jthread([this](const std::stop_token& done) { count(done); });
}

Signals::~Signals() {
  m_waiter.request_stop();
  pthread_kill(m_waiter.native_handle(), wake_signal());
}

void Signals::count(const std::stop_token& done) {
  using Clock = std::chrono::steady_clock;
  // A wrapper (npm, sudo, timeout) passes on what the terminal has sent already.
  constexpr auto k_echo = std::chrono::milliseconds(100);
  constexpr int k_impatient = 3;
  Clock::time_point last;
  int signals = 0;
  while (!done.stop_requested()) {
    int signal = 0;
    if (sigwait(&m_set, &signal) != 0 || signal == wake_signal()) continue;
    const bool echo = signals > 0 && Clock::now() - last < k_echo;
    last = Clock::now();
    if (echo) continue;
    if (++signals == 1) m_stop.request_stop();
    if (signals == k_impatient) m_hurry.request_stop();
  }
}

}  // namespace bgdeploy::cli
