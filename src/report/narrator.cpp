#include "bgdeploy/report/narrator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "bgdeploy/core/display_width.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/size.hpp"
#include "bgdeploy/report/words.hpp"

namespace bgdeploy::report {
namespace {

using namespace std::chrono_literals;

constexpr auto k_long = 2s;
constexpr int k_widest_host = 24;

// Steps whose end says nothing that the next line does not say.
bool is_small(const StepName& step) {
  constexpr std::string_view k_small[] = {"set-aside", "accept", "settle", "remove"};
  return std::ranges::find(k_small, step.step) != std::end(k_small);
}

}  // namespace

std::string Narrator::host_of(const StepName& step) {
  return step.hosts > 1 ? fmt::format("{} hosts", step.hosts) : one_line(step.host);
}

Narrator::Line Narrator::row(Mark mark, const StepName& step, Row cells, int width) const {
  cells.host = host_of(step);
  if (cells.step.empty()) cells.step = one_line(step.step);
  auto columns = m_columns;
  // What runs before there is a plan is aligned with nothing.
  if (columns.host == 0) columns.host = std::min(core::display_width(cells.host), k_widest_host);
  return {mark, laid_out(cells, columns, width)};
}

void Narrator::begin(const PlanMade& event, int width) {
  const int most = width == k_any_width ? k_widest_host : std::clamp(width / 4, 8, k_widest_host);
  for (const StepName& step : event.steps) {
    m_columns.host = std::min(std::max(m_columns.host, core::display_width(host_of(step))), most);
    if (is_small(step) && !m_style.verbose) continue;
    m_columns.step = std::max(m_columns.step, core::display_width(one_line(step.step)));
  }
}

// "shop-green: HTTP 200 (probe 4)"
std::string Narrator::done_words(const StepFinished& event) const {
  const std::string about = one_line(event.about.empty() ? event.what : event.about);
  const auto found = m_running.find(event.step);
  if (found == m_running.end() || found->second.answer.empty()) return about;
  const std::string which =
      found->second.attempt > 1 ? fmt::format(" (probe {})", found->second.attempt) : "";
  return fmt::format("{}: {}{}", about, found->second.answer, which);
}

Narrator::Lines Narrator::tell_step(const Event& event, int width) {
  Lines lines;
  if (const auto* done = std::get_if<StepFinished>(&event)) {
    lines = end_repeats(done->step, width);
    const bool small = is_small(done->step) && done->took < k_long && !m_style.verbose;
    if (!small)
      lines.push_back(row(Mark::done, done->step,
                          {.result = m_style.marks ? "" : "ok",
                           .took = short_duration(done->took),
                           .what = done_words(*done)},
                          width));
    m_running.erase(done->step);
  } else if (const auto* failed = std::get_if<StepFailed>(&event)) {
    lines = end_repeats(failed->step, width);
    const bool gave_up = failed->error.kind == core::ErrorKind::cancelled;
    lines.push_back(row(gave_up ? Mark::halted : Mark::failed, failed->step,
                        {.result = gave_up ? "halted" : "FAILED",
                         .took = short_duration(failed->took),
                         .what = one_line(failed->error.message)},
                        width));
    m_running.erase(failed->step);
  } else if (const auto* undone = std::get_if<StepUndone>(&event)) {
    lines.push_back(row(Mark::undone, undone->step,
                        {.step = "undone",
                         .took = undone->took ? short_duration(*undone->took) : "",
                         .what = one_line(undone->about.empty() ? undone->what : undone->about)},
                        width));
  }
  return lines;
}

Narrator::Lines Narrator::tell_remark(const std::string& host, const std::string& message, Mark mark,
                                      int width) {
  std::string begin;
  if (!host.empty() && m_columns.host > 0)
    begin = padded(cut(one_line(host), m_columns.host), m_columns.host) + "  ";
  else if (!host.empty())
    begin = one_line(host) + "  ";
  const int indent = core::display_width(begin);
  Lines lines;
  const std::string text = (mark == Mark::warning ? "warning: " : "") + one_line(message);
  const int room = width == k_any_width ? k_any_width : std::max(width - indent, 8);
  for (const std::string& line : wrapped(text, room)) {
    lines.push_back({lines.empty() ? mark : Mark::text, begin + line});
    begin.assign(static_cast<std::size_t>(indent), ' ');
  }
  return lines;
}

// What is the same again and again is told once, with how often it was.
Narrator::Lines Narrator::tell_repeated(const StepName& step, const std::string& key, const std::string& text,
                                        int width) {
  Lines lines;
  Repeated& last = m_repeats[{step, key}];
  if (last.times > 0 && last.text != text) {
    const std::string times = last.times > 1 ? fmt::format(" × {}", last.times) : "";
    lines.push_back(row(Mark::text, step, {.what = last.text + times}, width));
    last.times = 0;
  }
  last.text = text;
  ++last.times;
  return lines;
}

Narrator::Lines Narrator::end_repeats(const StepName& step, int width) {
  Lines lines;
  for (auto it = m_repeats.begin(); it != m_repeats.end();) {
    if (std::get<StepName>(it->first) != step) {
      ++it;
      continue;
    }
    const std::string times = it->second.times > 1 ? fmt::format(" × {}", it->second.times) : "";
    lines.push_back(row(Mark::text, step, {.what = it->second.text + times}, width));
    it = m_repeats.erase(it);
  }
  return lines;
}

// What comes while a step runs.
Narrator::Lines Narrator::tell_output(const Event& event, int width) {
  const auto streamed = [&](const StepName& step, const std::string& line) -> Lines {
    if (!m_style.streams && !m_style.verbose) return {};
    const std::string text = core::printable(line);
    m_streamed.insert(text);
    return {row(Mark::text, step, {.what = "| " + text}, width)};
  };
  if (const auto* build = std::get_if<BuildOutput>(&event)) return streamed(build->step, build->line);
  if (const auto* hook = std::get_if<HookOutput>(&event)) return streamed(hook->step, hook->line);
  if (const auto* probe = std::get_if<HealthProbe>(&event)) {
    if (const auto running = m_running.find(probe->step); running != m_running.end()) {
      running->second.answer = one_line(probe->answer);
      running->second.attempt = probe->attempt;
    }
    return m_style.verbose ? tell_repeated(probe->step, "", one_line(probe->answer), width) : Lines{};
  }
  if (!m_style.verbose) return {};
  if (const auto* seen = std::get_if<WatchSeen>(&event)) {
    const std::string where = seen->host.empty() ? "" : one_line(seen->host) + ": ";
    const std::string check = one_line(seen->check);
    return tell_repeated(seen->step, where + check,
                         fmt::format("{}{}: {}", where, check, one_line(seen->answer)), width);
  }
  const auto* pull = std::get_if<PullProgress>(&event);
  if (pull == nullptr) return {};
  // Docker tells the bytes of each layer many times a second.
  std::string& status = m_layers[{pull->step, pull->layer}];
  if (status == pull->status) return {};
  status = pull->status;
  const std::string layer = pull->layer.empty() ? "" : one_line(pull->layer) + ": ";
  const std::string of = pull->total > 0 ? " of " + core::short_bytes(pull->total) : "";
  return {row(Mark::text, pull->step, {.what = layer + one_line(pull->status) + of}, width)};
}

Narrator::Lines Narrator::finish(const Finished& event, int width) {
  const auto told = [this](const std::string& line) { return m_streamed.contains(line); };
  const Mark first = event.exit_code == 0 ? Mark::good : event.exit_code == 6 ? Mark::odd : Mark::bad;
  // Without the heading nothing else says which service it is.
  const std::string name = m_style.quiet ? event.service : "";
  Lines lines;
  for (std::string& line : closing(event, width, told, name))
    lines.push_back({lines.empty() ? first : Mark::below, std::move(line)});
  return lines;
}

Narrator::Lines Narrator::tell(const Event& event, core::SteadyTime now, int width) {
  if (const auto* finished = std::get_if<Finished>(&event)) return finish(*finished, width);
  if (const auto* warning = std::get_if<Warning>(&event))
    return tell_remark(warning->host, warning->message, Mark::warning, width);
  if (m_style.quiet) return {};
  if (const auto* started = std::get_if<Started>(&event)) {
    m_started = *started;
    m_began = now;
    return {};
  }
  if (const auto* plan = std::get_if<PlanMade>(&event)) {
    begin(*plan, width);
    m_told_start = true;
    if (plan->steps.empty() || !m_started) return {};
    Lines lines;
    for (std::string& line : wrapped(heading(*m_started, *plan), width))
      lines.push_back({lines.empty() ? Mark::heading : Mark::below, std::move(line)});
    return lines;
  }
  if (const auto* begun = std::get_if<StepStarted>(&event)) {
    const std::string about = one_line(begun->about.empty() ? begun->what : begun->about);
    m_running[begun->step] = {.since = now, .about = about};
    return {};
  }
  if (const auto* info = std::get_if<Info>(&event))
    return tell_remark(info->host, info->message, Mark::text, width);
  if (is<StepFinished>(event) || is<StepFailed>(event) || is<StepUndone>(event))
    return tell_step(event, width);
  return tell_output(event, width);
}

Narrator::Lines Narrator::late(core::SteadyTime now, int width) {
  if (m_style.quiet) return {};
  Lines lines;
  if (m_started && !m_told_start && now - m_began >= k_long) {
    m_told_start = true;
    lines.push_back({Mark::running, cut(heading(*m_started) + " ...", width)});
  }
  for (auto& [step, running] : m_running) {
    if (running.told || now - running.since < k_long) continue;
    running.told = true;
    lines.push_back(row(Mark::running, step, {.result = "...", .what = running.about}, width));
  }
  return lines;
}

}  // namespace bgdeploy::report
