#include "bgdeploy/report/live_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "bgdeploy/core/display_width.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/size.hpp"
#include "bgdeploy/report/words.hpp"

namespace bgdeploy::report {
namespace {

// Magenta, as yellow and cyan cannot be read on white.
constexpr auto k_red = "\x1b[31m", k_green = "\x1b[32m", k_magenta = "\x1b[35m", k_bold = "\x1b[1m",
               k_reset = "\x1b[0m";
constexpr std::array k_spinner = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
// The mark and the blank behind it, and a last column that stays free: some terminals wrap when it is used.
constexpr int k_mark = 3;

core::Duration tenths(core::SteadyTime since, core::SteadyTime now) {
  return std::chrono::duration_cast<core::Duration>(now - since) / 100 * 100;
}

const char* spinner(core::SteadyTime now) {
  return k_spinner[static_cast<std::size_t>(now.time_since_epoch() / std::chrono::milliseconds(100)) %
                   k_spinner.size()];
}

}  // namespace

std::string LiveView::painted(std::string_view mark, const char* color, std::string_view text) const {
  if (!m_color) return fmt::format("{} {}", mark, text);
  return fmt::format("{}{}{} {}", color, mark, k_reset, text);
}

std::vector<std::string> LiveView::apply(const Event& event, core::SteadyTime now, const Screen& screen) {
  const bool ends = is<Finished>(event);
  // The last lines stand without a mark, but for the first.
  const auto told = m_narrator.tell(event, now, std::max(screen.width - k_mark, 1));
  if (!m_quiet) track(event, now);
  std::vector<std::string> lines;
  if (ends && told.size() > 1 && !m_quiet) lines.emplace_back();
  for (const Narrator::Line& line : told) lines.push_back(lasting(line));
  return lines;
}

std::string LiveView::lasting(const Narrator::Line& line) const {
  using Mark = Narrator::Mark;
  const auto strong = [&] { return m_color ? k_bold + line.text + k_reset : line.text; };
  switch (line.mark) {
    case Mark::heading:
      return strong();
    case Mark::done:
      return painted("✓", k_green, line.text);
    case Mark::failed:
      return painted("✗", k_red, line.text);
    case Mark::halted:
      return painted("-", k_magenta, line.text);
    case Mark::undone:
      return painted("↩", k_magenta, line.text);
    case Mark::warning:
      return painted("!", k_magenta, line.text);
    case Mark::running:
      return painted("…", k_magenta, line.text);
    case Mark::good:
      return painted("✓", k_green, strong());
    case Mark::odd:
      return painted("!", k_magenta, strong());
    case Mark::bad:
      return painted("✗", k_red, strong());
    case Mark::text:
    case Mark::below:
      break;
  }
  return "  " + line.text;
}

void LiveView::note(const StepName& step, std::string text) {
  const auto found = m_running.find(step);
  if (found == m_running.end()) return;
  Running& running = found->second;
  running.times = running.note == text ? running.times + 1 : 1;
  running.note = std::move(text);
}

void LiveView::switched(const StepName& step, bool to_new) {
  const bool other = m_plan && m_plan->live != m_plan->target;
  if (other && step.step == "switch") m_new_serves = to_new;
}

void LiveView::track(const Event& event, core::SteadyTime now) {
  const auto end = [this](const StepName& step) {
    m_running.erase(step);
    std::erase(m_order, step);
  };
  if (const auto* run = std::get_if<Started>(&event)) {
    m_started = *run;
    m_began = now;
  } else if (const auto* plan = std::get_if<PlanMade>(&event)) {
    m_plan = *plan;
  } else if (const auto* started = std::get_if<StepStarted>(&event)) {
    const StepName& step = started->step;
    if (!m_running.contains(step)) m_order.push_back(step);
    m_running[step] = {.about = one_line(started->about.empty() ? started->what : started->about),
                       .since = now};
  } else if (const auto* finished = std::get_if<StepFinished>(&event)) {
    ++m_done;
    switched(finished->step, true);
    end(finished->step);
  } else if (const auto* failed = std::get_if<StepFailed>(&event)) {
    m_undoes = true;
    end(failed->step);
  } else if (const auto* undone = std::get_if<StepUndone>(&event)) {
    switched(undone->step, false);
  } else if (is<Finished>(event)) {
    m_running.clear();
    m_order.clear();
    m_started.reset();
  } else {
    track_answer(event);
  }
}

// What came of a step so far.
void LiveView::track_answer(const Event& event) {
  if (const auto* output = std::get_if<BuildOutput>(&event)) {
    note(output->step, core::printable(output->line));
  } else if (const auto* hook = std::get_if<HookOutput>(&event)) {
    note(hook->step, core::printable(hook->line));
  } else if (const auto* probe = std::get_if<HealthProbe>(&event)) {
    note(probe->step, one_line(probe->answer));
  } else if (const auto* seen = std::get_if<WatchSeen>(&event)) {
    note(seen->step, fmt::format("{}: {}", one_line(seen->check), one_line(seen->answer)));
  } else if (const auto* pull = std::get_if<PullProgress>(&event)) {
    const auto running = m_running.find(pull->step);
    if (running == m_running.end()) return;
    // Docker counts the same bytes again while it extracts, and none for a layer that is done. Keep the most.
    Layer& layer = running->second.layers[pull->layer];
    layer.total = std::max(layer.total, pull->total);
    layer.current = pull->total > 0 ? std::max(layer.current, pull->current) : layer.total;
  }
}

std::string LiveView::row(const StepName& step, const Running& running, core::SteadyTime now,
                          int width) const {
  Layer sum;
  for (const auto& [name, layer] : running.layers) {
    sum.current += layer.current;
    sum.total += layer.total;
  }
  std::string what = running.about;
  if (sum.total > 0)
    what = fmt::format("{} of {}  {}", core::short_bytes(sum.current), core::short_bytes(sum.total), what);
  const std::string times = running.times > 1 ? fmt::format(" × {}", running.times) : "";
  if (!running.note.empty()) what += ": " + running.note + times;
  return laid_out({.host = Narrator::host_of(step),
                   .step = one_line(step.step),
                   .result = "",
                   .took = short_duration(tenths(running.since, now)),
                   .what = what},
                  m_narrator.columns(), width);
}

// "1.1.0 serves on green   step 4 of 9   12.4s"
std::string LiveView::run_line(core::SteadyTime now, int width) const {
  const std::string took = short_duration(tenths(m_began, now));
  if (!m_plan) return cut(fmt::format("{}  {}", heading(*m_started), took), width);
  const std::string& slot = m_new_serves ? m_plan->target : m_plan->live;
  const std::string name = one_line((m_new_serves ? m_plan->to : m_plan->from).name);
  std::string serves = name.empty() ? "nothing serves" : name + " serves";
  if (!name.empty() && !slot.empty()) serves += " on " + one_line(slot);
  const std::string where =
      m_undoes
          ? "undoing"
          : fmt::format("step {} of {}", std::min(m_done + 1, m_plan->steps.size()), m_plan->steps.size());
  return cut(fmt::format("{}   {}   {}", serves, where, took), width);
}

std::vector<std::string> LiveView::region(core::SteadyTime now, const Screen& screen) const {
  if (!m_started && m_order.empty()) return {};
  const auto room = static_cast<std::size_t>(std::max(screen.height - 3, 1));
  const int width = std::max(screen.width - k_mark, 1);
  std::vector<std::string> lines;
  for (const auto& step : m_order) {
    if (lines.size() == room) {
      lines.back() = core::fit(fmt::format("  … and {} more", m_order.size() - room + 1), screen.width - 1);
      break;
    }
    lines.push_back(painted(spinner(now), k_magenta, row(step, m_running.at(step), now, width)));
  }
  if (!m_started || (m_plan && m_plan->steps.empty())) return lines;
  const std::string line = run_line(now, width);
  lines.push_back(m_order.empty() && !m_plan ? painted(spinner(now), k_magenta, line) : "  " + line);
  return lines;
}

}  // namespace bgdeploy::report
