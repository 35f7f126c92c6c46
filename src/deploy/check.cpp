// `bgdeploy check`: everything a deploy needs, tried without changing anything.
#include <algorithm>
#include <tuple>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/shell_words.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/deploy/check.hpp"
#include "bgdeploy/deploy/connect/fleet.hpp"
#include "bgdeploy/deploy/connect/places.hpp"
#include "bgdeploy/deploy/deadlines.hpp"
#include "bgdeploy/deploy/notify/notifications.hpp"
#include "bgdeploy/deploy/observe/observe.hpp"
#include "bgdeploy/deploy/release/secrets.hpp"
#include "bgdeploy/host/sudo.hpp"
#include "bgdeploy/plan/owners.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"
#include "bgdeploy/plan/routing.hpp"
#include "bgdeploy/plan/substitutions.hpp"
#include "bgdeploy/runtime/build_here.hpp"
#include "bgdeploy/runtime/launches.hpp"
#include "bgdeploy/spec/runtime.hpp"
#include "disk.hpp"
#include "observe/clients.hpp"
#include "ports.hpp"
#include "preconditions.hpp"
#include "prepare.hpp"
#include "setup/rights.hpp"
#include "watch/preflight.hpp"

namespace bgdeploy::deploy {

using core::Error;
using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

using Items = std::vector<CheckItem>;

// A right that is missing is told once, however much needs it; and the host that the item names is not named
// again.
bool add(Items& items, std::string what, const Result<void>& result, std::string note = "") {
  if (result) {
    items.push_back({std::move(what), std::nullopt, std::move(note)});
    return true;
  }
  const Error& error = result.error();
  const auto told = [&](const CheckItem& item) {
    // The line of sudoers that was told may allow more.
    const auto rule = error.next.rfind(": ") + 1;
    return item.error && error.kind == ErrorKind::denied && !error.next.empty() &&
           item.error->next.starts_with(error.next.substr(0, rule)) &&
           item.error->next.find(error.next.substr(rule)) != std::string::npos;
  };
  if (std::ranges::any_of(items, told)) return false;
  items.push_back({std::move(what), error});
  std::string& message = items.back().error->message;
  const auto colon = message.find(": ");
  if (colon != std::string::npos && items.back().what.ends_with(" on " + message.substr(0, colon)))
    message.erase(0, colon + 2);
  return false;
}

// The questions of `setup`, so that what one of both calls enough is enough for the other.
Result<void> try_rights(host::Host& host, host::Tool tool, const std::vector<Right>& rights,
                        const Wait& wait) {
  for (const Right& right : rights) {
    const host::Command question = right.harmless ? host::Command{right.command, tool, ""}
                                                  : host::Command{right.question(), host::Tool::other, ""};
    const host::Login at{host.name(), host.login()};
    const auto ran = host.run(question, wait);
    if (!ran && std::ranges::any_of(ran.error().details, host::refused_by_sudo))
      return std::unexpected(
          refusal(at, rights, right, fmt::format("{}", fmt::join(ran.error().details, "\n"))));
    BGDEPLOY_ASSIGN(const host::Output output, ran);
    if (output.ok()) continue;
    if (!right.harmless)
      return std::unexpected(refusal(at, rights, right, "not allowed: " + core::shell_join(right.command)));
    return core::fail(ErrorKind::denied,
                      fmt::format("{} does not run through sudo", core::shell_join(right.command)),
                      core::split_lines(core::printable(core::trim(output.err), true)));
  }
  return {};
}

// Nobody is told anything: only whether that could be tried.
void check_notify(const Context& context, Items& items, const Wait& wait) {
  for (std::size_t i = 0; i < context.spec.notify.size(); ++i) {
    const auto url = notify_url(context, i, wait);
    add(items, notify_name(context.spec, i), url ? Result<void>{} : std::unexpected(url.error()));
  }
}

void check_sudo(const spec::Spec& spec, const Fleet& fleet, Items& items, const Wait& wait) {
  for (host::Host* host : fleet.machines()) {
    const auto check = [&](std::string_view what, host::Tool tool, const std::vector<Right>& rights) {
      if (host->prefix(tool).empty() || rights.empty()) return false;
      add(items, fmt::format("sudo {} on {}", what, host->name()), try_rights(*host, tool, rights, wait));
      return true;
    };
    if (check("for everything", host::Tool::other, rights_to_everything())) continue;
    const bool app = fleet.has_slots(*host), front = fleet.has_proxy(*host);
    check("docker", host::Tool::docker, rights_to_docker(spec, app, front));
    check("nginx", host::Tool::nginx, rights_to_nginx(spec, front));
  }
}

Error frozen(const LockOwner& freeze) {
  return {ErrorKind::frozen, "frozen: " + freeze.what, {}, "when that is over: bgdeploy unlock"};
}

void check_build(const Context& context, const Fleet& fleet, Items& items, const Wait& wait) {
  const auto files = context::read_files(*context.spec.build, wait);
  add(items, "build context " + context.spec.build->context.string(),
      files ? Result<void>{} : std::unexpected(files.error()),
      files ? fmt::format("{} files and folders, {} kB", files->entries.size(), files->bytes / 1000) : "");
  if (context.spec.build->here) {
    const auto platform = runtime::platform_here(wait);
    add(items, "docker on this machine", platform ? Result<void>{} : std::unexpected(platform.error()),
        platform ? "builds for " + core::printable(*platform) : "");
    return;
  }
  for (std::size_t i = 0; i < context.spec.app_hosts.size(); ++i) {
    host::Host& host = fleet.app(i);
    const auto version = host.run({{"docker", "--version"}, host::Tool::docker, {}}, wait);
    const auto there = [&]() -> Result<void> {
      if (!version) return std::unexpected(version.error());
      if (version->ok()) return {};
      return core::fail(ErrorKind::not_found, "there is no docker command, which `build` needs",
                        core::split_lines(core::printable(core::trim(version->err), true)));
    };
    add(items, "docker command on " + host.name(), there(),
        version ? core::printable(core::trim(version->out)) : "");
  }
}

// Without a tag nobody said what to ask for. The digest of a tag.
std::string ask_registry(const std::string& image, const std::string& tag, const World& world, Items& items,
                         const Wait& wait) {
  const std::string what = fmt::format("registry of {}{}{}", image, tag.empty() ? "" : ":", tag);
  runtime::Images& images = *world.apps.front().images;
  if (tag.empty()) {
    auto reached = images.reach_registry(image, wait);
    if (!reached) reached = std::unexpected(of_the_registry(std::move(reached.error())));
    add(items, what, reached, "answers; the repository was not tried: `check --tag T` does");
    return "";
  }
  auto digest = images.resolve(image, tag, wait);
  add(items, what, digest ? Result<void>{} : std::unexpected(of_the_registry(digest.error())),
      digest.value_or(""));
  return digest.value_or("");
}

// Of the idle slot: its own container may hold it, nothing else.
Result<void> free_port(const Context& context, const World& world, const plan::State& state,
                       std::size_t index, std::size_t slot, std::optional<std::size_t> live,
                       const Wait& wait) {
  const plan::SlotState& idle = state.app_hosts[index].slots[slot];
  if (idle.container && idle.container->active()) return {};
  BGDEPLOY_TRY(plan::port_is_free(context.spec, *world.places, state.app_hosts[index], slot, live));
  return port_is_unused(context.spec, world, state, index, slot, wait);
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

void check_disk_of(const Context& context, const Fleet& fleet, const World& world,
                   const plan::Release& wanted, Items& items, const Wait& wait) {
  const auto told = [&](std::string what, const Result<std::string>& disk) {
    add(items, std::move(what), disk ? Result<void>{} : std::unexpected(disk.error()), disk.value_or(""));
  };
  for (std::size_t i = 0; i < world.apps.size(); ++i) {
    const App& app = world.apps[i];
    plan::Release live;
    if (const auto slots = app.runtime->observe({}, wait))
      for (const plan::SlotState& slot : *slots)
        if (const auto* there = plan::occupant(slot); there && there->running()) live = there->release;
    const std::string what = "disk of docker on " + app.name;
    if (wanted.digest.empty())
      told(what, disk_of(app, live, wait));
    else if (const auto enough = enough_disk(context, world, {i}, wanted, nullptr, wait); !enough)
      add(items, what, enough);
    else
      told(what, disk_of(app, {}, wait));
  }
  told("disk of the history on " + fleet.history_host().name(), disk_of_history(context, fleet, wait));
}

// Which release, and so which image, is not known here.
void tell_container_port(const Context& context, Items& items) {
  if (spec::runtime_of(context.spec).by_files || context.spec.docker.container_port ||
      spec::is_worker(context.spec))
    return;
  std::string note =
      "not set: a deploy takes the only port that the image exposes, or ends before anything is "
      "started where it exposes none or several";
  add(items, "docker.container_port", {}, std::move(note));
}

// What a deploy would start, as far as it is known without a release.
Result<plan::Launch> launch_by_files(const Context& context, const World& world, const Wait& wait) {
  BGDEPLOY_ASSIGN(auto launch,
                  runtime::launch_by_spec(context.spec, {.tag = "latest", .image = context.spec.image}));
  for (const App& app : world.apps) {
    BGDEPLOY_ASSIGN(const auto image, app.runtime->repository(launch, wait));
    if (launch.release.image.empty()) launch.release.image = image;
  }
  return launch;
}

// What the sites on it do beside using what is switched.
void check_neighbours(const Context& context, const plan::ProxyHost& proxy, Items& items) {
  for (const std::string& note : proxy.notes) add(items, "sites on " + proxy.host, {}, note);
  for (const plan::Claim& claim : proxy.claims)
    add(items, fmt::format("slot {} on {}", context.spec.slots[claim.slot].name, proxy.host),
        core::fail(
            ErrorKind::usage,
            fmt::format("a site that does not use {} sends to it by {}: what runs there serves somebody else",
                        plan::proxy_kind(context.spec).file_pattern(context.spec),
                        core::printable(claim.where)),
            {}, "give this environment a `service` of its own, and its own ports and include"));
}

// Whether each proxy gets to what it sends to now.
void check_ways(const Context& context, const World& world, const plan::State& state, std::size_t live,
                Items& items, const Wait& wait) {
  for (std::size_t proxy = 0; proxy < world.proxies.size(); ++proxy) {
    const auto routing = plan::routing_to(context.spec, *world.places, proxy, live, "");
    if (!routing) continue;
    for (const plan::Backend& backend : *routing) {
      const auto host = std::ranges::find(state.app_hosts, backend.host, &plan::AppHost::host);
      if (host == state.app_hosts.end() || host->slots[live].answers != true) continue;
      const auto answer = world.ask_backend(proxy, backend, context.spec.health, wait);
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
                                          {},
                                          "look with `bgdeploy status` and `bgdeploy logs`"}});
}

// What was seen of the proxies is in `proxies`.
void check_state(const Context& context, Fleet& fleet, const World& world,
                 const std::optional<plan::Launch>& launch, Items& items,
                 std::vector<plan::ProxyHost>& proxies, const Wait& wait) {
  auto state = observe(context.spec, world, launch, wait);
  if (state) proxies = state->proxies;
  if (!state) {
    add(items, "containers and include", std::unexpected(state.error()));
    return;
  }
  for (const auto& caution : world.apps.front().runtime->cautions())
    add(items, "stateful service", {}, caution);
  if (const auto owners = plan::check_owners(context.spec, *state, false); !owners) {
    items.push_back({"containers", owners.error()});
    return;
  }
  // Where files of the user could not be read, that was said.
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
  if (const auto& kind = plan::proxy_kind(context.spec); kind.can.be_switched)
    add(items, fmt::format("{} {}", kind.file_word(context.spec), plan::routing_file(context.spec)), {},
        !*live     ? "does not exist yet: a first deploy writes it"
        : outdated ? fmt::format("names {}, but not as the spec would: the next deploy writes it anew",
                                 context.spec.slots[**live].name)
                   : "names " + context.spec.slots[**live].name);
  if (*live && was_deployed(*state, **live)) check_traffic(context, world, *state, **live, items, wait);
  const std::size_t idle = *live ? 1 - **live : 0;
  for (std::size_t i = 0; i < state->app_hosts.size(); ++i) {
    const plan::AppHost& host = state->app_hosts[i];
    const std::string slot = spec::is_worker(context.spec)
                                 ? "slot " + context.spec.slots[idle].name
                                 : fmt::format("port {}", context.spec.slots[idle].port);
    add(items, fmt::format("{} on {}", slot, host.host),
        free_port(context, world, *state, i, idle, *live, wait));
    // What runs in the idle slot is stopped first, and what it takes counts as taken still.
    if (const auto* there = plan::occupant(host.slots[idle]);
        context.spec.order == spec::Order::start_first && (!there || !there->running()))
      check_memory(world.apps[i], idle, wanted, items, wait);
  }
}

}  // namespace

std::vector<CheckItem> check_preflight(const Context& context, const std::string& tag) {
  Items items;
  const auto seen = preview(context, {.kind = plan::Request::Kind::deploy, .tag = tag});
  if (seen && seen->lock.freeze) items.push_back({"lock", frozen(*seen->lock.freeze)});
  add(items, "deploy of " + tag, seen ? Result<void>{} : std::unexpected(seen.error()),
      seen ? fmt::format("it could start: {} steps", seen->plan.steps.size()) : "");
  return items;
}

std::vector<CheckItem> check_all(const Context& context, const std::string& tag) {
  const Wait wait = deadlines::within(context.clock, deadlines::k_command, context.stop);
  Items items;
  add(items, "spec " + context.spec.file.string(), {});
  auto secrets = read_secrets(context.spec, context.variables, wait);
  add(items, "secrets", secrets ? Result<void>{} : std::unexpected(secrets.error()));
  if (secrets) hide_secrets(context.spec, *secrets, context.sink);
  check_notify(context, items, wait);
  auto fleet = Fleet::connect(context.spec, wait);
  if (!fleet) {
    items.push_back({"ssh", fleet.error()});
    return items;
  }
  for (const host::Host* host : fleet->machines()) add(items, "ssh " + host->name(), {}, host->address());
  for (host::Host* host : fleet->machines())
    add(items, "sessions on " + host->name(), enough_places(*fleet, *host, wait));
  check_sudo(context.spec, *fleet, items, wait);
  const auto lock = fleet->lock_status(wait);
  const auto unlocked = [&]() -> Result<void> {
    if (!lock) return std::unexpected(lock.error());
    if (lock->freeze) return std::unexpected(frozen(*lock->freeze));
    return {};
  };
  add(items, "lock", unlocked(), lock && lock->holder ? "held by " + lock->holder->who : "free");
  const auto opened = fleet->open_docker(secrets.value_or(runtime::SecretValues{}), wait);
  const World world = fleet->world(context.clock, context.sink);
  std::vector<plan::ProxyHost> proxies;
  if (add(items, "docker", opened)) {
    std::optional<plan::Launch> launch;
    if (const auto& runtime = spec::runtime_of(context.spec); runtime.by_files) {
      auto known = launch_by_files(context, world, wait);
      add(items, std::string(runtime.name), known ? Result<void>{} : std::unexpected(known.error()));
      if (known) launch = std::move(*known);
    }
    const std::string image = launch ? launch->release.image : context.spec.image;
    plan::Release wanted{.tag = tag};
    if (context.spec.build)
      check_build(context, *fleet, items, wait);
    else if (!image.empty() && !world.apps.front().images->asks_registry())
      add(items, "registry of " + image, {}, "not asked: the engine is Podman, which can only pull");
    else if (!image.empty())
      wanted.digest = ask_registry(image, tag, world, items, wait);
    wanted.image = image;
    check_disk_of(context, *fleet, world, wanted, items, wait);
    tell_container_port(context, items);
    check_state(context, *fleet, world, launch, items, proxies, wait);
  }
  const plan::ProxyKind& kind = plan::proxy_kind(context.spec);
  for (std::size_t i = 0; i < world.proxies.size(); ++i) {
    // What its sites do is known of what was observed.
    if (!opened) std::ignore = observe_proxy(context.spec, world, i, wait);
    const bool fine = add(items, fmt::format("{} on {}", kind.name, world.proxies[i].name),
                          world.proxies[i].proxy->check(wait));
    if (fine && i < proxies.size()) check_neighbours(context, proxies[i], items);
    if (context.spec.watch && context.spec.watch->responses)
      add(items, "watched log on " + world.proxies[i].name,
          log_is_readable(world, i, *context.spec.watch->responses, wait));
  }
  if (const auto rendered = check_rendering(context.spec, *world.places, "latest"); !rendered)
    add(items, "include's content", rendered);
  for (const std::string& caution : kind.cautions(context.spec)) add(items, "proxy", {}, caution);
  return items;
}

}  // namespace bgdeploy::deploy
