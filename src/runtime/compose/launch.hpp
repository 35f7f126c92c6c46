// The compose files of the spec: read from this machine, and written into the history with what ran.
#pragma once

#include <string>
#include <string_view>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/plan/launch.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::runtime {

// Of a spec with `compose`. With what the files refer to; `tag` is what runs in them, as far
// as that is known. Kind usage: a file is missing, unreadable, too big, or no UTF-8 text.
core::Result<plan::ComposeLaunch> read_compose_files(const spec::Spec& spec, const std::string& tag = "");

// Adds to what the history recorded what it does not: files that hold data or secrets, as they are today.
core::Result<void> complete_compose_files(const spec::Spec& spec, const std::string& tag,
                                          plan::ComposeLaunch& compose);

// As one line of JSON, and back. It holds the compose files' text and the parts of their configuration that
// stand beside them, and of secrets nothing.
std::string compose_record(const plan::ComposeLaunch& compose);
core::Result<plan::ComposeLaunch> parse_compose_record(std::string_view record);

// Kind usage: both slots would need the same container, as far as the files' text tells.
core::Result<void> check_compose_files(const spec::Spec& spec);

}  // namespace bgdeploy::runtime
