// The commands that a host runs for us, in argv form. Pure.
#pragma once

#include <string>
#include <vector>

#include "bgdeploy/host/host.hpp"

namespace bgdeploy::host {

std::vector<std::string> sudo_prefix(const spec::Sudo& sudo, Tool tool);

// Kind usage when a word holds a NUL byte, which no command line can carry.
Result<std::vector<std::string>> with_sudo(const spec::Sudo& sudo, const Command& command);

// Reads a file's new content from stdin and puts it in place atomically.
std::vector<std::string> write_file_command(const std::string& path, const FileAttributes& attributes);

}  // namespace bgdeploy::host
