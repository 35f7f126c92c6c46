#include <algorithm>
#include <charconv>
#include <map>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/plan/routing.hpp"
#include "docker_runtime.hpp"

namespace bgdeploy::runtime {
namespace {

using core::ErrorKind;

// "registry:5000/owner/app:tag@sha256:…". An image asked for by its id names no release.
plan::Release release_of(std::string reference) {
  plan::Release release;
  if (reference.starts_with("sha256:")) return release;
  if (const auto at = reference.find('@'); at != std::string::npos) {
    release.digest = reference.substr(at + 1);
    reference.resize(at);
  }
  const auto colon = reference.rfind(':');
  const auto slash = reference.rfind('/');
  if (colon != std::string::npos && (slash == std::string::npos || colon > slash)) {
    release.tag = reference.substr(colon + 1);
    reference.resize(colon);
  }
  release.image = reference;
  return release;
}

}  // namespace

bool publishes(const engine::ContainerSummary& container, int port) {
  return std::ranges::any_of(container.ports,
                             [&](const auto& own) { return own.host_port == port && own.protocol == "tcp"; });
}

std::string value_of(const std::map<std::string, std::string>& labels, std::string_view name) {
  const auto found = labels.find(std::string(name));
  return found == labels.end() ? std::string() : found->second;
}

plan::Container::Status status_of(const engine::Container& container) {
  using Status = plan::Container::Status;
  static const std::map<std::string, Status> k_words{
      {"created", Status::created}, {"running", Status::running}, {"restarting", Status::restarting},
      {"paused", Status::paused},   {"exited", Status::exited},
  };
  const auto found = k_words.find(container.status);
  return found == k_words.end() ? Status::dead : found->second;
}

plan::Container DockerRuntime::described(const engine::Container& container) const {
  plan::Container described;
  described.id = container.id;
  described.name = container.name;
  described.managed = value_of(container.labels, label::k_service) == m_spec.service;
  if (described.managed) {
    described.release = {value_of(container.labels, label::k_release),
                         value_of(container.labels, label::k_tag), value_of(container.labels, label::k_image),
                         value_of(container.labels, label::k_digest)};
  } else {
    described.release = release_of(container.image);
  }
  described.status = status_of(container);
  described.exit_code = container.exit_code;
  described.oom_killed = container.oom_killed;
  described.health = container.health;
  described.started = container.started;
  described.published = published_by(container);
  return described;
}

SlotIdentity DockerRuntime::identity(std::size_t slot) const {
  const auto& own = m_spec.slots.at(slot);
  const bool by_name = m_spec.docker.host_ip == "none" || plan::named_by_container(m_spec);
  return {.service = m_spec.service,
          .slot = own.name,
          .other_slot = m_spec.slots.at(1 - slot).name,
          .port = own.port,
          .publishes = by_name ? SlotIdentity::Port::optional : SlotIdentity::Port::required,
          .networks = m_spec.docker.networks};
}

// Compared whole: docker's name filter finds "app-blue" in "app-blue-2".
std::string DockerRuntime::own_container(std::size_t slot,
                                         const std::vector<engine::ContainerSummary>& list) const {
  const auto& name = m_spec.slots.at(slot).container;
  for (const auto& entry : list) {
    if (std::find(entry.names.begin(), entry.names.end(), name) != entry.names.end()) return entry.id;
  }
  return {};
}

Result<std::vector<std::string>> DockerRuntime::compare(std::size_t slot, const plan::Launch& launch,
                                                        const engine::Container& container,
                                                        const engine::Image& image, const Wait&) {
  BGDEPLOY_ASSIGN(const auto request, container_request(m_spec, slot, launch, m_placement, m_secrets));
  return differences(container.json, image.json, request, m_client->podman());
}

// One look at a host: the list, and an inspection of each container and image that matters, once.
class DockerRuntime::Observation {
public:
  Observation(DockerRuntime& runtime, std::vector<engine::ContainerSummary> list, const Wait& wait)
      : m_runtime(runtime), m_list(std::move(list)), m_wait(wait) {}

  Result<plan::SlotState> slot(std::size_t index, const std::optional<plan::Launch>& launch) {
    const auto& own = m_runtime.m_spec.slots.at(index);
    const auto aside = own.container + std::string(k_aside_suffix);
    const auto own_id = m_runtime.own_container(index, m_list);
    const auto identity = m_runtime.identity(index);
    plan::SlotState state;
    for (const auto& entry : m_list) {
      const bool is_own = entry.id == own_id;
      const bool is_aside = std::find(entry.names.begin(), entry.names.end(), aside) != entry.names.end();
      if (!is_own && !is_aside && !concerns(entry, own, launch.has_value())) continue;
      BGDEPLOY_ASSIGN(const auto inspected, inspect(entry.id));
      if (!inspected) continue;  // it went away meanwhile
      const auto role = role_of(*inspected, identity, is_own || is_aside);
      if (role == std::variant<Role, plan::Stranger>(Role::nobody)) continue;
      const auto* stranger = std::get_if<plan::Stranger>(&role);
      const bool compared = (is_own || is_aside) && stranger == nullptr;
      BGDEPLOY_ASSIGN(auto container, described(index, *inspected, compared ? launch : std::nullopt));
      if (stranger != nullptr) {
        state.strangers.push_back(*stranger);
        state.strangers.back().container = std::move(container);
      } else if (is_own) {
        state.container = std::move(container);
      } else if (is_aside) {
        state.aside = std::move(container);
      } else {
        state.others.push_back(std::move(container));
      }
    }
    return state;
  }

private:
  // What runs shows its ports in the list. What another service stopped, and could start again, does not: it
  // is looked at before a deploy.
  bool concerns(const engine::ContainerSummary& entry, const spec::Slot& own, bool deploying) const {
    const auto service = value_of(entry.labels, label::k_service);
    const bool labelled = service == m_runtime.m_spec.service;
    const bool neighbour = deploying && !service.empty() && entry.state != "running";
    return labelled || neighbour || publishes(entry, own.port);
  }

  Result<std::optional<engine::Container>> inspect(const std::string& id) {
    auto inspected = m_runtime.m_client->inspect_container(id, m_wait);
    if (inspected) return std::optional(std::move(*inspected));
    if (inspected.error().kind == ErrorKind::not_found) return std::optional<engine::Container>();
    return std::unexpected(std::move(inspected.error()));
  }

  Result<plan::Container> described(std::size_t index, const engine::Container& inspected,
                                    const std::optional<plan::Launch>& launch) {
    auto container = m_runtime.described(inspected);
    if (!container.managed && container.release.digest.empty()) {
      BGDEPLOY_ASSIGN(const auto* image, image_of(inspected));
      container.release.digest = digest_of(*image, container.release.image);
    }
    if (launch) {
      BGDEPLOY_ASSIGN(const auto* image, image_of(inspected));
      BGDEPLOY_ASSIGN(container.differences, m_runtime.compare(index, *launch, inspected, *image, m_wait));
    }
    return container;
  }

  // Empty when the image was removed under its container.
  Result<const engine::Image*> image_of(const engine::Container& container) {
    if (const auto found = m_images.find(container.image_id); found != m_images.end()) return &found->second;
    auto image = m_runtime.m_client->inspect_image(container.image_id, m_wait);
    if (!image && image.error().kind != ErrorKind::not_found) return std::unexpected(image.error());
    return &m_images.emplace(container.image_id, image ? std::move(*image) : engine::Image{}).first->second;
  }

  static std::string digest_of(const engine::Image& image, const std::string& repository) {
    for (const auto& digest : image.repo_digests) {
      if (digest.starts_with(repository + "@")) return digest.substr(repository.size() + 1);
    }
    return {};
  }

  DockerRuntime& m_runtime;
  const std::vector<engine::ContainerSummary> m_list;
  const Wait& m_wait;
  std::map<std::string, engine::Image> m_images;  // by image id
};

Result<std::array<plan::SlotState, 2>> DockerRuntime::observe(
    const std::array<std::optional<plan::Launch>, 2>& launches, const Wait& wait) {
  BGDEPLOY_ASSIGN(auto list, m_client->list_containers(wait));
  Observation observation(*this, std::move(list), wait);
  std::array<plan::SlotState, 2> slots;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    BGDEPLOY_ASSIGN(slots[i], observation.slot(i, launches[i]));
  }
  return slots;
}

Result<std::optional<int>> DockerRuntime::container_port(std::size_t slot, const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto list, m_client->list_containers(wait));
  const auto id = own_container(slot, list);
  const auto own = std::ranges::find(list, id, &engine::ContainerSummary::id);
  if (own == list.end()) return std::nullopt;
  int port = 0;
  const auto label = value_of(own->labels, label::k_container_port);
  std::from_chars(label.data(), label.data() + label.size(), port);
  const auto published =
      std::ranges::find(own->ports, m_spec.slots.at(slot).port, &engine::PublishedPort::host_port);
  if (port == 0 && published != own->ports.end()) port = published->container_port;
  return port == 0 ? std::nullopt : std::optional(port);
}

// The daemon knows how much memory the machine has, but not how much of it is taken.
Result<std::optional<std::int64_t>> DockerRuntime::memory_available(const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto output, m_host.run({{"cat", "/proc/meminfo"}, host::Tool::other, {}}, wait));
  constexpr std::string_view key = "MemAvailable:";
  for (const auto& line : core::split_lines(output.out)) {
    if (!line.starts_with(key)) continue;
    const auto digits = core::trim(std::string_view(line).substr(key.size()));
    std::int64_t kilobytes = 0;
    if (std::from_chars(digits.data(), digits.data() + digits.size(), kilobytes).ec == std::errc{})
      return kilobytes * 1024;
  }
  return std::nullopt;
}

}  // namespace bgdeploy::runtime
