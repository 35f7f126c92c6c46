// The log of what was deployed, on the first proxy host. Never an input of planning, except to name the
// release before this one and the configuration it ran with.
#pragma once

#include <string>
#include <vector>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/host/host.hpp"
#include "bgdeploy/plan/state.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::deploy {

// One line of JSON in <dir>/<service>.jsonl.
struct HistoryEntry {
  core::SystemTime time{};  // when it began
  core::Duration took{};
  std::string who;      // as in LockOwner
  std::string command;  // "deploy" | "rollback"
  std::string result;   // "succeeded" | "failed" | "interrupted" | "inconsistent"
  bool served = false;  // `to` got all traffic, whatever came after that
  std::string message;  // why, when it did not succeed
  plan::Release from;   // what served before; all empty on a first deploy
  plan::Release to;
  std::string slot;                  // of `to`
  std::vector<std::string> hosts;    // app hosts it ran on
  std::vector<std::string> proxies;  // hosts whose nginx sent to it
  std::string docker;                // spec::docker_to_json of what `to` ran with; no secret in it
  std::string compose{};             // compose_record() of what `to` ran with; empty where it ran without
  // Which environment of the service it was of, since several may share a host: the include, or "none", and
  // the slots' ports. Both empty in older entries.
  std::string include{};
  std::vector<int> ports{};

  bool operator==(const HistoryEntry&) const = default;
};

std::string to_json_line(const HistoryEntry& entry);
core::Result<HistoryEntry> parse_history_line(std::string_view line);

// Oldest first; lines that cannot be read are left out. A missing file is an empty history.
core::Result<std::vector<HistoryEntry>> read_history(host::Host& host, const spec::History& history,
                                                     const std::string& service, const core::Wait& wait);
// Those of this spec's environment: the same include, or the same ports on one of its hosts. Entries that say
// nothing of it count.
std::vector<HistoryEntry> of_environment(std::vector<HistoryEntry> entries, const spec::Spec& spec);
// What an entry of this spec says of its environment.
std::string environment_include(const spec::Spec& spec);
std::vector<int> environment_ports(const spec::Spec& spec);
// Appends under a lock and keeps the last `keep`; safe with concurrent writers.
core::Result<void> append_history(host::Host& host, const spec::History& history, const std::string& service,
                                  const HistoryEntry& entry, const core::Wait& wait);

}  // namespace bgdeploy::deploy
