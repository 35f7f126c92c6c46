#include "terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include "bgdeploy/io/wakeup.hpp"

namespace bgdeploy::cli {
namespace {

const io::Wakeup& window_changed() {
  static const io::Wakeup k_changed;
  return k_changed;
}

void on_window_change(int) {
  const int error = errno;
  window_changed().wake();
  errno = error;
}

// A job in the background that reads from its terminal is stopped.
bool may_be_read() {
  return ::isatty(STDIN_FILENO) == 0 || ::tcgetpgrp(STDIN_FILENO) == ::getpgrp();
}

}  // namespace

Terminal::Terminal()
    : m_input(may_be_read() ? STDIN_FILENO : -1),
      m_interactive(m_input >= 0 && ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1) {
  if (!m_interactive) return;
  (void)window_changed();  // made before its signal comes
  struct sigaction action {};
  action.sa_handler = on_window_change;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGWINCH, &action, &m_handler);
}

Terminal::~Terminal() {
  end();
  if (m_interactive) ::sigaction(SIGWINCH, &m_handler, nullptr);
}

std::optional<engine::Window> Terminal::window() {
  if (!m_interactive) return std::nullopt;
  window_changed().clear();
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return engine::Window{};
  return engine::Window{size.ws_row, size.ws_col};
}

int Terminal::resized() const {
  return m_interactive ? window_changed().fd() : -1;
}

void Terminal::begin() {
  termios now{};
  if (!m_interactive || m_before || ::tcgetattr(STDIN_FILENO, &now) != 0) return;
  m_before = now;
  ::cfmakeraw(&now);
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &now);
}

void Terminal::end() {
  if (!m_before) return;
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &*m_before);
  m_before.reset();
}

}  // namespace bgdeploy::cli
