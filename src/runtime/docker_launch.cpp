#include <fmt/format.h>

#include <algorithm>

#include "docker_runtime.hpp"

namespace bgdeploy::runtime {
namespace {

using core::ErrorKind;

// Cleaning up must go on when the launch itself was interrupted.
constexpr auto k_cleanup = std::chrono::seconds(10);

bool may_have_happened(ErrorKind kind) {
  return kind == ErrorKind::lost || kind == ErrorKind::timeout || kind == ErrorKind::cancelled;
}

}  // namespace

void DockerRuntime::discard(const std::string& id) {
  const auto wait = Wait::for_at_most(k_cleanup);
  (void)m_client->remove_container(id, {.force = true, .anonymous_volumes = true}, wait);
}

Result<std::string> DockerRuntime::create(const ContainerRequest& request, const plan::Launch& launch,
                                          const Wait& wait) {
  for (const auto& network : request.networks) {
    if (!is_builtin_network(network)) BGDEPLOY_TRY(m_client->ensure_network(network, wait));
  }
  auto id = m_client->create_container(request.name, request.body.reveal(), wait);
  if (id || !may_have_happened(id.error().kind)) return id;
  const auto left = m_client->inspect_container(request.name, Wait::for_at_most(k_cleanup));
  if (left && left->status == "created") {
    const auto release = left->labels.find(label::k_release);
    if (release != left->labels.end() && release->second == launch.release.id) discard(left->id);
  }
  return id;
}

Result<void> DockerRuntime::connect_and_start(const ContainerRequest& request, std::size_t slot,
                                              const plan::Launch& launch, const std::string& id,
                                              const Wait& wait) {
  for (std::size_t i = 1; i < request.networks.size(); ++i)
    BGDEPLOY_TRY(m_client->connect_network(request.networks[i], id, request.name, wait));
  auto started = m_client->start_container(id, wait);
  if (!started) return std::unexpected(start_failure(slot, launch, id, std::move(started).error(), wait));
  return {};
}

// Docker reports a taken port as an internal error, in words alone. So look who has it.
core::Error DockerRuntime::start_failure(std::size_t slot, const plan::Launch& launch, const std::string& id,
                                         core::Error error, const Wait& wait) {
  if (may_have_happened(error.kind)) return error;
  // The container exists, so 404 is about something else that it needs.
  if (error.kind == ErrorKind::not_found) error.kind = ErrorKind::refused;
  const int port = m_spec.slots.at(slot).port;
  const auto list = m_client->list_containers(wait);
  if (!list) return error;
  for (const auto& other : *list) {
    if (other.id == id || !publishes(other, port) || other.names.empty()) continue;
    error.kind = ErrorKind::conflict;
    error.details.insert(error.details.begin(), std::move(error.message));
    error.message = fmt::format("port {} is published by the container {}", port, other.names.front());
    return error;
  }
  // Docker takes the ports before it starts the process, and has let go of them by now.
  const auto ip = launch.docker.host_ip.value_or(m_placement.published_ip);
  if (ip != "none" && m_host.reachable(host::TcpEndpoint{loopback_for(ip), port}, wait)) {
    error.kind = ErrorKind::conflict;
    error.details.insert(error.details.begin(), std::move(error.message));
    error.message = fmt::format("port {} is taken by a process that is no container", port);
  }
  return error;
}

Result<plan::Container> DockerRuntime::launch(std::size_t slot, const plan::Launch& launch,
                                              const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto request, container_request(m_spec, slot, launch, m_placement, m_secrets));
  BGDEPLOY_ASSIGN(const auto id, create(request, launch, wait));
  const auto started = connect_and_start(request, slot, launch, id, wait);
  if (!started) {
    discard(id);
    return std::unexpected(started.error());
  }
  const auto container = m_client->inspect_container(id, wait);
  if (!container) {
    discard(id);
    return std::unexpected(container.error());
  }
  return described(*container);
}

}  // namespace bgdeploy::runtime
