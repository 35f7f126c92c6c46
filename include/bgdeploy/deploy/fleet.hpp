// The connected hosts of a spec, with what runs on them.
#pragma once

#include <memory>
#include <vector>

#include "bgdeploy/core/error.hpp"
#include "bgdeploy/deploy/world.hpp"
#include "bgdeploy/host/host.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::deploy {

class Fleet {
public:
  // Logs in everywhere, side by side. Kinds: unreachable, untrusted, denied, cancelled; every host that
  // failed is in the details.
  static core::Result<Fleet> connect(const spec::Spec& spec, const core::Wait& wait);

  // Opens docker on the app hosts. Kind refused: there is none, or it may not be used, with what to do.
  core::Result<void> open_docker(const spec::Spec& spec, const runtime::SecretValues& secrets,
                                 const core::Wait& wait);

  // Refers to this fleet and the spec; open_docker() comes first.
  World world(const spec::Spec& spec, core::Clock& clock, report::Sink& sink);

  const std::vector<std::unique_ptr<host::Host>>& app_hosts() const { return m_hosts; }
  // One per host of app_hosts(), in its order.
  const std::vector<std::unique_ptr<proxy::Proxy>>& proxies() const { return m_proxies; }
  // Where locks are held, in sorted order.
  std::vector<host::Host*> lock_hosts() const;
  // Where the history is kept.
  host::Host& history_host() const { return *m_hosts.front(); }

private:
  std::vector<std::unique_ptr<host::Host>> m_hosts;  // app hosts; each fronts itself
  std::vector<runtime::DockerOnHost> m_docker;
  std::vector<std::unique_ptr<proxy::Proxy>> m_proxies;
};

}  // namespace bgdeploy::deploy
