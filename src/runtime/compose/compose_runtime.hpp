// A slot that a compose project runs. The command line of compose is used where only it knows (what a file
// means, and `up`); everything about a container that exists goes through the Engine API, by id, as for
// docker.
#pragma once

#include <array>
#include <mutex>

#include "compose/script.hpp"
#include "engine_runtime.hpp"

namespace bgdeploy::runtime {

class ComposeRuntime final : public EngineRuntime {
public:
  explicit ComposeRuntime(EngineHost on) : EngineRuntime(std::move(on)) {}

  Result<std::array<plan::SlotState, 2>> observe(const std::array<std::optional<plan::Launch>, 2>& launches,
                                                 const Wait& wait) override;
  // What the slot's project had not before is removed again on failure.
  Result<plan::Container> launch(std::size_t slot, const plan::Launch& launch, const Wait& wait) override;
  Result<std::vector<std::string>> neighbours(std::size_t slot, const Wait& wait) override;

  // Of all that runs in the slot's project, where it is the slot's own.
  Result<void> start(const std::string& id, const Wait& wait) override;
  Result<bool> stop(const std::string& id, core::Duration grace, const Wait& wait) override;
  Result<void> remove(const std::string& id, const Wait& wait) override;

  Result<int> run_once(const Request& request, const Output& output, const Wait& wait) override;
  Result<std::vector<std::string>> remove_leftovers(const std::function<bool(const std::string&)>& ended,
                                                    const Wait& wait) override;

  Result<std::string> repository(const plan::Launch& launch, const Wait& wait) override;
  Result<std::optional<std::string>> publishes_on(std::size_t slot, const plan::Launch& launch,
                                                  const Wait& wait) override;
  Result<std::optional<std::int64_t>> memory_limit(std::size_t slot, const plan::Launch& launch,
                                                   const Wait& wait) override;
  std::vector<std::string> cautions() const override;

  Aside* aside() override { return nullptr; }
  Result<std::vector<Removed>> remove_uploads(bool only_look, const Wait& wait) override;

private:
  using Summaries = std::vector<engine::ContainerSummary>;

  std::string own_container(std::size_t slot, const Summaries& list) const override;
  SlotIdentity identity(std::size_t slot) const override;
  Result<std::vector<std::string>> compare(std::size_t slot, const plan::Launch& launch,
                                           const engine::Container& container, const engine::Image& image,
                                           const Wait& wait) override;

  std::vector<std::string> differences_beside_files(std::size_t slot, const plan::Launch& launch,
                                                    const engine::Container& container) const;

  std::string project(std::size_t slot) const;
  std::string service_in(std::size_t slot, const Summaries& list) const;
  bool shared() const { return project(0) == project(1); }
  // What else belongs to the slot that the container is of; nothing in a project that both slots share.
  std::string own_project(const std::map<std::string, std::string>& labels) const;
  bool started_with(const engine::Container& container, const engine::ContainerSummary& entry) const;
  Result<std::vector<std::string>> beside(const engine::Container& container, const Wait& wait);

  // call.cpp
  Result<std::vector<std::string>> program(const Wait& wait);
  Result<ComposeCall> call_for(std::size_t slot, const plan::Launch& launch,
                               std::vector<std::string> arguments, const Wait& wait);
  Result<std::string> run(const ComposeCall& call, const Wait& wait);
  // With those of all profiles where `service` is none of the others.
  Result<std::vector<spec::ComposeService>> services(std::size_t slot, const plan::Launch& launch,
                                                     const std::string& service, const Wait& wait);
  // The one that answers health checks, as the file has it.
  Result<spec::ComposeService> service_of(std::size_t slot, const plan::Launch& launch, const Wait& wait);
  // Kind usage: the two slots could not run side by side.
  Result<void> check_apart() const;
  Result<void> check_service(std::size_t slot, const spec::ComposeService& service) const;
  Result<void> up(std::size_t slot, const plan::Launch& launch, const spec::ComposeService& service,
                  const Wait& wait);

  // one_off.cpp
  // What compose makes of the service for one command, as a request for such a container.
  Result<ContainerRequest> made_by_compose(const Request& request, const std::string& name, const Wait& wait);
  Result<bool> runs(std::size_t slot, const plan::Release& release, const Wait& wait);
  Result<void> forget(const std::vector<std::string>& gone, const Wait& wait);

  mutable std::mutex m_mutex;  // guards all below
  std::vector<std::string> m_program;
  std::vector<int> m_version;  // of it, once that is known
  struct Known {
    plan::ComposeLaunch compose;
    std::string tag;
    spec::ComposeService service;
    std::vector<spec::ComposeService> all;
  };
  std::array<std::optional<Known>, 2> m_known;  // by slot: what was asked for last
};

}  // namespace bgdeploy::runtime
