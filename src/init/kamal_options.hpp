// What a role of Kamal's gives `docker run`. https://kamal-deploy.org/docs/configuration/roles/
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bgdeploy/core/json.hpp"

namespace bgdeploy::init {

using core::Json;

// "10s" of "10", "1.5" and "10s": Kamal's times are in seconds.
std::string in_seconds(const std::string& text);

struct DockerKey {
  std::string name;
  Json value;  // a list where others may be added
};
// The key of `docker` that an option stands for, by its long name; nothing where it has none for these
// values.
std::optional<DockerKey> docker_key_of(const std::string& option, const std::vector<std::string>& values);

}  // namespace bgdeploy::init
