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

struct ComposeService {
  std::string name;
  std::string image;                           // as written, with its tag; empty where it is built
  std::string container_name;                  // empty where compose makes one up
  std::string restart;                         // "always"; empty where nothing is said
  std::string network_mode;                    // "host"
  std::vector<std::pair<int, int>> published;  // tcp ports of the host, as inclusive ranges
  std::optional<std::int64_t> mem_limit;       // bytes
  std::vector<std::string> needs{};            // services that are started with it, and with those; sorted
  bool operator==(const ComposeService&) const = default;

  bool publishes(int port) const;
};

// The services of a project, of compose v1 and v2. Kind refused when the text is no such output.
core::Result<std::vector<ComposeService>> read_compose_config(std::string_view yaml);

// "registry:5000/owner/app:1.2@sha256:…" without tag and digest.
std::string repository_of(std::string_view image);

}  // namespace bgdeploy::spec
