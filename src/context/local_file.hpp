// A file of the context, read in pieces without following a link.
#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

#include "bgdeploy/context/files.hpp"

namespace bgdeploy::context {

// Hands on exactly the file's bytes, and returns their hash. `check` is asked before the last piece is handed
// on. Kind conflict: its size, mode or kind is not `entry`'s; io: it cannot be read.
Result<Hash> read_file(const std::filesystem::path& root, const Entry& entry,
                       const std::function<Result<void>(std::string_view)>& take,
                       const std::function<Result<void>(const Hash&)>& check);

// "<path> changed while it was read".
core::Error changed(const Entry& entry);

}  // namespace bgdeploy::context
