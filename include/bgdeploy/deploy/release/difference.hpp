// What a release would run with, compared with what serves: by the spec's keys. Pure. Of secrets it tells
// that their source changed, and nothing of their values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bgdeploy/deploy/release/history.hpp"
#include "bgdeploy/plan/launch.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::deploy {

struct Change {
  std::string key;                // "docker.environment.LOG_LEVEL"
  std::string before{}, after{};  // as JSON: "\"info\""; empty: it is not there
  std::string words{};            // in the place of both: "changed source"
  bool operator==(const Change&) const = default;
};
// "docker.environment.LOG_LEVEL: "info" → "debug""
std::string describe(const Change& change);

// How something runs, as the history writes it down.
struct Ran {
  plan::Release release;
  runtime::LaunchRecord with{};
  std::string health{}, sources{};  // as in HistoryEntry
  std::string include{};
  std::vector<int> ports{};
};
Ran ran(const HistoryEntry& entry);
Ran would_run(const spec::Spec& spec, const plan::Launch& launch, const std::string& sources);

// Of what `before` does not record nothing is said.
std::vector<Change> difference(const spec::Spec& spec, const Ran& before, const Ran& after);

// The id of the release that `after` is another run of: the one that serves (`changes`: what differs from it;
// unset: nobody knows), or where none does the one that served last. Empty where it is a new release.
std::string another_run_of(const spec::Spec& spec, const std::vector<HistoryEntry>& history,
                           const plan::Release& serves, std::optional<std::vector<Change>> changes,
                           const Ran& after);

// What of the wanted launch a container does not have (plan::Container::differences) though the records do
// not differ there: a secret with another value, or what somebody changed by hand.
std::vector<Change> unrecorded(const std::vector<std::string>& differences, const std::vector<Change>& known);

}  // namespace bgdeploy::deploy
