// `bgdeploy check`: everything a deploy needs, tried without changing anything.
#include <fmt/format.h>

#include "bgdeploy/deploy/fleet.hpp"
#include "bgdeploy/deploy/inspect.hpp"
#include "bgdeploy/deploy/observe.hpp"
#include "bgdeploy/deploy/secrets.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "prepare.hpp"

namespace bgdeploy::deploy {

using core::Error;
using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

constexpr core::Duration k_check = std::chrono::minutes(2);

using Items = std::vector<CheckItem>;

bool add(Items& items, std::string what, const Result<void>& result, std::string note = "") {
  if (result)
    items.push_back({std::move(what), std::nullopt, std::move(note)});
  else
    items.push_back({std::move(what), result.error()});
  return result.has_value();
}

Result<void> try_sudo(host::Host& host, host::Tool tool, const Wait& wait) {
  if (host.prefix(tool).empty()) return {};
  const std::vector<std::string> argv = tool == host::Tool::docker
                                            ? std::vector<std::string>{"docker", "--version"}
                                        : tool == host::Tool::nginx ? std::vector<std::string>{"nginx", "-v"}
                                                                    : std::vector<std::string>{"true"};
  BGDEPLOY_ASSIGN(const host::Output output, host.run({argv, tool, ""}, wait));
  if (output.ok()) return {};
  return core::fail(ErrorKind::denied, "sudo -n is not allowed without a password",
                    {core::printable(output.err),
                     "allow it in /etc/sudoers.d with NOPASSWD, or take `sudo` out of the spec"});
}

std::string_view tool_name(host::Tool tool) {
  return tool == host::Tool::docker ? "docker" : tool == host::Tool::nginx ? "nginx" : "for everything";
}

void check_sudo(const Context& context, const Fleet& fleet, Items& items, const Wait& wait) {
  for (const auto& host : fleet.app_hosts())
    for (const host::Tool tool : {host::Tool::other, host::Tool::docker, host::Tool::nginx})
      if (!host->prefix(tool).empty()) {
        add(items, fmt::format("sudo {} on {}", tool_name(tool), host->name()), try_sudo(*host, tool, wait));
        if (context.spec.app_hosts.front().ssh.sudo.all) break;
      }
}

// An unknown tag is an answer too: the registry is there and lets us in.
Result<void> ask_registry(const Context& context, const World& world, const Wait& wait) {
  auto digest = world.apps.front().images->resolve(context.spec.image, "latest", wait);
  if (!digest && digest.error().kind != ErrorKind::not_found)
    return std::unexpected(std::move(digest.error()));
  return {};
}

// Of the idle slot: its own container may hold it, nothing else.
Result<void> free_port(const Context& context, const World& world, const plan::AppHost& host,
                       std::size_t index, std::size_t slot) {
  const plan::SlotState& idle = host.slots[slot];
  if (idle.container && idle.container->running()) return {};
  for (const plan::Container& other : idle.others)
    if (other.running())
      return core::fail(ErrorKind::conflict, fmt::format("container {} publishes port {}", other.name,
                                                         context.spec.slots[slot].port));
  if (world.listens(index, slot))
    return core::fail(ErrorKind::conflict, fmt::format("something that is no container listens on port {}",
                                                       context.spec.slots[slot].port));
  return {};
}

std::string megabytes(std::int64_t bytes) {
  return fmt::format("{} MB", bytes >> 20);
}

void check_memory(const Context& context, const App& app, Items& items, const Wait& wait) {
  const auto& limit = context.spec.docker.mem_limit;
  if (!limit) return;
  const auto available = app.runtime->memory_available(wait);
  const std::string what = "memory for two slots on " + app.name;
  if (!available) {
    items.push_back({what, available.error()});
  } else if (!*available) {
    add(items, what, {}, "the host does not say");
  } else if (*limit > **available) {
    items.push_back({what, Error{ErrorKind::refused,
                                 fmt::format("a second container may use {}, but only {} are available",
                                             megabytes(*limit), megabytes(**available)),
                                 {}}});
  } else {
    add(items, what, {}, megabytes(**available) + " available");
  }
}

void check_state(const Context& context, const World& world, Items& items, const Wait& wait) {
  const auto state = observe(context.spec, world, std::nullopt, wait);
  if (!state) {
    items.push_back({"containers and include", state.error()});
    return;
  }
  const auto live = plan::live_slot(context.spec, *state);
  if (!live) {
    items.push_back({"include", live.error()});
    return;
  }
  add(items, (context.spec.nginx.sites ? "sites " : "include ") + spec::routing_file(context.spec.nginx), {},
      *live ? "names " + context.spec.slots[**live].name : "does not exist yet: a first deploy writes it");
  const std::size_t idle = *live ? 1 - **live : 0;
  for (std::size_t i = 0; i < state->app_hosts.size(); ++i) {
    const plan::AppHost& host = state->app_hosts[i];
    add(items, fmt::format("port {} on {}", context.spec.slots[idle].port, host.host),
        free_port(context, world, host, i, idle));
    check_memory(context, world.apps[i], items, wait);
  }
}

}  // namespace

std::vector<CheckItem> check_all(const Context& context) {
  const Wait wait = Wait::for_at_most(k_check, context.stop);
  Items items;
  add(items, "spec " + context.spec.file.string(), {});
  auto secrets = read_secrets(context.spec, context.variables, wait);
  add(items, "secrets", secrets ? Result<void>{} : std::unexpected(secrets.error()));
  auto fleet = Fleet::connect(context.spec, wait);
  if (!fleet) {
    items.push_back({"ssh", fleet.error()});
    return items;
  }
  for (const auto& host : fleet->app_hosts()) add(items, "ssh " + host->name(), {}, host->address());
  check_sudo(context, *fleet, items, wait);
  const auto lock = lock_status(*fleet->lock_hosts().front(), lock_path(context.spec), wait);
  const auto unlocked = [&]() -> Result<void> {
    if (!lock) return std::unexpected(lock.error());
    if (lock->freeze) return core::fail(ErrorKind::frozen, "frozen: " + lock->freeze->what);
    return {};
  };
  add(items, "lock", unlocked(), lock && lock->holder ? "held by " + lock->holder->who : "free");
  if (add(items, "docker",
          fleet->open_docker(context.spec, secrets.value_or(runtime::SecretValues{}), wait))) {
    const World world = fleet->world(context.spec, context.clock, context.sink);
    add(items, "registry of " + context.spec.image, ask_registry(context, world, wait));
    check_state(context, world, items, wait);
  }
  for (std::size_t i = 0; i < fleet->proxies().size(); ++i)
    add(items, "nginx on " + fleet->app_hosts()[i]->name(), fleet->proxies()[i]->check(wait));
  return items;
}

}  // namespace bgdeploy::deploy
