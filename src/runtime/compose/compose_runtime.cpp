#include "compose/compose_runtime.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <thread>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/substitute.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"
#include "bgdeploy/plan/substitutions.hpp"

namespace bgdeploy::runtime {
namespace {

using core::ErrorKind;

// What docker gives a container that says nothing about it.
constexpr core::Duration k_default_grace = std::chrono::seconds(10);
constexpr core::Duration k_one_request = std::chrono::minutes(1);

std::string project_of(const std::map<std::string, std::string>& labels) {
  return value_of(labels, compose_label::k_project);
}
bool is_oneoff(const engine::ContainerSummary& entry) {
  return value_of(entry.labels, compose_label::k_oneoff) == "True";
}
int container_number(const engine::ContainerSummary& entry) {
  return core::leading_number<int>(value_of(entry.labels, compose_label::k_number)).value_or(0);
}

}  // namespace

std::string ComposeRuntime::project(std::size_t slot) const {
  return core::substitute(
      m_on.spec.compose->project,
      plan::substitutions(m_on.spec, slot, "", m_on.placement.host, m_on.placement.address));
}

// As the spec or the file has it; else as what is there tells.
std::string ComposeRuntime::service_in(std::size_t slot, const Summaries& list) const {
  if (m_on.spec.compose->service)
    return core::substitute(
        *m_on.spec.compose->service,
        plan::substitutions(m_on.spec, slot, "", m_on.placement.host, m_on.placement.address));
  {
    const std::lock_guard lock(m_mutex);
    if (m_known.at(slot)) return m_known[slot]->service.name;
  }
  const auto& own = m_on.spec.slots.at(slot);
  std::set<std::string> all;
  for (const auto& entry : list) {
    if (project_of(entry.labels) != project(slot) || is_oneoff(entry)) continue;
    const auto service = value_of(entry.labels, compose_label::k_service);
    const bool labelled = value_of(entry.labels, label::k_service) == m_on.spec.service &&
                          value_of(entry.labels, label::k_slot) == own.name;
    if (labelled || publishes(entry, own.port)) return service;
    all.insert(service);
  }
  return !shared() && all.size() == 1 ? *all.begin() : std::string();
}

std::string ComposeRuntime::own_container(std::size_t slot, const Summaries& list) const {
  const auto service = service_in(slot, list);
  const engine::ContainerSummary* own = nullptr;
  for (const auto& entry : list) {
    if (service.empty() || is_oneoff(entry) || project_of(entry.labels) != project(slot) ||
        value_of(entry.labels, compose_label::k_service) != service)
      continue;
    if (own == nullptr || container_number(entry) < container_number(*own)) own = &entry;
  }
  if (own != nullptr) return own->id;
  // Under another project, or without compose: what bears the name that compose would give.
  std::string name;
  if (m_on.spec.compose->named.at(slot)) {
    name = m_on.spec.slots.at(slot).container;
  } else {
    const std::lock_guard lock(m_mutex);
    if (m_known.at(slot)) name = m_known[slot]->service.container_name;
  }
  for (const auto& entry : list) {
    if (!name.empty() && std::ranges::find(entry.names, name) != entry.names.end()) return entry.id;
  }
  return {};
}

SlotIdentity ComposeRuntime::identity(std::size_t slot) const {
  const auto& own = m_on.spec.slots.at(slot);
  bool host_network = false;
  {
    const std::lock_guard lock(m_mutex);
    host_network = m_known.at(slot) && m_known[slot]->service.network_mode == "host";
  }
  const auto told = plan::proxy_kind(m_on.spec).told(m_on.spec);
  const bool elsewhere = told.address || told.port || host_network || spec::is_worker(m_on.spec);
  return {.service = m_on.spec.service,
          .slot = own.name,
          .other_slot = m_on.spec.slots.at(1 - slot).name,
          .port = own.port,
          .publishes = elsewhere ? SlotIdentity::Port::unknown : SlotIdentity::Port::required};
}

Result<std::array<plan::SlotState, 2>> ComposeRuntime::observe(
    const std::array<std::optional<plan::Launch>, 2>& launches, const Wait& wait) {
  std::array<Result<void>, 2> checked;
  const auto check = [&](std::size_t slot) -> Result<void> {
    if (!launches[slot]) return {};
    BGDEPLOY_ASSIGN(const auto service, service_of(slot, *launches[slot], wait));
    return check_service(slot, service);
  };
  if (launches[0] || launches[1]) BGDEPLOY_TRY(program(wait));
  {
    std::jthread beside([&] { checked[1] = check(1); });
    checked[0] = check(0);
  }
  for (auto& result : checked) BGDEPLOY_TRY(std::move(result));
  if (launches[0] && launches[1]) BGDEPLOY_TRY(check_apart());
  return EngineRuntime::observe(launches, wait);
}

// The other services come up with each slot, and a volume of the project is another one in each of them.
std::vector<std::string> ComposeRuntime::cautions() const {
  std::vector<std::string> words;
  const std::lock_guard lock(m_mutex);
  if (!m_known[0] || !m_known[1] || shared()) return words;
  const auto name_of = [&](std::size_t slot, const spec::ComposeVolume& volume) {
    return volume.name.empty() ? fmt::format("{}_{}", project(slot), volume.key) : volume.name;
  };
  for (const auto& service : m_known[0]->all) {
    const auto& others = m_known[1]->all;
    const auto twin = std::ranges::find(others, service.name, &spec::ComposeService::name);
    if (service.name == m_known[0]->service.name || !service.profiles.empty() || twin == others.end())
      continue;
    for (const auto& volume : service.volumes) {
      const auto other = std::ranges::find(twin->volumes, volume.key, &spec::ComposeVolume::key);
      if (other == twin->volumes.end() || name_of(0, volume) == name_of(1, *other)) continue;
      words.push_back(
          fmt::format("service {0} keeps its data in the volume {1}, and each slot has one of its own ({2}, "
                      "{3}): a release "
                      "does not see what the one before it stored. Run {0} outside of the slots, or share "
                      "the volume; see "
                      "\"Stateful services\" in docs/operations.md",
                      core::printable(service.name), core::printable(volume.key),
                      core::printable(name_of(0, volume)), core::printable(name_of(1, *other))));
    }
  }
  return words;
}

Result<void> ComposeRuntime::check_apart() const {
  const std::lock_guard lock(m_mutex);
  if (!m_known[0] || !m_known[1]) return {};
  if (shared() && m_known[0]->service.name == m_known[1]->service.name)
    return core::fail(ErrorKind::usage,
                      fmt::format("both slots are the service {} of the project {}: let compose.project "
                                  "hold {{slot}}, or give each slot a service of its own",
                                  m_known[0]->service.name, project(0)));
  std::array<spec::SlotServices, 2> slots;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const auto& own = m_on.spec.slots.at(i);
    slots[i].slot = own.name;
    // What else is in a project of both slots exists once.
    for (auto service : m_known[i]->all) {
      const bool main = service.name == m_known[i]->service.name;
      if (!main && (shared() || !service.profiles.empty())) continue;
      if (main && m_on.spec.compose->named.at(i)) service.container_name = own.container;
      slots[i].services.push_back(std::move(service));
    }
  }
  if (const auto both = spec::what_both_need(slots[0], slots[1]))
    return core::fail(ErrorKind::usage, *both, {std::string(spec::k_by_slot)});
  return {};
}

Result<std::optional<std::string>> ComposeRuntime::publishes_on(std::size_t slot, const plan::Launch& launch,
                                                                const Wait& wait) {
  // Where its files could not be read.
  if (!std::holds_alternative<plan::ComposeLaunch>(launch.with)) return std::optional<std::string>();
  BGDEPLOY_ASSIGN(const auto service, service_of(slot, launch, wait));
  return service.published_on(m_on.spec.slots.at(slot).port);
}

Result<std::optional<std::int64_t>> ComposeRuntime::memory_limit(std::size_t slot, const plan::Launch& launch,
                                                                 const Wait& wait) {
  if (!std::holds_alternative<plan::ComposeLaunch>(launch.with)) return std::nullopt;
  BGDEPLOY_ASSIGN(const auto service, service_of(slot, launch, wait));
  return service.mem_limit;
}

Result<std::string> ComposeRuntime::repository(const plan::Launch& launch, const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto service, service_of(0, launch, wait));
  auto repository = m_on.spec.image.empty() ? spec::repository_of(service.image) : m_on.spec.image;
  if (repository.empty())
    return core::fail(ErrorKind::usage,
                      fmt::format("service {} of the compose file names no image, and neither does the spec",
                                  service.name));
  return repository;
}

Result<plan::Container> ComposeRuntime::launch(std::size_t slot, const plan::Launch& launch,
                                               const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto service, service_of(slot, launch, wait));
  // What `up` may have created. Others may run one-off containers in the project meanwhile, and in a shared
  // one services that are none of this slot's.
  const auto members = [&](const Wait& w) -> Result<std::set<std::string>> {
    BGDEPLOY_ASSIGN(const auto list, m_on.client->list_containers(w));
    std::set<std::string> ids;
    for (const auto& entry : list) {
      const auto name = value_of(entry.labels, compose_label::k_service);
      const bool started = !shared() || name == service.name || std::ranges::count(service.needs, name) > 0;
      if (project_of(entry.labels) == project(slot) && !is_oneoff(entry) && started) ids.insert(entry.id);
    }
    return ids;
  };
  BGDEPLOY_ASSIGN(const auto before, members(wait));
  const auto discard_new = [&] {
    const auto w = Wait::for_at_most(k_cleanup);
    const auto after = members(w);
    if (!after) return;
    for (const auto& id : *after)
      if (!before.contains(id)) m_containers.discard(id);
    if (!shared()) (void)m_on.client->remove_unused_networks(compose_label::k_project, project(slot), w);
  };
  if (auto started = up(slot, launch, service, wait); !started) {
    discard_new();
    return std::unexpected(
        m_containers.start_failure(slot, m_on.placement.published_ip, "", std::move(started).error(), wait));
  }
  const auto find = [&]() -> Result<plan::Container> {
    BGDEPLOY_ASSIGN(const auto list, m_on.client->list_containers(wait));
    const auto id = own_container(slot, list);
    if (id.empty())
      return core::fail(ErrorKind::not_found,
                        fmt::format("compose started no container of service {} in project {}", service.name,
                                    project(slot)));
    BGDEPLOY_ASSIGN(const auto container, m_on.client->inspect_container(id, wait));
    return m_containers.described(container);
  };
  auto container = find();
  if (!container) discard_new();
  return container;
}

std::string ComposeRuntime::own_project(const std::map<std::string, std::string>& labels) const {
  const auto project = project_of(labels);
  const bool own = !shared() && (project == this->project(0) || project == this->project(1));
  return own ? project : std::string();
}

Result<std::vector<std::string>> ComposeRuntime::beside(const engine::Container& container,
                                                        const Wait& wait) {
  std::vector<std::string> ids;
  const auto project = own_project(container.labels);
  if (project.empty()) return ids;
  BGDEPLOY_ASSIGN(const auto list, m_on.client->list_containers(wait));
  for (const auto& entry : list)
    if (entry.id != container.id && project_of(entry.labels) == project && !is_oneoff(entry) &&
        started_with(container, entry))
      ids.push_back(entry.id);
  return ids;
}

// Somebody else's file may use the same project's name: what it started is left alone, as `compose down` does
// with what its file does not have.
bool ComposeRuntime::started_with(const engine::Container& container,
                                  const engine::ContainerSummary& entry) const {
  const auto files = value_of(container.labels, compose_label::k_files);
  if (!files.empty() && value_of(entry.labels, compose_label::k_files) == files) return true;
  const auto name = value_of(entry.labels, compose_label::k_service);
  const std::lock_guard lock(m_mutex);
  for (std::size_t slot = 0; slot < m_known.size(); ++slot)
    if (m_known[slot] && project(slot) == project_of(container.labels) &&
        std::ranges::find(m_known[slot]->all, name, &spec::ComposeService::name) != m_known[slot]->all.end())
      return true;
  return false;
}

Result<void> ComposeRuntime::start(const std::string& id, const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto container, m_on.client->inspect_container(id, wait));
  BGDEPLOY_ASSIGN(const auto others, beside(container, wait));
  for (const auto& other : others) BGDEPLOY_TRY(m_containers.start(other, wait));
  return m_containers.start(id, wait);
}

Result<bool> ComposeRuntime::stop(const std::string& id, core::Duration grace, const Wait& wait) {
  const auto container = m_on.client->inspect_container(id, wait);
  if (!container) {
    if (container.error().kind == ErrorKind::not_found) return false;
    return std::unexpected(container.error());
  }
  BGDEPLOY_ASSIGN(const auto others, beside(*container, wait));
  const auto stop_one = [&](const engine::Container& one) {
    const auto own = std::min(grace, one.stop_timeout.value_or(k_default_grace));
    return m_containers.stop(one.id, own, wait.at_most(own + k_one_request));
  };
  BGDEPLOY_ASSIGN(const bool killed, stop_one(*container));
  for (const auto& other : others) {
    const auto inspected = m_on.client->inspect_container(other, wait);
    if (inspected) BGDEPLOY_TRY(stop_one(*inspected));  // else it went away meanwhile
  }
  return killed;
}

Result<void> ComposeRuntime::remove(const std::string& id, const Wait& wait) {
  const auto container = m_on.client->inspect_container(id, wait);
  if (!container) {
    if (container.error().kind == ErrorKind::not_found) return {};
    return std::unexpected(container.error());
  }
  BGDEPLOY_ASSIGN(const auto others, beside(*container, wait));
  BGDEPLOY_TRY(m_containers.remove(id, wait));
  for (const auto& other : others) {
    BGDEPLOY_TRY(m_containers.stop(other, k_default_grace, wait));
    BGDEPLOY_TRY(m_containers.remove(other, wait));
  }
  const auto project = own_project(container->labels);
  if (project.empty()) return {};
  return m_on.client->remove_unused_networks(compose_label::k_project, project, wait);
}

Result<std::vector<std::string>> ComposeRuntime::neighbours(std::size_t slot, const Wait& wait) {
  std::vector<std::string> found;
  BGDEPLOY_ASSIGN(const auto list, m_on.client->list_containers(wait));
  const auto own = own_container(slot, list);
  if (own.empty()) return found;
  BGDEPLOY_ASSIGN(const auto container, m_on.client->inspect_container(own, wait));
  BGDEPLOY_ASSIGN(const auto others, beside(container, wait));
  for (const auto& other : others) {
    const auto diagnosis = m_containers.diagnose(other, wait);
    if (!diagnosis) continue;  // it went away meanwhile
    using Status = plan::Container::Status;
    const bool failed = diagnosis->status == Status::dead || diagnosis->status == Status::restarting ||
                        (diagnosis->status == Status::exited && diagnosis->exit_code != 0) ||
                        diagnosis->status == Status::created;
    if (!failed) continue;
    const auto inspected = m_on.client->inspect_container(other, wait);
    const auto name = inspected ? value_of(inspected->labels, compose_label::k_service) : other;
    std::string words = diagnosis->status == Status::created
                            ? fmt::format("service {} did not start", name)
                            : fmt::format("service {} exited with exit code {}", name, diagnosis->exit_code);
    const auto& why = !diagnosis->error.empty()   ? diagnosis->error
                      : diagnosis->output.empty() ? std::string()
                                                  : diagnosis->output.back();
    found.push_back(why.empty() ? words : words + ": " + why);
  }
  return found;
}

}  // namespace bgdeploy::runtime
