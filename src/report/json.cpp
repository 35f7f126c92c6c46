// One JSON object a line, for machines: every event, whatever --quiet says.
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/report/json_text.hpp"
#include "renderers.hpp"

namespace bgdeploy::report {
namespace {

using nlohmann::ordered_json;

ordered_json to_json(const Event& event) {
  ordered_json object = {{"time", core::format_time(event.time, true)}, {"event", event.name}};
  const auto set = [&](const char* key, const std::string& value) {
    if (!value.empty()) object[key] = value;
  };
  set("host", event.host);
  set("slot", event.slot);
  set("step", event.step);
  if (event.duration) object["duration_ms"] = event.duration->count();
  set("message", event.message);
  if (event.error)
    object["error"] = {{"kind", core::to_string(event.error->kind)},
                       {"message", event.error->message},
                       {"details", event.error->details}};
  for (const auto& [name, field] : event.fields) {
    if (object.contains(name)) continue;
    std::visit([&](const auto& value) { object[name] = value; }, field);
  }
  return object;
}

class JsonRenderer final : public Sink {
public:
  JsonRenderer(const Terminal& terminal, core::Clock& clock) : m_stream(terminal.stream), m_clock(clock) {}

  void emit(Event event) override {
    const std::lock_guard lock(m_mutex);
    event.time = m_clock.wall();
    const auto line = to_json(event).dump(-1, ' ', false, ordered_json::error_handler_t::replace);
    put(m_stream, json_for_terminals(line) + "\n");
  }

private:
  std::mutex m_mutex;
  std::FILE* m_stream;
  core::Clock& m_clock;
};

}  // namespace

std::unique_ptr<Sink> json_renderer(const Terminal& terminal, core::Clock& clock) {
  return std::make_unique<JsonRenderer>(terminal, clock);
}

}  // namespace bgdeploy::report
