#include "docker_runtime.hpp"

#include <fmt/format.h>

#include <charconv>

#include "bgdeploy/plan/routing.hpp"
#include "bgdeploy/spec/address.hpp"
#include "compose_runtime.hpp"
#include "docker_images.hpp"

namespace bgdeploy::runtime {
namespace {

using core::ErrorKind;

bool gone(const core::Error& error) {
  return error.kind == ErrorKind::not_found;
}

std::string label_of(const engine::Container& container, const char* name) {
  return value_of(container.labels, name);
}

// Whether dockerd would start it again when it starts itself, although it was stopped. `on-failure` asks for
// the exit code alone. (moby: restartmanager.ShouldRestart)
//
// What a compose file has beside the service does not say what policy it had, and `on-failure` is what is
// meant to end: that one stays.
bool outlives_a_stop(const engine::Container& container) {
  const auto& policy = container.restart_policy;
  const bool beside =
      container.labels.contains(compose_label::k_service) && !container.labels.contains(label::k_service);
  return policy == "always" || (policy.starts_with("on-failure") && !beside);
}

// The port that a container without a published one is asked on when the spec names none.
int own_port(const engine::Container& container, int slot_port) {
  int port = 0;
  const auto text = label_of(container, label::k_container_port);
  std::from_chars(text.data(), text.data() + text.size(), port);
  if (port == 0 && !container.ports.empty()) port = container.ports.front().container_port;
  return port == 0 ? slot_port : port;
}

}  // namespace

std::string loopback_for(const std::string& host_ip) {
  return spec::is_wildcard(host_ip) ? "127.0.0.1" : host_ip;
}

Result<void> DockerRuntime::start(const std::string& id, const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto container, m_client->inspect_container(id, wait));
  if (container.status == "paused") return m_client->unpause_container(id, wait);
  const auto policy = label_of(container, label::k_restart);
  if (!policy.empty() && container.restart_policy != policy)
    BGDEPLOY_TRY(m_client->set_restart_policy(id, policy, wait));
  return m_client->start_container(id, wait);
}

Result<bool> DockerRuntime::stop(const std::string& id, core::Duration grace, const Wait& wait) {
  const auto before = m_client->inspect_container(id, wait);
  if (!before) {
    if (gone(before.error())) return false;
    return std::unexpected(before.error());
  }
  if (outlives_a_stop(*before)) BGDEPLOY_TRY(m_client->set_restart_policy(id, "unless-stopped", wait));
  if (!before->running && before->status != "paused") return false;
  // A frozen process hears no signal, and docker may refuse to stop it.
  if (before->status == "paused") {
    const auto resumed = m_client->unpause_container(id, wait);
    if (!resumed && !gone(resumed.error()) && resumed.error().kind != ErrorKind::conflict)
      return std::unexpected(resumed.error());
  }
  const auto stopped = m_client->stop_container(id, grace, wait);
  if (!stopped) {
    if (gone(stopped.error())) return false;
    return std::unexpected(stopped.error());
  }
  const auto after = m_client->inspect_container(id, wait);
  if (!after) {
    if (gone(after.error())) return false;
    return std::unexpected(after.error());
  }
  return after->exit_code == k_killed && !after->oom_killed;
}

Result<void> DockerRuntime::remove(const std::string& id, const Wait& wait) {
  const auto removed = m_client->remove_container(id, {}, wait);
  if (removed || gone(removed.error())) return {};
  if (removed.error().kind != ErrorKind::conflict) return removed;
  // It runs, or somebody else is removing it right now.
  const auto container = m_client->inspect_container(id, wait);
  if (!container && gone(container.error())) return {};
  if (!container || container->status != "removing") return removed;
  const auto ended = m_client->await_container(id, engine::Client::Until::removed, wait);
  if (ended || gone(ended.error())) return {};
  return std::unexpected(ended.error());
}

Result<void> DockerRuntime::rename(const std::string& id, const std::string& name, const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto container, m_client->inspect_container(id, wait));
  if (container.name == name) return {};
  return m_client->rename_container(id, name, wait);
}

Result<void> DockerRuntime::set_aside(std::size_t slot, const std::string& id, const Wait& wait) {
  return rename(id, m_spec.slots.at(slot).container + std::string(k_aside_suffix), wait);
}

Result<void> DockerRuntime::put_back(std::size_t slot, const std::string& id, const Wait& wait) {
  return rename(id, m_spec.slots.at(slot).container, wait);
}

Result<Reachable> reachable_at(const engine::Container& container, int slot_port,
                               std::optional<int> container_port) {
  const engine::PublishedPort* published = nullptr;
  for (const auto& port : container.ports) {
    if (port.protocol != "tcp" || port.host_port == 0) continue;
    const bool slots_own = port.host_port == slot_port;
    if (container_port ? port.container_port != *container_port : !slots_own) continue;
    if (published == nullptr || (slots_own && published->host_port != slot_port)) published = &port;
  }
  if (published != nullptr) return Reachable{loopback_for(published->host_ip), published->host_port};
  const int port = container_port.value_or(own_port(container, slot_port));
  if (container.network_mode == "host") return Reachable{"127.0.0.1", port};

  auto network = container.networks.find(container.network_mode);
  if (network == container.networks.end()) network = container.networks.begin();  // "default"
  if (network == container.networks.end() || network->second.empty()) {
    return core::fail(ErrorKind::not_found,
                      fmt::format("{} has no address: it publishes no port and is on no network, or it does "
                                  "not run",
                                  container.name));
  }
  return Reachable{network->second, port};
}

Result<Reachable> DockerRuntime::reachable(std::size_t slot, const std::string& id, const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto container, m_client->inspect_container(id, wait));
  const auto* http = std::get_if<spec::HealthHttp>(&m_spec.health.probe);
  return reachable_at(container, m_spec.slots.at(slot).port, http != nullptr ? http->port : std::nullopt);
}

Result<std::optional<std::string>> DockerRuntime::publishes_on(std::size_t, const plan::Launch& launch,
                                                               const Wait&) {
  auto ip = launch.docker.host_ip.value_or(m_placement.published_ip);
  if (ip == "none") return std::optional<std::string>();
  return std::optional(spec::is_wildcard(ip) ? std::string() : std::move(ip));
}

Result<std::optional<int>> DockerRuntime::await_exit(const std::string& id, const Wait& wait) {
  const auto over = [](const core::Error& error) {
    return error.kind == ErrorKind::timeout || error.kind == ErrorKind::cancelled;
  };
  // One that docker starts again counts as running, until its next end.
  const auto now = m_client->inspect_container(id, wait);
  if (now && now->status == "restarting") return now->exit_code;
  if (!now && !over(now.error())) return std::unexpected(now.error());
  const auto ended = m_client->await_container(id, engine::Client::Until::not_running, wait);
  if (ended) return *ended;
  if (over(ended.error())) return std::nullopt;
  return std::unexpected(ended.error());
}

Result<DockerOnHost> docker_on(host::Host& host, const spec::Spec& spec, const spec::Host& app,
                               const SecretValues& secrets, const Wait& wait) {
  BGDEPLOY_ASSIGN(auto client, engine::Client::open(host, spec.docker_socket, wait));
  Placement placement{app.name, plan::address_of(spec, app), plan::published_ip(spec, app)};
  std::optional<engine::RegistryAuth> auth;
  if (spec.registry && secrets.registry_password)
    auth = engine::RegistryAuth{spec.registry->username, *secrets.registry_password};
  DockerOnHost docker{std::make_unique<DockerImages>(host, client, std::move(auth), spec.docker_socket),
                      nullptr};
  if (spec.compose)
    docker.runtime = std::make_unique<ComposeRuntime>(host, client, spec, std::move(placement), secrets);
  else
    docker.runtime = std::make_unique<DockerRuntime>(host, client, spec, std::move(placement), secrets);
  return docker;
}

}  // namespace bgdeploy::runtime
