#include "bgdeploy/spec/runtime.hpp"

namespace bgdeploy::spec {
namespace {

constexpr RuntimeTraits k_docker{.name = "docker", .ports = "docker.host_ip", .networks = "docker.networks"};

// Compose finds its containers by labels that cannot be changed, so nothing can be moved out of its way.
constexpr RuntimeTraits k_compose{.name = "compose",
                                  .sets_aside = false,
                                  .pulls_itself = true,
                                  .own_grace = true,
                                  .by_files = true,
                                  .ports = "`ports:` of the compose file",
                                  .networks = "`networks:` of the compose file"};

constexpr Duration k_most_own_grace = std::chrono::minutes(30);

}  // namespace

const RuntimeTraits& runtime_of(const Spec& spec) {
  return spec.compose ? k_compose : k_docker;
}

bool names_container(const Spec& spec, std::size_t slot) {
  return !spec.compose || spec.compose->named.at(slot);
}

Duration stop_grace(const Spec& spec) {
  return runtime_of(spec).own_grace ? k_most_own_grace : spec.docker.stop_grace_period;
}

}  // namespace bgdeploy::spec
