// Containers that bear a slot's name or port and are somebody else's.
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/plan/owners.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"
#include "bgdeploy/plan/substitutions.hpp"

namespace bgdeploy::plan {
namespace {

using Why = Stranger::Why;

std::string ports_of(const Container& container) {
  std::vector<std::string> ports;
  for (const Published& one : container.published) {
    auto port = one.first == one.last ? std::to_string(one.first) : fmt::format("{}-{}", one.first, one.last);
    if (std::ranges::find(ports, port) == ports.end()) ports.push_back(std::move(port));
  }
  if (ports.empty()) return "no port";
  return fmt::format("port{} {}", ports.size() == 1 ? "" : "s", fmt::join(ports, ", "));
}

// What to write instead, and where somebody only changed the spec, the way on. Nothing that may serve is
// advised to be stopped.
std::vector<std::string> ways_on(const spec::Spec& spec, std::size_t slot, const Stranger& stranger) {
  const Container& container = stranger.container;
  const spec::Slot& own = spec.slots[slot];
  const std::string remove =
      container.active()
          ? ""
          : fmt::format("; {} is stopped: remove it only where it is nobody's way back", container.name);
  switch (stranger.why) {
    case Why::slot:
      return {
          "a container is never both slots: in a compose file let container_name and ports differ, as in "
          "container_name: my-api-${BGDEPLOY_SLOT} and ports: [\"${BGDEPLOY_PORT}:8080\"]"};
    case Why::service:
      return {fmt::format("give this environment's slots ports and containers of their own{}", remove),
              fmt::format("was `service` {} before? Go on with --force: what still runs is left running",
                          stranger.owner)};
    case Why::network:
      return {
          fmt::format("join it to one of docker.networks, or give slot {} another `container`", own.name)};
    case Why::port:
      break;
  }
  std::vector<std::string> ways;
  if (container.managed)
    ways.push_back(
        fmt::format("another environment of {}? Give this environment a `service` of its own", spec.service));
  else
    ways.push_back(fmt::format(
        "somebody else's? Give this environment a `service` of its own, or slot {} another `container`",
        own.name));
  if (own.port == 0) return ways;
  if (container.published.empty())
    ways.push_back(fmt::format("of this service? It has to publish port {}{}", own.port, remove));
  else
    ways.push_back(fmt::format(
        "did slot {} have another port? Write {} again{}", own.name, container.published.front().first,
        container.active() ? "; a slot's port can be changed while the other slot serves" : remove));
  return ways;
}

}  // namespace

core::Result<void> port_is_free(const spec::Spec& spec, const Places& places, const AppHost& host,
                                std::size_t slot, std::optional<std::size_t> live) {
  const auto other = std::ranges::find_if(host.slots[slot].others, &Container::active);
  if (other == host.slots[slot].others.end()) return {};
  const spec::Slot& own = spec.slots[slot];
  std::vector<std::string> ways;
  const ProxyKind& kind = proxy_kind(spec);
  if (kind.can.be_switched && !live) {
    const auto text = kind.by_hand(spec, places, slot);
    ways.push_back(fmt::format(
        "does it serve now? Then let it: write {} so that it names slot {}{}, and the first "
        "deploy goes to slot {}",
        kind.file_pattern(spec), own.name, text.empty() ? "" : " (" + text + ")", spec.slots[1 - slot].name));
    ways.emplace_back("is it somebody else's? Give the slot another port");
  } else {
    ways.push_back(fmt::format(
        "see what it is, and what sends to it, before it is stopped: docker inspect {}", other->name));
    ways.emplace_back(own.port == 0 ? "or give the slot another name" : "or give the slot another port");
  }
  return core::fail(core::ErrorKind::conflict,
                    fmt::format("{}slot {} on {} is taken by container {}",
                                own.port == 0 ? "" : fmt::format("port {} of ", own.port), own.name,
                                host.host, other->name),
                    std::move(ways));
}

std::string describe(const spec::Spec& spec, std::size_t slot, const Stranger& stranger) {
  const spec::Slot& own = spec.slots[slot];
  const std::string& name = stranger.container.name;
  const std::string shares = stranger.bears_name
                                 ? fmt::format("has the name of slot {}", own.name)
                                 : fmt::format("publishes port {} of slot {}", own.port, own.name);
  switch (stranger.why) {
    case Why::service:
      return fmt::format("container {} {} and belongs to the service {}", name, shares, stranger.owner);
    case Why::slot:
      return fmt::format("container {} {} and is slot {}'s already", name, shares, stranger.owner);
    case Why::network:
      return fmt::format("container {} {} and is on none of docker.networks", name, shares);
    case Why::port:
      break;
  }
  return fmt::format("container {} {} and publishes {}, where slot {} has {}", name,
                     stranger.bears_name ? shares : fmt::format("is labelled as slot {}", own.name),
                     ports_of(stranger.container), own.name,
                     own.port == 0 ? "no port" : fmt::format("port {}", own.port));
}

core::Result<void> check_owners(const spec::Spec& spec, const State& state, bool force) {
  const auto live = live_slot(spec, state).value_or(std::nullopt);
  for (const AppHost& host : state.app_hosts)
    for (std::size_t slot = 0; slot < host.slots.size(); ++slot)
      for (const Stranger& stranger : host.slots[slot].strangers) {
        const bool left_alone = live == slot || (!stranger.container.active() && !stranger.bears_name);
        if (force && stranger.why == Why::service && left_alone) continue;
        return core::fail(core::ErrorKind::usage,
                          fmt::format("{}: {}", host.host, describe(spec, slot, stranger)),
                          ways_on(spec, slot, stranger));
      }
  return {};
}

core::Result<void> check_claims(const spec::Spec& spec, const State& state, const std::vector<Step>& steps) {
  const auto touches = [](const Step& step, std::size_t slot) {
    return std::visit(
        [slot](const auto& value) {
          if constexpr (requires {
                          value.host;
                          value.slot;
                        })
            return value.slot == slot && !std::is_same_v<std::decay_t<decltype(value)>, AwaitHealth>;
          else
            return false;
        },
        step);
  };
  for (const ProxyHost& proxy : state.proxies)
    for (const Claim& claim : proxy.claims)
      if (std::ranges::any_of(steps, [&](const Step& step) { return touches(step, claim.slot); }))
        return core::fail(
            core::ErrorKind::usage,
            fmt::format(
                "{}: a site that does not use {} sends to {} by {}: what runs there serves somebody else",
                proxy.host, routing_file(spec), spec.slots[claim.slot].name, core::printable(claim.where)),
            {"give this environment a `service` of its own, and its own ports and include",
             fmt::format("or, where that site is this one's, let it use {}", routing_file(spec))});
  return {};
}

}  // namespace bgdeploy::plan
