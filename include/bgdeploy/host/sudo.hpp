// Tells sudo's refusals from commands that failed. Nothing else reads sudo's words.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/host/host.hpp"

namespace bgdeploy::host {

// Whether the text holds sudo's words for a refusal: it wants a password or a terminal, or its rules do not
// allow the command. Warnings of sudo do not count.
bool refused_by_sudo(std::string_view text);

// Who is logged in where.
struct Login {
  std::string host;
  std::string user{};  // empty: not known
};

// A word of a command as sudoers has it.
std::string for_sudoers(std::string_view word);

// Kind denied, with sudo's words once, and as `next` the line of sudoers that would allow `commands`; where
// there are none, what a deploy usually runs of `program`.
core::Error sudo_refusal(const Login& at, std::string_view program, std::string_view words,
                         const std::vector<std::vector<std::string>>& commands = {});

// The refusal, if sudo refused this command.
std::optional<core::Error> sudo_refusal(const Login& at, const std::vector<std::string>& argv,
                                        const Output& output);

}  // namespace bgdeploy::host
