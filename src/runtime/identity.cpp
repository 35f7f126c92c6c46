#include "bgdeploy/runtime/identity.hpp"

#include <algorithm>

#include "bgdeploy/runtime/docker_container.hpp"
#include "engine_containers.hpp"

namespace bgdeploy::runtime {
namespace {

using plan::Stranger;

bool contains(const std::vector<std::string>& list, const std::string& text) {
  return std::ranges::find(list, text) != list.end();
}

// Docker writes "default" where the first network was not named.
bool shares_network(const engine::Container& container, const std::vector<std::string>& networks) {
  if (networks.empty() || contains(networks, container.network_mode)) return true;
  return std::ranges::any_of(container.networks,
                             [&](const auto& network) { return contains(networks, network.first); });
}

}  // namespace

std::vector<plan::Published> published_by(const engine::Container& container) {
  std::vector<plan::Published> published;
  const auto add = [&](plan::Published one) {
    if (one.first != 0 && std::ranges::find(published, one) == published.end())
      published.push_back(std::move(one));
  };
  if (container.running)
    for (const auto& port : container.ports)
      if (port.protocol == "tcp") add({port.host_ip, port.host_port, port.host_port});
  if (!published.empty()) return published;
  for (const auto& binding : container.bindings)
    if (binding.protocol == "tcp") add({binding.host_ip, binding.first, binding.last});
  return published;
}

std::variant<Role, Stranger> role_of(const engine::Container& container, const SlotIdentity& slot,
                                     bool bears_name) {
  using Port = SlotIdentity::Port;
  const auto published = published_by(container);
  const bool holds = std::ranges::any_of(published, [&](const auto& one) { return one.holds(slot.port); });
  const auto stranger = [&](Stranger::Why why, std::string owner = {}) {
    return Stranger{.container = {}, .why = why, .owner = std::move(owner), .bears_name = bears_name};
  };

  const std::string service = value_of(container.labels, label::k_service);
  const std::string of_slot = value_of(container.labels, label::k_slot);
  const bool labelled = service == slot.service;
  if (!service.empty() && !labelled) {
    if (bears_name || holds) return stranger(Stranger::Why::service, service);
    return Role::nobody;
  }
  if (labelled && of_slot == slot.other_slot) {
    if (bears_name || holds) return stranger(Stranger::Why::slot, of_slot);
    return Role::nobody;
  }
  if (!bears_name) {
    if (holds) return container.running || labelled ? Role::other : Role::nobody;
    if (!labelled || of_slot != slot.slot) return Role::nobody;
    if (!published.empty())
      return slot.publishes == Port::unknown ? std::variant<Role, Stranger>(Role::other)
                                             : stranger(Stranger::Why::port);
    // As a one-off container of compose.
    return container.running && slot.publishes == Port::required ? Role::nobody : Role::other;
  }
  if (holds) return Role::own;
  if (published.empty()) {
    const bool on_host = container.network_mode == "host" &&
                         (labelled || slot.publishes == Port::unknown || contains(slot.networks, "host"));
    if (on_host) return Role::own;
    if (slot.publishes == Port::required) return stranger(Stranger::Why::port);
    if (labelled || shares_network(container, slot.networks)) return Role::own;
    return stranger(Stranger::Why::network);
  }
  if (labelled && slot.publishes == Port::unknown) return Role::own;
  return stranger(Stranger::Why::port);
}

}  // namespace bgdeploy::runtime
