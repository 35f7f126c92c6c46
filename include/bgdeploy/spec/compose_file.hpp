// What a compose file says, as far as bgdeploy asks for it, read from what `docker compose config` makes of
// it: substituted, merged and in one form. https://docs.docker.com/reference/compose-file/
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bgdeploy/core/error.hpp"

namespace bgdeploy::spec {

// A volume that has a name, and is the project's: neither external nor on a path of the host.
struct ComposeVolume {
  std::string key;   // as the service names it
  std::string name;  // as docker does; empty: {project}_{key}
  bool operator==(const ComposeVolume&) const = default;
};

// A TCP port that a service publishes: one of the host's ports from `first` to `last`, which docker picks.
struct ComposePort {
  int first = 0, last = 0;
  std::string host_ip{};  // empty: on all addresses
  bool operator==(const ComposePort&) const = default;
};

struct ComposeService {
  std::string name;
  std::string image;           // as written, with its tag; empty where it is built
  std::string container_name;  // empty where compose makes one up
  std::string restart;         // "always"; empty where nothing is said
  std::string network_mode;    // "host"
  std::vector<ComposePort> published;
  std::optional<std::int64_t> mem_limit;  // bytes
  std::vector<std::string> needs{};       // services that are started with it, and with those; sorted
  std::vector<std::string> profiles{};    // it is started where one of them is asked for, or by its name
  std::vector<ComposeVolume> volumes{};
  bool operator==(const ComposeService&) const = default;

  bool publishes(int port) const;
  // The address that the port is published on, "" for all: of several the one that most others reach.
  std::optional<std::string> published_on(int port) const;
};

// Why two slots that run these services could not run side by side: the same container, or the same port of
// the host. Nothing where they can.
struct SlotServices {
  std::string slot;
  std::vector<ComposeService> services;
};
std::optional<std::string> what_both_need(const SlotServices& one, const SlotServices& other);
// The same of the files' own text, before anything is substituted: a container_name without a variable that
// both give to a service.
std::optional<std::string> container_of_both(std::string_view one, std::string_view other);
// What to write instead.
inline constexpr std::string_view k_by_slot =
    "in the compose file let what exists once differ by slot: container_name: my-api-${BGDEPLOY_SLOT}, and "
    "\"${BGDEPLOY_PORT}:8080\" below `ports:`";

// The services of a project, of compose v1 and v2. Kind refused when the text is no such output.
core::Result<std::vector<ComposeService>> read_compose_config(std::string_view yaml);

// "registry:5000/owner/app:1.2@sha256:…" without tag and digest.
std::string repository_of(std::string_view image);

}  // namespace bgdeploy::spec
