// What the commands that change something share.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "arguments.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/deploy/run.hpp"
#include "commands.hpp"

namespace bgdeploy::cli {

// An error before anything was connected. A program that reads the events gets it as an event.
int refuse(const Arguments& arguments, const deploy::Goal& goal, const core::Error& error);
// The same for a command that can tell its last event on stdout, too.
int refuse_run(const Arguments& arguments, const deploy::Goal& goal, const core::Error& error);
// Words that make no command line, as far as they were understood.
int refuse_words(const Command* command, const Arguments& arguments, const core::Error& error);
// Whether the file that `option` names, if any, can be written in the end. Told before anything connects.
core::Result<void> check_output(std::string_view option, const std::optional<std::string>& file);
// Carries it out, with the options that all of these commands have.
int run_goal(const Arguments& arguments, deploy::Goal goal);

}  // namespace bgdeploy::cli
