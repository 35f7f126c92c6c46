#include "bgdeploy/deploy/release/difference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "bgdeploy/core/json.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/spec/flatten.hpp"
#include "bgdeploy/spec/load.hpp"

namespace bgdeploy::deploy {
namespace {

using core::Json;
using Flat = std::map<std::string, std::string>;

constexpr std::string_view k_changed_source = "changed source";

void add_all(const std::string& prefix, const std::optional<Flat>& flat, Flat& all) {
  if (!flat) return;
  for (const auto& [key, value] : *flat) all[prefix + key] = value;
}

Flat settings_of(const Ran& one) {
  Flat all = runtime::flat_record(one.with);
  add_all("health.", spec::flat_json(one.health), all);
  // Where its files are is told by `sources`, the same on every machine.
  if (!one.sources.empty()) all.erase("docker.env_file");
  if (const auto sources = Json::parse(one.sources, nullptr, false); sources.is_object()) {
    const Json& files = core::member(sources, "env_file");
    if (files.is_array() && !files.empty()) all["docker.env_file"] = core::dump_json(files);
  }
  return all;
}

void compare(const Flat& before, const Flat& after, std::vector<Change>& changes) {
  std::set<std::string> keys;
  for (const Flat* flat : {&before, &after})
    for (const auto& [key, value] : *flat) keys.insert(key);
  const auto value_in = [](const Flat& flat, const std::string& key) {
    const auto found = flat.find(key);
    return found == flat.end() ? std::string() : found->second;
  };
  for (const auto& key : keys) {
    Change change{key, value_in(before, key), value_in(after, key)};
    if (change.before == change.after) continue;
    // A variable without a value is taken from the environment of bgdeploy.
    if (change.before == "null" || change.after == "null")
      change = {.key = key, .words = std::string(k_changed_source)};
    changes.push_back(std::move(change));
  }
}

void compare_secrets(const Ran& before, const Ran& after, std::vector<Change>& changes) {
  if (before.sources.empty() || after.sources.empty()) return;
  const auto old = Json::parse(before.sources, nullptr, false),
             now = Json::parse(after.sources, nullptr, false);
  const Json &had = core::member(old, "secrets"), &has = core::member(now, "secrets");
  std::set<std::string> names;
  for (const Json* each : {&had, &has})
    if (each->is_object())
      for (const auto& [name, source] : each->items()) names.insert(name);
  for (const auto& name : names) {
    const Json &one = core::member(had, name), &other = core::member(has, name);
    if (one == other) continue;
    const std::string_view words = one.is_null() ? "added" : other.is_null() ? "removed" : k_changed_source;
    changes.push_back({.key = "secrets." + name, .words = std::string(words)});
  }
}

std::string as_json(const std::string& text) {
  return text.empty() ? "" : core::dump_json(Json(text));
}

}  // namespace

std::string describe(const Change& change) {
  constexpr std::size_t k_longest = 200;
  if (!change.words.empty()) return core::printable(change.key + ": " + change.words);
  const auto shown = [](const std::string& value) {
    if (value.empty()) return std::string("none");
    return value.size() > k_longest ? fmt::format("({} bytes)", value.size()) : value;
  };
  return core::printable(fmt::format("{}: {} → {}", change.key, shown(change.before), shown(change.after)));
}

Ran ran(const HistoryEntry& entry) {
  return {entry.to, entry.ran_with, entry.health, entry.sources, entry.include, entry.ports};
}

Ran would_run(const spec::Spec& spec, const plan::Launch& launch, const std::string& sources) {
  return {
      launch.release, runtime::record_of(launch), spec::health_to_json(launch.health.value_or(spec.health)),
      sources,        environment_include(spec),  environment_ports(spec)};
}

std::vector<Change> difference(const spec::Spec& spec, const Ran& before, const Ran& after) {
  std::vector<Change> changes;
  const auto add = [&](std::string key, std::string one, std::string other) {
    if (one != other) changes.push_back({std::move(key), std::move(one), std::move(other)});
  };
  add("image", as_json(before.release.image), as_json(after.release.image));
  add("tag", as_json(before.release.tag), as_json(after.release.tag));
  add("digest", as_json(before.release.digest), as_json(after.release.digest));
  if (before.with.empty()) return changes;

  Flat then = settings_of(before), now = settings_of(after);
  // Only the image knows it, and it may not be here yet.
  if (!now.contains("docker.container_port")) then.erase("docker.container_port");
  if (before.health.empty())
    std::erase_if(now, [](const auto& one) { return one.first.starts_with("health."); });
  compare(then, now, changes);
  compare_secrets(before, after, changes);
  if (!before.include.empty()) add("proxy.nginx.include", as_json(before.include), as_json(after.include));
  for (std::size_t slot = 0; slot < spec.slots.size() && before.ports.size() == after.ports.size(); ++slot)
    if (slot < before.ports.size())
      add(fmt::format("slots.{}.port", spec.slots[slot].name), std::to_string(before.ports[slot]),
          std::to_string(after.ports[slot]));
  return changes;
}

std::string another_run_of(const spec::Spec& spec, const std::vector<HistoryEntry>& history,
                           const plan::Release& serves, std::optional<std::vector<Change>> changes,
                           const Ran& after) {
  std::string id = serves.id;
  if (serves == plan::Release{}) {
    const auto last = std::find_if(history.rbegin(), history.rend(),
                                   [](const HistoryEntry& entry) { return entry.served; });
    if (last == history.rend() || last->ran_with.empty()) return "";
    id = last->to.id;
    changes = difference(spec, ran(*last), after);
  }
  // A tag is only a name.
  const bool same =
      changes && std::ranges::all_of(*changes, [](const Change& change) { return change.key == "tag"; });
  return same && id != after.release.id ? id : "";
}

std::vector<Change> unrecorded(const std::vector<std::string>& differences,
                               const std::vector<Change>& known) {
  const auto explained = [&](const std::string& name) {
    const std::string last = name.substr(name.rfind(' ') + 1);
    return std::ranges::any_of(known, [&](const Change& change) {
      const std::string& key = change.key;
      if (name == "image") return key == "digest" || key == "image";
      // What compose made its container from is one hash.
      if (name.starts_with("compose ")) return key.starts_with("compose") || key.starts_with("secrets.");
      return key.ends_with("." + last) || key.find("." + last + ".") != std::string::npos;
    });
  };
  std::vector<Change> changes;
  for (const auto& name : differences) {
    if (explained(name)) continue;
    constexpr std::string_view k_variable = "environment ";
    changes.push_back(
        {.key = name, .words = name.starts_with(k_variable) ? "has another value now" : "is not what runs"});
  }
  return changes;
}

}  // namespace bgdeploy::deploy
