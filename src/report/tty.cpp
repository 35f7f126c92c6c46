// Puts a LiveView on a terminal: lines that stay scroll up, the region below them is redrawn in place.
#include <sys/ioctl.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "bgdeploy/core/display_width.hpp"
#include "bgdeploy/report/live_view.hpp"
#include "bgdeploy/report/words.hpp"
#include "renderers.hpp"

namespace bgdeploy::report {
namespace {

constexpr auto k_redraw = std::chrono::milliseconds(100);
constexpr auto k_hide_cursor = "\x1b[?25l", k_show_cursor = "\x1b[?25h";

class TtyRenderer final : public Sink {
public:
  TtyRenderer(const Terminal& terminal, core::Clock& clock)
      : m_terminal(terminal),
        m_clock(clock),
        m_view(terminal.color, terminal.quiet, terminal.verbose),
        m_painter([this](std::stop_token stop) { animate(stop); }) {}

  ~TtyRenderer() override {
    m_painter.request_stop();
    m_painter.join();
    const std::lock_guard lock(m_mutex);
    // A step that still runs must not stay on screen as if it went on.
    std::string text = erase_region();
    if (m_hidden) text += k_show_cursor;
    put(m_terminal.stream, text);
  }

  void emit(Event event) override {
    const std::lock_guard lock(m_mutex);
    const auto screen = look();
    const auto lines = m_view.apply(event, m_clock.now(), screen);
    if (lines.empty()) return;  // the next redraw shows it
    std::string text;
    for (const auto& line : lines) text += line + "\n";
    draw(text, screen);
  }

private:
  void animate(std::stop_token stop) {
    std::unique_lock lock(m_mutex);
    while (!stop.stop_requested()) {
      m_wake.wait_for(lock, stop, k_redraw, [] { return false; });
      const auto screen = look();
      if (!stop.stop_requested() && (!m_drawn.empty() || !m_view.region(m_clock.now(), screen).empty()))
        draw("", screen);
    }
  }

  // Asked for each time instead of at SIGWINCH: signals belong to the program, not to a renderer.
  Screen look() const {
    winsize size{};
    Screen screen{.width = m_terminal.width};
    const int fd = ::fileno(m_terminal.stream);
    if (fd >= 0 && ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0)
      screen = {.width = size.ws_col, .height = size.ws_row};
    return screen;
  }

  // Draws in one write, so that nobody sees half a region.
  void draw(const std::string& above, const Screen& screen) {
    m_width = screen.width;
    std::string text = erase_region() + above;
    const auto lines = m_view.region(m_clock.now(), screen);
    if (!lines.empty() && !m_hidden) {
      text += k_hide_cursor;
      m_hidden = true;
    }
    for (const auto& line : lines) {
      text += line + "\n";
      m_drawn.push_back(columns(line));
    }
    if (lines.empty() && m_hidden) {
      text += k_show_cursor;
      m_hidden = false;
    }
    put(m_terminal.stream, text);
  }

  static int columns(const std::string& line) {
    std::string bare;
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] != '\x1b') {
        bare += line[i];
      } else {
        while (i < line.size() && line[i] != 'm') ++i;
      }
    }
    return core::display_width(bare);
  }

  std::string erase_region() {
    if (m_drawn.empty()) return "";
    // A terminal that became narrower has wrapped the lines.
    int rows = 0;
    for (const int width : m_drawn) rows += std::max(1, (width + m_width - 1) / std::max(m_width, 1));
    m_drawn.clear();
    return fmt::format("\r\x1b[{}A\x1b[J", rows);
  }

  const Terminal m_terminal;
  core::Clock& m_clock;
  std::mutex m_mutex;
  std::condition_variable_any m_wake;
  LiveView m_view;
  std::vector<int> m_drawn;  // the columns of each line of the region on screen
  int m_width = 80;
  bool m_hidden = false;
  std::jthread m_painter;  // last: its thread uses all of the above
};

}  // namespace

std::unique_ptr<Sink> tty_renderer(const Terminal& terminal, core::Clock& clock) {
  return std::make_unique<TtyRenderer>(terminal, clock);
}

}  // namespace bgdeploy::report
