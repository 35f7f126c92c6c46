// What the commands that change something share.
#pragma once

#include "arguments.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/deploy/run.hpp"

namespace bgdeploy::cli {

// An error before anything was connected. A program that reads the events gets it as an event.
int refuse(const Arguments& arguments, const deploy::Goal& goal, const core::Error& error);
// The same for a command that can tell its last event on stdout, too.
int refuse_run(const Arguments& arguments, const deploy::Goal& goal, const core::Error& error);
// Carries it out, with the options that all of these commands have.
int run_goal(const Arguments& arguments, deploy::Goal goal);

}  // namespace bgdeploy::cli
