// Looking into the containers of a slot: their logs, and commands inside them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/deploy/release/failed_log.hpp"
#include "bgdeploy/deploy/run.hpp"
#include "bgdeploy/plan/state.hpp"
#include "bgdeploy/runtime/runtime.hpp"

namespace bgdeploy::deploy {

// Which container to look into: `slot` by name (default: the live one), `host` by name (default: all, or the
// first).
struct ContainerChoice {
  std::string slot;
  std::string host;
};
using LogSink = std::function<void(const std::string& host, const std::string& text)>;
// Calls `line` from several threads, one at a time, when there are several hosts; the lines then come by
// their times. Kind not_found: no such slot, host or container. Where a host cannot be used the others are
// read all the same, and that is the error.
core::Result<void> logs(const Context& context, const ContainerChoice& choice, const runtime::LogRange& range,
                        const LogSink& line);
// How long logs() reads on; zero: what is there ends it. Docker itself ends a log that is followed only with
// the first line that is later than `until`, and a silent one never.
core::Duration time_to_follow(const runtime::LogRange& range, core::SystemTime now);
// What the last release that failed has logged. Kind not_found: none has.
core::Result<FailedLog> failed_log(const Context& context);
// Why no command can run in it, as it is: "restarting, exited with code 3". Empty: one can.
std::string why_no_exec(const plan::Container& container);
// The command's exit code. `console`: what it reads, and its terminal; null: neither.
core::Result<int> exec(const Context& context, const ContainerChoice& choice,
                       const std::vector<std::string>& argv, engine::Console* console,
                       const runtime::Inspection::Output& output);

}  // namespace bgdeploy::deploy
