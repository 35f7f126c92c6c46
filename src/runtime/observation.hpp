// What runs in the slots of one host, as an engine shows it.
#pragma once

#include "engine_containers.hpp"

namespace bgdeploy::runtime {

// How a runtime knows its own containers.
class Recognition {
public:
  virtual ~Recognition() = default;
  // The id of what runs (or ran) in the slot, or nothing.
  virtual std::string own_container(std::size_t slot,
                                    const std::vector<engine::ContainerSummary>& list) const = 0;
  // What tells the slot's containers from others'.
  virtual SlotIdentity identity(std::size_t slot) const = 0;
  // What of `launch` the container does not have. `image` is empty when it was removed under its container.
  virtual Result<std::vector<std::string>> compare(std::size_t slot, const plan::Launch& launch,
                                                   const engine::Container& container,
                                                   const engine::Image& image, const Wait& wait) = 0;
};

// As Slots::observe has it.
Result<std::array<plan::SlotState, 2>> observe_slots(
    const EngineHost& on, const EngineContainers& containers, Recognition& recognition,
    const std::array<std::optional<plan::Launch>, 2>& launches, const Wait& wait);

}  // namespace bgdeploy::runtime
