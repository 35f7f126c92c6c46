// The commands that a host runs for us, in argv form. Pure.
#pragma once

#include <string>
#include <vector>

#include "bgdeploy/host/host.hpp"

namespace bgdeploy::host {

std::vector<std::string> sudo_prefix(const spec::Sudo& sudo, Tool tool);

// Kind usage when a word holds a NUL byte, which no command line can carry.
Result<std::vector<std::string>> with_sudo(const spec::Sudo& sudo, const Command& command);

// Host::write_file by a script that the host runs. Kinds: refused, and those of Host::run.
Result<void> write_by_script(Host& host, const std::string& path, std::string_view content,
                             const FileAttributes& attributes, const Wait& wait);

}  // namespace bgdeploy::host
