#include "signals.hpp"

#include <pthread.h>

namespace bgdeploy::cli {

Signals::Signals() {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error value, not an end
  sigemptyset(&m_set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&m_set, signal);
  pthread_sigmask(SIG_BLOCK, &m_set, nullptr);
  m_waiter = std::jthread([this](std::stop_token done) {
    while (!done.stop_requested()) {
      int signal = 0;
      if (sigwait(&m_set, &signal) == 0 && !done.stop_requested()) m_stop.request_stop();
    }
  });
}

Signals::~Signals() {
  m_waiter.request_stop();
  pthread_kill(m_waiter.native_handle(), SIGTERM);  // wakes sigwait
}

}  // namespace bgdeploy::cli
