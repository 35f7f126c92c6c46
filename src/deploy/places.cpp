#include "bgdeploy/deploy/places.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "parallel.hpp"

namespace bgdeploy::deploy {
namespace {

using core::ErrorKind;
using core::Result;
using core::Wait;

// The lock is held by a command all the time. Another one talks to nginx's switch, or does whatever else
// there is to do, one after the other. A third is there when docker and probes need commands too: what
// watches for the container's end does so beside the probes, and these go on beside the switch.
constexpr int k_forwarded = 2;
constexpr int k_by_command = 3;

std::optional<std::string> docker_socket(const Fleet& fleet, const host::Host& host) {
  if (!fleet.has_slots(host)) return std::nullopt;
  return fleet.spec().docker_socket.value_or("/var/run/docker.sock");
}

}  // namespace

Result<void> enough_places(const Fleet& fleet, host::Host& host, const Wait& wait) {
  BGDEPLOY_ASSIGN(const int places, host.places(k_by_command, wait));
  if (places >= k_by_command) return {};
  int needed = k_by_command;
  if (places >= k_forwarded) {
    BGDEPLOY_ASSIGN(const bool tcp, host.forwards_tcp(wait));
    const auto docker = docker_socket(fleet, host);
    if (tcp && (!docker || host.reachable(host::UnixEndpoint{*docker}, wait))) needed = k_forwarded;
  }
  if (places >= needed) return {};
  return core::fail(
      ErrorKind::denied,
      fmt::format("{}: a deploy needs {} sessions at once, and sshd allows {} (MaxSessions)", host.name(),
                  needed, places),
      {fmt::format("set `MaxSessions {}` or more in /etc/ssh/sshd_config there, and reload sshd", needed),
       fmt::format("with `AllowTcpForwarding local` and `AllowStreamLocalForwarding local` {} are enough",
                   k_forwarded)});
}

Result<void> enough_places(const Fleet& fleet, const Wait& wait) {
  const auto machines = fleet.machines();
  std::vector<Result<void>> results(machines.size());
  for_each_parallel(machines.size(), fleet.spec().parallel,
                    [&](std::size_t i) { results[i] = enough_places(fleet, *machines[i], wait); });
  for (Result<void>& result : results) BGDEPLOY_TRY(std::move(result));
  return {};
}

}  // namespace bgdeploy::deploy
