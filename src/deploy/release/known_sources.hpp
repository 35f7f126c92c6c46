// Which sources of secrets this machine has read before, because a spec of its own named them. The history
// lies on a host: that it names a command, a file or a variable is no reason to run that here, or to send its
// content there.
#pragma once

#include <string>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/spec/load.hpp"
#include "bgdeploy/spec/sources.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::deploy {

// Notes what the spec names, in ~/.local/state/bgdeploy/known-sources/SERVICE.jsonl. Does nothing without a
// home. Kind io.
core::Result<void> remember_sources(const spec::Spec& spec, const spec::Environment& variables);

// Of what a record names those that neither the spec names nor this machine noted for the same service and
// environment, in words: "secrets.TOKEN: the command vault …".
std::vector<std::string> unknown_sources(const spec::Spec& spec, const spec::Environment& variables,
                                         const spec::Sources& recorded,
                                         const std::vector<std::string>& inherited);

}  // namespace bgdeploy::deploy
