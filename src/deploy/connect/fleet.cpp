#include "bgdeploy/deploy/connect/fleet.hpp"

#include <algorithm>
#include <mutex>

#include <fmt/format.h>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/deploy/deadlines.hpp"
#include "bgdeploy/health/url.hpp"
#include "bgdeploy/host/tunnel.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"
#include "bgdeploy/plan/routing.hpp"
#include "bgdeploy/plan/substitutions.hpp"
#include "bgdeploy/proxy/kinds.hpp"
#include "bgdeploy/runtime/build_here.hpp"
#include "hooks/shell.hpp"
#include "parallel.hpp"
#include "watch/read_log.hpp"

namespace bgdeploy::deploy {

using core::Error;
using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

// 0 for what is no number: the spec may have any text for it.
int port_of(const plan::Backend& backend) {
  return core::leading_number<int>(backend.port).value_or(0);
}

// Whether the spec says what the proxy calls the backends, without their hosts' addresses.
bool names_backends(const spec::Spec& spec) {
  const auto told = plan::proxy_kind(spec).told(spec);
  return told.address && told.address->find("{address}") == std::string::npos;
}

BuildHere build_once(const spec::Spec& spec) {
  using Image = std::shared_ptr<const archive::Image>;
  struct Built {
    std::mutex mutex;
    std::optional<Result<Image>> image;
  };
  return [built = std::make_shared<Built>(), service = spec.service](
             const plan::Release& release, const context::Files& files,
             const std::function<void(const std::string&)>& output, const Wait& wait) -> Result<Image> {
    const std::scoped_lock lock(built->mutex);
    if (!built->image) {
      auto image = runtime::build_here(release, files, service, output, wait);
      built->image = image ? Result<Image>(std::make_shared<const archive::Image>(std::move(*image)))
                           : std::unexpected(std::move(image.error()));
    }
    return *built->image;
  };
}

}  // namespace

Error merge(const std::vector<HostFailure>& failures) {
  Error first = failures.front().error;
  for (std::size_t i = 1; i < failures.size(); ++i) {
    const Error& error = failures[i].error;
    first.details.push_back(error.message);
    first.details.insert(first.details.end(), error.details.begin(), error.details.end());
    if (first.next.empty()) first.next = error.next;
  }
  return first;
}

// A machine that is listed as app host and as proxy is logged in to once.
std::size_t Fleet::machine_of(const spec::Host& entry) {
  const auto same = [&](const Machine& machine) {
    return machine.entry.name == entry.name && machine.entry.local == entry.local &&
           machine.entry.ssh == entry.ssh && machine.entry.host_key == entry.host_key;
  };
  const auto found = std::ranges::find_if(m_machines, same);
  if (found != m_machines.end()) return static_cast<std::size_t>(found - m_machines.begin());
  m_machines.push_back({.entry = entry, .lost = {}, .host = {}, .docker = {}, .proxy = {}});
  return m_machines.size() - 1;
}

Result<Fleet> Fleet::connect(const spec::Spec& spec, const Wait& wait, std::vector<HostFailure>* failed) {
  Fleet fleet;
  fleet.m_spec = std::make_unique<const spec::Spec>(spec);
  for (const spec::Host& entry : spec.app_hosts) fleet.m_apps.push_back(fleet.machine_of(entry));
  for (const spec::Host& entry : spec::proxies(spec)) fleet.m_fronts.push_back(fleet.machine_of(entry));
  std::vector<Result<std::unique_ptr<host::Host>>> results(fleet.m_machines.size());
  for_each_parallel(results.size(), spec.parallel,
                    [&](std::size_t i) { results[i] = host::connect(fleet.m_machines[i].entry, wait); });
  std::vector<HostFailure> failures;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i]) {
      fleet.m_machines[i].host = std::move(*results[i]);
      continue;
    }
    Error error = std::move(results[i].error());
    if (error.kind == ErrorKind::timeout || error.kind == ErrorKind::lost)
      error.kind = ErrorKind::unreachable;
    failures.push_back({fleet.m_machines[i].entry, std::move(error)});
  }
  if (!failures.empty()) {
    if (failed != nullptr) *failed = failures;
    return std::unexpected(merge(failures));
  }
  for (const std::size_t front : fleet.m_fronts)
    fleet.m_machines[front].proxy = proxy::proxy_on(*fleet.m_machines[front].host, *fleet.m_spec);
  // Behind a jump, and of `local`, it is no address for others: there the spec has to name one.
  for (std::size_t i = 0; i < spec.app_hosts.size() && !spec.proxy_hosts.empty(); ++i) {
    const spec::Host& app = spec.app_hosts[i];
    if (app.address || app.local || spec::published_ip(spec, app) == "127.0.0.1") continue;
    // Only OpenSSH's configuration can have led here: the loader looks at the spec's own proxy_jump.
    if (fleet.app(i).behind_jump() && !names_backends(spec))
      return core::fail(
          ErrorKind::usage,
          fmt::format("hosts.app must give {} an `address`, by which hosts.proxy reaches it", app.name),
          {"OpenSSH's configuration leads to it through a jump host"},
          fmt::format("hosts: {{app: [{{host: {}, address: 10.0.0.1}}]}}, with its address there", app.name));
    fleet.m_places->at(i).address = fleet.app(i).address();
  }
  return fleet;
}

Result<void> Fleet::open_docker_on(std::size_t app, const Wait& wait) {
  Machine& machine = m_machines[m_apps[app]];
  auto opened = runtime::open(*machine.host, *m_spec, *m_places, app, m_secrets, wait);
  if (opened) {
    machine.docker = std::move(*opened);
    return {};
  }
  Error error = std::move(opened.error());
  // The host itself was reached: this is no connection problem. What sudo refuses the login has to be given
  // first.
  const bool by_sudo = !machine.host->prefix(host::Tool::docker).empty() && error.kind == ErrorKind::denied;
  if (!by_sudo && (error.kind == ErrorKind::unreachable || error.kind == ErrorKind::denied))
    error.kind = ErrorKind::refused;
  return std::unexpected(std::move(error));
}

Result<void> Fleet::open_docker(const runtime::SecretValues& secrets, const Wait& wait,
                                std::vector<HostFailure>* failed) {
  m_secrets = secrets;
  std::vector<Result<void>> results(m_apps.size());
  for_each_parallel(results.size(), m_spec->parallel,
                    [&](std::size_t i) { results[i] = open_docker_on(i, wait); });
  std::vector<HostFailure> failures;
  for (std::size_t i = 0; i < results.size(); ++i)
    if (!results[i]) failures.push_back({m_spec->app_hosts[i], std::move(results[i].error())});
  if (!failures.empty()) {
    if (failed != nullptr) *failed = failures;
    return std::unexpected(merge(failures));
  }
  return learn_ports(wait);
}

// Only where the proxies are told of it: what is published is found by the slot's own port.
Result<void> Fleet::learn_ports(const Wait& wait) {
  if (!plan::routes_to_container_port(*m_spec)) return {};
  for (std::size_t slot = 0; slot < m_spec->slots.size(); ++slot) {
    for (std::size_t i = 0; i < m_apps.size() && m_places->container_ports[slot] == 0; ++i) {
      BGDEPLOY_ASSIGN(const auto port, m_machines[m_apps[i]].docker.runtime->container_port(slot, wait));
      if (port) m_places->container_ports[slot] = *port;
    }
  }
  return {};
}

void Fleet::point(World& world) {
  world.apps.clear();
  world.proxies.clear();
  for (std::size_t i = 0; i < m_apps.size(); ++i) {
    const Machine& machine = m_machines[m_apps[i]];
    world.apps.push_back({machine.host->name(), machine.docker.images.get(), machine.docker.runtime.get(),
                          machine.docker.storage.get()});
  }
  for (const std::size_t front : m_fronts)
    world.proxies.push_back({m_machines[front].host->name(), m_machines[front].proxy.get()});
}

World Fleet::world(core::Clock& clock, report::Sink& sink) {
  World world{.apps = {},
              .proxies = {},
              .prober = {},
              .listens = {},
              .ask_site = {},
              .ask_backend = {},
              .revive = [this](World& lost, const Wait& wait) { revive(lost, wait); },
              .clock = clock,
              .sink = sink,
              .places = m_places};
  point(world);
  world.prober = [this, &clock](std::size_t host, std::size_t slot, const std::string& id,
                                const spec::Health& health) -> Result<std::unique_ptr<health::Prober>> {
    runtime::Runtime& runtime = *m_machines[m_apps[host]].docker.runtime;
    runtime::Reachable reachable;
    if (std::holds_alternative<spec::HealthHttp>(health.probe) ||
        std::holds_alternative<spec::HealthTcp>(health.probe)) {
      BGDEPLOY_ASSIGN(reachable,
                      runtime.reachable(slot, id, health, deadlines::within(clock, deadlines::k_request)));
    }
    const std::string direct = m_spec->app_hosts[host].address.value_or(app(host).address());
    return health::make_prober(health, {app(host), runtime, id, std::move(reachable), direct});
  };
  world.listens = [this, &clock](std::size_t host, std::size_t slot) {
    const bool fronts_itself = !m_fronts.empty() && m_spec->proxy_hosts.empty();
    const auto routing = fronts_itself ? plan::routing_to(*m_spec, *m_places, host, slot, "")
                                       : Result<plan::Routing>(plan::Routing{});
    host::TcpEndpoint at{"127.0.0.1", m_spec->slots[slot].port};
    if (routing && !routing->empty()) at = {routing->front().address, port_of(routing->front())};
    return at.port != 0 && app(host).reachable(at, deadlines::within(clock, m_spec->health.timeout));
  };
  world.ask_site = [this](std::size_t front, const plan::Front& site, const spec::Health& health,
                          const spec::Verify& verify, const Wait& wait) {
    return health::ask_site(proxy(front), site, health, verify, wait);
  };
  world.ask_url = health::ask_url;
  world.build_here = build_once(*m_spec);
  world.read_log = [this](std::size_t front, const std::string& log, LogPlace& place, const Wait& wait) {
    return read_log(proxy(front), log, place, wait);
  };
  world.run_shell = [this](const ShellCall& call, const std::function<void(std::string_view)>& output,
                           const Wait& wait) -> Result<int> {
    if (call.host) return run_in_shell(app(*call.host), call.command, "", call.environment, output, wait);
    spec::Host entry;
    entry.name = "local";
    entry.local = true;
    BGDEPLOY_ASSIGN(const auto here, host::connect(entry, wait));
    return run_in_shell(*here, call.command, m_spec->file.parent_path(), call.environment, output, wait);
  };
  world.reach_slot = [this](std::size_t host, std::size_t slot, const std::string& id, const Wait& wait) {
    return reach_slot(host, slot, id, wait);
  };
  world.ask_backend = [this](std::size_t front, const plan::Backend& backend, const spec::Health& health,
                             const Wait& wait) { return ask_backend(front, backend, health, wait); };
  world.healths = m_healths;
  return world;
}

Result<SlotUrl> Fleet::reach_slot(std::size_t host, std::size_t slot, const std::string& id,
                                  const Wait& wait) {
  runtime::Runtime& runtime = *m_machines[m_apps[host]].docker.runtime;
  // Not where the health check may have a port of its own.
  BGDEPLOY_ASSIGN(const runtime::Reachable at, runtime.reachable(slot, id, {}, wait));
  const bool v6 = at.address.find(':') != std::string::npos;
  SlotUrl url;
  url.there = fmt::format("http://{}:{}", v6 ? "[" + at.address + "]" : at.address, at.port);
  url.here = url.there;
  if (m_spec->app_hosts[host].local) return url;
  BGDEPLOY_ASSIGN(std::shared_ptr<host::Tunnel> tunnel,
                  host::open_tunnel(app(host), host::TcpEndpoint{at.address, at.port}));
  url.here = fmt::format("http://127.0.0.1:{}", tunnel->port());
  url.tunnel = std::move(tunnel);
  return url;
}

std::optional<health::Answer> Fleet::ask_backend(std::size_t front, const plan::Backend& backend,
                                                 spec::Health health, const Wait& wait) {
  const auto failed = [](const Error& error) {
    return health::Answer{.text = error.message, .lost = error.kind == ErrorKind::lost};
  };
  const auto way = m_machines[m_fronts[front]].proxy->way_to(backend, wait);
  if (!way) return failed(way.error());
  if (!*way) return std::nullopt;
  if (!(*way)->reached) return health::Answer{.text = "connection refused"};

  health.direct = false;
  const auto* http = std::get_if<spec::HealthHttp>(&health.probe);
  const std::size_t slot = m_spec->slots[0].name == backend.slot ? 0 : 1;
  // What is said of another port of the container says nothing of this one.
  const bool same_port =
      http != nullptr &&
      (!http->port || std::to_string(*http->port) == plan::container_port(*m_spec, *m_places, slot));
  if (!same_port) health.probe = spec::HealthTcp{};
  health::Target target{.host = proxy(front),
                        .inspection = *m_machines[m_apps.front()].docker.runtime,
                        .container = "",
                        .reachable = {backend.address, port_of(backend)},
                        .direct_address = ""};
  if (std::holds_alternative<host::CommandEndpoint>((*way)->endpoint)) {
    if (!same_port) return health::Answer{true, "connected"};
    auto socket = proxy(front).socket_to((*way)->endpoint);
    if (!socket) return failed(socket.error());
    target.socket = std::move(*socket);
  }
  return health::make_prober(health, target)->probe(wait);
}

void Fleet::revive(World& world, const Wait& wait) {
  for_each_parallel(m_machines.size(), m_spec->parallel, [&](std::size_t i) {
    Machine& machine = m_machines[i];
    const auto alive = machine.host->run({.argv = {"true"}, .tool = host::Tool::other, .input = {}}, wait);
    if (alive || alive.error().kind != ErrorKind::lost) return;
    auto again = host::connect(machine.entry, wait);
    if (!again) return;
    // What was opened over the old connection, as the lock, may still refer to it.
    machine.lost.push_back(std::exchange(machine.host, std::move(*again)));
    if (machine.proxy) machine.proxy = proxy::proxy_on(*machine.host, *m_spec);
    for (std::size_t app = 0; app < m_apps.size(); ++app)
      if (m_apps[app] == i) (void)open_docker_on(app, wait);
  });
  point(world);
}

// Beside the proxy's file, where everybody who may switch can write and nobody else. Without such a folder:
// where the history is, which only those who deploy can write. A machine that is listed twice, as app host
// and as proxy of another user, does not wait for itself.
Fleet::LockPlace Fleet::lock_place(const Machine& machine) const {
  const bool fence = !m_fronts.empty() && !machine.proxy;
  const auto name = fmt::format("/.{}.bgdeploy{}", m_spec->service, fence ? "-app" : "");
  const auto beside = machine.proxy ? plan::proxy_kind(*m_spec).lock_folder(*m_spec) : std::nullopt;
  if (beside) return {machine.host.get(), *beside + name};
  return {machine.host.get(), {m_spec->history.dir + name, true}};
}

LockPath Fleet::one_off_lock(std::size_t app, int number) const {
  auto path = lock_place(m_machines[m_apps[app]]).path;
  path.base += fmt::format("-run-{}", number);
  return path;
}

std::vector<Fleet::LockPlace> Fleet::locks() const {
  std::vector<LockPlace> places;
  for (const Machine& machine : m_machines)
    if (machine.proxy || m_fronts.empty()) places.push_back(lock_place(machine));
  std::ranges::sort(places, {}, [](const LockPlace& place) { return place.host->name(); });
  return places;
}

std::vector<Fleet::LockPlace> Fleet::fences() const {
  std::vector<LockPlace> places;
  for (const Machine& machine : m_machines)
    if (!machine.proxy && !m_fronts.empty()) places.push_back(lock_place(machine));
  return places;
}

Result<LockStatus> Fleet::lock_status(const Wait& wait) const {
  LockStatus all;
  for (const LockPlace& place : locks()) {
    BGDEPLOY_ASSIGN(LockStatus one, deploy::lock_status(*place.host, place.path, wait));
    if (!all.holder) all.holder = std::move(one.holder);
    if (!all.freeze) all.freeze = std::move(one.freeze);
  }
  return all;
}

host::Host& Fleet::history_host() const {
  return m_spec->proxy_hosts.empty() ? app(0) : proxy(0);
}

runtime::Storage* Fleet::history_storage() const {
  for (const std::size_t app : m_apps)
    if (const Machine& machine = m_machines[app]; machine.host.get() == &history_host())
      return machine.docker.storage.get();
  return nullptr;
}

bool Fleet::has_slots(const host::Host& machine) const {
  return std::ranges::any_of(m_apps, [&](std::size_t app) { return m_machines[app].host.get() == &machine; });
}

bool Fleet::has_proxy(const host::Host& machine) const {
  return std::ranges::any_of(m_fronts,
                             [&](std::size_t front) { return m_machines[front].host.get() == &machine; });
}

std::vector<host::Host*> Fleet::machines() const {
  std::vector<host::Host*> hosts;
  for (const Machine& machine : m_machines) hosts.push_back(machine.host.get());
  return hosts;
}

}  // namespace bgdeploy::deploy
