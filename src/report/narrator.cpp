#include "bgdeploy/report/narrator.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/report/words.hpp"

namespace bgdeploy::report {
namespace {

// Enough of a stack trace to see its top, and still on one screen with the conclusion.
constexpr std::size_t k_repeated_lines = 15;

template <class Lines>
Lines last_of(const Lines& lines, std::size_t count) {
  return Lines(lines.end() - static_cast<std::ptrdiff_t>(std::min(count, lines.size())), lines.end());
}

}  // namespace

std::string said(const Narrator::Line& line) {
  return line.host.empty() ? line.text : fmt::format("{}: {}", line.host, line.text);
}

void Narrator::remember(const Event& event) {
  if (event.name == "step.failed" && !m_failure) {
    m_failure = event;
  } else if (event.name == "log.line" && (!m_failure || m_failure->host == event.host)) {
    m_last_output.push_back(sentence(event));
    m_last_output = last_of(m_last_output, k_repeated_lines);
  } else if (m_failure) {
    m_said_more = true;
  }
}

std::vector<Narrator::Line> Narrator::finish(const Event& event) {
  std::vector<Line> lines;
  const auto add = [&](const std::string& host, const std::vector<std::string>& texts) {
    for (const auto& text : texts) lines.push_back({core::printable(host), text});
  };
  const bool failed = number_field(event, "exit_code").value_or(0) != 0;
  // Undoing scrolls the cause away: it is told again, right above the last line.
  if (failed && m_failure && m_said_more) {
    add(m_failure->host, m_last_output);
    if (m_failure->error) add(m_failure->host, last_of(explanation(*m_failure->error), k_repeated_lines));
  }
  const bool told =
      m_failure && m_failure->error && event.error && m_failure->error->details == event.error->details;
  if (event.error && !told) {
    auto why = explanation(*event.error);
    why.pop_back();  // its message is part of the conclusion
    add(event.host, why);
  }
  add(event.host, {conclusion(event, m_failure)});
  return lines;
}

std::vector<Narrator::Line> Narrator::tell(const Event& event) {
  if (is_conclusion(event)) return finish(event);
  const bool shown = m_quiet ? is_important(event) : m_verbose || !is_chatter(event);
  if (!shown) return {};
  remember(event);
  std::vector<Line> lines = {{core::printable(event.host), sentence(event)}};
  if (event.error) {
    for (const auto& text : explanation(*event.error)) lines.push_back({lines.front().host, text});
  }
  return lines;
}

}  // namespace bgdeploy::report
