#include "bgdeploy/deploy/connect/places.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "parallel.hpp"

namespace bgdeploy::deploy {
namespace {

using core::ErrorKind;
using core::Result;
using core::Wait;

// The lock is held by a command all the time. Another one talks to a switch, or does whatever else
// there is to do, one after the other. A third is there when docker and probes need commands too: what
// watches for the container's end does so beside the probes, and these go on beside the switch.
constexpr int k_forwarded = 2;
constexpr int k_by_command = 3;

// A hook that runs there after the switch does so while that still waits to be accepted.
int beside_the_switch(const Fleet& fleet, const host::Host& host) {
  const auto& hooks = fleet.spec().hooks.at(static_cast<std::size_t>(spec::HookPosition::after_switch));
  const bool there = std::ranges::any_of(
      hooks, [](const spec::Hook& hook) { return std::holds_alternative<spec::HookHost>(hook.what); });
  return there && fleet.has_slots(host) ? 1 : 0;
}

std::optional<std::string> docker_socket(const Fleet& fleet, const host::Host& host) {
  if (!fleet.has_slots(host)) return std::nullopt;
  return fleet.spec().docker_socket.value_or("/var/run/docker.sock");
}

// How many places there are beside those that a deploy needs; more than one is not asked for.
Result<int> spare_places(const Fleet& fleet, host::Host& host, const Wait& wait) {
  const int more = beside_the_switch(fleet, host);
  int needed = k_by_command + more;
  BGDEPLOY_ASSIGN(const int places, host.places(needed + 1, wait));
  if (places > needed) return places - needed;
  if (places >= k_forwarded + more) {
    BGDEPLOY_ASSIGN(const bool tcp, host.forwards_tcp(wait));
    const auto docker = docker_socket(fleet, host);
    if (tcp && (!docker || host.reachable(host::UnixEndpoint{*docker}, wait))) needed = k_forwarded + more;
  }
  if (places >= needed) return places - needed;
  return core::fail(
      ErrorKind::denied,
      fmt::format("{}: a deploy needs {} sessions at once, and sshd allows {} (MaxSessions)", host.name(),
                  needed, places),
      {fmt::format("set `MaxSessions {}` or more in /etc/ssh/sshd_config there, and reload sshd", needed),
       fmt::format("with `AllowTcpForwarding local` and `AllowStreamLocalForwarding local` {} are enough",
                   k_forwarded + more)});
}

}  // namespace

Result<void> enough_places(const Fleet& fleet, host::Host& host, const Wait& wait) {
  BGDEPLOY_TRY(spare_places(fleet, host, wait));
  return {};
}

Result<bool> enough_places(const Fleet& fleet, const Wait& wait) {
  const auto machines = fleet.machines();
  std::vector<Result<int>> results(machines.size());
  for_each_parallel(machines.size(), fleet.spec().parallel,
                    [&](std::size_t i) { results[i] = spare_places(fleet, *machines[i], wait); });
  bool spare = true;
  for (const Result<int>& result : results) {
    BGDEPLOY_TRY(result);
    spare = spare && *result > 0;
  }
  return spare;
}

}  // namespace bgdeploy::deploy
