// The keys of `docker:` that docker keeps as they are: how each is written into the request for a container,
// and whether a container that exists differs in it. A key is one entry, here and nowhere else in this room.
#pragma once

#include <span>
#include <string_view>

#include "bgdeploy/core/json.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::runtime {

// The two sides of a comparison, and the parts of both that hold the keys.
struct Compared {
  const core::Json& wanted;       // the request's body
  const core::Json& wanted_host;  // its HostConfig
  const core::Json& config;       // of the container
  const core::Json& host;         // the container's HostConfig
  const core::Json& image;        // the Config of its image
};

struct ContainerKey {
  std::string_view name;
  void (*write)(const spec::Docker&, const spec::Substitutions&, core::Json& body, core::Json& host);
  bool (*differs)(const Compared&);
  // Where the daemon has a default of its own: whether the spec gives the key. A label of the container keeps
  // that, since the daemon's default cannot be told from a wish.
  bool (*given)(const spec::Docker&) = nullptr;
};

// What the container runs.
std::span<const ContainerKey> process_keys();
// What the host gives it.
std::span<const ContainerKey> host_keys();

}  // namespace bgdeploy::runtime
