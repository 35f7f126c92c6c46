#include "start_advice.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>

#include "bgdeploy/runtime/disk.hpp"
#include "bgdeploy/runtime/docker_words.hpp"

namespace bgdeploy::runtime {
namespace {

struct Advice {
  std::string_view words;  // docker's, runc's or the kernel's
  std::string next;
};

std::string advice_for(std::string_view said, const spec::Spec& spec, const std::string& host) {
  const bool compose = spec.compose.has_value();
  const std::array<Advice, 8> known{{
      {"exec format error",
       fmt::format("build the image for the processor of {}: docker build --platform …", host)},
      {"executable file not found",
       compose ? "check `command` and `entrypoint` in the compose file"
               : "check docker.command and docker.entrypoint against what the image has"},
      {"not a directory: ", fmt::format("mount a folder on a folder, or a file on a file: check {}",
                                        compose ? "`volumes` in the compose file" : "docker.volumes")},
      {"bind source path does not exist",
       fmt::format("create that folder on {}, or check {}", host,
                   compose ? "`volumes` in the compose file" : "docker.volumes")},
      {k_disk_full, disk_full_advice(host)},
      {"memory limit", compose ? "raise its mem_limit" : "raise docker.mem_limit"},
      {"permission denied", "make the command executable in the image (chmod +x)"},
      {"no such file or directory", compose
                                        ? "check `command` and `entrypoint` in the compose file"
                                        : "check docker.command, docker.entrypoint and docker.working_dir"},
  }};
  for (const Advice& one : known)
    if (said.find(one.words) != std::string_view::npos) return one.next;
  return {};
}

}  // namespace

core::Error with_advice(core::Error error, const spec::Spec& spec, const std::string& container,
                        const std::string& host) {
  constexpr std::string_view k_docker = "docker: ";
  error.message = without_layers(std::move(error.message));
  if (error.message.starts_with(k_docker))
    error.message.replace(0, k_docker.size(), fmt::format("docker cannot start {}: ", container));
  if (error.next.empty()) error.next = advice_for(error.message, spec, host);
  return error;
}

}  // namespace bgdeploy::runtime
