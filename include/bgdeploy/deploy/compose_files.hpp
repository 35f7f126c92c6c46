// The compose files of the spec: read from this machine, and written into the history with what ran.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/plan/state.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::deploy {

// Nothing where the spec has no `compose`. Kind usage: a file is missing, unreadable, too big, or no UTF-8
// text.
core::Result<std::optional<plan::ComposeLaunch>> read_compose_files(const spec::Spec& spec);

// As one line of JSON, and back. It holds the files' text, and of secrets nothing.
std::string compose_record(const plan::ComposeLaunch& compose);
core::Result<plan::ComposeLaunch> parse_compose_record(std::string_view record);

}  // namespace bgdeploy::deploy
