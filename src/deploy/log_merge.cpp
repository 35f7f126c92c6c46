#include "bgdeploy/deploy/log_merge.hpp"

#include <algorithm>

namespace bgdeploy::deploy {

void LogMerge::add(std::size_t log, core::SystemTime time, std::string text, core::SteadyTime now) {
  m_logs[log].lines.push_back({time, now, std::move(text)});
}

bool LogMerge::may_go(core::SteadyTime now) const {
  const auto next = due();
  if (!next) return false;
  return *next <= now ||
         std::ranges::all_of(m_logs, [](const Log& log) { return log.ended || !log.lines.empty(); });
}

std::vector<LogMerge::Line> LogMerge::take(core::SteadyTime now) {
  std::vector<Line> taken;
  while (may_go(now)) {
    const Log* first = nullptr;
    for (const Log& log : m_logs)
      if (!log.lines.empty() && (first == nullptr || log.lines.front().time < first->lines.front().time))
        first = &log;
    const auto index = static_cast<std::size_t>(first - m_logs.data());
    taken.push_back({index, std::move(m_logs[index].lines.front().text)});
    m_logs[index].lines.pop_front();
  }
  return taken;
}

std::optional<core::SteadyTime> LogMerge::due() const {
  std::optional<core::SteadyTime> least;
  for (const Log& log : m_logs)
    if (!log.lines.empty()) least = std::min(least.value_or(log.lines.front().came), log.lines.front().came);
  if (least) *least += m_window;
  return least;
}

}  // namespace bgdeploy::deploy
