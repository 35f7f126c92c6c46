#include "bgdeploy/report/live_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/report/words.hpp"

namespace bgdeploy::report {
namespace {

constexpr auto k_red = "\x1b[31m", k_green = "\x1b[32m", k_yellow = "\x1b[33m", k_cyan = "\x1b[36m",
               k_bold = "\x1b[1m", k_reset = "\x1b[0m";
constexpr std::array k_spinner = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};

std::string with_host(const std::string& host, const std::string& text) {
  return host.empty() ? text : host + "  " + text;
}

// The end of a line matters more than its middle: "web-1  pull app:1.2… 1.2s".
std::string with_tail(const std::string& text, const std::string& tail, int width) {
  const int room = width - display_width(tail) - 2;
  if (tail.empty() || room < 8) return fit(text, width);
  return fit(text, room) + "  " + tail;
}

}  // namespace

std::string LiveView::painted(std::string_view mark, const char* color, std::string_view text) const {
  if (!m_color) return fmt::format("{} {}", mark, text);
  return fmt::format("{}{}{} {}", color, mark, k_reset, text);
}

std::vector<std::string> LiveView::apply(const Event& event, core::SteadyTime now, const Screen& screen) {
  const auto told = m_narrator.tell(event);
  if (!m_quiet) track(event, now);
  std::vector<std::string> lines;
  if (event.name == "step.started") return lines;
  // Hundreds of lines would scroll away what matters: the running one is shown with its step.
  if (event.name == "build.output" && !m_verbose) return lines;
  for (std::size_t i = 0; i < told.size(); ++i)
    lines.push_back(lasting(event, told[i], i == 0, i + 1 == told.size(), screen));
  return lines;
}

std::string LiveView::lasting(const Event& event, const Narrator::Line& line, bool first, bool last,
                              const Screen& screen) const {
  const auto tail = event.duration ? short_duration(*event.duration) : "";
  const auto step = with_host(line.host, subject(event));
  if (is_conclusion(event) && last) {
    const auto exit_code = number_field(event, "exit_code").value_or(0);
    if (exit_code == 0) return painted("✓", k_green, line.text);
    return exit_code == 6 ? painted("!", k_yellow, line.text) : painted("✗", k_red, line.text);
  }
  if (first && event.name == "step.finished")
    return painted("✓", k_green, with_tail(step, tail, screen.width - 3));
  if (first && event.name == "step.failed")
    return painted("✗", k_red, with_tail(step, tail, screen.width - 3));
  if (first && event.name == "warning") return painted("!", k_yellow, with_host(line.host, line.text));
  if (event.name.ends_with(".started")) return m_color ? k_bold + line.text + k_reset : line.text;
  return "  " + with_host(line.host, line.text);
}

void LiveView::track(const Event& event, core::SteadyTime now) {
  const Key key{event.host, event.slot, event.step};
  if (event.name == "step.started") {
    if (!m_rows.contains(key)) m_order.push_back(key);
    m_rows[key] = {.text = with_host(core::printable(event.host), subject(event)), .since = now};
  } else if (event.name == "step.finished" || event.name == "step.failed") {
    m_rows.erase(key);
    std::erase(m_order, key);
  } else if (is_conclusion(event)) {
    m_rows.clear();
    m_order.clear();
  } else if (is_chatter(event) || event.name == "build.output") {
    progress(event);
  }
}

void LiveView::progress(const Event& event) {
  // An event of a probe or a layer need not name its step in full: it belongs to what runs on its host.
  const auto found = std::find_if(m_order.rbegin(), m_order.rend(), [&](const Key& key) {
    const auto& [host, slot, step] = key;
    return host == event.host && (event.step.empty() || step == event.step);
  });
  if (found == m_order.rend()) return;
  auto& row = m_rows[*found];
  if (event.name == "build.output") {
    row.note = core::printable(text_field(event, "text"));
    return;
  }
  if (event.name == "health.probe") {
    row.note = subject(event);
    return;
  }
  const auto total = number_field(event, "total").value_or(0);
  const auto current = number_field(event, "current").value_or(0);
  auto& layer = row.layers[text_field(event, "layer")];
  // Extracting counts the same bytes again, and a layer that is done reports none: what was fetched stays.
  layer.total = std::max(layer.total, total);
  layer.current = total > 0 ? std::max(layer.current, current) : layer.total;
}

std::vector<std::string> LiveView::region(core::SteadyTime now, const Screen& screen) const {
  const auto spin = static_cast<std::size_t>(now.time_since_epoch() / std::chrono::milliseconds(100));
  const auto mark = k_spinner[spin % k_spinner.size()];
  const auto room = static_cast<std::size_t>(std::max(screen.height - 2, 1));
  std::vector<std::string> lines;
  for (const auto& key : m_order) {
    if (lines.size() == room) {
      lines.back() = fit(fmt::format("  … and {} more", m_order.size() - room + 1), screen.width - 1);
      break;
    }
    const auto& row = m_rows.at(key);
    Layer sum;
    for (const auto& [name, layer] : row.layers) {
      sum.current += layer.current;
      sum.total += layer.total;
    }
    const auto elapsed = std::chrono::duration_cast<core::Duration>(now - row.since);
    std::string tail = short_duration(elapsed / 100 * 100);
    if (sum.total > 0)
      tail = fmt::format("{} of {}  {}", short_bytes(sum.current), short_bytes(sum.total), tail);
    const auto text = row.note.empty() ? row.text : row.text + "  " + row.note;
    lines.push_back(painted(mark, k_cyan, with_tail(text, tail, screen.width - 3)));
  }
  return lines;
}

}  // namespace bgdeploy::report
