// Images in a file: what `docker save` writes (its old layout and its new one), or an OCI image layout
// (https://github.com/opencontainers/image-spec/blob/main/image-layout.md) as a tar file or a folder. Tar
// files may be compressed with gzip. Nothing is unpacked, and nothing that a file says is believed: names
// lead nowhere out of it, and what is sent has the hash that the file promises.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/core/error.hpp"
#include "bgdeploy/io/fd.hpp"

namespace bgdeploy::archive {

using core::Result;
using core::Wait;

// A stretch of an open file.
struct Piece {
  std::shared_ptr<const io::Fd> file;
  std::int64_t offset = 0, size = 0;
};

struct Layer {
  std::string content;  // digest of what it holds, uncompressed: an image's "diff id"
  std::string stored;   // digest of `data`; empty: the archive does not tell it
  Piece data;           // as it is in the archive
  bool packed = false;  // `data` is compressed
};

// The image for one platform.
struct Variant {
  std::string os, architecture;  // "linux", "amd64"
  std::string config;            // JSON, byte for byte
  std::vector<Layer> layers;     // from the lowest on
  std::vector<int> exposed{};    // its EXPOSE, of tcp, in order
};

struct Image {
  std::vector<std::string> names;  // "shop:1.2", as docker shows them; ":1.2" without a repository
  // Docker's id of it, the hash of its configuration; of several platforms, the hash of all of these.
  std::string id;  // 64 hex digits
  std::vector<Variant> variants;
};

// All images in `path`; "-" is stdin. What cannot be read in any order goes into a temporary file without a
// name, in $TMPDIR or /var/tmp. Kinds: usage, with the archive's name in the message; timeout, cancelled.
Result<std::vector<Image>> read_images(const std::string& path, const Wait& wait);

// The same from a stream that `fill` writes in pieces.
using Take = std::function<Result<void>(std::string_view)>;
Result<std::vector<Image>> read_images(const std::function<Result<void>(const Take&)>& fill,
                                       const Wait& wait);

struct Choice {
  std::size_t image = 0;
  std::string tag;
};
// The image to deploy as `repository`:`tag`: the only one, else the one of that name. An empty `tag` is taken
// from the image's name, an empty `repository` fits any. Kind usage: none, or several; says what there is.
Result<Choice> choose(const std::vector<Image>& images, const std::string& repository, const std::string& tag,
                      const std::string& path);

// The image's names, where all of them are of another repository, whatever its registry; else empty.
std::string other_name(const Image& image, std::string_view repository);

// Reads every layer once, and compares hashes. Kinds as read_images.
Result<void> verify(const Image& image, const std::string& path, const Wait& wait);

// The one for this platform. Kind usage; says which there are.
Result<const Variant*> for_platform(const Image& image, std::string_view os, std::string_view architecture);

}  // namespace bgdeploy::archive
