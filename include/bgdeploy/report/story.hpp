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
};

}  // namespace bgdeploy::report
