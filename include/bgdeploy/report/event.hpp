// What happens during a command, as values. The executor emits them, renderers print them; nothing flows
// back. docs/events.md shows each one as the JSON renderer prints it.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/report/program.hpp"

namespace bgdeploy::report {

enum class Command { deploy, rollback, promote, abort, rehearse };
// "deploy", as it is typed and recorded.
std::string_view to_string(Command command);

// How a run ended.
enum class Verdict {
  succeeded,
  unchanged,     // there was nothing to do
  held,          // the new release waits in the idle slot for `promote`
  failed,        // before the commit: the old release serves. After it: the new one does
  rolled_back,   // the new release served, was found bad, and the old one serves again
  interrupted,   // by a signal
  inconsistent,  // a human is needed
};
// "succeeded", as the JSON events and the history have it.
std::string_view to_string(Verdict verdict);

// A release by its tag, or by its digest where it has none.
struct ReleaseName {
  std::string name{};                   // empty: not known
  std::optional<std::string> digest{};  // in PlanMade, and where the tag does not tell two releases apart
  bool operator==(const ReleaseName&) const = default;
};

// The first event of a run.
struct Started {
  Command command;
  std::string what;       // "shop deploy 1.2.3"
  std::string service{};  // "shop", "shop (staging)"
  std::string to{};       // the release as the user named it; empty: the one before
};

// A step of a plan; empty is what it is not about.
struct StepName {
  std::string host, slot;
  std::string step;  // "pull", "start", "health", "switch", as plan::step_name() has it
  int hosts = 1;     // how many `host` names, as in "lb-1, lb-2"
  auto operator<=>(const StepName&) const = default;
};

// A question that a slot was asked, and what it answered last.
struct Asked {
  std::string question;  // "GET http://127.0.0.1:8081/health"
  std::string answer;    // "HTTP 503"
  int times = 1;         // how often it answered that, in a row
};

// The last lines of a container.
struct HostLog {
  std::string host;
  std::vector<std::string> lines;
};

// Where a run failed first, and what was seen there.
struct Cause {
  StepName step;
  std::string host{};  // empty where it is of no single one
  std::vector<HostLog> logs{};
  std::optional<Asked> asked{};
};

// What serves when a run ends.
struct Serving {
  ReleaseName release{};
  std::string slot{};
  std::vector<std::string> hosts{};  // that run it
  bool checked = false;              // it was asked after the run's last change
  std::string trouble{};             // why it does not serve everybody, as far as that was seen
};

// The last event of a run.
struct Finished {
  Command command;
  Verdict verdict;
  int exit_code;
  ReleaseName from{}, to{};
  std::string slot{};  // the one that serves
  core::Duration took{};
  std::string remark{};  // what a reader should know of a success
  std::optional<core::Error> error{};
  bool nothing_changed = false;         // it ended before its first change
  std::optional<core::Duration> gap{};  // how long nothing ran, where the old release stopped first
  std::optional<Serving> serving{};     // unset: not known
  std::optional<Cause> cause{};         // Story adds it
  std::string service{};                // as in Started
  std::string url{};                    // where clients find the service; empty: not known
  Program program{};                    // the Redactor sets it
};

struct PlanMade {
  std::vector<StepName> steps;
  ReleaseName from{}, to{};  // with their digests
  std::string live{};        // the slot that serves; empty: none yet
  std::string target{};      // the slot of `to`
};

// A run that the history has.
struct PastRun {
  core::SystemTime time{};  // when it began
  core::Duration took{};
  std::string command, result;  // "deploy", "succeeded"
  ReleaseName from{}, to{};     // with their digests
  std::string slot{};           // of `to`
  bool served = false;          // `to` got all requests
  std::string message{};        // why, when it did not succeed
  std::string who{};
  std::map<std::string, core::Duration> steps{};  // what each took, on the slowest host; empty: not known
};

// The runs before this one, oldest first: the last ten.
struct PastRuns {
  std::vector<PastRun> runs;
};

struct LockAcquired {};
struct LockReleased {};

struct StepStarted {
  StepName step;
  std::string what;     // "start shop-green 1.2.3 on port 8082"
  std::string about{};  // the same beside the step's name: "shop-green :8082"
};

struct StepFinished {
  StepName step;
  std::string what;
  core::Duration took;
  std::string about{};
};

struct StepFailed {
  StepName step;
  std::string what;
  core::Duration took;
  core::Error error;
  std::string about{};
};

struct StepUndone {
  StepName step;     // the one that is undone
  std::string what;  // what undid it
  std::optional<core::Duration> took{};
  std::string about{};  // "shop-green removed"
};

struct PullProgress {
  StepName step;
  std::string layer;  // empty: the whole image
  std::string status;
  std::int64_t current = 0, total = 0;  // bytes
};

struct BuildOutput {
  StepName step;
  std::string line;
};

struct HealthProbe {
  StepName step;
  bool healthy;
  int attempt;
  std::string answer;      // "HTTP 503", "connection refused"
  std::string question{};  // as in Asked
  std::optional<core::Duration> took{};
};

// One of the last lines that a container wrote before it failed.
struct LogLine {
  StepName step;
  std::string line;
};

// A line that a hook wrote.
struct HookOutput {
  StepName step;
  std::string line;
};

// What one check of `watch` saw.
struct WatchSeen {
  StepName step;
  std::string check;         // "health", "url https://example.com/", "responses", "run ./burn-rate.sh"
  std::string host;          // of the check; empty: this machine
  std::optional<bool> good;  // nothing: no verdict
  std::string answer;        // "HTTP 503", "3 of 120 responses were bad"
};

struct Info {
  std::string message;
  std::string host{};
};

struct Warning {
  std::string message;
  std::string host{};
};

using Event = std::variant<Started, LockAcquired, PastRuns, PlanMade, LockReleased, Finished, StepStarted,
                           StepFinished, StepFailed, StepUndone, PullProgress, BuildOutput, HealthProbe,
                           LogLine, HookOutput, WatchSeen, Info, Warning>;

// Where events go. emit() may be called from several threads at once.
class Sink {
public:
  virtual ~Sink() = default;
  virtual void emit(Event event) = 0;
};

}  // namespace bgdeploy::report
