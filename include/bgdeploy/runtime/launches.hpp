// Launches without a host: from the spec and the files of this machine, and into the history and back.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/plan/launch.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::runtime {

// `release` with today's configuration, and with the files that it refers to. Of the release only the tag
// counts, as far as it is known. Kind usage: a file is missing, unreadable or too big.
core::Result<plan::Launch> launch_by_spec(const spec::Spec& spec, plan::Release release);
// What can be told of the files without a host: kind usage where the two slots could not run side by side.
core::Result<void> check_files(const spec::Spec& spec);

// A configuration as the history keeps it: a text without secrets, by the name of its runtime.
using LaunchRecord = std::map<std::string, std::string>;
std::vector<std::string> record_names();
LaunchRecord record_of(const plan::Launch& launch);
// A record by the spec's keys, each value as JSON: {"docker.environment.LOG_LEVEL", "\"info\""}. Of compose
// files too: "compose file: services.api.image"; "compose file 2: …" is that of the second slot.
std::map<std::string, std::string> flat_record(const LaunchRecord& record);
// Nothing where another runtime than the spec's ran it: that says nothing of how this one would.
core::Result<std::optional<plan::Launch>> recorded_launch(const spec::Spec& spec,
                                                          const plan::Release& release,
                                                          const LaunchRecord& record);
// Adds what records leave out, files with data or secrets, as they are today.
core::Result<void> complete(const spec::Spec& spec, plan::Launch& launch);

}  // namespace bgdeploy::runtime
