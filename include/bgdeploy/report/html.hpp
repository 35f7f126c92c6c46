// A run, and the runs before it, each as one page of HTML that needs nothing else: no script, no other file.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/report/event.hpp"

namespace bgdeploy::report {

using TimedEvent = std::pair<core::SystemTime, Event>;

// What the page of a run shows, gathered while it runs. However long that takes, it needs no more memory: of
// probes it keeps numbers, of messages the first ones.
class RunPage {
public:
  RunPage();
  ~RunPage();
  void add(core::SystemTime time, const Event& event);
  std::string html() const;

private:
  class Parts;
  std::unique_ptr<Parts> m_parts;
};

// The events of one run, in their order; the last one is its end.
std::string run_page(const std::vector<TimedEvent>& events);
// Oldest first.
std::string history_page(const std::string& service, const std::vector<PastRun>& runs, core::SystemTime now);

}  // namespace bgdeploy::report
