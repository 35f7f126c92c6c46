#include <fmt/format.h>

#include "bgdeploy/core/json.hpp"
#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/substitute.hpp"
#include "bgdeploy/core/utf8.hpp"
#include "bgdeploy/plan/substitutions.hpp"
#include "bgdeploy/runtime/docker_container.hpp"
#include "docker/keys.hpp"
#include "one_off.hpp"

namespace bgdeploy::runtime {
namespace {

using core::Json;

Result<int> to_port(const std::string& text) {
  if (const auto port = core::parse_port(text)) return *port;
  return core::fail(core::ErrorKind::usage, fmt::format("docker.container_port: '{}' is not a port", text));
}

// Ranks as in compose, the secrets on top. JSON carries UTF-8 only, and no process gets a NUL byte: refused
// here rather than changed on the way.
Result<Json> environment_of(const spec::Spec& spec, const plan::Launch& launch, const SecretValues& secrets,
                            const spec::Substitutions& values) {
  const auto& above = launch.secrets ? launch.secrets->sources : spec.secrets;
  std::map<std::string, std::string> environment;
  for (const auto& [name, value] : secrets_of(launch, secrets)) environment[name] = value.reveal();
  for (const auto& [name, value] : std::get<spec::Docker>(launch.with).environment) {
    if (!above.contains(name)) environment[name] = core::substitute(value, values);
  }
  Json list = Json::array();
  for (const auto& [name, value] : environment) {
    if (!core::is_utf8(value) || value.find('\0') != std::string::npos) {
      return core::fail(core::ErrorKind::usage,
                        fmt::format("the environment variable {} is not UTF-8 text, and docker's API carries "
                                    "nothing else",
                                    name));
    }
    list.push_back(fmt::format("{}={}", name, value));
  }
  return list;
}

// Of those that the daemon has its own defaults for.
std::string explicit_keys(const spec::Docker& docker) {
  std::string keys;
  for (const ContainerKey& key : host_keys()) {
    if (key.given == nullptr || !key.given(docker)) continue;
    if (!keys.empty()) keys += ',';
    keys += key.name;
  }
  return keys;
}

}  // namespace

std::string proxies_label(const spec::Spec& spec) {
  std::string names;
  for (const spec::Host& host : spec::proxies(spec)) names += (names.empty() ? "" : " ") + host.name;
  return names;
}

namespace {

Json labels_of(const spec::Spec& spec, std::size_t slot, const plan::Launch& launch, int container_port) {
  const auto& docker = std::get<spec::Docker>(launch.with);
  Json labels = docker.labels;
  if (!labels.is_object()) labels = Json::object();
  labels[label::k_service] = spec.service;
  labels[label::k_slot] = spec.slots.at(slot).name;
  labels[label::k_release] = launch.release.id;
  labels[label::k_tag] = launch.release.tag;
  labels[label::k_digest] = launch.release.digest;
  labels[label::k_image] = launch.release.image;
  if (container_port != 0) labels[label::k_container_port] = std::to_string(container_port);
  labels[label::k_proxies] = proxies_label(spec);
  labels[label::k_restart] = docker.restart;
  labels[label::k_explicit] = explicit_keys(docker);
  return labels;
}

// A launch with the configuration it has: an earlier release runs with the one it ran with, not with today's.
spec::Spec spec_of(const spec::Spec& spec, const plan::Launch& launch) {
  spec::Spec launched = spec;
  launched.docker = std::get<spec::Docker>(launch.with);
  return launched;
}

// The process and what the host gives it; nothing by which others find it.
Result<Json> process_of(const spec::Spec& launched, std::size_t slot, const plan::Launch& launch,
                        const Placement& placement, const SecretValues& secrets) {
  const auto values =
      plan::substitutions(launched, slot, launch.release.tag, placement.host, placement.address);
  BGDEPLOY_ASSIGN(auto environment, environment_of(launched, launch, secrets, values));
  Json body{{"Image", image_reference(launch.release)}, {"Env", std::move(environment)}};
  Json host = Json::object();
  for (const ContainerKey& key : process_keys()) key.write(launched.docker, values, body, host);
  for (const ContainerKey& key : host_keys()) key.write(launched.docker, values, body, host);
  if (!launched.docker.networks.empty()) host["NetworkMode"] = launched.docker.networks.front();
  body["HostConfig"] = std::move(host);
  return body;
}

}  // namespace

bool is_builtin_network(std::string_view name) {
  return name == "bridge" || name == "host" || name == "none" || name == "default";
}

std::string local_tag(const plan::Release& release) {
  const auto colon = release.digest.find(':');
  return release.digest.substr(0, colon) + "-" + release.digest.substr(colon + 1, 32);
}

std::string image_reference(const plan::Release& release) {
  if (release.local()) return release.image + ":" + local_tag(release);
  if (!release.digest.empty()) return release.image + "@" + release.digest;
  return release.tag.empty() ? release.image : release.image + ":" + release.tag;
}

Result<ContainerRequest> container_request(const spec::Spec& spec, std::size_t slot,
                                           const plan::Launch& launch, const Placement& placement,
                                           const SecretValues& secrets) {
  const spec::Spec launched = spec_of(spec, launch);
  const spec::Docker& docker = launched.docker;
  const spec::Slot& own = spec.slots.at(slot);
  const bool worker = spec::is_worker(spec);
  BGDEPLOY_ASSIGN(const int port,
                  worker ? Result<int>(0) : to_port(plan::container_port(launched, {}, slot)));
  BGDEPLOY_ASSIGN(auto body, process_of(launched, slot, launch, placement, secrets));
  body["Labels"] = labels_of(spec, slot, launch, port);
  const std::string port_key = fmt::format("{}/tcp", port);
  if (!worker) body["ExposedPorts"][port_key] = Json::object();
  if (const auto ip = docker.host_ip.value_or(placement.published_ip); !worker && ip != "none")
    body["HostConfig"]["PortBindings"][port_key] =
        Json::array({Json{{"HostIp", ip}, {"HostPort", std::to_string(own.port)}}});
  if (!docker.networks.empty() && !is_builtin_network(docker.networks.front()))
    body["NetworkingConfig"]["EndpointsConfig"][docker.networks.front()]["Aliases"] =
        Json::array({own.container});
  return ContainerRequest{own.container, core::Secret(core::dump_json(body)), docker.networks};
}

Result<ContainerRequest> one_off_request(const spec::Spec& spec, const OneOff::Request& request,
                                         const Placement& placement, const SecretValues& secrets) {
  const spec::Spec launched = spec_of(spec, request.launch);
  BGDEPLOY_ASSIGN(auto body, process_of(launched, request.slot, request.launch, placement, secrets));
  body["Cmd"] = request.argv;
  body["Labels"] = one_off_labels(spec, request);
  make_one_off(body, request.console);
  return ContainerRequest{one_off_name(spec), core::Secret(core::dump_json(body)), launched.docker.networks};
}

}  // namespace bgdeploy::runtime
