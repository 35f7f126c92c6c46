// A slot that one container runs, made by docker alone.
#pragma once

#include "observation.hpp"

namespace bgdeploy::runtime {

class DockerRuntime final : public Runtime, private Aside, private Recognition {
public:
  explicit DockerRuntime(EngineHost on) : m_on(std::move(on)), m_containers(m_on) {}

  Result<std::array<plan::SlotState, 2>> observe(const std::array<std::optional<plan::Launch>, 2>& launches,
                                                 const Wait& wait) override;
  Result<plan::Container> launch(std::size_t slot, const plan::Launch& launch, const Wait& wait) override;
  Result<Reachable> reachable(std::size_t slot, const std::string& id, const spec::Health& health,
                              const Wait& wait) override {
    return m_containers.reachable(slot, id, health, wait);
  }
  Result<std::optional<int>> container_port(std::size_t slot, const Wait& wait) override;
  Result<std::vector<std::string>> neighbours(std::size_t, const Wait&) override { return {}; }

  Result<void> start(const std::string& id, const Wait& wait) override {
    return m_containers.start(id, wait);
  }
  Result<bool> stop(const std::string& id, core::Duration grace, const Wait& wait) override {
    return m_containers.stop(id, grace, wait);
  }
  Result<void> remove(const std::string& id, const Wait& wait) override {
    return m_containers.remove(id, wait);
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

  Result<int> run_once(const Request& request, const Output& output, const Wait& wait) override;
  Result<std::vector<std::string>> remove_leftovers(const std::function<bool(const std::string&)>& ended,
                                                    const Wait& wait) override;

  Result<std::string> repository(const plan::Launch&, const Wait&) override { return m_on.spec.image; }
  Result<std::optional<std::string>> publishes_on(std::size_t slot, const plan::Launch& launch,
                                                  const Wait& wait) override;
  Result<std::optional<std::int64_t>> memory_available(const Wait& wait) override {
    return m_containers.memory_available(wait);
  }
  std::optional<std::string> listener_on(int port, const Wait& wait) override {
    return m_containers.listener_on(port, wait);
  }
  Result<std::optional<std::int64_t>> memory_limit(std::size_t slot, const plan::Launch& launch,
                                                   const Wait& wait) override;
  std::vector<std::string> cautions() const override { return {}; }

  Aside* aside() override { return this; }

private:
  Result<void> set_aside(std::size_t slot, const std::string& id, const Wait& wait) override;
  Result<void> put_back(std::size_t slot, const std::string& id, const Wait& wait) override;

  std::string own_container(std::size_t slot,
                            const std::vector<engine::ContainerSummary>& list) const override;
  SlotIdentity identity(std::size_t slot) const override;
  Result<std::vector<std::string>> compare(std::size_t slot, const plan::Launch& launch,
                                           const engine::Container& container, const engine::Image& image,
                                           const Wait& wait) override;

  Result<std::string> create(const ContainerRequest& request, const std::string& release, const Wait& wait);
  Result<void> connect_and_start(const ContainerRequest& request, std::size_t slot,
                                 const plan::Launch& launch, const std::string& id, const Wait& wait);
  // Where the launch publishes its port; "none" publishes nothing.
  std::string host_ip(const plan::Launch& launch) const;

  const EngineHost m_on;
  EngineContainers m_containers;
};

}  // namespace bgdeploy::runtime
