// How long deploy/ waits for what, all of it. A phase gets a deadline of its own when it begins: none takes
// what an earlier one left over.
#pragma once

#include <stop_token>

#include "bgdeploy/core/clock.hpp"
#include "bgdeploy/spec/runtime.hpp"
#include "bgdeploy/spec/spec.hpp"

namespace bgdeploy::deploy::deadlines {

using core::Duration;

// One request to docker or nginx, and whatever comes down to one: creating, starting, moving or removing a
// container, staging a switch.
inline constexpr Duration k_request = std::chrono::minutes(1);
// Reading back what serves: proxies, containers, and what clients get.
inline constexpr Duration k_look = k_request / 2;
// A switch put into force, or back: it waits for another service's switch on the same nginx too.
inline constexpr Duration k_switch = 2 * k_request;
// Undoing one step: a short grace period, and up to three requests.
inline constexpr Duration k_undo = 2 * k_request;
// A command that only looks: logging in everywhere, and reading everything once.
inline constexpr Duration k_command = 2 * k_request;
// Up to the plan: logging in, the lock, the registry, and reading everything.
inline constexpr Duration k_prepare = 5 * k_request;
// A log that is followed: until it is interrupted.
inline constexpr Duration k_following = std::chrono::hours(24 * 365);
inline constexpr Duration k_pull = 30 * k_request;
inline constexpr Duration k_build = 2 * k_pull;
// Letting go of the lock, and writing the history: what is left to do when the outcome is known.
inline constexpr Duration k_record = k_request / 2;
// Telling somebody how a run ended: each try, and all of them together. Nobody waits longer for it.
inline constexpr Duration k_notify_try = std::chrono::seconds(5);
inline constexpr Duration k_notify = std::chrono::seconds(15);
// Asking a registry itself; what it does not tell in that time is left unknown.
inline constexpr Duration k_registry = k_request / 6;
// Removing what old releases left on one host.
inline constexpr Duration k_prune = 5 * k_request;
// Reading and keeping what a release that failed has logged, before it is undone.
inline constexpr Duration k_log = k_request / 6;
// A command of `secrets:` on this machine.
inline constexpr Duration k_secret_command = k_request / 2;

// The lock's pulse: a sign of life every k_beat. The holder on the host lets go k_lease after the last one;
// the deployer gives up k_margin before that, since what it began just then must not still run afterwards.
inline constexpr Duration k_beat = std::chrono::seconds(3);
inline constexpr Duration k_lease = std::chrono::seconds(10);
inline constexpr Duration k_margin = std::chrono::seconds(2);
static_assert(2 * k_beat < k_lease - k_margin, "one beat may be late");

// Creating a container. A runtime may pull other images for it than the release's own.
inline Duration creating(const spec::Spec& spec) {
  return spec::runtime_of(spec).pulls_itself ? k_pull : k_request;
}
// Stopping a container: what is left of its grace period ends it.
constexpr Duration stopping(Duration grace) {
  return grace + k_request;
}
// Watching a container while it gets healthy.
constexpr Duration getting_healthy(const spec::Health& health) {
  return health.deadline + k_request;
}
// Waiting for old workers, drain.timeout at most.
constexpr Duration draining(Duration timeout) {
  return timeout + k_request;
}

// A wait that begins now, by the clock of whoever waits.
inline core::Wait within(const core::Clock& clock, Duration at_most, std::stop_token stop = {}) {
  return {clock.now() + at_most, std::move(stop)};
}

}  // namespace bgdeploy::deploy::deadlines
