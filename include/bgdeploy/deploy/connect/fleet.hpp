// The connected hosts of a spec, with what runs on them.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/deploy/lock/lease.hpp"
#include "bgdeploy/deploy/world.hpp"
#include "bgdeploy/host/host.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::deploy {

// What keeps one host from being used.
struct HostFailure {
  spec::Host host;
  core::Error error;
};
// One error out of those of several hosts, at least one: the first one's kind, all of them in words.
core::Error merge(const std::vector<HostFailure>& failures);

class Fleet {
public:
  // Logs in everywhere, side by side; a machine that is app host and proxy alike once. Kinds: unreachable,
  // untrusted, denied, cancelled; every host that failed is in the details, and by itself in `failed`.
  static core::Result<Fleet> connect(const spec::Spec& spec, const core::Wait& wait,
                                     std::vector<HostFailure>* failed = nullptr);

  // With the hosts that are connected.
  const spec::Spec& spec() const { return *m_spec; }
  // What the spec leaves open, as far as it is known by now.
  plan::Places& places() const { return *m_places; }

  // From now on worlds know, by release id, what past releases are asked.
  void set_healths(std::map<std::string, spec::Health> healths) { m_healths = std::move(healths); }

  // Opens docker on the app hosts. Kind refused: there is none, or it may not be used, with what to do.
  core::Result<void> open_docker(const runtime::SecretValues& secrets, const core::Wait& wait,
                                 std::vector<HostFailure>* failed = nullptr);

  // Refers to this fleet; open_docker() comes first.
  World world(core::Clock& clock, report::Sink& sink);

  // A host where the service's lock is held, and the path of that (see lease.hpp).
  struct LockPlace {
    host::Host* host;
    LockPath path;
  };
  // Where it counts: on all proxies (without a proxy to be told: on all app hosts), in sorted order. Who
  // holds one of them keeps everybody else from holding all.
  std::vector<LockPlace> locks() const;
  // The other machines: held so that a deployer that was paused can do nothing more there.
  std::vector<LockPlace> fences() const;
  core::Result<LockStatus> lock_status(const core::Wait& wait) const;
  // Beside the service's own on that app host: one for each `bgdeploy run` at the same time, by number.
  LockPath one_off_lock(std::size_t app, int number) const;
  // Where the history is kept: the first proxy host, else the first app host.
  host::Host& history_host() const;
  // What docker keeps there, where it is an app host. open_docker() comes first.
  runtime::Storage* history_storage() const;

  host::Host& app(std::size_t index) const { return *m_machines[m_apps[index]].host; }
  host::Host& proxy(std::size_t index) const { return *m_machines[m_fronts[index]].host; }
  // Each machine once.
  std::vector<host::Host*> machines() const;
  // Whether it is an app host.
  bool has_slots(const host::Host& machine) const;
  // Whether it is a proxy host.
  bool has_proxy(const host::Host& machine) const;

private:
  // The parts that refer to the host come after it.
  struct Machine {
    spec::Host entry;
    std::vector<std::unique_ptr<host::Host>> lost;  // connections that broke
    std::unique_ptr<host::Host> host;
    runtime::OnHost docker;               // on app hosts
    std::unique_ptr<proxy::Proxy> proxy;  // on proxy hosts
  };

  std::size_t machine_of(const spec::Host& entry);
  core::Result<void> open_docker_on(std::size_t app, const core::Wait& wait);
  core::Result<void> learn_ports(const core::Wait& wait);
  void point(World& world);
  std::optional<health::Answer> ask_backend(std::size_t front, const plan::Backend& backend,
                                            spec::Health health, const core::Wait& wait);
  core::Result<SlotUrl> reach_slot(std::size_t host, std::size_t slot, const std::string& id,
                                   const core::Wait& wait);
  void revive(World& world, const core::Wait& wait);
  LockPlace lock_place(const Machine& machine) const;

  std::unique_ptr<const spec::Spec> m_spec;
  std::shared_ptr<plan::Places> m_places = std::make_shared<plan::Places>();
  std::vector<Machine> m_machines;
  std::vector<std::size_t> m_apps, m_fronts;  // indices of machines, in the spec's order
  runtime::SecretValues m_secrets;
  std::map<std::string, spec::Health> m_healths;
};

}  // namespace bgdeploy::deploy
