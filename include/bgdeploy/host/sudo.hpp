// sudo's refusals, recognised in one place: they look like a command that failed, and are none.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/host/host.hpp"

namespace bgdeploy::host {

// Whether the text holds sudo's own words for not running something: it wants a password or a terminal, or
// its rules do not allow it. Not what it warns of while it runs the command.
bool refused_by_sudo(std::string_view text);

// Kind denied, with sudo's words and the line that allows it. `program`: what sudo was to run.
core::Error sudo_refusal(std::string_view host, std::string_view program, std::string_view words);

// The refusal, where that is how a command of these words ended.
std::optional<core::Error> sudo_refusal(std::string_view host, const std::vector<std::string>& argv,
                                        const Output& output);

}  // namespace bgdeploy::host
