// The images that a script or a CI file builds and pushes.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace bgdeploy::init {

// Of one command of a script, with its tag: what `docker pull`, `docker push`, `docker buildx build --push`
// and kaniko name, and what the actions docker/build-push-action and docker/metadata-action are given.
std::optional<std::string> pushed_by(const std::vector<std::vector<std::string>>& commands, std::size_t at);

}  // namespace bgdeploy::init
