// Processes on this machine, by argv.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bgdeploy/host/host.hpp"
#include "bgdeploy/ssh/fd.hpp"

namespace bgdeploy::host {

// Starts a child in a process group of its own, so that Ctrl-C in a terminal reaches only us. Kind not_found
// when there is no such program, io when it cannot be started.
Result<std::unique_ptr<Process>> start_child(const std::vector<std::string>& argv, std::string input,
                                             bool input_closed);

// Runs a child to its end; one that outlives the wait is terminated with its process group.
Result<Output> run_child(const std::vector<std::string>& argv, std::string input, const Wait& wait);

// Starts a child with `stream` as its stdin and stdout, and leaves it to itself; stderr goes nowhere.
Result<void> start_on(const std::vector<std::string>& argv, ssh::Fd stream);

}  // namespace bgdeploy::host
