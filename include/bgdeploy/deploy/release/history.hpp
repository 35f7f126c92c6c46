// The log of what was deployed, on the first proxy host (release/elsewhere.hpp: or on another). Never an
// input of planning, except to name the release before this one and the configuration it ran with.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/host/host.hpp"
#include "bgdeploy/plan/state.hpp"
#include "bgdeploy/report/event.hpp"
#include "bgdeploy/runtime/disk.hpp"
#include "bgdeploy/runtime/launches.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::deploy {

// One line of JSON in <dir>/<service>.jsonl.
struct HistoryEntry {
  core::SystemTime time{};  // when it began
  core::Duration took{};
  std::string who;      // as in LockOwner
  std::string command;  // "deploy" | "rollback" | "hook"
  std::string result;   // "succeeded" | "failed" | "interrupted" | "inconsistent"
  bool served = false;  // `to` got all traffic, whatever came after that
  std::string message;  // why, when it did not succeed
  plan::Release from;   // what served before; all empty on a first deploy
  plan::Release to;
  // The id of the release that `to` is another run of: the same image with the same configuration, and no
  // secret had another value. Empty where it is a release of its own.
  std::string same_as{};
  std::string slot;                  // of `to`
  std::vector<std::string> hosts;    // app hosts it ran on
  std::vector<std::string> proxies;  // hosts whose proxy sent to it
  runtime::LaunchRecord ran_with{};  // what `to` ran with; no secret in it
  std::string health{};  // spec::health_to_json of what `to` was waited for by; empty in older entries
  // Where `to` had its secrets from: spec::sources_to_json. Empty in older entries, and where nobody knows.
  std::string sources{};
  // Which environment of the service it was of, since several may share a host: the include, or "none", and
  // the slots' ports. Both empty in older entries.
  std::string include{};
  std::vector<int> ports{};
  // Of an entry by which a hook was recorded, while the run went on: what ran, as plan::identity has it.
  std::string hook{};
  // What `prune.images` was: so many releases beside the live one are kept for it. Unset in older entries.
  std::optional<int> keep_images{};
  // What each step took, by its name, on the slowest host. Empty in older entries.
  std::map<std::string, core::Duration> steps{};

  bool operator==(const HistoryEntry&) const = default;
};

// As a report shows them; without those that only record a hook.
std::vector<report::PastRun> past_runs(std::span<const HistoryEntry> entries);

std::string to_json_line(const HistoryEntry& entry);
core::Result<HistoryEntry> parse_history_line(std::string_view line);

// Oldest first; lines that cannot be read are left out. A missing file is an empty history.
core::Result<std::vector<HistoryEntry>> read_history(host::Host& host, const spec::History& history,
                                                     const std::string& service, const core::Wait& wait);
// The newest entries of all services whose history is in that folder, by service.
using Histories = std::map<std::string, std::vector<HistoryEntry>>;
core::Result<Histories> read_histories(host::Host& host, const spec::History& history,
                                       const core::Wait& wait);
// What a run needs of that folder, with one command.
struct HistoryFolder {
  std::vector<HistoryEntry> own;
  Histories all;                         // with `own`; empty unless `all` was asked for
  core::Result<runtime::Room> room{};    // what is free there
  core::Result<runtime::Room> beside{};  // and in the other folder that was asked for
};
// That command, as `sh -c TEXT NAME ARGUMENT…`, to which comes one more argument: another folder, or nothing.
// And what its output says, where `beside` was that folder.
std::vector<std::string> look_at_history_command(const spec::History& history, const std::string& service,
                                                 bool all);
HistoryFolder parse_history_folder(const host::Host& host, const spec::History& history,
                                   const std::string& service, const std::string& beside,
                                   std::string_view out);
core::Result<HistoryFolder> look_at_history(host::Host& host, const spec::History& history,
                                            const std::string& service, bool all, const core::Wait& wait);
// Those of this spec's environment: the same include, or the same ports on one of its hosts. Entries that say
// nothing of it count.
std::vector<HistoryEntry> of_environment(std::vector<HistoryEntry> entries, const spec::Spec& spec);
// What an entry of this spec says of its environment.
std::string environment_include(const spec::Spec& spec);
std::vector<int> environment_ports(const spec::Spec& spec);
// Appends under a lock and keeps the last `keep`; safe with concurrent writers.
core::Result<void> append_history(host::Host& host, const spec::History& history, const std::string& service,
                                  const HistoryEntry& entry, const core::Wait& wait);

// Likewise several, the newest last.
core::Result<void> append_history(host::Host& host, const spec::History& history, const std::string& service,
                                  std::span<const HistoryEntry> entries, const core::Wait& wait);

// The same, by a command that starts before it is known what there is to write, beside other work. Without
// an entry it writes nothing.
class HistoryWriter {
public:
  HistoryWriter(const spec::History& history, std::string service)
      : m_history(history), m_service(std::move(service)) {}
  // The first time, on a thread of its own. What fails is done by append().
  void begin(host::Host& host, const core::Wait& wait);
  core::Result<void> append(host::Host& host, const HistoryEntry& entry, const core::Wait& wait);

private:
  const spec::History& m_history;
  const std::string m_service;
  std::once_flag m_once;
  std::unique_ptr<host::Process> m_process;
  std::jthread m_starting;  // last: it sets what is above
};

}  // namespace bgdeploy::deploy
