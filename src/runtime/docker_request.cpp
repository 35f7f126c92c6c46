#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "../engine/json.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/plan/substitutions.hpp"
#include "bgdeploy/runtime/docker_container.hpp"

namespace bgdeploy::runtime {
namespace {

using engine::Json;

Result<int> to_port(const std::string& text) {
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port < 1 || port > 65535)
    return core::fail(core::ErrorKind::usage, fmt::format("docker.container_port: '{}' is no port", text));
  return port;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto length = core::utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

// Ranks as in compose, the secrets on top. JSON carries UTF-8 only, and no process gets a NUL byte: refused
// here rather than changed on the way.
Result<Json> environment_of(const spec::Spec& spec, const spec::Docker& docker, const SecretValues& secrets,
                            const spec::Substitutions& values) {
  std::map<std::string, std::string> environment;
  for (const auto& [name, value] : secrets.environment) environment[name] = value.reveal();
  for (const auto& [name, value] : docker.environment) {
    if (!spec.secrets.contains(name)) environment[name] = core::substitute(value, values);
  }
  Json list = Json::array();
  for (const auto& [name, value] : environment) {
    if (!is_utf8(value) || value.find('\0') != std::string::npos) {
      return core::fail(core::ErrorKind::usage,
                        fmt::format("the environment variable {} is not UTF-8 text, and docker's API carries "
                                    "nothing else",
                                    name));
    }
    list.push_back(fmt::format("{}={}", name, value));
  }
  return list;
}

std::string explicit_keys(const spec::Docker& docker) {
  std::string keys;
  const auto add = [&](bool given, std::string_view name) {
    if (!given) return;
    if (!keys.empty()) keys += ',';
    keys += name;
  };
  add(docker.logging.has_value(), "logging");
  add(!docker.ulimits.empty(), "ulimits");
  add(docker.shm_size.has_value(), "shm_size");
  return keys;
}

Json labels_of(const spec::Spec& spec, std::size_t slot, const plan::Launch& launch, int container_port) {
  Json labels = launch.docker.labels;
  if (!labels.is_object()) labels = Json::object();
  labels[label::k_service] = spec.service;
  labels[label::k_slot] = spec.slots.at(slot).name;
  labels[label::k_release] = launch.release.id;
  labels[label::k_tag] = launch.release.tag;
  labels[label::k_digest] = launch.release.digest;
  labels[label::k_image] = launch.release.image;
  labels[label::k_container_port] = std::to_string(container_port);
  labels[label::k_restart] = launch.docker.restart;
  labels[label::k_explicit] = explicit_keys(launch.docker);
  return labels;
}

void add_volumes(const spec::Docker& docker, const spec::Substitutions& values, Json& body, Json& host) {
  Json binds = Json::array();
  for (const auto& volume : docker.volumes) {
    const auto text = core::substitute(volume, values);
    if (text.find(':') == std::string::npos) {
      body["Volumes"][text] = Json::object();  // an anonymous one
    } else {
      binds.push_back(text);
    }
  }
  if (!binds.empty()) host["Binds"] = std::move(binds);
}

void add_limits(const spec::Docker& docker, Json& host) {
  if (docker.mem_limit) host["Memory"] = *docker.mem_limit;
  if (docker.cpus) host["NanoCpus"] = static_cast<std::int64_t>(std::llround(*docker.cpus * 1e9));
  if (docker.shm_size) host["ShmSize"] = *docker.shm_size;
  for (const auto& limit : docker.ulimits)
    host["Ulimits"].push_back({{"Name", limit.name}, {"Soft", limit.soft}, {"Hard", limit.hard}});
}

Json host_config(const spec::Docker& docker, const spec::Substitutions& values, Json& body) {
  Json host{{"RestartPolicy", engine::restart_policy(docker.restart)}};
  add_volumes(docker, values, body, host);
  add_limits(docker, host);
  if (!docker.extra_hosts.empty()) host["ExtraHosts"] = docker.extra_hosts;
  if (docker.logging)
    host["LogConfig"] = {{"Type", docker.logging->driver}, {"Config", docker.logging->options}};
  if (!docker.cap_add.empty()) host["CapAdd"] = docker.cap_add;
  if (!docker.cap_drop.empty()) host["CapDrop"] = docker.cap_drop;
  if (docker.read_only) host["ReadonlyRootfs"] = true;
  if (docker.init) host["Init"] = true;
  for (const auto& mount : docker.tmpfs) {
    const auto colon = mount.find(':');
    host["Tmpfs"][mount.substr(0, colon)] = colon == std::string::npos ? "" : mount.substr(colon + 1);
  }
  return host;
}

void add_process(const spec::Docker& docker, Json& body) {
  if (docker.command) body["Cmd"] = *docker.command;
  if (docker.entrypoint) body["Entrypoint"] = *docker.entrypoint;
  if (docker.user) body["User"] = *docker.user;
  if (docker.working_dir) body["WorkingDir"] = *docker.working_dir;
  if (docker.stop_signal) body["StopSignal"] = *docker.stop_signal;
  body["StopTimeout"] = std::chrono::ceil<std::chrono::seconds>(docker.stop_grace_period).count();
}

}  // namespace

bool is_builtin_network(std::string_view name) {
  return name == "bridge" || name == "host" || name == "none" || name == "default";
}

std::string built_tag(const plan::Release& release) {
  return "build-" + release.digest.substr(plan::k_built.size(), 32);
}

std::string image_reference(const plan::Release& release) {
  if (release.built()) return release.image + ":" + built_tag(release);
  if (!release.digest.empty()) return release.image + "@" + release.digest;
  return release.tag.empty() ? release.image : release.image + ":" + release.tag;
}

Result<ContainerRequest> container_request(const spec::Spec& spec, std::size_t slot,
                                           const plan::Launch& launch, const Placement& placement,
                                           const SecretValues& secrets) {
  // An earlier release runs with the configuration it ran with, not with today's.
  spec::Spec launched = spec;
  launched.docker = launch.docker;
  const spec::Docker& docker = launch.docker;
  const spec::Slot& own = spec.slots.at(slot);
  const auto values =
      plan::substitutions(launched, slot, launch.release.tag, placement.host, placement.address);
  BGDEPLOY_ASSIGN(const int port, to_port(plan::container_port(launched, slot)));

  BGDEPLOY_ASSIGN(auto environment, environment_of(spec, docker, secrets, values));
  Json body{{"Image", image_reference(launch.release)},
            {"Env", std::move(environment)},
            {"Labels", labels_of(spec, slot, launch, port)}};
  add_process(docker, body);
  Json host = host_config(docker, values, body);
  const std::string port_key = fmt::format("{}/tcp", port);
  body["ExposedPorts"][port_key] = Json::object();
  if (const auto ip = docker.host_ip.value_or(placement.published_ip); ip != "none")
    host["PortBindings"][port_key] =
        Json::array({Json{{"HostIp", ip}, {"HostPort", std::to_string(own.port)}}});
  if (!docker.networks.empty()) {
    const std::string& first = docker.networks.front();
    host["NetworkMode"] = first;
    if (!is_builtin_network(first))
      body["NetworkingConfig"]["EndpointsConfig"][first]["Aliases"] = Json::array({own.container});
  }
  body["HostConfig"] = std::move(host);
  return ContainerRequest{own.container, core::Secret(engine::dump_json(body)), docker.networks};
}

}  // namespace bgdeploy::runtime
