#include "state_text.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "bgdeploy/core/text.hpp"
#include "bgdeploy/plan/owners.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/plan/substitutions.hpp"
#include "command.hpp"

namespace bgdeploy::cli {
namespace {

using nlohmann::ordered_json;
using plan::Container;
using plan::ProxyHost;

std::string_view word(Container::Status status) {
  switch (status) {
    case Container::Status::created:
      return "created";
    case Container::Status::running:
      return "running";
    case Container::Status::restarting:
      return "restarting";
    case Container::Status::paused:
      return "paused";
    case Container::Status::exited:
      return "exited";
    case Container::Status::dead:
      return "dead";
  }
  return "unknown";
}

std::string state_word(const Container& container) {
  if (container.status == Container::Status::exited || container.status == Container::Status::dead)
    return fmt::format("{} ({}{})", word(container.status), container.exit_code,
                       container.oom_killed ? ", OOM" : "");
  return std::string(word(container.status));
}

std::optional<std::size_t> live_of(const spec::Spec& spec, const plan::State& state) {
  return plan::live_slot(spec, state).value_or(std::nullopt);
}

std::string health_word(const plan::SlotState& slot, const Container& container) {
  return slot.answers ? slot.answer : container.health;
}

std::string lock_words(const deploy::LockStatus& lock, core::SystemTime now) {
  if (!lock.unknown.empty()) return fmt::format("lock:    {}\n", core::printable(lock.unknown));
  std::string text;
  if (lock.holder)
    text += fmt::format("lock:    held by {} for {}, since {} ({})\n", lock.holder->who, lock.holder->what,
                        core::format_time(lock.holder->since), age(lock.holder->since, now));
  if (lock.freeze)
    text += fmt::format("frozen:  by {} since {}: {}\n", lock.freeze->who,
                        core::format_time(lock.freeze->since), core::printable(lock.freeze->what));
  return text.empty() ? "lock:    free\n" : text;
}

ordered_json owner_json(const std::optional<deploy::LockOwner>& owner) {
  if (!owner) return nullptr;
  return {{"who", owner->who}, {"what", owner->what}, {"since", core::format_time(owner->since)}};
}

ordered_json container_json(const Container& container) {
  return {{"id", container.id},
          {"name", container.name},
          {"managed", container.managed},
          {"release", release_json(container.release)},
          {"state", word(container.status)},
          {"exit_code", container.exit_code},
          {"oom_killed", container.oom_killed},
          {"docker_health", container.health}};
}

}  // namespace

ordered_json release_json(const plan::Release& release) {
  return {{"id", release.id}, {"tag", release.tag}, {"image", release.image}, {"digest", release.digest}};
}

std::vector<std::string> oddities(const spec::Spec& spec, const plan::State& state) {
  std::vector<std::string> found;
  const auto live = plan::live_slot(spec, state);
  if (!live) {
    found.push_back(live.error().message);
    found.insert(found.end(), live.error().details.begin(), live.error().details.end());
  }
  for (const ProxyHost& proxy : state.proxies) {
    if (proxy.unfinished)
      found.push_back(
          fmt::format("{}: a switch was cut short; the next deploy or rollback ends it", proxy.host));
    if (proxy.unread)
      found.push_back(fmt::format(
          "{}: the include was written after nginx last read its configuration: nginx may send elsewhere",
          proxy.host));
    if (proxy.masters.size() > 1)
      found.push_back(
          fmt::format("{0}: nginx is being upgraded: master {1} keeps the configuration that it has beside "
                      "master {2}; no "
                      "deploy switches until one is left: finish the upgrade (kill -QUIT {1}) or undo it "
                      "(kill -QUIT {2})",
                      proxy.host, proxy.masters.front().pid, proxy.masters.back().pid));
    if (proxy.outdated)
      found.push_back(fmt::format("{}: {} is not what the spec would write; the next deploy writes it anew",
                                  proxy.host, proxy.include));
    for (const std::string& note : proxy.notes) found.push_back(fmt::format("{}: {}", proxy.host, note));
    for (const plan::Claim& claim : proxy.claims)
      found.push_back(fmt::format("{}: {} names slot {} too, for a site that does not use {}", proxy.host,
                                  claim.where, spec.slots[claim.slot].name, plan::routing_file(spec)));
    if (!proxy.leaving.empty())
      found.push_back(
          fmt::format("{}: {} old nginx worker(s) still finish requests of an earlier configuration",
                      proxy.host, proxy.leaving.size()));
  }
  for (const plan::AppHost& host : state.app_hosts) {
    for (std::size_t i = 0; i < host.slots.size(); ++i) {
      const plan::SlotState& slot = host.slots[i];
      const bool serves = live && *live == i;
      if (serves && !slot.container && slot.others.empty() && slot.strangers.empty())
        found.push_back(fmt::format("{}: the live slot {} has no container", host.host, spec.slots[i].name));
      if (serves && slot.container && slot.answers == false)
        found.push_back(fmt::format("{}: the live slot {} does not answer: {}", host.host, spec.slots[i].name,
                                    slot.answer));
      if (slot.container && slot.container->status == Container::Status::paused)
        found.push_back(fmt::format(
            "{}: {} is paused{}", host.host, slot.container->name,
            serves ? ": nobody is served by it; go on with: docker unpause " + slot.container->name : ""));
      for (const plan::Stranger& stranger : slot.strangers)
        found.push_back(fmt::format("{}: {}", host.host, plan::describe(spec, i, stranger)));
      if (slot.container && !slot.container->managed)
        found.push_back(fmt::format("{}: {} was not started by bgdeploy", host.host, slot.container->name));
      if (slot.aside)
        found.push_back(fmt::format("{}: {} was moved aside by a deploy that was cut short", host.host,
                                    slot.aside->name));
      for (const Container& other : slot.others)
        found.push_back(fmt::format("{}: {} ({}) looks like slot {} but does not bear its name", host.host,
                                    other.name, word(other.status), spec.slots[i].name));
    }
    if (host.slots[0].container && host.slots[1].container && host.slots[0].container->running() &&
        host.slots[1].container->running() && spec.retire != spec::Retire::keep)
      found.push_back(fmt::format("{}: both slots run", host.host));
  }
  return found;
}

std::string state_text(const spec::Spec& spec, const plan::State& state, const deploy::LockStatus& lock) {
  const core::SystemTime now = core::system_clock().wall();
  std::string text = fmt::format("service: {}\n{}\n", spec.service, lock_words(lock, now));
  const auto live = live_of(spec, state);
  std::vector<std::vector<std::string>> rows = {
      {"HOST", "SLOT", "PORT", "", "RELEASE", "CONTAINER", "STATE", "HEALTH"}};
  for (const plan::AppHost& host : state.app_hosts)
    for (std::size_t i = 0; i < host.slots.size(); ++i) {
      const Container* container = plan::occupant(host.slots[i]);
      const bool serves = live && *live == i;
      const std::string role = !live ? "" : serves ? "live" : "idle";
      if (container)
        rows.push_back({host.host, spec.slots[i].name, std::to_string(spec.slots[i].port), role,
                        plan::describe(container->release), container->name, state_word(*container),
                        health_word(host.slots[i], *container)});
      else
        rows.push_back(
            {host.host, spec.slots[i].name, std::to_string(spec.slots[i].port), role, "-", "-", "-", ""});
    }
  text += table(rows);
  if (spec.proxied) text += "\n";
  rows.clear();
  if (spec.proxied) rows = {{"PROXY", "INCLUDE", "NAMES"}};
  for (const ProxyHost& proxy : state.proxies)
    rows.push_back({proxy.host, proxy.include.empty() ? plan::routing_file(spec) : proxy.include,
                    proxy.routing == ProxyHost::Routing::slot      ? spec.slots[proxy.live].name
                    : proxy.routing == ProxyHost::Routing::missing ? "(no such file yet)"
                                                                   : "neither slot alone"});
  if (spec.proxied) text += table(rows);
  const auto odd = oddities(spec, state);
  for (std::size_t i = 0; i < odd.size(); ++i)
    text += fmt::format("{}! {}\n", i == 0 ? "\n" : "", core::printable(odd[i]));
  return text;
}

ordered_json state_json(const spec::Spec& spec, const plan::State& state, const deploy::LockStatus& lock) {
  const auto live = live_of(spec, state);
  ordered_json hosts = ordered_json::array();
  for (const plan::AppHost& host : state.app_hosts) {
    ordered_json slots = ordered_json::array();
    for (std::size_t i = 0; i < host.slots.size(); ++i) {
      const plan::SlotState& slot = host.slots[i];
      const bool serves = live && *live == i;
      ordered_json entry = {{"slot", spec.slots[i].name}, {"port", spec.slots[i].port}, {"live", serves}};
      entry["container"] = slot.container ? container_json(*slot.container) : ordered_json(nullptr);
      if (slot.answers) {
        entry["healthy"] = *slot.answers;
        entry["health"] = slot.answer;
      }
      entry["strangers"] = ordered_json::array();
      for (const plan::Stranger& stranger : slot.strangers)
        entry["strangers"].push_back(container_json(stranger.container));
      entry["others"] = ordered_json::array();
      for (const Container& other : slot.others) entry["others"].push_back(container_json(other));
      slots.push_back(std::move(entry));
    }
    hosts.push_back({{"host", host.host}, {"slots", std::move(slots)}});
  }
  ordered_json proxies = ordered_json::array();
  for (const ProxyHost& proxy : state.proxies)
    proxies.push_back(
        {{"host", proxy.host},
         {"include", proxy.include},
         {"names", proxy.routing == ProxyHost::Routing::slot ? spec.slots[proxy.live].name : ""},
         {"unfinished", proxy.unfinished},
         {"unread", proxy.unread},
         {"outdated", proxy.outdated}});
  return {
      {"service", spec.service},
      {"live", live ? ordered_json(spec.slots[*live].name) : ordered_json(nullptr)},
      {"lock",
       {{"holder", owner_json(lock.holder)}, {"freeze", owner_json(lock.freeze)}, {"unknown", lock.unknown}}},
      {"hosts", std::move(hosts)},
      {"proxies", std::move(proxies)},
      {"oddities", oddities(spec, state)}};
}

}  // namespace bgdeploy::cli
