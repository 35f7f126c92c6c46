// A run, and the runs before it, each as one page of HTML that needs nothing else: no script, no other file.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/report/event.hpp"

namespace bgdeploy::report {

using TimedEvent = std::pair<core::SystemTime, Event>;

// The events of one run, in their order; the last one is its end.
std::string run_page(const std::vector<TimedEvent>& events);
// Oldest first.
std::string history_page(const std::string& service, const std::vector<PastRun>& runs, core::SystemTime now);

}  // namespace bgdeploy::report
