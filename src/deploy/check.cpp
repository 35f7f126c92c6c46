// `bgdeploy check`: everything a deploy needs, tried without changing anything.
#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/deploy/compose_files.hpp"
#include "bgdeploy/deploy/fleet.hpp"
#include "bgdeploy/deploy/inspect.hpp"
#include "bgdeploy/deploy/observe.hpp"
#include "bgdeploy/deploy/places.hpp"
#include "bgdeploy/deploy/secrets.hpp"
#include "bgdeploy/plan/owners.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/plan/routing.hpp"
#include "bgdeploy/plan/substitutions.hpp"
#include "clients.hpp"
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
  return core::fail(ErrorKind::denied, fmt::format("sudo -n -- {} fails there", core::shell_join(argv)),
                    core::split_lines(core::printable(core::trim(output.err), true)));
}

std::string_view tool_name(host::Tool tool) {
  return tool == host::Tool::docker ? "docker" : tool == host::Tool::nginx ? "nginx" : "for everything";
}

void check_sudo(const Fleet& fleet, Items& items, const Wait& wait) {
  for (host::Host* host : fleet.machines())
    for (const host::Tool tool : {host::Tool::other, host::Tool::docker, host::Tool::nginx})
      if (!host->prefix(tool).empty()) {
        add(items, fmt::format("sudo {} on {}", tool_name(tool), host->name()), try_sudo(*host, tool, wait));
        if (tool == host::Tool::other) break;  // it covers all
      }
}

void check_build(const Context& context, const Fleet& fleet, Items& items, const Wait& wait) {
  const auto files = context::read_files(*context.spec.build, wait);
  add(items, "build context " + context.spec.build->context.string(),
      files ? Result<void>{} : std::unexpected(files.error()),
      files ? fmt::format("{} files and folders, {} kB", files->entries.size(), files->bytes / 1000) : "");
  for (std::size_t i = 0; i < context.spec.app_hosts.size(); ++i) {
    host::Host& host = fleet.app(i);
    const auto version = host.run({{"docker", "--version"}, host::Tool::docker, {}}, wait);
    const auto there = [&]() -> Result<void> {
      if (!version) return std::unexpected(version.error());
      if (version->ok()) return {};
      return core::fail(ErrorKind::not_found, "there is no docker command, which `build` needs",
                        {core::printable(version->err)});
    };
    add(items, "docker command on " + host.name(), there(),
        version ? core::printable(core::trim(version->out)) : "");
  }
}

// An unknown tag is an answer too: the registry is there and lets us in.
Result<void> ask_registry(const std::string& image, const World& world, const Wait& wait) {
  auto digest = world.apps.front().images->resolve(image, "latest", wait);
  if (!digest && digest.error().kind != ErrorKind::not_found)
    return std::unexpected(of_the_registry(std::move(digest.error())));
  return {};
}

// Of the idle slot: its own container may hold it, nothing else.
Result<void> free_port(const Context& context, const World& world, const plan::AppHost& host,
                       std::size_t index, std::size_t slot, std::optional<std::size_t> live) {
  const plan::SlotState& idle = host.slots[slot];
  if (idle.container && idle.container->active()) return {};
  BGDEPLOY_TRY(plan::port_is_free(context.spec, host, slot, live));
  if (world.listens(index, slot))
    return core::fail(ErrorKind::conflict, fmt::format("something that is no container listens on port {}",
                                                       context.spec.slots[slot].port));
  return {};
}

void check_memory(const App& app, std::size_t slot, const plan::Launch& launch, Items& items,
                  const Wait& wait) {
  const auto limit = app.runtime->memory_limit(slot, launch, wait);
  if (limit && !*limit) return;
  const auto available = app.runtime->memory_available(wait);
  const std::string note = !available    ? ""
                           : !*available ? "the host does not say"
                                         : megabytes(**available) + " available";
  add(items, "memory for two slots on " + app.name, memory_suffices(app, slot, launch, wait), note);
}

// Which release, and so which image, is not known here.
void tell_container_port(const Context& context, Items& items) {
  if (context.spec.compose || context.spec.docker.container_port) return;
  std::string note =
      "not set: a deploy takes the only port that the image exposes, or ends before anything is "
      "started where it exposes none or several";
  add(items, "docker.container_port", {}, std::move(note));
}

// What `proxy: none` cannot promise, and the way out of it.
void advise_on_proxy(const Context& context, Items& items) {
  const auto& slots = context.spec.slots;
  const auto& published = context.spec.docker.host_ip;
  // There docker's own proxy accepts before the app listens; docs/operations.md has the figures.
  const bool loopback = !published || published->starts_with("127.");
  add(items, "proxy", {},
      fmt::format(
          "none: nginx sends to ports {} and {} alike, also while a new version boots{}. With "
          "`include /etc/nginx/conf.d/{}.inc;` in the server block and `proxy_pass $service_url;` in its "
          "location, and that include in proxy.nginx, no request is lost",
          slots[0].port, slots[1].port,
          loopback ? ", and at 127.0.0.1 POST requests are lost then: list both ports at docker0's address "
                     "(172.17.0.1) "
                     "with max_fails=0, and publish there (docker.host_ip)"
                   : "",
          context.spec.service));
}

// What a deploy would start, as far as it is known without a release.
Result<std::optional<plan::Launch>> compose_launch(const Context& context, const World& world,
                                                   const Wait& wait) {
  BGDEPLOY_ASSIGN(auto compose, read_compose_files(context.spec, "latest"));
  if (!compose) return std::optional<plan::Launch>();
  plan::Launch launch{{"", "latest", context.spec.image, ""}, {}, std::move(*compose)};
  for (const App& app : world.apps) {
    BGDEPLOY_ASSIGN(const auto image, app.runtime->repository(launch, wait));
    if (launch.release.image.empty()) launch.release.image = image;
  }
  return std::optional(std::move(launch));
}

// What the sites on it do beside using what is switched.
void check_neighbours(const Context& context, const plan::ProxyHost& proxy, Items& items) {
  for (const std::string& note : proxy.notes) add(items, "sites on " + proxy.host, {}, note);
  for (const plan::Claim& claim : proxy.claims)
    add(items, fmt::format("slot {} on {}", context.spec.slots[claim.slot].name, proxy.host),
        core::fail(
            ErrorKind::usage,
            fmt::format("a site that does not use {} sends to it by {}: what runs there serves somebody else",
                        spec::routing_file(context.spec.nginx), core::printable(claim.where)),
            {"give this environment a `service` of its own, and its own ports and include"}));
}

// Whether each proxy gets to what it sends to now.
void check_ways(const Context& context, const World& world, const plan::State& state, std::size_t live,
                Items& items, const Wait& wait) {
  for (std::size_t proxy = 0; proxy < world.proxies.size(); ++proxy) {
    const auto routing = plan::routing_to(context.spec, proxy, live, "");
    if (!routing) continue;
    for (const plan::Backend& backend : *routing) {
      const auto host = std::ranges::find(state.app_hosts, backend.host, &plan::AppHost::host);
      if (host == state.app_hosts.end() || host->slots[live].answers != true) continue;
      const auto answer = world.ask_backend(proxy, backend, wait);
      if (!answer) continue;
      add(items,
          fmt::format("way from {} to {}:{} ({} on {})", world.proxies[proxy].name, backend.address,
                      backend.port, backend.slot, backend.host),
          answer->healthy ? Result<void>{} : core::fail(ErrorKind::refused, answer->text), answer->text);
    }
  }
}

// An include may name a slot before anything ever ran there.
bool was_deployed(const plan::State& state, std::size_t live) {
  return std::ranges::any_of(state.app_hosts, [&](const plan::AppHost& host) {
    return plan::occupant(host.slots[live]) != nullptr || host.live_listens.value_or(false);
  });
}

void check_traffic(const Context& context, const World& world, const plan::State& state, std::size_t live,
                   Items& items, const Wait& wait) {
  check_ways(context, world, state, live, items, wait);
  const Serving serving = who_is_served(context.spec, world, state, wait);
  if (serving.who == Serving::Who::everybody)
    add(items, "what serves", {}, serving.words());
  else
    items.push_back({"what serves", Error{ErrorKind::inconsistent,
                                          serving.words(),
                                          {"look with `bgdeploy status` and `bgdeploy logs`"}}});
}

// What was seen of the proxies is in `proxies`.
void check_state(const Context& context, Fleet& fleet, const World& world,
                 const std::optional<plan::Launch>& launch, Items& items,
                 std::vector<plan::ProxyHost>& proxies, const Wait& wait) {
  auto state = observe(context.spec, world, launch, wait);
  if (state) proxies = state->proxies;
  if (!state) {
    items.push_back({"containers and include", state.error()});
    return;
  }
  for (const auto& caution : world.apps.front().runtime->cautions())
    add(items, "stateful service", {}, caution);
  if (const auto owners = plan::check_owners(context.spec, *state, false); !owners) {
    items.push_back({"containers", owners.error()});
    return;
  }
  const plan::Launch wanted = launch.value_or(plan::Launch{{}, context.spec.docker});
  if (const auto placed = place(context, fleet, world, {plan::Request::Kind::deploy, wanted}, *state, wait);
      !placed)
    items.push_back({"published ports", placed.error()});
  const auto live = plan::live_slot(context.spec, *state);
  if (!live) {
    items.push_back({"include", live.error()});
    return;
  }
  const bool outdated = std::ranges::any_of(state->proxies, &plan::ProxyHost::outdated);
  if (context.spec.proxied)
    add(items, (context.spec.nginx.sites ? "sites " : "include ") + plan::routing_file(context.spec), {},
        !*live     ? "does not exist yet: a first deploy writes it"
        : outdated ? fmt::format("names {}, but not as the spec would: the next deploy writes it anew",
                                 context.spec.slots[**live].name)
                   : "names " + context.spec.slots[**live].name);
  if (*live && was_deployed(*state, **live)) check_traffic(context, world, *state, **live, items, wait);
  const std::size_t idle = *live ? 1 - **live : 0;
  for (std::size_t i = 0; i < state->app_hosts.size(); ++i) {
    const plan::AppHost& host = state->app_hosts[i];
    add(items, fmt::format("port {} on {}", context.spec.slots[idle].port, host.host),
        free_port(context, world, host, i, idle, *live));
    // What runs in the idle slot is stopped first, and what it takes counts as taken still.
    if (const auto* there = plan::occupant(host.slots[idle]); !there || !there->running())
      check_memory(world.apps[i], idle, wanted, items, wait);
  }
}

}  // namespace

std::vector<CheckItem> check_all(const Context& given) {
  const Wait wait = Wait::for_at_most(k_check, given.stop);
  Items items;
  add(items, "spec " + given.spec.file.string(), {});
  auto secrets = read_secrets(given.spec, given.variables, wait);
  add(items, "secrets", secrets ? Result<void>{} : std::unexpected(secrets.error()));
  if (secrets) hide_secrets(given.spec, *secrets, given.sink);
  auto fleet = Fleet::connect(given.spec, wait);
  if (!fleet) {
    items.push_back({"ssh", fleet.error()});
    return items;
  }
  const Context context = given.with(fleet->spec());
  for (const host::Host* host : fleet->machines()) add(items, "ssh " + host->name(), {}, host->address());
  for (host::Host* host : fleet->machines())
    add(items, "sessions on " + host->name(), enough_places(*fleet, *host, wait));
  check_sudo(*fleet, items, wait);
  const auto lock = fleet->lock_status(wait);
  const auto unlocked = [&]() -> Result<void> {
    if (!lock) return std::unexpected(lock.error());
    if (lock->freeze) return core::fail(ErrorKind::frozen, "frozen: " + lock->freeze->what);
    return {};
  };
  add(items, "lock", unlocked(), lock && lock->holder ? "held by " + lock->holder->who : "free");
  const auto opened = fleet->open_docker(secrets.value_or(runtime::SecretValues{}), wait);
  const World world = fleet->world(context.clock, context.sink);
  std::vector<plan::ProxyHost> proxies;
  if (add(items, "docker", opened)) {
    auto launch = compose_launch(context, world, wait);
    if (context.spec.compose)
      add(items, "compose", launch ? Result<void>{} : std::unexpected(launch.error()));
    const bool known = launch && *launch;
    const std::string image = known ? (*launch)->release.image : context.spec.image;
    if (context.spec.build)
      check_build(context, *fleet, items, wait);
    else if (!image.empty() && !world.apps.front().images->asks_registry())
      add(items, "registry of " + image, {}, "not asked: the engine is Podman, which can only pull");
    else if (!image.empty())
      add(items, "registry of " + image, ask_registry(image, world, wait));
    tell_container_port(context, items);
    check_state(context, *fleet, world, known ? *launch : std::nullopt, items, proxies, wait);
  }
  for (std::size_t i = 0; i < world.proxies.size(); ++i) {
    // What its sites do is known of what was observed.
    if (!opened) std::ignore = observe_proxy(context.spec, world, i, wait);
    const bool fine = add(items, "nginx on " + world.proxies[i].name, world.proxies[i].proxy->check(wait));
    if (fine && i < proxies.size()) check_neighbours(context, proxies[i], items);
  }
  if (const auto rendered = check_rendering(context.spec, "latest"); !rendered)
    add(items, "include's content", rendered);
  if (!context.spec.proxied) advise_on_proxy(context, items);
  return items;
}

}  // namespace bgdeploy::deploy
