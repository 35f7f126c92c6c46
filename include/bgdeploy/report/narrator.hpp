// What renderers for people print, line by line, from the events so far.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bgdeploy/report/event.hpp"
#include "bgdeploy/report/render.hpp"

namespace bgdeploy::report {

class Narrator {
public:
  Narrator(bool quiet, bool verbose) : m_quiet(quiet), m_verbose(verbose) {}

  struct Line {
    std::string host;  // printable; empty where it is about no host
    std::string text;
  };
  // None when the event is not to be shown.
  std::vector<Line> tell(const Event& event);
  const std::optional<Event>& failure() const { return m_failure; }

private:
  std::vector<Line> finish(const Event& event);
  void remember(const Event& event);

  bool m_quiet, m_verbose;
  std::optional<Event> m_failure;          // the first step.failed: later ones are mostly its consequence
  std::vector<std::string> m_last_output;  // what its container logged
  bool m_said_more = false;                // something was printed after the failure and its output
};

// "web-1: text".
std::string said(const Narrator::Line& line);

}  // namespace bgdeploy::report
