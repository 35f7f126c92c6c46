// Kamal's main file, and those of its destinations.
#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/spec/document.hpp"
#include "kamal.hpp"

namespace bgdeploy::init {
namespace {

std::string base_name(std::string_view name) {
  return std::string(name.substr(name.rfind('/') + 1));
}

// Kamal's own name for it; else whichever was given.
const File& main_of(std::span<const File> files) {
  const auto found = std::ranges::find_if(files, [](const File& file) {
    const std::string name = base_name(file.name);
    return name == "deploy.yml" || name == "deploy.yaml";
  });
  return found == files.end() ? files.front() : *found;
}

// "staging" of "config/deploy.staging.yml".
std::string destination_of(std::string_view name) {
  constexpr std::string_view k_begin = "deploy.";
  std::string text = base_name(name);
  text.erase(text.rfind('.'));
  return text.starts_with(k_begin) ? text.substr(k_begin.size()) : std::string();
}

core::Result<Json> parse(Draft& draft, const File& file) {
  if (file.text.contains("<%"))
    draft.note(fmt::format("{} has ERB (<% … %>), which is read as plain text", file.name));
  BGDEPLOY_ASSIGN(const std::string text, spec::yaml_as_json(file.text, file.name));
  BGDEPLOY_ASSIGN(Json json, core::parse_json(text, file.name));
  if (!json.is_object())
    return core::fail(core::ErrorKind::usage, file.name + " is no configuration of Kamal's");
  draft.read_from(file.name);
  return json;
}

// As Kamal lays a destination over its main file: maps key by key, anything else whole.
void merge(Json& into, const Json& over) {
  if (!into.is_object() || !over.is_object()) {
    into = over;
    return;
  }
  for (const auto& [key, value] : over.items()) merge(into[key], value);
}

// What the destination says in another way.
void tell_environment(Draft& draft, const Draft& base, const Draft& there, const std::string& name) {
  for (const Finding& one : there.findings()) {
    if (const Finding* known = base.find(one.path); known != nullptr && known->value == one.value) continue;
    Path path{"environments", name};
    path.insert(path.end(), one.path.begin(), one.path.end());
    draft.say(std::move(path), one.value, one.comment);
  }
  for (const std::string& note : there.notes())
    if (std::ranges::find(base.notes(), note) == base.notes().end()) draft.note(note);
}

}  // namespace

core::Result<void> read_kamal(Draft& draft, std::span<const File> files,
                              const std::vector<std::string>& hooks) {
  const File& main = main_of(files);
  BGDEPLOY_ASSIGN(const Json base, parse(draft, main));
  tell_kamal(draft, base, main.name, hooks);
  Draft own;
  tell_kamal(own, base, main.name, {});
  for (const File& file : files) {
    if (&file == &main) continue;
    const std::string name = destination_of(file.name);
    if (name.empty()) {
      draft.note(fmt::format("{}: `bgdeploy init --from` reads it, for a spec of its own", file.name));
      continue;
    }
    BGDEPLOY_ASSIGN(const Json json, parse(draft, file));
    Json whole = base;
    merge(whole, json);
    Draft there;
    tell_kamal(there, whole, file.name, {});
    tell_environment(draft, own, there, name);
  }
  return {};
}

}  // namespace bgdeploy::init
