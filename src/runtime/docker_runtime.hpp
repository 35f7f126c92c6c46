#pragma once

#include "bgdeploy/engine/client.hpp"
#include "bgdeploy/runtime/docker_container.hpp"
#include "bgdeploy/runtime/identity.hpp"
#include "bgdeploy/runtime/runtime.hpp"

namespace bgdeploy::runtime {

class DockerRuntime : public Runtime {
public:
  DockerRuntime(host::Host& host, std::shared_ptr<engine::Client> client, spec::Spec spec,
                Placement placement, SecretValues secrets)
      : m_host(host),
        m_client(std::move(client)),
        m_spec(std::move(spec)),
        m_placement(std::move(placement)),
        m_secrets(std::move(secrets)) {}

  // docker_observe.cpp
  Result<std::array<plan::SlotState, 2>> observe(const std::array<std::optional<plan::Launch>, 2>& launches,
                                                 const Wait& wait) override;
  Result<std::optional<int>> container_port(std::size_t slot, const Wait& wait) override;
  Result<std::optional<std::int64_t>> memory_available(const Wait& wait) override;

  // docker_launch.cpp
  Result<plan::Container> launch(std::size_t slot, const plan::Launch& launch, const Wait& wait) override;

  // docker_runtime.cpp
  Result<std::optional<std::string>> publishes_on(std::size_t slot, const plan::Launch& launch,
                                                  const Wait& wait) override;
  Result<void> start(const std::string& id, const Wait& wait) override;
  Result<bool> stop(const std::string& id, core::Duration grace, const Wait& wait) override;
  Result<void> remove(const std::string& id, const Wait& wait) override;
  Result<void> set_aside(std::size_t slot, const std::string& id, const Wait& wait) override;
  Result<void> put_back(std::size_t slot, const std::string& id, const Wait& wait) override;
  Result<Reachable> reachable(std::size_t slot, const std::string& id, const Wait& wait) override;
  Result<std::optional<int>> await_exit(const std::string& id, const Wait& wait) override;

  // docker_output.cpp
  Result<Diagnosis> diagnose(const std::string& id, const Wait& wait) override;
  Result<void> logs(const std::string& id, int tail, bool follow,
                    const std::function<void(const LogLine&)>& line, const Wait& wait) override;
  Result<int> exec(const std::string& id, const std::vector<std::string>& argv, const Output& output,
                   const Wait& wait) override;

protected:
  class Observation;

  // The id of what runs (or ran) in the slot, or nothing.
  virtual std::string own_container(std::size_t slot,
                                    const std::vector<engine::ContainerSummary>& list) const;
  // What of `launch` the container does not have. `image` is empty when it was removed under its container.
  virtual Result<std::vector<std::string>> compare(std::size_t slot, const plan::Launch& launch,
                                                   const engine::Container& container,
                                                   const engine::Image& image, const Wait& wait);

  // What tells the slot's containers from others'.
  virtual SlotIdentity identity(std::size_t slot) const;

  plan::Container described(const engine::Container& container) const;
  Result<void> rename(const std::string& id, const std::string& name, const Wait& wait);
  Result<std::string> create(const ContainerRequest& request, const plan::Launch& launch, const Wait& wait);
  Result<void> connect_and_start(const ContainerRequest& request, std::size_t slot,
                                 const plan::Launch& launch, const std::string& id, const Wait& wait);
  core::Error start_failure(std::size_t slot, const plan::Launch& launch, const std::string& id,
                            core::Error error, const Wait& wait);
  void discard(const std::string& id);

  host::Host& m_host;
  const std::shared_ptr<engine::Client> m_client;
  const spec::Spec m_spec;
  const Placement m_placement;
  const SecretValues m_secrets;
};

// Docker's word as a value; what is about to be removed counts as dead.
plan::Container::Status status_of(const engine::Container& container);
// A label's value; empty where it has none of this name.
std::string value_of(const std::map<std::string, std::string>& labels, std::string_view name);
// Whether it has this port of the host now, for tcp.
bool publishes(const engine::ContainerSummary& container, int port);
// Where the host itself reaches what is published on `host_ip`. "localhost" could be ::1 first.
std::string loopback_for(const std::string& host_ip);

}  // namespace bgdeploy::runtime
