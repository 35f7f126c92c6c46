#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <ranges>
#include <string_view>
#include <tuple>

#include "bgdeploy/report/words.hpp"
#include "html.hpp"

namespace bgdeploy::report {
namespace {

using core::Duration;
using core::SystemTime;

std::string_view kind_of(const Finished& finished) {
  return finished.exit_code == 0 ? "good" : finished.exit_code == 6 ? "odd" : "bad";
}

// Whether `to` serves since this run.
bool put_live(const Finished& finished) {
  const bool aside = finished.command == Command::abort || finished.command == Command::rehearse;
  return !aside && (finished.verdict == Verdict::succeeded || finished.exit_code == 6);
}

constexpr std::size_t k_most_notes = 200;

}  // namespace

class RunPage::Parts {
  struct Step {
    StepName name;
    std::string about;
    SystemTime end;
    std::optional<Duration> took;  // unset: nobody measured it
    std::string_view result, kind;
    std::string why{};
  };

  // What one question, or one check of `watch`, was answered.
  struct Answers {
    int count = 0, bad = 0, timed = 0;
    std::optional<Duration> until_good{};  // from the beginning of the run
    Duration shortest{Duration::max()}, longest{}, sum{};
    std::string last{};
  };
  using AnswersOf = std::map<std::tuple<std::string, std::string, std::string>, Answers>;

public:
  void add(SystemTime time, const Event& event) {
    if (m_began == SystemTime{}) m_began = time;
    m_ended = m_now = time;
    std::visit(*this, event);
  }

  std::string page() const {
    const std::string title =
        m_finished.service.empty() ? std::string(to_string(m_finished.command)) : m_finished.service;
    const std::string line = headline(m_finished);
    return html_page(
        title + ": " + line,
        fmt::format("<header>{}<h1 class=\"{}\">{}</h1></header>\n<main>\n{}{}{}{}{}{}{}{}</main>\n",
                    element("p", title, "soft"), kind_of(m_finished), as_html(line), summary(), cause(),
                    timeline(), shares(), traffic(), probes(), watched(), notes()));
  }

  void operator()(const Started& event) {
    if (m_finished.service.empty()) m_finished.service = event.service;
    m_finished.command = event.command;
  }
  void operator()(const PlanMade& event) { m_plan = event; }
  void operator()(const PastRuns& event) { m_past = event.runs; }
  void operator()(const Finished& event) {
    const std::string service = m_finished.service;
    m_finished = event;
    if (event.service.empty()) m_finished.service = service;
  }
  void operator()(const StepFinished& event) { add_step(event.step, event.about, event.took, "ok", "plain"); }
  void operator()(const StepFailed& event) {
    const bool gave_up = event.error.kind == core::ErrorKind::cancelled;
    add_step(event.step, event.about, event.took, gave_up ? "halted" : "FAILED", gave_up ? "odd" : "bad",
             event.error.message);
  }
  void operator()(const StepUndone& event) { add_step(event.step, event.about, event.took, "undone", "odd"); }
  void operator()(const HealthProbe& event) {
    see(m_probes[{event.step.host, event.step.slot, event.question}], event.healthy, event.answer,
        event.took);
  }
  void operator()(const WatchSeen& event) {
    see(m_watched[{event.host, event.step.slot, event.check}], event.good.value_or(true), event.answer, {});
  }
  void operator()(const Info& event) { note("note", event.host, event.message); }
  void operator()(const Warning& event) { note("warning", event.host, event.message); }
  void operator()(const auto&) {}

private:
  void add_step(const StepName& name, const std::string& about, std::optional<Duration> took,
                std::string_view result, std::string_view kind, const std::string& why = "") {
    m_steps.push_back({name, about, m_now, took, result, kind, why});
  }
  void note(const char* kind, const std::string& host, const std::string& text) {
    ++m_noted;
    if (m_notes.size() < k_most_notes) m_notes.emplace_back(kind, host, text);
  }
  void see(Answers& answers, bool good, const std::string& answer, std::optional<Duration> took) const {
    ++answers.count;
    answers.last = answer;
    if (!good) ++answers.bad;
    if (good && !answers.until_good) answers.until_good = since_begin(m_now);
    if (!took) return;
    ++answers.timed;
    answers.shortest = std::min(answers.shortest, *took);
    answers.longest = std::max(answers.longest, *took);
    answers.sum += *took;
  }
  Duration since_begin(SystemTime time) const {
    return std::max(std::chrono::duration_cast<Duration>(time - m_began), Duration{0});
  }
  double share(Duration part) const {
    return static_cast<double>(part.count()) /
           static_cast<double>(std::max<std::int64_t>(since_begin(m_ended).count(), 1));
  }

  std::string summary() const {
    std::string list;
    const auto add = [&](std::string_view name, const std::string& value) {
      if (!value.empty()) list += element("dt", name) + element("dd", value) + "\n";
    };
    add("Result", fmt::format("{} (exit code {})", to_string(m_finished.verdict), m_finished.exit_code));
    add("Release", shown(m_plan.to.name.empty() ? m_finished.to : m_plan.to));
    add("Before", shown(m_plan.from.name.empty() ? m_finished.from : m_plan.from));
    if (m_finished.serving && !m_finished.serving->trouble.empty())
      add("Serves now", m_finished.serving->trouble);
    else if (m_finished.serving)
      add("Serves now",
          fmt::format("{} on {}{}", shown(m_finished.serving->release), m_finished.serving->slot,
                      m_finished.serving->checked ? ", asked at the end" : ""));
    add("Began", utc(m_began));
    add("Took", short_duration(m_finished.took));
    if (m_finished.gap) add("Nothing ran for", short_duration(*m_finished.gap));
    add("Address", m_finished.url);
    return "<dl>\n" + list + "</dl>\n";
  }

  std::string cause() const {
    std::string text;
    for (const Part& part : parts(m_finished)) {
      std::string lines;
      for (const std::string& line : part.lines) lines += as_html(line) + "\n";
      for (const std::string& line : part.quoted) lines += "| " + as_html(line) + "\n";
      text +=
          fmt::format("<p class=\"soft\">{0}</p><pre tabindex=\"0\">{1}</pre>\n", as_html(part.key), lines);
    }
    const std::string_view title = m_finished.exit_code == 0 ? "Next" : "Cause";
    return text.empty() ? ""
                        : fmt::format("<section aria-label=\"{0}\"><h2>{0}</h2>{1}</section>\n", title, text);
  }

  std::string timeline() const {
    Table table("Timeline", {"Step", "Where", "Began at", "Took", "Result", "Time"});
    for (const Step& step : m_steps) {
      const Duration end = since_begin(step.end),
                     begin = std::max(end - step.took.value_or(Duration{}), Duration{0});
      table.row({as_html(step.name.step) + element("span", step.about, "soft"),
                 as_html(step.name.host) + element("span", step.name.slot, "soft"),
                 as_html("+" + short_duration(begin)), step.took ? as_html(exact(*step.took)) : "",
                 element("span", step.result, step.kind) +
                     (step.why.empty() ? "" : element("span", step.why, "soft")),
                 html_of({share(begin), share(end), step.kind})});
    }
    return table.html();
  }

  // The slowest host's time of each step, in the order in which they ended first.
  std::vector<std::pair<std::string, Duration>> slowest() const {
    std::vector<std::pair<std::string, Duration>> all;
    for (const Step& step : m_steps) {
      if (step.result == "undone" || !step.took) continue;
      const auto found = std::ranges::find(all, step.name.step, &std::pair<std::string, Duration>::first);
      if (found == all.end())
        all.emplace_back(step.name.step, *step.took);
      else
        found->second = std::max(found->second, *step.took);
    }
    return all;
  }

  // Against the runs before it.
  std::string shares() const {
    const auto usual = usual_times(m_past);
    auto rows = slowest();
    if (!rows.empty()) rows.emplace_back("", m_finished.took);
    Duration longest{1};
    for (const auto& [step, took] : rows) longest = std::max(longest, took);
    for (const Usual& one : usual) longest = std::max(longest, one.median);
    const auto part = [&](Duration took) {
      return static_cast<double>(took.count()) / static_cast<double>(longest.count());
    };
    Table table("Where the time went", {"Step", "This run", "Usually", "Of runs", "Time"});
    for (const auto& [step, took] : rows) {
      const auto before = std::ranges::find(usual, step, &Usual::step);
      const bool known = before != usual.end();
      table.row(
          {step.empty() ? "all" : as_html(step), as_html(exact(took)),
           known ? as_html(exact(before->median)) : "not known",
           known ? as_html(std::to_string(before->runs)) : "0",
           html_of({0, part(took), "plain", known ? std::optional(part(before->median)) : std::nullopt})});
    }
    const PastRun own{.time = m_began,
                      .took = since_begin(m_ended),
                      .from = m_plan.from,
                      .to = m_plan.to,
                      .slot = m_plan.target,
                      .served = put_live(m_finished)};
    return table.html(
               "Of several hosts the slowest counts. The line across a bar is the median of the last runs.") +
           past_runs_html(m_past, m_ended, &own);
  }

  // "all to 1.1 (blue)"
  static std::string all_to(const ReleaseName& release, const std::string& slot) {
    return slot.empty() ? "none" : fmt::format("all to {} ({})", shown(release), slot);
  }

  // What each proxy sent where. A switch that failed or was undone leaves it as it was.
  std::string traffic() const {
    Table table("Traffic", {"Proxy", "At", "Before", "After", "What", "Result"});
    const std::string old = all_to(m_plan.from, m_plan.live), fresh = all_to(m_plan.to, m_plan.target);
    for (const Step& step : m_steps) {
      if (step.name.step != "switch") continue;
      const bool done = step.result == "ok";
      for (const auto host : std::views::split(std::string_view(step.name.host), std::string_view(", ")))
        table.row({as_html(std::string_view(host)), as_html("+" + short_duration(since_begin(step.end))),
                   as_html(step.result == "undone" ? fresh : old), as_html(done ? fresh : old),
                   as_html(step.about), element("span", step.result, step.kind)});
    }
    return table.html();
  }

  std::string probes() const {
    Table table("Health", {"Question", "Host", "Slot", "Probes", "Bad", "Good at", "Latency", "Last answer"});
    for (const auto& [key, seen] : m_probes) {
      const auto& [host, slot, question] = key;
      table.row({as_html(question), as_html(host), as_html(slot), as_html(std::to_string(seen.count)),
                 as_html(std::to_string(seen.bad)),
                 seen.until_good ? as_html("+" + short_duration(*seen.until_good)) : "never",
                 seen.timed == 0 ? ""
                                 : as_html(fmt::format("{} to {} ms, mean {} ms", seen.shortest.count(),
                                                       seen.longest.count(), seen.sum.count() / seen.timed)),
                 as_html(seen.last)});
    }
    return table.html();
  }

  std::string watched() const {
    Table table("Seen after the switch", {"Check", "Host", "Times", "Bad", "Last answer"});
    for (const auto& [key, seen] : m_watched) {
      const auto& [host, slot, check] = key;
      table.row({as_html(check), as_html(host), as_html(std::to_string(seen.count)),
                 as_html(std::to_string(seen.bad)), as_html(seen.last)});
    }
    return table.html();
  }

  std::string notes() const {
    Table table("Notes", {"Kind", "Host", "What"});
    for (const auto& [kind, host, text] : m_notes)
      table.row({element("span", kind, kind == "warning" ? "odd" : ""), as_html(host), as_html(text)});
    return table.html(
        m_noted == m_notes.size() ? "" : fmt::format("The first {} of {}.", m_notes.size(), m_noted));
  }

  SystemTime m_began{}, m_ended{}, m_now{};
  Finished m_finished{.command = Command::deploy, .verdict = Verdict::failed, .exit_code = 1};
  PlanMade m_plan;
  std::vector<PastRun> m_past;
  std::vector<Step> m_steps;
  AnswersOf m_probes, m_watched;
  std::vector<std::tuple<std::string, std::string, std::string>> m_notes;
  std::size_t m_noted = 0;
};

RunPage::RunPage() : m_parts(std::make_unique<Parts>()) {}
RunPage::~RunPage() = default;

void RunPage::add(SystemTime time, const Event& event) {
  m_parts->add(time, event);
}

std::string RunPage::html() const {
  return m_parts->page();
}

std::string run_page(const std::vector<TimedEvent>& events) {
  RunPage page;
  for (const auto& [time, event] : events) page.add(time, event);
  return page.html();
}

}  // namespace bgdeploy::report
