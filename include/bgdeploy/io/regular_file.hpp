// The user's own files, read without waiting for somebody to write into them.
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>

#include "bgdeploy/core/error.hpp"

namespace bgdeploy::io {

// What a file is that is not a regular one: "a FIFO". Empty for a regular file.
std::string kind_of_file(const struct stat& status);

// The whole of a regular file of at most 16 MB. Kinds: not_found; io for a file that cannot be read or is not
// regular (a FIFO, a device, a folder).
core::Result<std::string> read_file(const std::string& path);

// Replaces a regular file, or makes one, and the folders above it, that only its owner can read: all of it is
// there, or nothing changed. Kind io, also where `path` is no regular file.
core::Result<void> write_private_file(const std::string& path, std::string_view text);

}  // namespace bgdeploy::io
