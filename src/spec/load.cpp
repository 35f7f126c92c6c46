#include "bgdeploy/spec/load.hpp"

#include <fmt/format.h>

#include "advice.hpp"
#include "folder.hpp"
#include "keys.hpp"

namespace bgdeploy::spec {
namespace {

std::string names_of(const Node& map) {
  std::string names;
  for (const auto& entry : map.entries) names += (names.empty() ? "" : ", ") + entry.key;
  return names;
}

NodePtr without(const NodePtr& map, std::string_view key) {
  auto rest = std::make_shared<Node>(*map);
  std::erase_if(rest->entries, [&](const Entry& entry) { return entry.key == key; });
  return rest;
}

// The document with the named environment laid over it and without `environments`. The others are checked
// for unknown keys only: their variables may be unknown here.
NodePtr pick_environment(const NodePtr& root, std::string_view name, Diagnostics& diagnostics) {
  const Entry* environments = root->find("environments");
  NodePtr picked = without(root, "environments");
  if (environments == nullptr || environments->value->kind != Node::Kind::map) {
    if (environments != nullptr && environments->value->kind != Node::Kind::null) {
      diagnostics.error(environments->value->at,
                        "environments must be a map of keys and values" +
                            advice_on_map("environments", *environments->value, true));
    } else if (!name.empty()) {
      diagnostics.error({}, fmt::format("there is no environment {}: the spec has none", in_quotes(name)));
    }
    return picked;
  }
  for (const auto& entry : environments->value->entries) {
    if (entry.value->kind == Node::Kind::null) continue;
    if (entry.value->kind != Node::Kind::map) {
      diagnostics.error(entry.value->at,
                        fmt::format("environments.{} must be a map of keys and values", entry.key));
      continue;
    }
    if (const Entry* inner = entry.value->find("environments")) {
      diagnostics.error(inner->at, "an environment cannot have environments");
    }
    check_keys(*without(entry.value, "environments"), overlay_keys(), diagnostics);
    if (entry.key == name) picked = merge(picked, without(entry.value, "environments"));
  }
  if (!name.empty() && environments->value->find(name) == nullptr) {
    diagnostics.error(environments->at, fmt::format("there is no environment {}; there are: {}",
                                                    in_quotes(name), names_of(*environments->value)));
  }
  return picked;
}

}  // namespace

core::Result<Spec> load(const Source& source, std::string_view environment, const Environment& variables) {
  Diagnostics diagnostics(source.file.string(), source.text);
  NodePtr root = parse_yaml(source.text, diagnostics);
  if (root && root->kind != Node::Kind::map) {
    diagnostics.error(root->at, "the spec must be a map of keys and values");
    root = nullptr;
  }
  if (!root) return std::unexpected(diagnostics.to_error());

  root = indented(pick_environment(root, environment, diagnostics), root_keys(), diagnostics);
  check_keys(*root, root_keys(), diagnostics);
  root = interpolate(root, variables, diagnostics);

  Spec spec;
  spec.file = source.file;
  spec.environment = environment;
  Reading reading{diagnostics, folder_of(source.file), variables("HOME")};
  read_spec(Value(reading, root.get(), {1, 1}, ""), spec);
  if (!diagnostics.empty()) return std::unexpected(diagnostics.to_error());
  return spec;
}

std::vector<std::string> environment_names(const Source& source) {
  Diagnostics diagnostics(source.file.string(), source.text);
  const NodePtr root = parse_yaml(source.text, diagnostics);
  const Entry* environments = root ? root->find("environments") : nullptr;
  std::vector<std::string> names;
  if (environments != nullptr)
    for (const Entry& entry : environments->value->entries) names.push_back(entry.key);
  return names;
}

namespace {

// One section on its own.
template <class T>
core::Result<T> load_section(std::string_view json, const Section& keys, void (*read)(const Value&, T&)) {
  Diagnostics diagnostics(keys.path, {});
  const NodePtr root = parse_json(json, diagnostics);
  T section;
  if (root) {
    check_keys(*root, keys, diagnostics);
    Reading reading{diagnostics, "/", {}};
    read(Value(reading, root.get(), {}, keys.path), section);
  }
  if (!diagnostics.empty()) return std::unexpected(diagnostics.to_error());
  return section;
}

}  // namespace

core::Result<Docker> load_docker(std::string_view json) {
  return load_section<Docker>(json, docker_keys(), read_docker);
}

core::Result<Health> load_health(std::string_view json) {
  return load_section<Health>(json, health_keys(), read_health);
}

core::Result<Compose> load_compose(std::string_view json) {
  return load_section<Compose>(json, compose_keys(), read_compose);
}

}  // namespace bgdeploy::spec
