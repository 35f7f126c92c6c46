// Asking an image registry itself what an image consists of: the engine's API tells that only of images that
// are there already. https://github.com/opencontainers/distribution-spec/blob/main/spec.md
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/engine/client.hpp"
#include "bgdeploy/host/host.hpp"

namespace bgdeploy::engine {

inline constexpr std::string_view k_docker_hub = "docker.io";
// Of "shop/web" "docker.io"; of "registry.example.com:5000/shop/web" what stands first.
std::string registry_name(std::string_view repository);

// The daemon tells what a registry refuses, or that it cannot be reached, with status 500: its words are the
// only sign. Kinds: denied, unreachable, untrusted (its certificate, or none where one is wanted), else as it
// was.
core::ErrorKind kind_of_registry_words(std::string_view words, core::ErrorKind otherwise);

struct RegistryLayer {
  std::string content;     // digest of what it holds, uncompressed: an image's "diff id"
  std::int64_t bytes = 0;  // compressed
};

struct RegistryImage {
  std::string digest;      // of several platforms that of all of them
  std::int64_t bytes = 0;  // compressed, of all layers for the engine's platform
};

// What `repository` has under a tag or a digest, and the layers of a digest from the lowest on, for the
// engine's platform. Asked from the host, over a tunnel, since a registry may be reached from there only. TLS
// is verified, unless the engine itself does not. Refused where the engine goes another way: through a proxy,
// or to a mirror. Kinds: denied, not_found, refused, untrusted, timeout, cancelled.
Result<RegistryImage> registry_image(host::Host& host, const Info& engine, const std::string& repository,
                                     const std::string& tag_or_digest,
                                     const std::optional<RegistryAuth>& auth, const Wait& wait);
Result<std::vector<RegistryLayer>> registry_layers(host::Host& host, const Info& engine,
                                                   const std::string& repository, const std::string& digest,
                                                   const std::optional<RegistryAuth>& auth, const Wait& wait);

}  // namespace bgdeploy::engine
