// Files of the user's own: read without ever waiting for somebody to write into them.
#pragma once

#include <sys/stat.h>

#include <string>

#include "bgdeploy/core/error.hpp"

namespace bgdeploy::ssh {

// What stands there, when that is no regular file: "a FIFO"; empty for a regular file.
std::string kind_of_file(const struct stat& status);

// The whole of a regular file of at most 16 MB. Kinds: not_found; io for what cannot be read or is no regular
// file (a FIFO, a device, a folder).
core::Result<std::string> read_regular_file(const std::string& path);

}  // namespace bgdeploy::ssh
