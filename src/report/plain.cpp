// Timestamped lines without any escape sequence, for logs of CI systems and files.
#include <mutex>

#include "bgdeploy/report/narrator.hpp"
#include "line_log.hpp"
#include "renderers.hpp"

namespace bgdeploy::report {
namespace {

class PlainRenderer final : public Sink {
public:
  PlainRenderer(const Terminal& terminal, core::Clock& clock)
      : m_log(terminal.stream), m_clock(clock), m_narrator(terminal.quiet, terminal.verbose) {}

  void emit(Event event) override {
    const std::lock_guard lock(m_mutex);
    event.time = m_clock.wall();
    for (const auto& line : m_narrator.tell(event)) m_log.write(event.time, said(line));
  }

private:
  std::mutex m_mutex;
  LineLog m_log;
  core::Clock& m_clock;
  Narrator m_narrator;
};

}  // namespace

std::unique_ptr<Sink> plain_renderer(const Terminal& terminal, core::Clock& clock) {
  return std::make_unique<PlainRenderer>(terminal, clock);
}

}  // namespace bgdeploy::report
