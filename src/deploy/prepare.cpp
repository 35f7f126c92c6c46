#include "prepare.hpp"

#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "bgdeploy/deploy/choose.hpp"
#include "bgdeploy/deploy/compose_files.hpp"
#include "bgdeploy/deploy/history.hpp"
#include "bgdeploy/deploy/observe.hpp"
#include "bgdeploy/deploy/secrets.hpp"
#include "bgdeploy/plan/owners.hpp"
#include "container_port.hpp"
#include "parallel.hpp"

namespace bgdeploy::deploy {

using core::ErrorKind;
using core::Result;
using core::Wait;

namespace {

constexpr core::Duration k_plan = std::chrono::minutes(5);

// What is to run: the release with its digest, and today's configuration.
Result<plan::Launch> wanted_launch(const Context& context, const Goal& goal, const World& world,
                                   std::optional<plan::ComposeLaunch> compose, const Wait& wait) {
  plan::Launch launch{{new_release_id(context.clock.wall()), goal.tag, context.spec.image, goal.digest},
                      context.spec.docker,
                      std::move(compose)};
  plan::Release& release = launch.release;
  if (release.image.empty()) {
    BGDEPLOY_ASSIGN(release.image, world.apps.front().runtime->repository(launch, wait));
  }
  if (world.files) release.digest = world.files->digest;
  if (release.digest.empty()) {
    auto digest = world.apps.front().images->resolve(release.image, goal.tag, wait);
    if (!digest) return std::unexpected(of_the_registry(std::move(digest.error())));
    release.digest = std::move(*digest);
  }
  BGDEPLOY_TRY(settle_container_port(world, launch, wait));
  return launch;
}

// What the container listens on must be known before anything is planned with it, and only its image tells.
// To look only, nothing is fetched.
Result<void> find_container_port(const Context& context, bool may_fetch, Fleet& fleet, World& world,
                                 const plan::State& state, plan::Launch& launch, const Wait& wait,
                                 std::vector<std::string>& notes) {
  if (launch.compose || context.spec.compose) return {};
  BGDEPLOY_ASSIGN(bool known, settle_container_port(world, launch, wait));
  const bool build = launch.release.built();
  if (!known && may_fetch && !(build && !world.files)) {
    auto fetched = fetch_image(context.spec, launch.release, build, world, {context.stop, {}});
    if (!fetched) return std::unexpected(of_the_registry(std::move(fetched.error())));
    BGDEPLOY_ASSIGN(known, settle_container_port(world, launch, Wait::for_at_most(k_plan, context.stop)));
  }
  if (!known) {
    notes.push_back(
        fmt::format("docker.container_port is not set and no host has {} yet: a deploy takes the "
                    "only port that the image exposes, or ends before anything is started",
                    plan::describe(launch.release)));
    return {};
  }
  const auto live = plan::live_slot(context.spec, state);
  if (!live || context.spec.docker.container_port) return {};
  int port = 0;
  const auto& text = *launch.docker.container_port;
  std::from_chars(text.data(), text.data() + text.size(), port);
  for (std::size_t slot = 0; slot < context.spec.slots.size(); ++slot)
    if (port != 0 && slot != *live) fleet.set_container_port(slot, port);
  return {};
}

// Nothing where images are pulled.
Result<std::shared_ptr<const context::Files>> source_of(const Context& context, const Goal& goal,
                                                        const Wait& wait) {
  if (!context.spec.build || goal.kind != plan::Request::Kind::deploy) return nullptr;
  if (!goal.digest.empty())
    return core::fail(ErrorKind::usage,
                      "--digest names an image in a registry, but the spec has `build`; use --tag");
  BGDEPLOY_ASSIGN(auto files, context::read_files(*context.spec.build, wait));
  return std::make_shared<const context::Files>(std::move(files));
}

// The image of a release that is built may be on a host already.
Result<void> look_for_image(const World& world, const plan::Release& release, plan::State& state,
                            const Wait& wait) {
  for (std::size_t i = 0; release.built() && i < world.apps.size(); ++i) {
    BGDEPLOY_ASSIGN(state.app_hosts.at(i).image_present, world.apps[i].images->present(release, wait));
  }
  return {};
}

Result<void> check_proxies(const Context& context, const World& world, const Wait& wait) {
  std::vector<Result<void>> results(world.proxies.size());
  for_each_parallel(results.size(), context.spec.parallel,
                    [&](std::size_t i) { results[i] = world.proxies[i].proxy->check(wait); });
  for (std::size_t i = 0; i < results.size(); ++i)
    if (!results[i]) return results[i];
  return {};
}

// Before a first deploy nobody was served; what nginx lacks is then found by its own check.
Result<void> nginx_runs(const spec::Spec& spec, const plan::State& state) {
  for (const plan::ProxyHost& proxy : state.proxies)
    if (!proxy.running && proxy.routing != plan::ProxyHost::Routing::missing)
      return core::fail(
          ErrorKind::inconsistent, fmt::format("nginx is not running on {}: nobody is served", proxy.host),
          {spec.nginx.container
               ? fmt::format("start it: docker start {}", *spec.nginx.container)
               : std::string("start it: sudo systemctl start nginx, or as it is started there")});
  return {};
}

bool creates(const plan::Plan& plan) {
  return std::ranges::any_of(
      plan.steps, [](const plan::Step& step) { return std::holds_alternative<plan::Create>(step); });
}

// Both slots run at once for a while. Without a limit nothing is known of what the newcomer takes.
Result<void> check_memory(const Context& context, const plan::Plan& plan, const plan::Launch& launch,
                          const World& world, const Wait& wait) {
  std::vector<std::size_t> starting, stopping;
  for (const plan::Step& step : plan.steps) {
    if (const auto* create = std::get_if<plan::Create>(&step)) starting.push_back(create->host);
    if (const auto* start = std::get_if<plan::Start>(&step)) starting.push_back(start->host);
    if (const auto* stop = std::get_if<plan::Stop>(&step)) stopping.push_back(stop->host);
  }
  // What runs in the idle slot has to go first, and what it takes counts as taken still.
  std::erase_if(starting,
                [&](std::size_t host) { return std::ranges::find(stopping, host) != stopping.end(); });
  std::vector<Result<void>> results(starting.size());
  for_each_parallel(results.size(), context.spec.parallel, [&](std::size_t i) {
    results[i] = memory_suffices(world.apps[starting[i]], plan.target, launch, wait);
  });
  for (Result<void>& result : results) BGDEPLOY_TRY(std::move(result));
  return {};
}

Result<plan::Request> rollback_request(const Context& context, const Goal& goal,
                                       const std::vector<HistoryEntry>& history, const plan::State& state) {
  BGDEPLOY_ASSIGN(const auto live, plan::live_slot(context.spec, state));
  if (!live)
    return core::fail(ErrorKind::nothing, "nothing was deployed yet, so there is nothing to roll back to");
  BGDEPLOY_ASSIGN(RollbackTarget target, choose_rollback(context.spec, state, *live, history, goal.to));
  if (context.spec.compose && !target.launch.compose) {
    BGDEPLOY_ASSIGN(target.launch.compose, read_compose_files(context.spec, target.launch.release.tag));
  }
  if (!target.note.empty()) context.sink.emit({.name = "info", .message = target.note});
  return plan::Request{plan::Request::Kind::rollback, std::move(target.launch)};
}

// A deploy that fails says that the old release serves: only where it does.
core::Error checked(const spec::Spec& spec, const plan::State& state, const World& world, core::Error error) {
  if (exit_code(error.kind) != 1) return error;
  const auto live = plan::live_slot(spec, state);
  if (!live) {
    core::Error worse = live.error();
    worse.details.insert(worse.details.begin(), "it began with: " + error.message);
    return worse;
  }
  for (std::size_t i = 0; *live && i < state.app_hosts.size(); ++i) {
    const plan::AppHost& host = state.app_hosts[i];
    if (host.slots[**live].answers != false || world.listens(i, **live)) continue;
    error.kind = ErrorKind::inconsistent;
    error.details.push_back(fmt::format("{}: the live slot {} does not answer: {}", host.host,
                                        spec.slots[**live].name, host.slots[**live].answer));
    error.details.push_back(fmt::format("look at it with: bgdeploy logs --slot {}", spec.slots[**live].name));
  }
  return error;
}

}  // namespace

Result<void> check_left_hosts(const spec::Spec& spec, const std::vector<HistoryEntry>& history) {
  const auto last = std::ranges::find_if(history.rbegin(), history.rend(), &HistoryEntry::served);
  if (last == history.rend()) return {};
  std::vector<std::string> left;
  const auto missing = [&](const std::vector<std::string>& names,
                           std::initializer_list<const std::vector<spec::Host>*> now) {
    for (const std::string& name : names) {
      const bool there = std::ranges::any_of(now, [&](const std::vector<spec::Host>* hosts) {
        return std::ranges::find(*hosts, name, &spec::Host::name) != hosts->end();
      });
      if (!there && std::ranges::find(left, name) == left.end()) left.push_back(name);
    }
  };
  missing(last->hosts, {&spec.app_hosts, &spec.proxy_hosts});
  // Without a proxy of ours, what its nginx does is the user's, as long as the host is one that we look at.
  missing(last->proxies, {spec.proxied ? &spec::proxies(spec) : &spec.app_hosts});
  if (left.empty()) return {};
  return core::fail(
      ErrorKind::usage,
      fmt::format("{} {} in the last deploy and {} not in the spec any more", fmt::join(left, ", "),
                  left.size() == 1 ? "was" : "were", left.size() == 1 ? "is" : "are"),
      {"it may still send to the release that is going to be stopped",
       "take the service off it first, or, when that is done, go on with --force"});
}

core::Error of_the_registry(core::Error error) {
  if (error.kind == ErrorKind::unreachable || error.kind == ErrorKind::denied)
    error.kind = ErrorKind::refused;
  return error;
}

Result<void> check_rendering(const spec::Spec& spec, const std::string& tag) {
  if (!spec.proxied || spec.nginx.sites) return {};
  for (std::size_t i = 0; i < spec::proxies(spec).size(); ++i) {
    std::array<std::string, 2> texts;
    for (std::size_t slot = 0; slot < texts.size(); ++slot) {
      BGDEPLOY_ASSIGN(const auto routing, plan::routing_to(spec, i, slot, tag));
      BGDEPLOY_ASSIGN(texts[slot], proxy::render(spec.nginx, routing));
    }
    if (texts[0] == texts[1])
      return core::fail(
          ErrorKind::usage,
          fmt::format("proxy.nginx.template says the same for {} and {}: {}", spec.slots[0].name,
                      spec.slots[1].name, core::printable(core::trim(texts[0]))),
          {"it has to use {{port}}, {{address}}, {{container}} or {{slot}}"});
  }
  return {};
}

Result<void> place(const Context& context, Fleet& fleet, const World& world, const plan::Request& request,
                   plan::State& state, const Wait& wait) {
  const auto live = plan::live_slot(context.spec, state).value_or(std::nullopt);
  std::vector<Result<void>> results(world.apps.size());
  for_each_parallel(results.size(), context.spec.parallel, [&](std::size_t host) {
    results[host] = [&]() -> Result<void> {
      for (std::size_t slot = 0; slot < context.spec.slots.size(); ++slot) {
        // An include may name a slot in which nothing runs yet.
        const bool serves = slot == live && plan::occupant(state.app_hosts[host].slots[slot]) != nullptr;
        if (serves || plan::takes_up(state, host, slot, request)) continue;
        BGDEPLOY_ASSIGN(state.app_hosts[host].slots[slot].will_publish,
                        world.apps[host].runtime->publishes_on(slot, request.launch, wait));
      }
      return {};
    }();
  });
  for (Result<void>& result : results) BGDEPLOY_TRY(std::move(result));
  auto at = plan::published_at(context.spec, state, request);
  fleet.publish(at);
  // What serves may be published where its proxies do not reach it: that is what a deploy may be about to
  // mend.
  if (live && !plan::routings_to(context.spec, *live, "")) {
    for (auto& slots : at) slots[*live].reset();
    fleet.publish(at);
  }
  return check_reach(context.spec, fleet, live, wait);
}

Result<void> memory_suffices(const App& app, std::size_t slot, const plan::Launch& launch, const Wait& wait) {
  BGDEPLOY_ASSIGN(const auto limit, app.runtime->memory_limit(slot, launch, wait));
  if (!limit) return {};
  BGDEPLOY_ASSIGN(const auto available, app.runtime->memory_available(wait));
  if (!available || *limit <= *available) return {};
  return core::fail(
      ErrorKind::refused,
      fmt::format("{}: both slots do not fit: the new container may use {} (mem_limit), but only "
                  "{} are available",
                  app.name, core::format_size(*limit), megabytes(*available)));
}

std::string megabytes(std::int64_t bytes) {
  return fmt::format("{}m", bytes >> 20);
}

Result<void> prepare(const Context& context, const Goal& goal, Fleet& fleet, bool settle_first,
                     const std::function<Result<void>()>& lock, const Wait& wait, Prepared& prepared) {
  const bool deploying = goal.kind == plan::Request::Kind::deploy;
  Result<void> locked;
  Result<void> opened;
  std::optional<core::Error> without_secrets;
  Result<plan::Launch> wanted;
  Result<std::vector<HistoryEntry>> history;
  std::optional<plan::ComposeLaunch> compose;
  if (deploying) {
    BGDEPLOY_ASSIGN(compose, read_compose_files(context.spec, goal.tag));
  }
  {
    std::jthread beside([&] { locked = lock(); });
    std::jthread reading([&] {
      history = read_history(fleet.history_host(), context.spec.history, context.spec.service, wait);
      if (history) history = of_environment(std::move(*history), context.spec);
    });
    opened = [&]() -> Result<void> {
      auto secrets = read_secrets(context.spec, context.variables, wait);
      // A container that is only started again has them.
      if (!secrets && deploying) return std::unexpected(std::move(secrets.error()));
      if (!secrets) {
        without_secrets = std::move(secrets.error());
        secrets = runtime::SecretValues{};
      }
      hide_secrets(context.spec, *secrets, context.sink);
      BGDEPLOY_ASSIGN(prepared.files, source_of(context, goal, wait));
      return fleet.open_docker(*secrets, wait);
    }();
    if (opened && deploying) {
      World world = fleet.world(context.clock, context.sink);
      world.files = prepared.files;
      wanted = wanted_launch(context, goal, world, std::move(compose), wait);
    }
  }
  BGDEPLOY_TRY(std::move(locked));
  BGDEPLOY_TRY(std::move(opened));
  if (!deploying) BGDEPLOY_TRY(history);
  if (!history)
    context.sink.emit(
        {.name = "warning",
         .message = "the history cannot be read, so whether a host left the spec is not known: " +
                    history.error().message});
  else if (!goal.force)
    BGDEPLOY_TRY(check_left_hosts(context.spec, *history));

  World world = fleet.world(context.clock, context.sink);
  world.files = prepared.files;
  std::optional<plan::Launch> launch;
  if (deploying && wanted) launch = *wanted;
  BGDEPLOY_ASSIGN(prepared.state, observe(context.spec, world, launch, wait));
  const auto planned = [&]() -> Result<void> {
    BGDEPLOY_TRY(wanted);
    if (settle_first) {
      BGDEPLOY_ASSIGN(prepared.state, settle(context.spec, world, prepared.state, launch, wait));
    }
    plan::Request request{goal.kind, launch.value_or(plan::Launch{}), goal.force};
    // Before an image is pulled for what is going to be refused.
    BGDEPLOY_TRY(plan::check_owners(context.spec, prepared.state, goal.force));
    if (!deploying) {
      BGDEPLOY_ASSIGN(request, rollback_request(context, goal, *history, prepared.state));
    }
    std::vector<std::string> notes;
    // A rollback may only have to start a container that is there, and then needs no port.
    const auto port = find_container_port(context, deploying && settle_first, fleet, world, prepared.state,
                                          request.launch, wait, notes);
    if (!port && deploying) return port;
    const Wait rest = Wait::for_at_most(k_plan, context.stop);  // getting the image may have taken long
    if (launch) BGDEPLOY_TRY(look_for_image(world, launch->release, prepared.state, rest));
    // Likewise the files that the history does not keep.
    Result<void> completed;
    if (!deploying && request.launch.compose)
      completed = complete_compose_files(context.spec, request.launch.release.tag, *request.launch.compose);
    // Without its secrets a compose file may not be readable; that nothing can be created is said below.
    if (auto placed = place(context, fleet, world, request, prepared.state, rest);
        !placed && !without_secrets)
      return placed;
    BGDEPLOY_ASSIGN(prepared.plan, plan::make_plan(context.spec, prepared.state, request));
    BGDEPLOY_TRY(nginx_runs(context.spec, prepared.state));
    if (deploying && context.spec.compose)
      for (auto& caution : world.apps.front().runtime->cautions())
        prepared.plan.notes.push_back(std::move(caution));
    if (creates(prepared.plan)) {
      if (without_secrets) return std::unexpected(*without_secrets);
      if (!port) return port;
      if (!completed) return completed;
      if (!notes.empty() && !deploying) return core::fail(ErrorKind::usage, notes.front());
      prepared.plan.notes.insert(prepared.plan.notes.end(), notes.begin(), notes.end());
    }
    if (prepared.plan.switches()) BGDEPLOY_TRY(check_rendering(context.spec, prepared.plan.to.tag));
    if (!prepared.plan.steps.empty()) BGDEPLOY_TRY(check_proxies(context, world, rest));
    // Without its files compose cannot be asked; what is only started again fitted before.
    if (completed) BGDEPLOY_TRY(check_memory(context, prepared.plan, request.launch, world, rest));
    prepared.launch = std::move(request.launch);
    return {};
  }();
  if (!planned) return std::unexpected(checked(context.spec, prepared.state, world, planned.error()));
  return {};
}

}  // namespace bgdeploy::deploy
