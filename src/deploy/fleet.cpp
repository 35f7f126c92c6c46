#include "bgdeploy/deploy/fleet.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "parallel.hpp"

namespace bgdeploy::deploy {

using core::Error;
using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

// One error out of those of several hosts: the first one's kind, all of them in words.
Error merge(std::vector<Error> errors) {
  Error first = std::move(errors.front());
  for (std::size_t i = 1; i < errors.size(); ++i) {
    first.details.push_back(std::move(errors[i].message));
    for (std::string& detail : errors[i].details) first.details.push_back(std::move(detail));
  }
  return first;
}

// 0 for what is no number: `proxy.nginx.port` is free text.
int port_of(const plan::Backend& backend) {
  int port = 0;
  std::from_chars(backend.port.data(), backend.port.data() + backend.port.size(), port);
  return port;
}

}  // namespace

Result<Fleet> Fleet::connect(const spec::Spec& spec, const Wait& wait) {
  Fleet fleet;
  std::vector<Result<std::unique_ptr<host::Host>>> results(spec.app_hosts.size());
  for_each_parallel(results.size(), spec.parallel,
                    [&](std::size_t i) { results[i] = host::connect(spec.app_hosts[i], wait); });
  std::vector<Error> errors;
  for (auto& result : results) {
    if (result)
      fleet.m_hosts.push_back(std::move(*result));
    else
      errors.push_back(std::move(result.error()));
  }
  if (!errors.empty()) {
    Error error = merge(std::move(errors));
    if (error.kind == ErrorKind::timeout || error.kind == ErrorKind::lost)
      error.kind = ErrorKind::unreachable;
    return std::unexpected(std::move(error));
  }
  for (const auto& host : fleet.m_hosts) fleet.m_proxies.push_back(proxy::nginx_on(*host, spec));
  return fleet;
}

Result<void> Fleet::open_docker(const spec::Spec& spec, const runtime::SecretValues& secrets,
                                const Wait& wait) {
  std::vector<Result<runtime::DockerOnHost>> results(m_hosts.size());
  for_each_parallel(results.size(), spec.parallel, [&](std::size_t i) {
    results[i] = runtime::docker_on(*m_hosts[i], spec, "127.0.0.1", secrets, wait);
  });
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!results[i]) {
      Error error = std::move(results[i].error());
      // The host itself was reached: this is no connection problem.
      if (error.kind == ErrorKind::unreachable || error.kind == ErrorKind::denied)
        error.kind = ErrorKind::refused;
      return std::unexpected(std::move(error));
    }
    m_docker.push_back(std::move(*results[i]));
  }
  return {};
}

World Fleet::world(const spec::Spec& spec, core::Clock& clock, report::Sink& sink) {
  World world{.apps = {}, .proxies = {}, .prober = {}, .listens = {}, .clock = clock, .sink = sink};
  for (std::size_t i = 0; i < m_hosts.size(); ++i) {
    world.apps.push_back({m_hosts[i]->name(), m_docker.at(i).images.get(), m_docker.at(i).runtime.get()});
    world.proxies.push_back({m_hosts[i]->name(), m_proxies[i].get()});
  }
  world.prober = [this, &spec](std::size_t host, std::size_t slot,
                               const std::string& id) -> Result<std::unique_ptr<health::Prober>> {
    runtime::Runtime& runtime = *m_docker.at(host).runtime;
    BGDEPLOY_ASSIGN(auto reachable, runtime.reachable(slot, id, Wait::for_at_most(std::chrono::seconds(30))));
    const std::string direct = spec.app_hosts[host].address.value_or(m_hosts[host]->address());
    return health::make_prober(spec.health, {*m_hosts[host], runtime, id, std::move(reachable), direct});
  };
  world.listens = [this, &spec](std::size_t host, std::size_t slot) {
    const auto routing = plan::routing_to(spec, slot, "");
    const int port = routing ? port_of(routing->at(host)) : 0;
    return port != 0 && m_hosts[host]->reachable(host::TcpEndpoint{routing->at(host).address, port},
                                                 Wait::for_at_most(spec.health.timeout));
  };
  return world;
}

std::vector<host::Host*> Fleet::lock_hosts() const {
  std::vector<host::Host*> hosts;
  for (const auto& host : m_hosts) hosts.push_back(host.get());
  std::ranges::sort(hosts, {}, &host::Host::name);
  return hosts;
}

}  // namespace bgdeploy::deploy
