// What the runtimes that use an engine answer in the same way: by id, whatever made the container.
#pragma once

#include "observation.hpp"

namespace bgdeploy::runtime {

class EngineRuntime : public Runtime, protected Recognition {
public:
  explicit EngineRuntime(EngineHost on) : m_on(std::move(on)), m_containers(m_on) {}
  EngineRuntime(const EngineRuntime&) = delete;  // m_containers refers to m_on
  EngineRuntime& operator=(const EngineRuntime&) = delete;

  Result<std::array<plan::SlotState, 2>> observe(const std::array<std::optional<plan::Launch>, 2>& launches,
                                                 const Wait& wait) override {
    return observe_slots(m_on, m_containers, *this, launches, wait);
  }
  Result<Reachable> reachable(std::size_t slot, const std::string& id, const spec::Health& health,
                              const Wait& wait) override {
    return m_containers.reachable(slot, id, health, wait);
  }
  Result<std::optional<int>> container_port(std::size_t slot, const Wait& wait) override {
    BGDEPLOY_ASSIGN(const auto list, m_on.client->list_containers(wait));
    return m_containers.container_port(slot, own_container(slot, list), list);
  }

  Result<Diagnosis> diagnose(const std::string& id, const Wait& wait) override {
    return m_containers.diagnose(id, wait);
  }
  Result<Diagnosis> glance(const std::string& id, const Wait& wait) override {
    return m_containers.glance(id, wait);
  }
  Clues clues(const std::string& id, const Wait& wait) override { return m_containers.clues(id, wait); }
  Result<std::optional<int>> await_exit(const std::string& id, const Wait& wait) override {
    return m_containers.await_exit(id, wait);
  }
  Result<void> logs(const std::string& id, const LogRange& range,
                    const std::function<void(const LogLine&)>& line, const Wait& wait) override {
    return m_containers.logs(id, range, line, wait);
  }
  Result<int> exec(const std::string& id, const std::vector<std::string>& argv, engine::Console* console,
                   const Output& output, const Wait& wait) override {
    return m_containers.exec(id, argv, console, output, wait);
  }

  Result<std::optional<std::int64_t>> memory_available(const Wait& wait) override {
    return m_containers.memory_available(wait);
  }
  std::optional<std::string> listener_on(int port, const Wait& wait) override {
    return m_containers.listener_on(port, wait);
  }

protected:
  const EngineHost m_on;
  EngineContainers m_containers;
};

}  // namespace bgdeploy::runtime
