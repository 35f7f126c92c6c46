#include "engine_containers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <ranges>

#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/substitute.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/core/timestamp.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"
#include "bgdeploy/plan/routing.hpp"
#include "bgdeploy/plan/substitutions.hpp"
#include "bgdeploy/spec/address.hpp"
#include "bgdeploy/spec/runtime.hpp"
#include "compose/script.hpp"
#include "late_stop.hpp"
#include "start_advice.hpp"

namespace bgdeploy::runtime {
namespace {

using core::ErrorKind;

bool gone(const core::Error& error) {
  return error.kind == ErrorKind::not_found;
}

std::string label_of(const engine::Container& container, const char* name) {
  return value_of(container.labels, name);
}

// Whether dockerd would start it again when it starts itself, although it was stopped. `on-failure` asks for
// the exit code alone. (moby: restartmanager.ShouldRestart)
//
// What a compose file has beside the service does not say what policy it had, and `on-failure` is what is
// meant to end: that one stays.
bool outlives_a_stop(const engine::Container& container) {
  const auto& policy = container.restart_policy;
  const bool beside =
      container.labels.contains(compose_label::k_service) && !container.labels.contains(label::k_service);
  return policy == "always" || (policy.starts_with("on-failure") && !beside);
}

// The port that a container without a published one is asked on when the health check names none. What an
// image exposes says least: nothing has to listen there.
int own_port(const engine::Container& container, int slot_port, int by_spec) {
  int port = core::leading_number<int>(label_of(container, label::k_container_port)).value_or(by_spec);
  for (const auto& exposed : container.ports)
    if (port == 0 && exposed.protocol == "tcp") port = exposed.container_port;
  return port == 0 ? slot_port : port;
}

// "registry:5000/owner/app:tag@sha256:…". An image asked for by its id names no release.
plan::Release release_of(std::string reference) {
  plan::Release release;
  if (reference.starts_with("sha256:")) return release;
  if (const auto at = reference.find('@'); at != std::string::npos) {
    release.digest = reference.substr(at + 1);
    reference.resize(at);
  }
  const auto colon = reference.rfind(':');
  const auto slash = reference.rfind('/');
  if (colon != std::string::npos && (slash == std::string::npos || colon > slash)) {
    release.tag = reference.substr(colon + 1);
    reference.resize(colon);
  }
  release.image = reference;
  return release;
}

}  // namespace

bool publishes(const engine::ContainerSummary& container, int port) {
  return port != 0 && std::ranges::any_of(container.ports, [&](const auto& own) {
           return own.host_port == port && own.protocol == "tcp";
         });
}

std::string value_of(const std::map<std::string, std::string>& labels, std::string_view name) {
  const auto found = labels.find(std::string(name));
  return found == labels.end() ? std::string() : found->second;
}

plan::Container::Status status_of(const engine::Container& container) {
  using Status = plan::Container::Status;
  static const std::map<std::string, Status> k_words{
      {"created", Status::created}, {"running", Status::running}, {"restarting", Status::restarting},
      {"paused", Status::paused},   {"exited", Status::exited},
  };
  const auto found = k_words.find(container.status);
  return found == k_words.end() ? Status::dead : found->second;
}

bool may_have_happened(ErrorKind kind) {
  return kind == ErrorKind::lost || kind == ErrorKind::timeout || kind == ErrorKind::cancelled;
}

std::string loopback_for(const std::string& host_ip) {
  return spec::is_wildcard(host_ip) ? "127.0.0.1" : host_ip;
}

Result<void> EngineContainers::start(const std::string& id, const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto container, m_on.client->inspect_container(id, wait));
  if (container.status == "paused") return m_on.client->unpause_container(id, wait);
  const auto policy = label_of(container, label::k_restart);
  if (!policy.empty() && container.restart_policy != policy)
    BGDEPLOY_TRY(m_on.client->set_restart_policy(id, policy, wait));
  if (container.status == "exited") {
    const auto last = last_line(container, wait).value_or(container.finished);
    const std::scoped_lock lock(m_mutex);
    // Docker is asked in whole milliseconds.
    m_ended[id] = std::max(container.finished, last) + core::Duration{1};
  }
  return m_on.client->start_container(id, wait);
}

// Docker reads what a container wrote last after its end, and the line has the time of that.
std::optional<core::SystemTime> EngineContainers::last_line(const engine::Container& container,
                                                            const Wait& wait) {
  std::optional<core::SystemTime> last;
  const auto time = [&](bool, std::string_view text) {
    if (const auto parsed = core::parse_time(text)) last = parsed;
  };
  constexpr core::Duration k_patience = std::chrono::seconds(2);  // a start does not wait for a slow log
  (void)m_on.client->logs(
      container, {.tail = 1, .timed = true}, time, [](bool, std::string_view) {}, wait.at_most(k_patience));
  return last;
}

Result<bool> EngineContainers::stop(const std::string& id, core::Duration grace, const Wait& wait) {
  const auto before = m_on.client->inspect_container(id, wait);
  if (!before) {
    if (gone(before.error())) return false;
    return std::unexpected(before.error());
  }
  if (outlives_a_stop(*before)) BGDEPLOY_TRY(m_on.client->set_restart_policy(id, "unless-stopped", wait));
  if (!before->running && before->status != "paused") return false;
  // A frozen process hears no signal, and docker may refuse to stop it.
  if (before->status == "paused") {
    const auto resumed = m_on.client->unpause_container(id, wait);
    if (!resumed && !gone(resumed.error()) && resumed.error().kind != ErrorKind::conflict)
      return std::unexpected(resumed.error());
  }
  const auto stopped = m_on.client->stop_container(id, grace, wait);
  if (!stopped) {
    if (gone(stopped.error())) return false;
    return std::unexpected(stopped.error());
  }
  const auto after = m_on.client->inspect_container(id, wait);
  if (!after) {
    if (gone(after.error())) return false;
    return std::unexpected(after.error());
  }
  return after->exit_code == k_killed && !after->oom_killed;
}

Result<void> EngineContainers::remove(const std::string& id, const Wait& wait) {
  const auto removed = m_on.client->remove_container(id, {}, wait);
  if (removed || gone(removed.error())) return {};
  if (removed.error().kind != ErrorKind::conflict) return removed;
  // It runs, or somebody else is removing it right now.
  const auto container = m_on.client->inspect_container(id, wait);
  if (!container && gone(container.error())) return {};
  if (!container || container->status != "removing") return removed;
  const auto ended = m_on.client->await_container(id, engine::Client::Until::removed, wait);
  if (ended || gone(ended.error())) return {};
  return std::unexpected(ended.error());
}

Result<void> EngineContainers::rename(const std::string& id, const std::string& name, const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto container, m_on.client->inspect_container(id, wait));
  if (container.name == name) return {};
  const LateStop late(wait, k_cleanup);
  return m_on.client->rename_container(id, name, late.wait());
}

namespace {

// Docker takes the addresses of what does not run.
std::string why_no_address(const engine::Container& container) {
  if (container.status == "restarting")
    return fmt::format("{} is restarting, exited with code {}{}", container.name, container.exit_code,
                       container.oom_killed ? " (out of memory)" : "");
  if (!container.running) return fmt::format("{} does not run", container.name);
  return fmt::format("{} has no address: it publishes no port and is on no network", container.name);
}

}  // namespace

int port_by_spec(const spec::Spec& spec, std::size_t slot) {
  const bool by_files = spec::runtime_of(spec).by_files;
  if (!spec.docker.container_port && !(by_files && plan::named_by_container(spec))) return 0;
  const auto values = plan::substitutions(spec, slot, "", "", "");
  const auto told = plan::proxy_kind(spec).told(spec).port;
  return core::parse_port(core::substitute(by_files && told ? *told : "{container_port}", values))
      .value_or(0);
}

Result<Reachable> reachable_at(const engine::Container& container, int slot_port,
                               std::optional<int> container_port, int by_spec) {
  const engine::PublishedPort* published = nullptr;
  for (const auto& port : container.ports) {
    if (port.protocol != "tcp" || port.host_port == 0) continue;
    const bool slots_own = port.host_port == slot_port;
    if (container_port ? port.container_port != *container_port : !slots_own) continue;
    if (published == nullptr || (slots_own && published->host_port != slot_port)) published = &port;
  }
  if (published != nullptr)
    return Reachable{loopback_for(published->host_ip), published->host_port, published->container_port};
  const int port = container_port.value_or(own_port(container, slot_port, by_spec));
  if (container.network_mode == "host") return Reachable{"127.0.0.1", port, port};

  auto network = container.networks.find(container.network_mode);
  if (network == container.networks.end()) network = container.networks.begin();  // "default"
  if (network == container.networks.end() || network->second.empty()) {
    return core::fail(ErrorKind::not_found, why_no_address(container));
  }
  return Reachable{network->second, port, port};
}

Result<Reachable> EngineContainers::reachable(std::size_t slot, const std::string& id,
                                              const spec::Health& health, const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto container, m_on.client->inspect_container(id, wait));
  const auto* http = std::get_if<spec::HealthHttp>(&health.probe);
  return reachable_at(container, m_on.spec.slots.at(slot).port, http != nullptr ? http->port : std::nullopt,
                      port_by_spec(m_on.spec, slot));
}

Result<std::optional<int>> EngineContainers::await_exit(const std::string& id, const Wait& wait) {
  const auto over = [](const core::Error& error) {
    return error.kind == ErrorKind::timeout || error.kind == ErrorKind::cancelled;
  };
  // One that docker starts again counts as running, until its next end.
  const auto now = m_on.client->inspect_container(id, wait);
  if (now && now->status == "restarting") return now->exit_code;
  if (!now && !over(now.error())) return std::unexpected(now.error());
  const auto ended = m_on.client->await_container(id, engine::Client::Until::not_running, wait);
  if (ended) return *ended;
  if (over(ended.error())) return std::nullopt;
  return std::unexpected(ended.error());
}

std::optional<int> EngineContainers::container_port(std::size_t slot, const std::string& id,
                                                    const std::vector<engine::ContainerSummary>& list) const {
  const auto own = std::ranges::find(list, id, &engine::ContainerSummary::id);
  if (own == list.end()) return std::nullopt;
  int port = core::leading_number<int>(value_of(own->labels, label::k_container_port)).value_or(0);
  const int slot_port = m_on.spec.slots.at(slot).port;
  const auto published = std::ranges::find(own->ports, slot_port, &engine::PublishedPort::host_port);
  if (port == 0 && slot_port != 0 && published != own->ports.end()) port = published->container_port;
  // Of what somebody else started, as of an image: its only one.
  const auto is_tcp = [](const engine::PublishedPort& one) { return one.protocol == "tcp"; };
  if (port == 0 && std::ranges::count_if(own->ports, is_tcp) == 1)
    port = std::ranges::find_if(own->ports, is_tcp)->container_port;
  return port == 0 ? std::nullopt : std::optional(port);
}

plan::Container EngineContainers::described(const engine::Container& container) const {
  plan::Container described;
  described.id = container.id;
  described.name = container.name;
  described.managed = value_of(container.labels, label::k_service) == m_on.spec.service;
  if (described.managed) {
    described.release = {value_of(container.labels, label::k_release),
                         value_of(container.labels, label::k_tag), value_of(container.labels, label::k_image),
                         value_of(container.labels, label::k_digest)};
    for (const auto name : std::views::split(value_of(container.labels, label::k_proxies), ' '))
      if (!name.empty()) described.proxies.emplace_back(name.begin(), name.end());
  } else {
    described.release = release_of(container.image);
  }
  described.status = status_of(container);
  described.exit_code = container.exit_code;
  described.oom_killed = container.oom_killed;
  described.health = container.health;
  described.started = container.started;
  described.published = published_by(container);
  const bool for_ever = container.stop_timeout == core::Duration::max();
  if (!for_ever) described.stop_grace = container.stop_timeout;
  return described;
}

void EngineContainers::discard(const std::string& id) {
  const auto wait = Wait::for_at_most(k_cleanup);
  (void)m_on.client->remove_container(id, {.force = true, .anonymous_volumes = true}, wait);
}

// Docker reports a taken port as an internal error, in words alone. So look who has it.
core::Error EngineContainers::start_failure(std::size_t slot, const std::string& ip, const std::string& id,
                                            core::Error error, const Wait& wait) {
  if (may_have_happened(error.kind)) return error;
  if (spec::is_worker(m_on.spec))
    return with_advice(std::move(error), m_on.spec, m_on.spec.slots.at(slot).container, m_on.host.name());
  // The container exists, so 404 is about something else that it needs.
  if (error.kind == ErrorKind::not_found) error.kind = ErrorKind::refused;
  const int port = m_on.spec.slots.at(slot).port;
  const auto list = m_on.client->list_containers(wait);
  if (!list) return error;
  for (const auto& other : *list) {
    if (other.id == id || !publishes(other, port) || other.names.empty()) continue;
    error.kind = ErrorKind::conflict;
    error.details.insert(error.details.begin(), std::move(error.message));
    error.message = fmt::format("port {} on {} is published by the container {}", port, m_on.host.name(),
                                core::printable(other.names.front()));
    error.next = fmt::format("stop it, or give slot {} another port", m_on.spec.slots.at(slot).name);
    return error;
  }
  // Docker takes the ports before it starts the process, and has let go of them by now.
  if (ip != "none" && m_on.host.reachable(host::TcpEndpoint{loopback_for(ip), port}, wait)) {
    const std::string who = listener_on(port, wait).value_or("");
    error.kind = ErrorKind::conflict;
    error.details.insert(error.details.begin(), std::move(error.message));
    error.message = fmt::format("port {} on {} is used by {}", port, m_on.host.name(),
                                who.empty() ? "a process outside of docker" : who);
    error.next = fmt::format("stop it, or give slot {} another port", m_on.spec.slots.at(slot).name);
    return error;
  }
  return with_advice(std::move(error), m_on.spec, m_on.spec.slots.at(slot).container, m_on.host.name());
}

// The daemon knows how much memory the machine has, but not how much of it is taken.
Result<std::optional<std::int64_t>> EngineContainers::memory_available(const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto output, m_on.host.run({{"cat", "/proc/meminfo"}, host::Tool::other, {}}, wait));
  constexpr std::string_view key = "MemAvailable:";
  for (const auto& line : core::split_lines(output.out)) {
    if (!line.starts_with(key)) continue;
    const auto digits = core::trim(std::string_view(line).substr(key.size()));
    const auto kilobytes = core::leading_number<std::int64_t>(digits);
    if (kilobytes && *kilobytes <= std::numeric_limits<std::int64_t>::max() / 1024) return *kilobytes * 1024;
  }
  return std::nullopt;
}

}  // namespace bgdeploy::runtime
