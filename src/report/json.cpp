// One JSON object a line, for machines: every event, whatever --quiet says.
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>

#include "bgdeploy/core/printable_json.hpp"
#include "bgdeploy/core/timestamp.hpp"
#include "renderers.hpp"

namespace bgdeploy::report {
namespace {

using nlohmann::ordered_json;

ordered_json error_json(const core::Error& error) {
  ordered_json object = {
      {"kind", core::to_string(error.kind)}, {"message", error.message}, {"details", error.details}};
  if (!error.next.empty()) object["next"] = error.next;
  return object;
}

ordered_json asked_json(const Asked& asked) {
  return {{"question", asked.question}, {"answer", asked.answer}, {"times", asked.times}};
}

ordered_json cause_json(const Cause& cause) {
  ordered_json object = ordered_json::object();
  const auto text = [&](const char* key, const std::string& value) {
    if (!value.empty()) object[key] = value;
  };
  text("host", cause.host);
  text("slot", cause.step.slot);
  text("step", cause.step.step);
  if (cause.asked) object["asked"] = asked_json(*cause.asked);
  object["logs"] = ordered_json::array();
  for (const HostLog& log : cause.logs) object["logs"].push_back({{"host", log.host}, {"lines", log.lines}});
  return object;
}

ordered_json serving_json(const Serving& serving) {
  ordered_json object = {{"release", serving.release.name}};
  if (serving.release.digest) object["digest"] = *serving.release.digest;
  object["slot"] = serving.slot;
  object["hosts"] = serving.hosts;
  object["checked"] = serving.checked;
  if (!serving.trouble.empty()) object["trouble"] = serving.trouble;
  return object;
}

ordered_json past_run_json(const PastRun& run) {
  ordered_json object = {{"time", core::format_time(run.time, true)},
                         {"duration_ms", run.took.count()},
                         {"command", run.command},
                         {"result", run.result},
                         {"served", run.served},
                         {"from", run.from.name},
                         {"to", run.to.name},
                         {"steps_ms", ordered_json::object()}};
  for (const auto& [step, took] : run.steps) object["steps_ms"][step] = took.count();
  return object;
}

// The only place that knows how events and their fields are called; docs/events.md shows them.
class Line {
public:
  explicit Line(core::SystemTime time) : m_object({{"time", core::format_time(time, true)}}) {}

  ordered_json of(const Event& event) && {
    std::visit(*this, event);
    return std::move(m_object);
  }

  void operator()(const Started& event) {
    run(event.command, "started");
    text("message", event.what);
    text("service", event.service);
    text("to", event.to);
  }
  void operator()(const LockAcquired&) { name("lock.acquired"); }
  void operator()(const PastRuns& event) {
    name("history.read");
    m_object["runs"] = ordered_json::array();
    for (const PastRun& run : event.runs) m_object["runs"].push_back(past_run_json(run));
  }
  void operator()(const PlanMade& event) {
    name("plan.made");
    m_object["steps"] = event.steps.size();
    m_object["from"] = event.from.name;
    if (event.from.digest) m_object["from_digest"] = *event.from.digest;
    m_object["to"] = event.to.name;
    if (event.to.digest) m_object["to_digest"] = *event.to.digest;
    text("live", event.live);
    text("target", event.target);
  }
  void operator()(const LockReleased&) { name("lock.released"); }
  void operator()(const Finished& event) {
    run(event.command, "finished");
    text("slot", event.slot);
    took(event.took);
    text("message", event.remark);
    if (event.error) m_object["error"] = error_json(*event.error);
    m_object["exit_code"] = event.exit_code;
    m_object["from"] = event.from.name;
    if (event.from.digest) m_object["from_digest"] = *event.from.digest;
    if (event.gap) m_object["gap_ms"] = event.gap->count();
    if (event.nothing_changed) m_object["nothing_changed"] = true;
    m_object["result"] = to_string(event.verdict);
    m_object["to"] = event.to.name;
    if (event.to.digest) m_object["to_digest"] = *event.to.digest;
    text("service", event.service);
    text("url", event.url);
    if (event.serving) m_object["serving"] = serving_json(*event.serving);
    if (event.cause) m_object["cause"] = cause_json(*event.cause);
  }
  void operator()(const StepStarted& event) {
    name("step.started");
    step(event.step);
    text("message", event.what);
    text("about", event.about);
  }
  void operator()(const StepFinished& event) {
    name("step.finished");
    step(event.step);
    took(event.took);
    text("message", event.what);
    text("about", event.about);
  }
  void operator()(const StepFailed& event) {
    name("step.failed");
    step(event.step);
    took(event.took);
    text("message", event.what);
    text("about", event.about);
    m_object["error"] = error_json(event.error);
  }
  void operator()(const StepUndone& event) {
    name("step.undone");
    step(event.step);
    if (event.took) took(*event.took);
    text("message", event.what);
    text("about", event.about);
  }
  void operator()(const PullProgress& event) {
    name("pull.progress");
    step(event.step);
    m_object["current"] = event.current;
    m_object["layer"] = event.layer;
    m_object["status"] = event.status;
    m_object["total"] = event.total;
  }
  void operator()(const BuildOutput& event) {
    name("build.output");
    step(event.step);
    m_object["text"] = event.line;
  }
  void operator()(const HealthProbe& event) {
    name("health.probe");
    step(event.step);
    text("message", event.answer);
    text("question", event.question);
    if (event.took) took(*event.took);
    m_object["attempt"] = event.attempt;
    m_object["ok"] = event.healthy;
  }
  void operator()(const LogLine& event) {
    name("log.line");
    step(event.step);
    m_object["text"] = event.line;
  }
  void operator()(const HookOutput& event) {
    name("hook.output");
    step(event.step);
    m_object["text"] = event.line;
  }
  void operator()(const WatchSeen& event) {
    name("watch.seen");
    step(event.step);
    text("host", event.host);
    text("check", event.check);
    text("message", event.answer);
    if (event.good) m_object["ok"] = *event.good;
  }
  void operator()(const Info& event) {
    name("info");
    text("host", event.host);
    text("message", event.message);
  }
  void operator()(const Warning& event) {
    name("warning");
    text("host", event.host);
    text("message", event.message);
  }

private:
  void name(const char* event) { m_object["event"] = event; }
  // What finishes or undoes a deploy is one, and a rehearsal is a rollback: `command` tells them apart.
  void run(Command command, std::string_view part) {
    const bool back = command == Command::rollback || command == Command::rehearse;
    m_object["event"] = std::string(back ? "rollback." : "deploy.") + std::string(part);
    if (command != Command::deploy && command != Command::rollback) m_object["command"] = to_string(command);
  }
  void text(const char* key, const std::string& value) {
    if (!value.empty()) m_object[key] = value;
  }
  void took(core::Duration duration) { m_object["duration_ms"] = duration.count(); }
  void step(const StepName& about) {
    text("host", about.host);
    text("slot", about.slot);
    text("step", about.step);
  }

  ordered_json m_object;
};

class JsonRenderer final : public Sink {
public:
  JsonRenderer(const Terminal& terminal, core::Clock& clock) : m_stream(terminal.stream), m_clock(clock) {}

  void emit(Event event) override {
    const std::lock_guard lock(m_mutex);
    put(m_stream, as_json(event, m_clock.wall()) + "\n");
  }

private:
  std::mutex m_mutex;
  std::FILE* m_stream;
  core::Clock& m_clock;
};

}  // namespace

std::string as_json(const Event& event, core::SystemTime time) {
  return core::printable_json(
      Line(time).of(event).dump(-1, ' ', false, ordered_json::error_handler_t::replace));
}

std::string as_json(const core::Error& error) {
  const ordered_json document = {{"error", error_json(error)}};
  return core::printable_json(document.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
}

std::unique_ptr<Sink> json_renderer(const Terminal& terminal, core::Clock& clock) {
  return std::make_unique<JsonRenderer>(terminal, clock);
}

}  // namespace bgdeploy::report
