#include "docker/docker_runtime.hpp"

#include <algorithm>

#include "bgdeploy/plan/routing.hpp"
#include "bgdeploy/spec/address.hpp"
#include "bgdeploy/spec/flatten.hpp"
#include "bgdeploy/spec/load.hpp"
#include "kinds.hpp"
#include "late_stop.hpp"
#include "one_off.hpp"

namespace bgdeploy::runtime {

Result<std::string> DockerRuntime::create(const ContainerRequest& request, const std::string& release,
                                          const Wait& wait) {
  for (const auto& network : request.networks) {
    if (!is_builtin_network(network)) BGDEPLOY_TRY(m_on.client->ensure_network(network, wait));
  }
  if (wait.stop.stop_requested()) return core::fail(core::ErrorKind::cancelled, "cancelled");
  const LateStop late(wait, k_cleanup);
  auto id = m_on.client->create_container(request.name, request.body.reveal(), late.wait());
  if (id || !may_have_happened(id.error().kind)) return id;
  const auto left = m_on.client->inspect_container(request.name, Wait::for_at_most(k_cleanup));
  if (left && left->status == "created") {
    if (value_of(left->labels, label::k_release) == release) m_containers.discard(left->id);
  }
  return id;
}

Result<void> DockerRuntime::connect_and_start(const ContainerRequest& request, std::size_t slot,
                                              const plan::Launch& launch, const std::string& id,
                                              const Wait& wait) {
  for (std::size_t i = 1; i < request.networks.size(); ++i)
    BGDEPLOY_TRY(m_on.client->connect_network(request.networks[i], id, request.name, wait));
  auto started = m_on.client->start_container(id, wait);
  if (!started)
    return std::unexpected(
        m_containers.start_failure(slot, host_ip(launch), id, std::move(started).error(), wait));
  return {};
}

Result<plan::Container> DockerRuntime::launch(std::size_t slot, const plan::Launch& launch,
                                              const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto request,
                  container_request(m_on.spec, slot, launch, m_on.placement, m_on.secrets));
  BGDEPLOY_ASSIGN(const auto id, create(request, launch.release.id, wait));
  const auto started = connect_and_start(request, slot, launch, id, wait);
  if (!started) {
    m_containers.discard(id);
    return std::unexpected(started.error());
  }
  const auto container = m_on.client->inspect_container(id, wait);
  if (!container) {
    m_containers.discard(id);
    return std::unexpected(container.error());
  }
  return m_containers.described(*container);
}

Result<int> DockerRuntime::run_once(const Request& request, const Output& output, const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto container, one_off_request(m_on.spec, request, m_on.placement, m_on.secrets));
  for (const auto& network : container.networks) {
    if (!is_builtin_network(network)) BGDEPLOY_TRY(m_on.client->ensure_network(network, wait));
  }
  return OneOffContainer(*m_on.client, output).run(container, request.console, wait);
}

Result<std::vector<std::string>> DockerRuntime::remove_leftovers(
    const std::function<bool(const std::string&)>& ended, const Wait& wait) {
  return remove_one_offs(m_on, ended, wait);
}

SlotIdentity DockerRuntime::identity(std::size_t slot) const {
  const auto& own = m_on.spec.slots.at(slot);
  using Port = SlotIdentity::Port;
  const bool by_name = m_on.spec.docker.host_ip == "none" || plan::named_by_container(m_on.spec);
  return {.service = m_on.spec.service,
          .slot = own.name,
          .other_slot = m_on.spec.slots.at(1 - slot).name,
          .port = own.port,
          .publishes = spec::is_worker(m_on.spec) ? Port::unknown
                       : by_name                  ? Port::optional
                                                  : Port::required,
          .networks = m_on.spec.docker.networks};
}

// Compared whole: docker's name filter finds "app-blue" in "app-blue-2".
std::string DockerRuntime::own_container(std::size_t slot,
                                         const std::vector<engine::ContainerSummary>& list) const {
  const auto& name = m_on.spec.slots.at(slot).container;
  for (const auto& entry : list) {
    if (std::find(entry.names.begin(), entry.names.end(), name) != entry.names.end()) return entry.id;
  }
  return {};
}

Result<std::vector<std::string>> DockerRuntime::compare(std::size_t slot, const plan::Launch& launch,
                                                        const engine::Container& container,
                                                        const engine::Image& image, const Wait&) {
  BGDEPLOY_ASSIGN(const auto request,
                  container_request(m_on.spec, slot, launch, m_on.placement, m_on.secrets));
  auto found = differences(container.json, image.json, request, m_on.client->podman());
  // Only the image knows it, and it may not be here yet.
  const auto* docker = std::get_if<spec::Docker>(&launch.with);
  if (docker != nullptr && !docker->container_port && !spec::is_worker(m_on.spec))
    std::erase(found, "container_port");
  return found;
}

std::string DockerRuntime::host_ip(const plan::Launch& launch) const {
  return std::get<spec::Docker>(launch.with).host_ip.value_or(m_on.placement.published_ip);
}

Result<std::optional<std::string>> DockerRuntime::publishes_on(std::size_t, const plan::Launch& launch,
                                                               const Wait&) {
  auto ip = host_ip(launch);
  if (ip == "none" || spec::is_worker(m_on.spec)) return std::optional<std::string>();
  return std::optional(spec::is_wildcard(ip) ? std::string() : std::move(ip));
}

Result<std::optional<std::int64_t>> DockerRuntime::memory_limit(std::size_t, const plan::Launch& launch,
                                                                const Wait&) {
  return std::get<spec::Docker>(launch.with).mem_limit;
}

Result<void> DockerRuntime::set_aside(std::size_t slot, const std::string& id, const Wait& wait) {
  return m_containers.rename(id, m_on.spec.slots.at(slot).container + std::string(k_aside_suffix), wait);
}

Result<void> DockerRuntime::put_back(std::size_t slot, const std::string& id, const Wait& wait) {
  return m_containers.rename(id, m_on.spec.slots.at(slot).container, wait);
}

Kind docker_kind() {
  return {
      .name = "docker",
      .on = [](EngineHost on) -> std::unique_ptr<Runtime> {
        return std::make_unique<DockerRuntime>(std::move(on));
      },
      .by_spec = [](const spec::Spec& spec, const plan::Release&) -> Result<plan::Configuration> {
        return spec.docker;
      },
      .complete = [](const spec::Spec&, plan::Launch&) { return Result<void>{}; },
      .record =
          [](const plan::Configuration& with) { return spec::docker_to_json(std::get<spec::Docker>(with)); },
      .read = [](const std::string& record) -> Result<plan::Configuration> {
        return spec::load_docker(record);
      },
      .flat =
          [](const plan::Configuration& with) {
            std::map<std::string, std::string> flat;
            const auto keys = spec::flat_json(spec::docker_to_json(std::get<spec::Docker>(with)));
            for (const auto& [key, value] : keys.value_or(flat)) flat["docker." + key] = value;
            return flat;
          },
      .check = [](const spec::Spec&) { return Result<void>{}; }};
}

}  // namespace bgdeploy::runtime
