#include "line_log.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <memory>

#include "bgdeploy/report/words.hpp"
#include "renderers.hpp"

namespace bgdeploy::report {
namespace {

using StreamSink = spdlog::sinks::stdout_sink_base<spdlog::details::console_nullmutex>;
constexpr auto k_look = std::chrono::milliseconds(500);

}  // namespace

LineLog::LineLog(const Terminal& terminal, core::Clock& clock)
    : m_stream(terminal.stream),
      m_logger("bgdeploy", std::make_shared<StreamSink>(terminal.stream)),
      m_clock(clock),
      m_narrator({.quiet = terminal.quiet, .verbose = terminal.verbose, .streams = !terminal.quiet}) {
  m_logger.set_formatter(
      std::make_unique<spdlog::pattern_formatter>("%H:%M:%S  %v", spdlog::pattern_time_type::utc));
  if (!terminal.quiet) m_watcher = std::jthread([this](const std::stop_token& stop) { watch(stop); });
}

LineLog::~LineLog() {
  if (!m_watcher.joinable()) return;
  m_watcher.request_stop();
  m_watcher.join();
}

void LineLog::before(const Event&, bool) {}
void LineLog::after(const Event&) {}

void LineLog::write(const std::string& text) {
  put(m_stream, text);
}

void LineLog::emit(Event event) {
  const std::lock_guard lock(m_mutex);
  const auto lines = m_narrator.tell(event, m_clock.now(), k_any_width);
  before(event, !lines.empty());
  print(lines);
  after(event);
}

void LineLog::print(const std::vector<Narrator::Line>& lines) {
  using Mark = Narrator::Mark;
  const bool ends = !lines.empty() && (lines.front().mark == Mark::odd || lines.front().mark == Mark::bad ||
                                       lines.front().mark == Mark::good);
  if (!ends) {
    for (const auto& line : lines) m_logger.log(m_clock.wall(), {}, spdlog::level::info, line.text);
    return;
  }
  std::string text = lines.size() > 1 && !m_narrator.quiet() ? "\n" : "";
  for (const auto& line : lines) text += line.text + "\n";
  write(text);
}

// A reader of a log must see that something is under way.
void LineLog::watch(const std::stop_token& stop) {
  std::unique_lock lock(m_mutex);
  while (!stop.stop_requested()) {
    m_wake.wait_for(lock, stop, k_look, [] { return false; });
    if (!stop.stop_requested()) print(m_narrator.late(m_clock.now(), k_any_width));
  }
}

}  // namespace bgdeploy::report
