// A slot that one container runs, made by docker alone.
#pragma once

#include "engine_runtime.hpp"

namespace bgdeploy::runtime {

class DockerRuntime final : public EngineRuntime, private Aside {
public:
  explicit DockerRuntime(EngineHost on) : EngineRuntime(std::move(on)) {}

  Result<plan::Container> launch(std::size_t slot, const plan::Launch& launch, const Wait& wait) override;
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

  Result<int> run_once(const Request& request, const Output& output, const Wait& wait) override;
  Result<std::vector<std::string>> remove_leftovers(const std::function<bool(const std::string&)>& ended,
                                                    const Wait& wait) override;

  Result<std::string> repository(const plan::Launch&, const Wait&) override { return m_on.spec.image; }
  Result<std::optional<std::string>> publishes_on(std::size_t slot, const plan::Launch& launch,
                                                  const Wait& wait) override;
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
};

}  // namespace bgdeploy::runtime
