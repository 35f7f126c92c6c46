#include "state_text.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/core/timestamp.hpp"
#include "bgdeploy/plan/owners.hpp"
#include "bgdeploy/plan/plan.hpp"
#include "bgdeploy/plan/proxy_kind.hpp"
#include "bgdeploy/plan/substitutions.hpp"
#include "bgdeploy/report/layout.hpp"
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
  return slot.answer.empty() ? container.health : slot.answer;
}

// With its exit code where that says more than that it was stopped.
std::string idle_word(const Container& container) {
  constexpr int k_terminated = 143;
  const bool ended =
      container.status == Container::Status::exited || container.status == Container::Status::dead;
  const bool as_told = container.exit_code == 0 || container.exit_code == k_terminated;
  if (ended && as_told && !container.oom_killed) return "stopped";
  return state_word(container);
}

}  // namespace

ordered_json owner_json(const std::optional<deploy::LockOwner>& owner) {
  if (!owner) return nullptr;
  ordered_json object = {
      {"who", owner->who}, {"what", owner->what}, {"since", core::format_time(owner->since)}};
  if (owner->until) object["until"] = core::format_time(*owner->until);
  return object;
}

namespace {

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

std::string dumped(const ordered_json& document, int indent) {
  return document.dump(indent, ' ', false, ordered_json::error_handler_t::replace);
}

ordered_json release_json(const plan::Release& release) {
  return {{"id", release.id}, {"tag", release.tag}, {"image", release.image}, {"digest", release.digest}};
}

std::vector<std::string> oddities(const spec::Spec& spec, const plan::State& state,
                                  const deploy::LockStatus& lock) {
  const bool under_way = lock.holder.has_value();
  std::vector<std::string> found;
  const auto live = plan::live_slot(spec, state);
  if (!live) {
    found.push_back(live.error().message);
    found.insert(found.end(), live.error().details.begin(), live.error().details.end());
  }
  const auto& kind = plan::proxy_kind(spec);
  for (const ProxyHost& proxy : state.proxies) {
    if (proxy.unfinished)
      found.push_back(
          fmt::format("{}: a switch was cut short; the next deploy or rollback ends it", proxy.host));
    if (proxy.reload_pending)
      found.push_back(fmt::format(
          "{0}: the include was written after {1} last read its configuration: {1} may send elsewhere",
          proxy.host, kind.name));
    if (proxy.masters.size() > 1)
      found.push_back(
          fmt::format("{0}: {3} is being upgraded: master {1} keeps the configuration that it has beside "
                      "master {2}; no "
                      "deploy switches until one is left: finish the upgrade (kill -QUIT {1}) or undo it "
                      "(kill -QUIT {2})",
                      proxy.host, proxy.masters.front().pid, proxy.masters.back().pid, kind.name));
    if (proxy.outdated)
      found.push_back(fmt::format("{}: {} is not what the spec would write; the next deploy writes it anew",
                                  proxy.host, proxy.include));
    for (const std::string& note : proxy.notes) found.push_back(fmt::format("{}: {}", proxy.host, note));
    for (const plan::Claim& claim : proxy.claims)
      found.push_back(fmt::format("{}: {} names slot {} too, for a site that does not use {}", proxy.host,
                                  claim.where, spec.slots[claim.slot].name, plan::routing_file(spec)));
    if (!proxy.leaving.empty())
      found.push_back(fmt::format("{}: {} old {} worker(s) still finish requests of an earlier configuration",
                                  proxy.host, proxy.leaving.size(), kind.name));
  }
  for (const plan::AppHost& host : state.app_hosts) {
    for (std::size_t i = 0; i < host.slots.size(); ++i) {
      const plan::SlotState& slot = host.slots[i];
      const bool serves = live && *live == i;
      const Container* there = plan::occupant(slot);
      if (serves && there == nullptr && slot.others.empty() && slot.strangers.empty())
        found.push_back(fmt::format("{}: the live slot {} has no container", host.host, spec.slots[i].name));
      if (serves && there != nullptr && slot.answers == false)
        found.push_back(fmt::format("{}: the live slot {} is not healthy: {}", host.host, spec.slots[i].name,
                                    slot.answer));
      if (slot.container && slot.container->status == Container::Status::paused)
        found.push_back(fmt::format(
            "{}: {} is paused{}", host.host, slot.container->name,
            serves ? ": nobody is served by it; go on with: docker unpause " + slot.container->name : ""));
      for (const plan::Stranger& stranger : slot.strangers)
        found.push_back(fmt::format("{}: {}", host.host, plan::describe(spec, i, stranger)));
      if (slot.container && !slot.container->managed)
        found.push_back(fmt::format("{}: {} was not started by bgdeploy", host.host, slot.container->name));
      const bool for_what_waits = state.held && state.held->slot == i;
      if (slot.aside && !for_what_waits && !under_way)
        found.push_back(fmt::format("{}: {} was moved aside by a deploy that was cut short", host.host,
                                    slot.aside->name));
      for (const Container& other : slot.others)
        found.push_back(fmt::format("{}: {} ({}) looks like slot {} but does not bear its name", host.host,
                                    other.name, word(other.status), spec.slots[i].name));
    }
    if (host.slots[0].container && host.slots[1].container && host.slots[0].container->running() &&
        host.slots[1].container->running() && spec.retire != spec::Retire::keep && !state.held && !under_way)
      found.push_back(fmt::format("{}: both slots run", host.host));
  }
  return found;
}

namespace {

std::string traffic_words(const spec::Spec& spec, const ProxyHost& proxy) {
  if (!proxy.written) return "(no such file yet)";
  if (!proxy.traffic) return "not exactly one slot";
  for (std::size_t slot = 0; slot < spec.slots.size(); ++slot)
    if (*proxy.traffic == plan::Traffic::all_to(slot)) return spec.slots[slot].name;
  return plan::describe(spec, *proxy.traffic);
}

ordered_json traffic_json(const spec::Spec& spec, const ProxyHost& proxy) {
  if (!proxy.traffic) return nullptr;
  ordered_json shares = ordered_json::object();
  for (std::size_t slot = 0; slot < spec.slots.size(); ++slot)
    shares[spec.slots[slot].name] = proxy.traffic->share[slot];
  return shares;
}

}  // namespace

std::string lock_text(const deploy::LockStatus& lock, core::SystemTime now, const Page& page) {
  if (!lock.unknown.empty()) return noted("! lock:", Color::magenta, lock.unknown, page);
  std::string text;
  if (lock.holder)
    text += noted("! locked:", Color::magenta,
                  fmt::format("by {} for {}, since {} ({})", lock.holder->who, lock.holder->what,
                              core::format_time(lock.holder->since), age(lock.holder->since, now)),
                  page);
  if (lock.freeze)
    text += noted("! frozen:", Color::magenta,
                  fmt::format("by {} since {}{}: {}", lock.freeze->who, core::format_time(lock.freeze->since),
                              lock.freeze->until ? ", until " + core::format_time(*lock.freeze->until) : "",
                              lock.freeze->what),
                  page);
  return text;
}

namespace {

// One slot of one host.
std::vector<Cell> slot_row(const spec::Spec& spec, const plan::AppHost& host, std::size_t i,
                           std::optional<std::size_t> live, const Shown& how) {
  const std::size_t k_release = how.verbose ? 200 : 20, k_health = how.verbose ? 200 : 20;
  const auto short_text = [](const std::string& text, std::size_t most) {
    return report::cut(core::printable(text), static_cast<int>(most));
  };
  const plan::SlotState& slot = host.slots[i];
  const bool serves = live && *live == i;
  const std::string port = spec.slots[i].port == 0 ? "" : std::to_string(spec.slots[i].port);
  const Container* container = plan::occupant(slot);
  if (container == nullptr)
    return {{host.host}, {spec.slots[i].name},
            {port},      {serves ? "LIVE, no container" : live ? "idle, empty" : "empty"},
            {"-"},       {""},
            {"-"},       {"-"},
            {""}};
  std::string state = idle_word(*container);
  if (serves)
    state = container->running() ? "LIVE" : "LIVE, " + state_word(*container);
  else if (live)
    state = "idle, " + state;
  const bool well = serves && container->running() && slot.answers != false;
  // That a stopped one does not answer is told by its state.
  const std::string health = serves || container->running() ? health_word(slot, *container) : "";
  const bool back = how.way_back != nullptr && !serves && container->release.id == how.way_back->id;
  const bool waits = how.held && *how.held == i;
  return {
      {host.host},
      {spec.slots[i].name},
      {port},
      {state, well     ? Color::green
              : serves ? Color::red
                       : Color::none},
      {short_text(how.verbose ? plan::describe(container->release) : plan::short_name(container->release),
                  k_release)},
      {how.verbose ? container->name : ""},
      {health.empty() ? "-" : short_text(health, k_health), slot.answers == false ? Color::red : Color::none},
      {how.since && (serves || back) ? short_age(*how.since, how.now) : "-"},
      {waits  ? "<- promote"
       : back ? "<- rollback"
              : ""}};
}

}  // namespace

std::string slots_text(const spec::Spec& spec, const plan::State& state, const Shown& how, const Page& page) {
  const auto live = live_of(spec, state);
  const std::vector<Cell> heading = {{"HOST"},      {"SLOT"},   {"PORT"},  {"STATE"}, {"RELEASE"},
                                     {"CONTAINER"}, {"HEALTH"}, {"SINCE"}, {""}};
  Rows rows = {heading};
  for (const plan::AppHost& host : state.app_hosts)
    for (std::size_t i = 0; i < host.slots.size(); ++i) rows.push_back(slot_row(spec, host, i, live, how));
  if (width_of(rows) <= page.width) return table(rows, page);
  // Long names of hosts stand above their slots.
  std::string text;
  for (std::size_t host = 0; host < state.app_hosts.size(); ++host) {
    Rows part = {heading};
    for (std::size_t i = 0; i < 2; ++i) part.push_back(rows[1 + host * 2 + i]);
    for (std::vector<Cell>& row : part) row.front().text.clear();
    constexpr std::size_t k_port = 2, k_container = 5, k_since = 7;
    text += core::printable(state.app_hosts[host].host) + "\n" +
            table(part, page, {k_port, k_container, k_since});
  }
  return text;
}

std::string proxies_text(const spec::Spec& spec, const plan::State& state, const Page& page) {
  if (!plan::proxy_kind(spec).can.be_switched) return "";
  Rows rows = {{{"PROXY"}, {"RUNS"}, {"SENDS TO"}, {"AS WRITTEN IN"}}};
  for (const ProxyHost& proxy : state.proxies)
    rows.push_back({{proxy.host},
                    {proxy.running ? "yes" : "NO", proxy.running ? Color::none : Color::red},
                    {traffic_words(spec, proxy)},
                    {proxy.include.empty() ? plan::routing_file(spec) : proxy.include}});
  if (width_of(rows) <= page.width) return table(rows, page);
  std::string text;
  for (std::size_t i = 1; i < rows.size(); ++i)
    text += fmt::format("{}\n  {} {}, {}\n", core::printable(rows[i][0].text), plan::proxy_kind(spec).name,
                        rows[i][1].text == "yes" ? "sends to " + core::printable(rows[i][2].text)
                                                 : painted(page, Color::red, "does NOT RUN"),
                        core::printable(rows[i][3].text));
  return text;
}

std::string oddities_text(const spec::Spec& spec, const plan::State& state, const Page& page) {
  std::string text;
  for (const std::string& odd : oddities(spec, state)) text += noted("!", Color::magenta, odd, page);
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
    proxies.push_back({{"host", proxy.host},
                       {"include", proxy.include},
                       {"names", proxy.live() ? spec.slots[*proxy.live()].name : ""},
                       {"traffic", traffic_json(spec, proxy)},
                       {"unfinished", proxy.unfinished},
                       {"unread", proxy.reload_pending},
                       {"outdated", proxy.outdated}});
  return {
      {"service", spec.service},
      {"live", live ? ordered_json(spec.slots[*live].name) : ordered_json(nullptr)},
      {"lock",
       {{"holder", owner_json(lock.holder)}, {"freeze", owner_json(lock.freeze)}, {"unknown", lock.unknown}}},
      {"hosts", std::move(hosts)},
      {"proxies", std::move(proxies)},
      {"oddities", oddities(spec, state, lock)}};
}

}  // namespace bgdeploy::cli
