// Lines of several logs as one, by their times. Pure: whoever reads the logs says what time it is.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "bgdeploy/core/clock.hpp"

namespace bgdeploy::deploy {

class LogMerge {
public:
  // A line waits for earlier ones of other logs until each of these has a later one or has ended; `window` at
  // most.
  LogMerge(std::size_t logs, core::Duration window) : m_logs(logs), m_window(window) {}

  struct Line {
    std::size_t log;
    std::string text;
  };
  void add(std::size_t log, core::SystemTime time, std::string text, core::SteadyTime now);
  void end(std::size_t log) { m_logs[log].ended = true; }
  // How many lines of a log wait.
  std::size_t waiting(std::size_t log) const { return m_logs[log].lines.size(); }
  // The lines whose turn it is.
  std::vector<Line> take(core::SteadyTime now);

private:
  struct Waiting {
    core::SystemTime time;
    core::SteadyTime came;
    std::string text;
  };
  struct Log {
    std::deque<Waiting> lines;
    bool ended = false;
  };
  bool may_go(core::SteadyTime now) const;
  std::optional<core::SteadyTime> due() const;

  std::vector<Log> m_logs;
  core::Duration m_window;
};

}  // namespace bgdeploy::deploy
