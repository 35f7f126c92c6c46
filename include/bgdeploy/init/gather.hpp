// Looks for what a service is made of, and reads it: files here, and what runs on hosts.
#pragma once

#include <string>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/init/draft.hpp"

namespace bgdeploy::init {

// The files that a folder may have, relative to it. Names alone are looked at; none is opened.
std::vector<std::string> files_of_interest(const std::string& folder);

// Reads them, the better source first. Runs nothing, and asks nobody. Kinds: not_found and io with the file's
// name; usage for a file that makes no sense.
core::Result<void> read_folder(Draft& draft, const std::string& folder,
                               const std::vector<std::string>& names);

}  // namespace bgdeploy::init
