// `docker run` command lines. https://docs.docker.com/reference/cli/docker/container/run/
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bgdeploy::init {

struct DockerRun {
  std::string name, image;
  std::vector<std::string> ports, environment, env_files, volumes, networks, command;
  // By their names in the spec; of `ulimits`, `labels` and `log_opt` each "NAME=VALUE".
  std::vector<std::pair<std::string, std::string>> settings;
  std::string exposed, health;        // the first port, and the command that tells health
  std::vector<std::string> left_out;  // options that no key stands for
  bool detached = false, removed = false;
};
// `words`: what follows "run".
DockerRun parse_docker_run(std::span<const std::string> words);

// Takes away what stands between "docker" and its command. Returns the engines that are named there by -H, or
// by `docker context create prod --docker host=ssh://user@host`.
std::vector<std::string> take_global_options(std::vector<std::string>& words);

}  // namespace bgdeploy::init
