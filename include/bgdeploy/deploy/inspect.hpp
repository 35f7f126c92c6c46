// The commands that look, and change nothing of a service.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/deploy/fleet.hpp"
#include "bgdeploy/deploy/history.hpp"
#include "bgdeploy/deploy/lease.hpp"
#include "bgdeploy/deploy/run.hpp"
#include "bgdeploy/deploy/serving.hpp"
#include "bgdeploy/host/host.hpp"
#include "bgdeploy/plan/state.hpp"

namespace bgdeploy::deploy {

// What can be told of a spec without its hosts, beyond what the loader sees: whether its template says where
// requests go, for as many backends as there are. Kind usage.
core::Result<void> check_offline(const spec::Spec& spec);

// Of the hosts that can be used; `failed` are the others.
struct Survey {
  plan::State state;
  Serving serving;
  LockStatus lock;
  std::vector<HostFailure> failed;
};
core::Result<Survey> survey(const Context& context);

core::Result<std::vector<HistoryEntry>> past_deploys(const Context& context);

// One thing that a deploy needs, tried.
struct CheckItem {
  std::string what;  // "ssh web-1", "nginx -t on web-1"
  std::optional<core::Error> error{};
  std::string note{};  // what was found, when it is fine
};
// Everything a deploy needs, in the order in which it would be needed; goes on after a failure where it can.
std::vector<CheckItem> check_all(const Context& context);

// Which container to look into: `slot` by name (default: the live one), `host` by name (default: all, or the
// first).
struct Which {
  std::string slot;
  std::string host;
};
using LogSink = std::function<void(const std::string& host, const std::string& text)>;
// Calls `line` from several threads when there are several hosts. Kind not_found: no such slot, host or
// container. Where a host cannot be used the others are read all the same, and that is the error.
core::Result<void> logs(const Context& context, const Which& which, int tail, bool follow,
                        const LogSink& line);
// The command's exit code.
core::Result<int> exec(const Context& context, const Which& which, const std::vector<std::string>& argv,
                       const runtime::Runtime::Output& output);

// The freeze that it replaces.
core::Result<std::optional<LockOwner>> freeze_service(const Context& context, const std::string& text);
// False when there was no freeze.
core::Result<bool> unfreeze_service(const Context& context);

}  // namespace bgdeploy::deploy
