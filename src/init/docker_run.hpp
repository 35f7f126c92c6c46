// `docker run` command lines. https://docs.docker.com/reference/cli/docker/container/run/
#pragma once

#include <span>
#include <string>
#include <vector>

namespace bgdeploy::init {

struct DockerRun {
  std::string name, image;
  std::vector<std::string> ports, environment, env_files, volumes, networks, command;
  // By their names in the spec.
  std::vector<std::pair<std::string, std::string>> settings;
  std::vector<std::string> left_out;  // options that no key stands for
};
// `words`: what follows "run".
DockerRun parse_docker_run(std::span<const std::string> words);

// Takes away what stands between "docker" and its command. Returns the engines that are named there by -H, or
// by `docker context create prod --docker host=ssh://user@host`.
std::vector<std::string> take_global_options(std::vector<std::string>& words);

}  // namespace bgdeploy::init
