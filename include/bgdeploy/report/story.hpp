// What led to the end of a run, gathered from its events.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bgdeploy/report/event.hpp"

namespace bgdeploy::report {

class Story {
public:
  // Gives the last event of a run its cause.
  void see(Event& event);
  // What each step took so far, by its name, on the slowest host.
  const std::map<std::string, core::Duration>& step_times() const { return m_times; }

private:
  struct Answer {
    std::string host;
    Asked asked;
  };
  void see_answer(const StepName& step, bool good, Answer answer);
  Cause cause() const;

  std::optional<StepFailed> m_failed;  // the first one that did not only give up because of another
  std::map<StepName, Answer> m_bad;    // the last bad answers
  std::vector<HostLog> m_logs;
  std::map<std::string, core::Duration> m_times;
};

}  // namespace bgdeploy::report
