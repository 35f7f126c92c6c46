// Looks for what a service is made of, and reads it: files here, and what runs on hosts.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/init/draft.hpp"
#include "bgdeploy/spec/load.hpp"

namespace bgdeploy::init {

// The files that a folder may have, relative to it. Names alone are looked at; none is opened.
std::vector<std::string> files_of_interest(const std::string& folder);

// Reads files, the better source first: those that are named, relative to `folder`, else those of interest.
// Runs nothing, and asks nobody. Kind usage, with the file's name, for one that was named and cannot be read
// or makes no sense; of the others a note says so. Paths that the spec has are relative to `spec_folder`
// then, if it is given.
core::Result<void> read_folder(Draft& draft, const std::string& folder,
                               const std::vector<std::string>& named = {},
                               const std::string& spec_folder = {});

// Logs in to hosts, asks their docker and nginx, and adds what runs there; what the draft has of files that
// describe it stays. Changes nothing. Kinds: usage for what is no host; those of host::connect; of the engine
// where a host has neither docker nor nginx.
core::Result<void> look_at_hosts(Draft& draft, const std::vector<std::string>& targets,
                                 const spec::Environment& variables, const std::stop_token& stop);

}  // namespace bgdeploy::init
