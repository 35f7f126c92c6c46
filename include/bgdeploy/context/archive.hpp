// The context as a tar stream (pax: IEEE Std 1003.1, "pax Interchange Format"), made while it is sent.
//
// Written here and not by a library, since its exact length is needed before its first byte, and names are
// bytes that no locale may change.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "bgdeploy/context/files.hpp"

namespace bgdeploy::context {

// Takes a piece of at most 256 kB; waits where it must.
using Take = std::function<Result<void>(std::string_view)>;

// Length of the whole stream in bytes.
std::int64_t archive_size(const Files& files, bool classic);

// Kind conflict when a file is not what read_files() saw any more: the stream then ends inside of that file,
// so that nobody can take it for whole. Errors of `take` as they are.
Result<void> write_archive(const Files& files, bool classic, const Take& take);

// The parts of it: all blocks before a file's content, and what fills the last one after it.
std::string tar_headers(const Entry& entry);
std::string tar_padding(std::int64_t size);

}  // namespace bgdeploy::context
