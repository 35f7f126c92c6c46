// One running container as the engine describes it.
// https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerInspect
#pragma once

#include <span>
#include <string>
#include <vector>

#include "bgdeploy/init/readers.hpp"
#include "bgdeploy/proxy/inventory.hpp"

namespace bgdeploy::init {

using Sendings = std::span<const proxy::Sending>;

const Json& config_of(const RunningContainer& one);
const Json& host_config_of(const RunningContainer& one);
const Json& labels_of(const RunningContainer& one);
std::string name_of(const RunningContainer& one);

// A port of the host that leads to one of the container.
struct Binding {
  int container_port = 0, host_port = 0;
  std::string host_ip{}, protocol = "tcp";
};
std::vector<Binding> bindings_of(const RunningContainer& one);
// Whether it has no network of its own, and takes the host's ports itself.
bool is_on_host_network(const RunningContainer& one);
// By what others on its networks reach it: its names there, and its addresses.
std::vector<std::string> addresses_of(const RunningContainer& one);
bool sends_to(const proxy::Sending& sending, const RunningContainer& one);

// The port is the one that nginx sends to, if it sends to one.
Run run_of(const RunningContainer& one, Sendings sendings, const std::string& source);
Json literals(const std::vector<std::string>& texts);

}  // namespace bgdeploy::init
