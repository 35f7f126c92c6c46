#include <algorithm>
#include <map>

#include "observation.hpp"

namespace bgdeploy::runtime {
namespace {

using core::ErrorKind;

// One look at a host: the list, and an inspection of each container and image that matters, once.
class Observation {
public:
  Observation(const EngineHost& on, const EngineContainers& containers, Recognition& recognition,
              std::vector<engine::ContainerSummary> list, const Wait& wait)
      : m_on(on),
        m_containers(containers),
        m_recognition(recognition),
        m_list(std::move(list)),
        m_wait(wait) {}

  Result<plan::SlotState> slot(std::size_t index, const std::optional<plan::Launch>& launch) {
    const auto& own = m_on.spec.slots.at(index);
    const auto aside = own.container + std::string(k_aside_suffix);
    const auto own_id = m_recognition.own_container(index, m_list);
    const auto identity = m_recognition.identity(index);
    plan::SlotState state;
    for (const auto& entry : m_list) {
      const bool is_own = entry.id == own_id;
      const bool is_aside = std::find(entry.names.begin(), entry.names.end(), aside) != entry.names.end();
      if (!is_own && !is_aside && !concerns(entry, own, launch.has_value())) continue;
      BGDEPLOY_ASSIGN(const auto* inspected, inspect(entry.id));
      if (inspected == nullptr) continue;
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
    const bool labelled = service == m_on.spec.service;
    const bool neighbour = deploying && !service.empty() && entry.state != "running";
    return labelled || neighbour || publishes(entry, own.port);
  }

  // Nothing where it went away meanwhile.
  Result<const engine::Container*> inspect(const std::string& id) {
    auto found = m_inspected.find(id);
    if (found == m_inspected.end()) {
      auto inspected = m_on.client->inspect_container(id, m_wait);
      if (!inspected && inspected.error().kind != ErrorKind::not_found)
        return std::unexpected(std::move(inspected.error()));
      found = m_inspected.emplace(id, inspected ? std::optional(std::move(*inspected)) : std::nullopt).first;
    }
    return found->second ? &*found->second : nullptr;
  }

  Result<plan::Container> described(std::size_t index, const engine::Container& inspected,
                                    const std::optional<plan::Launch>& launch) {
    auto container = m_containers.described(inspected);
    if (!container.managed && container.release.digest.empty()) {
      BGDEPLOY_ASSIGN(const auto* image, image_of(inspected));
      container.release.digest = digest_of(*image, container.release.image);
      // It may have been given another name there: `docker tag registry/shop shop`.
      if (container.release.digest.empty()) container.release.digest = digest_of(*image, m_on.spec.image);
    }
    if (launch) {
      BGDEPLOY_ASSIGN(const auto* image, image_of(inspected));
      BGDEPLOY_ASSIGN(container.differences,
                      m_recognition.compare(index, *launch, inspected, *image, m_wait));
    }
    return container;
  }

  // Empty when the image was removed under its container.
  Result<const engine::Image*> image_of(const engine::Container& container) {
    if (const auto found = m_images.find(container.image_id); found != m_images.end()) return &found->second;
    auto image = m_on.client->inspect_image(container.image_id, m_wait);
    if (!image && image.error().kind != ErrorKind::not_found) return std::unexpected(image.error());
    return &m_images.emplace(container.image_id, image ? std::move(*image) : engine::Image{}).first->second;
  }

  static std::string digest_of(const engine::Image& image, const std::string& repository) {
    for (const auto& digest : image.repo_digests) {
      if (digest.starts_with(repository + "@")) return digest.substr(repository.size() + 1);
    }
    return {};
  }

  const EngineHost& m_on;
  const EngineContainers& m_containers;
  Recognition& m_recognition;
  const std::vector<engine::ContainerSummary> m_list;
  const Wait& m_wait;
  std::map<std::string, std::optional<engine::Container>> m_inspected;  // by id
  std::map<std::string, engine::Image> m_images;                        // by image id
};

}  // namespace

Result<std::array<plan::SlotState, 2>> observe_slots(
    const EngineHost& on, const EngineContainers& containers, Recognition& recognition,
    const std::array<std::optional<plan::Launch>, 2>& launches, const Wait& wait) {
  BGDEPLOY_ASSIGN(auto list, on.client->list_containers(wait));
  Observation observation(on, containers, recognition, std::move(list), wait);
  std::array<plan::SlotState, 2> slots;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    BGDEPLOY_ASSIGN(slots[i], observation.slot(i, launches[i]));
  }
  return slots;
}

}  // namespace bgdeploy::runtime
