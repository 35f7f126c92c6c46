// What the runtimes that use an engine have in common: the containers of one host that exist, by id, through
// the Engine API.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "bgdeploy/engine/client.hpp"
#include "bgdeploy/runtime/docker_container.hpp"
#include "bgdeploy/runtime/identity.hpp"
#include "bgdeploy/runtime/runtime.hpp"

namespace bgdeploy::runtime {

// One host with its engine, and what is wanted of it.
struct EngineHost {
  host::Host& host;
  std::shared_ptr<engine::Client> client;
  spec::Spec spec;
  Placement placement;
  SecretValues secrets;
};

// Docker's way with each of them; what belongs together is for the runtime to know. `on` outlives it.
class EngineContainers {
public:
  using Output = Inspection::Output;

  explicit EngineContainers(const EngineHost& on) : m_on(on) {}

  // As Containers and Inspection have it.
  Result<void> start(const std::string& id, const Wait& wait);
  Result<bool> stop(const std::string& id, core::Duration grace, const Wait& wait);
  Result<void> remove(const std::string& id, const Wait& wait);
  Result<std::optional<int>> await_exit(const std::string& id, const Wait& wait);
  // Fine where it has that name already.
  Result<void> rename(const std::string& id, const std::string& name, const Wait& wait);
  // Whatever it does, and with its own volumes. Goes on where the user has interrupted.
  void discard(const std::string& id);

  Result<Reachable> reachable(std::size_t slot, const std::string& id, const spec::Health& health,
                              const Wait& wait);
  // The port inside of container `id`, which is one of `list`, that answers on the slot's port.
  std::optional<int> container_port(std::size_t slot, const std::string& id,
                                    const std::vector<engine::ContainerSummary>& list) const;
  plan::Container described(const engine::Container& container) const;
  Result<std::optional<std::int64_t>> memory_available(const Wait& wait);
  // The same error, or that somebody else has the slot's port on `ip`. `id`: what was not started, where it
  // is there.
  core::Error start_failure(std::size_t slot, const std::string& ip, const std::string& id, core::Error error,
                            const Wait& wait);

  // clues.cpp
  Clues clues(const std::string& id, const Wait& wait);
  std::optional<std::string> listener_on(int port, const Wait& wait);

  // engine_output.cpp
  Result<Diagnosis> diagnose(const std::string& id, const Wait& wait);
  Result<Diagnosis> glance(const std::string& id, const Wait& wait);
  // Of what start() has started, without the lines of its earlier life.
  Result<void> logs(const std::string& id, const LogRange& range,
                    const std::function<void(const LogLine&)>& line, const Wait& wait);
  Result<int> exec(const std::string& id, const std::vector<std::string>& argv, engine::Console* console,
                   const Output& output, const Wait& wait);

private:
  std::optional<core::SystemTime> last_line(const engine::Container& container, const Wait& wait);

  const EngineHost& m_on;
  std::mutex m_mutex;
  std::map<std::string, core::SystemTime> m_ended;  // what start() has started, when its earlier life ended
};

// Cleaning up goes on where what it cleans up after was interrupted.
inline constexpr core::Duration k_cleanup = std::chrono::seconds(10);

// Docker's word as a value; what is about to be removed counts as dead.
plan::Container::Status status_of(const engine::Container& container);
// A label's value; empty where it has none of this name.
std::string value_of(const std::map<std::string, std::string>& labels, std::string_view name);
// Whether it has this port of the host now, for tcp.
bool publishes(const engine::ContainerSummary& container, int port);
// Whether nobody knows if the engine did what it was asked for.
bool may_have_happened(core::ErrorKind kind);

}  // namespace bgdeploy::runtime
