// What happens during a command, as values. The executor emits them, renderers print them; nothing flows
// back.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"

namespace bgdeploy::report {

// Event names (the JSON field `event`):
//   deploy.started, deploy.finished, rollback.started, rollback.finished: first and last. finished carries
//   fields
//     exit_code, result, from, to (tags, may be empty)
//   plan.made: field steps (count)
//   step.started, step.finished, step.failed: step is "pull", "start", "health", "switch", "drain", "retire",
//   …;
//     message says it in words ("start auction-backend-green"); finished and failed carry duration
//   step.undone: a step's compensation was carried out
//   pull.progress: fields layer, status, current, total (bytes); layer "" is the whole image
//   build.output: field text: a line of the build, as it comes
//   health.probe: fields ok, attempt; message is the answer ("HTTP 503", "connection refused")
//   log.line: field text: a container's last lines when it failed
//   lock.acquired, lock.released
//   info, warning: message
struct Event {
  using Field = std::variant<std::string, std::int64_t, bool>;

  std::string name;
  std::string message;
  std::string host{}, slot{}, step{};
  std::optional<core::Duration> duration{};
  std::optional<core::Error> error{};
  std::map<std::string, Field> fields{};
  core::SystemTime time{};  // filled in by the sink that stamps
};

// Where events go. emit() may be called from several threads at once.
class Sink {
public:
  virtual ~Sink() = default;
  virtual void emit(Event event) = 0;
};

}  // namespace bgdeploy::report
