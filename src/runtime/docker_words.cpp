#include "bgdeploy/runtime/docker_words.hpp"

#include <array>
#include <string_view>

namespace bgdeploy::runtime {

std::string without_layers(std::string said) {
  // Each of docker's parts adds its own words to those of the one below.
  constexpr std::array<std::string_view, 10> k_layers{
      "failed to create task for container: ",
      "failed to create shim task: ",
      "OCI runtime create failed: ",
      "OCI runtime exec failed: ",
      "runc create failed: ",
      "exec failed: ",
      "unable to start container process: ",
      "container_linux.go:380: ",
      "starting container process caused: ",
      "error during container init: ",
  };
  const std::size_t before = said.size();
  for (const auto layer : k_layers)
    if (const auto at = said.find(layer); at != std::string::npos) said.erase(at, layer.size());
  constexpr std::string_view k_unknown = ": unknown";
  if (said.size() != before && said.ends_with(k_unknown)) said.resize(said.size() - k_unknown.size());
  return said;
}

}  // namespace bgdeploy::runtime
