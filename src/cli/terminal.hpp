// What the user types for a command that runs elsewhere, and the terminal in which they see it.
#pragma once

#include <signal.h>
#include <termios.h>

#include <optional>

#include "bgdeploy/engine/console.hpp"

namespace bgdeploy::cli {

// Our stdin, in a terminal where stdin and stdout are one: then every key is the command's while it runs,
// Ctrl-C too. At most one at a time.
class Terminal final : public engine::Console {
public:
  Terminal();
  ~Terminal() override;
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  int input() const override { return m_input; }
  std::optional<engine::Window> window() override;
  int resized() const override;
  void begin() override;
  void end() override;

private:
  int m_input;
  const bool m_interactive;
  std::optional<termios> m_before{};  // while every key is the command's
  struct sigaction m_handler {};      // before ours
};

}  // namespace bgdeploy::cli
