// The files that an image is built from: what of the context is sent, and the hash that the result is known
// by.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/core/sha256.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::context {

using core::Result;
using core::Wait;
using Hash = core::Sha256::Hash;

struct Entry {
  enum class Kind { file, folder, link };
  std::string path;  // relative to the context, without a slash at its ends
  Kind kind = Kind::file;
  int mode = 0;            // permission bits, set-user-id and the like
  std::int64_t size = 0;   // of a file
  std::int64_t mtime = 0;  // seconds since the epoch; not part of the hash
  std::string target;      // of a link
  Hash hash{};             // of a file's content

  bool operator==(const Entry&) const = default;
};

struct Files {
  spec::Build build;
  // Sorted by their paths' bytes, but for the Dockerfile, which is last: a stream that was cut short has none
  // and builds nothing.
  std::vector<Entry> entries;
  // The `.dockerignore` that leaves itself out: the classic builder wants to see it all the same.
  std::vector<Entry> only_classic;
  std::string digest;      // "build:" and 64 hex digits
  std::int64_t bytes = 0;  // of all files

  bool operator==(const Files&) const = default;
};

// Reads the whole context once. Ignored as docker does: by `<dockerfile>.dockerignore`, else by the context's
// `.dockerignore`; the Dockerfile itself is never left out. Links are not followed, and stay links. What is
// neither file nor folder nor link is left out. Owners do not count: everything belongs to 0:0 in the image.
//
// The digest is made of paths, kinds, modes, contents and links' targets, of the Dockerfile, and of target
// and arguments; not of times, owners, or the order in which the file system lists.
//
// Kinds: usage (no such folder, no Dockerfile, a Dockerfile outside of the context, a malformed ignore file),
// io (what cannot be read), conflict (a file that changes while it is read), timeout, cancelled.
Result<Files> read_files(const spec::Build& build, const Wait& wait);

}  // namespace bgdeploy::context
