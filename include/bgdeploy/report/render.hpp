// Renderers: events in, text out. One file each; pick() is the table of kinds.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/report/event.hpp"

namespace bgdeploy::report {

struct Terminal {
  std::FILE* stream = stderr;
  bool is_tty = false;
  bool color = false;    // NO_COLOR, --no-color, and a stream that is no terminal, turn it off
  int width = 80;        // columns
  int height = 0;        // lines; 0: not known
  bool quiet = false;    // only warnings, errors and the last line
  bool verbose = false;  // probes and progress too
};

// Looks at the stream, NO_COLOR, TERM and the window size.
Terminal look_at(std::FILE* stream, bool no_color, bool quiet, bool verbose);

// An event as the JSON renderer prints it, at that time: one object on one line.
std::string as_json(const Event& event, core::SystemTime time);
// An error as it stands in events, alone: {"error":{"kind":…,"message":…,"details":[…]}}.
std::string as_json(const core::Error& error);

// Whether what `kind` chooses is read by a program too: json, or github.
bool is_for_programs(std::string_view kind, const Terminal& terminal);
bool is_for_github(std::string_view kind, const Terminal& terminal);

// Annotations of GitHub's, a line each: an error of a file, which its details tell by "FILE:LINE:COLUMN: ", stands
// beside that line of the change, and any other one beside the run.
std::string github_annotations(const core::Error& error);

// `kind`: auto | tty | plain | json | github. auto: tty on a terminal, github where GITHUB_ACTIONS=true, else
// plain. Thread-safe. It stamps events with the clock's time. Its destructor leaves the terminal in order.
std::unique_ptr<Sink> pick(std::string_view kind, const Terminal& terminal, core::Clock& clock);

}  // namespace bgdeploy::report
