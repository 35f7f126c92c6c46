// A program in a terminal of its own, with somebody who types.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>
#include <string>
#include <vector>

#include "process.hpp"

namespace e2e {

constexpr Duration k_soon = std::chrono::seconds{60};

class InTerminal {
public:
  explicit InTerminal(const Command& command) {
    winsize size{.ws_row = 33, .ws_col = 77, .ws_xpixel = 0, .ws_ypixel = 0};
    m_pid = ::forkpty(&m_master, nullptr, nullptr, &size);
    if (m_pid < 0) throw std::runtime_error("forkpty");
    if (m_pid == 0) become(command);
    ::fcntl(m_master, F_SETFD, FD_CLOEXEC);
    ::tcgetattr(m_master, &m_before);
  }
  ~InTerminal() {
    if (m_pid > 0) {
      ::kill(m_pid, SIGKILL);
      ::waitpid(m_pid, nullptr, 0);
    }
    ::close(m_master);
  }
  InTerminal(const InTerminal&) = delete;
  InTerminal& operator=(const InTerminal&) = delete;

  // Whether it shows that after what was shown so far.
  bool shows(const std::string& text) {
    return eventually(k_soon, [&] {
      read_some();
      const auto at = m_shown.find(text, m_seen);
      if (at != std::string::npos) m_seen = at + text.size();
      return at != std::string::npos;
    });
  }
  const std::string& shown() const { return m_shown; }
  void type(const std::string& keys) const {
    ASSERT_EQ(::write(m_master, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }
  void resize(unsigned short rows, unsigned short columns) const {
    winsize size{.ws_row = rows, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
    ASSERT_EQ(::ioctl(m_master, TIOCSWINSZ, &size), 0);
  }
  // Whether keys mean to the terminal what they meant before.
  bool is_as_before() const {
    termios now{};
    return ::tcgetattr(m_master, &now) == 0 && now.c_lflag == m_before.c_lflag &&
           now.c_iflag == m_before.c_iflag && now.c_oflag == m_before.c_oflag;
  }
  int exit_code() {
    int status = 0;
    const bool ended = eventually(k_soon, [&] {
      read_some();
      return ::waitpid(m_pid, &status, WNOHANG) == m_pid;
    });
    if (!ended) return -1;
    m_pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

private:
  [[noreturn]] static void become(const Command& command) {
    std::vector<std::string> words = command.argv, environment;
    for (const auto& [name, value] : command.environment) environment.push_back(name + "=" + value);
    std::vector<char*> argv, env;
    for (auto& word : words) argv.push_back(word.data());
    for (auto& entry : environment) env.push_back(entry.data());
    argv.push_back(nullptr);
    env.push_back(nullptr);
    if (::chdir(command.folder.c_str()) == 0) ::execve(argv[0], argv.data(), env.data());
    ::_exit(126);
  }
  void read_some() {
    pollfd polled{m_master, POLLIN, 0};
    char piece[4096];
    while (::poll(&polled, 1, 0) == 1 && (polled.revents & POLLIN) != 0) {
      const auto count = ::read(m_master, piece, sizeof piece);
      if (count <= 0) return;
      m_shown.append(piece, static_cast<std::size_t>(count));
    }
  }

  int m_master = -1;
  pid_t m_pid = -1;
  termios m_before{};
  std::string m_shown;
  std::size_t m_seen = 0;
};

}  // namespace e2e
