#include "bgdeploy/report/story.hpp"

#include <algorithm>

namespace bgdeploy::report {
namespace {

// The top of a stack trace, on one screen with the rest.
constexpr std::size_t k_kept_lines = 15;

}  // namespace

void Story::see_answer(const StepName& step, bool good, Answer answer) {
  if (good) {
    m_bad.erase(step);
    return;
  }
  const auto before = m_bad.find(step);
  const bool same = before != m_bad.end() && before->second.host == answer.host &&
                    before->second.asked.question == answer.asked.question &&
                    before->second.asked.answer == answer.asked.answer;
  if (same)
    ++before->second.asked.times;
  else
    m_bad[step] = std::move(answer);
}

void Story::see(Event& event) {
  if (const auto* failed = std::get_if<StepFailed>(&event)) {
    const bool gave_up = failed->error.kind == core::ErrorKind::cancelled;
    if (!m_failed || (m_failed->error.kind == core::ErrorKind::cancelled && !gave_up)) m_failed = *failed;
  } else if (const auto* done = std::get_if<StepFinished>(&event)) {
    core::Duration& longest = m_times[done->step.step];
    longest = std::max(longest, done->took);
  } else if (const auto* probe = std::get_if<HealthProbe>(&event)) {
    see_answer(probe->step, probe->healthy, {probe->step.host, {probe->question, probe->answer}});
  } else if (const auto* seen = std::get_if<WatchSeen>(&event)) {
    // Another check's good answer says nothing of the bad one.
    if (seen->good == false) see_answer(seen->step, false, {seen->host, {seen->check, seen->answer}});
  } else if (const auto* line = std::get_if<LogLine>(&event)) {
    auto log = std::ranges::find(m_logs, line->step.host, &HostLog::host);
    if (log == m_logs.end()) log = m_logs.insert(log, HostLog{line->step.host, {}});
    log->lines.push_back(line->line);
    if (log->lines.size() > k_kept_lines) log->lines.erase(log->lines.begin());
  } else if (auto* finished = std::get_if<Finished>(&event)) {
    if (m_failed && finished->exit_code != 0 && !finished->cause) finished->cause = cause();
  }
}

Cause Story::cause() const {
  Cause cause{.step = m_failed->step};
  if (m_failed->step.hosts == 1) cause.host = m_failed->step.host;
  if (const auto asked = m_bad.find(m_failed->step); asked != m_bad.end()) {
    cause.asked = asked->second.asked;
    cause.host = asked->second.host;
  }
  for (const HostLog& log : m_logs)
    if (log.host == cause.host || cause.host.empty()) cause.logs.push_back(log);
  // What failed on a proxy is told by the app hosts' logs.
  if (cause.logs.empty()) cause.logs = m_logs;
  return cause;
}

}  // namespace bgdeploy::report
