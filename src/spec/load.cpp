#include "bgdeploy/spec/load.hpp"

#include <fmt/format.h>

#include "bgdeploy/spec/reference.hpp"
#include "reader.hpp"

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
      diagnostics.error(environments->value->at, "environments must be a map of keys and values");
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
    check_keys(*without(entry.value, "environments"), "", diagnostics);
    if (entry.key == name) picked = merge(picked, without(entry.value, "environments"));
  }
  if (!name.empty() && environments->value->find(name) == nullptr) {
    diagnostics.error(environments->at, fmt::format("there is no environment {}; there are: {}",
                                                    in_quotes(name), names_of(*environments->value)));
  }
  return picked;
}

void read_image(const Value& image, Spec& spec) {
  const auto text = image.text();
  if (!text) return;
  if (const auto valid = check_repository(*text); !valid) {
    image.error(valid.error().message);
  } else {
    spec.image = *text;
  }
}

void read_retire(const Value& value, Retire& out) {
  const auto text = value.matching(
      [](std::string_view t) { return t == "stop" || t == "remove" || t == "keep"; }, "stop, remove or keep");
  if (text) out = *text == "stop" ? Retire::stop : *text == "remove" ? Retire::remove : Retire::keep;
}

void read_history(const Value& history, History& out) {
  if (!history.is_map()) return;
  const auto is_dir = [](std::string_view text) {
    return (text.starts_with('/') || text.starts_with("~/")) && !has_control_character(text);
  };
  set(out.dir,
      history.get("dir").matching(is_dir, "an absolute path on the host, or one that begins with '~/'"));
  set(out.keep, history.get("keep").count(1'000'000));
}

void read_proxy(const Value& proxy, const Value& hosts, Spec& spec) {
  spec.proxied = !(proxy.is(Node::Kind::scalar) && proxy.node()->text == "none");
  if (spec.proxied) {
    if (proxy.is_map()) read_nginx(proxy.need("nginx"), spec.nginx);
  } else if (hosts.get("proxy").present()) {
    hosts.get("proxy").error_at_key("has no meaning with `proxy: none`");
  }
}

void read_spec(const Value& root, Spec& spec) {
  set(spec.service,
      root.need("service").matching(
          is_lower_name, "a name of a-z, 0-9, '.', '_' and '-' that begins with a letter or a digit"));
  // compose names the image itself.
  const bool named_elsewhere = root.get("compose").present() && !root.get("build").present();
  read_image(named_elsewhere ? root.get("image") : root.need("image"), spec);
  read_hosts(root, spec);
  read_slots(root.need("slots"), spec);
  read_registry(root.get("registry"), spec);
  read_docker(root.get("docker"), spec.docker);
  read_docker_socket(root.get("docker").get("socket"), spec.docker_socket);
  read_build(root.get("build"), spec);
  if (root.get("compose").present()) read_compose(root.get("compose"), spec.compose.emplace());
  read_secrets(root.get("secrets"), spec);
  read_health(root.need("health"), spec.health);
  read_proxy(root.need("proxy"), root.get("hosts"), spec);
  const Value drain = root.get("drain");
  if (drain.is_map()) set(spec.drain_timeout, drain.get("timeout").duration(Zero::allowed));
  read_verify(root.get("verify"), spec);
  read_retire(root.get("retire"), spec.retire);
  root.get("strategy").text();
  set(spec.parallel, root.get("parallel").count(1000));
  read_history(root.get("history"), spec.history);
  if (spec.compose) settle_compose(root, spec);
  check_published(root, spec);
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

  root = pick_environment(root, environment, diagnostics);
  check_keys(*root, "", diagnostics);
  root = interpolate(root, variables, diagnostics);
  check_reserved(*root, diagnostics);

  Spec spec;
  spec.file = source.file;
  spec.environment = environment;
  Reading reading{diagnostics, std::filesystem::absolute(source.file).parent_path(), variables("HOME")};
  read_spec(Value(reading, root.get(), {1, 1}, ""), spec);
  if (!diagnostics.empty()) return std::unexpected(diagnostics.to_error());
  return spec;
}

namespace {

// One section on its own.
template <class Section>
core::Result<Section> load_section(std::string_view json, const char* name,
                                   void (*read)(const Value&, Section&)) {
  Diagnostics diagnostics(name, {});
  const NodePtr root = parse_json(json, diagnostics);
  Section section;
  if (root) {
    check_keys(*root, name, diagnostics);
    Reading reading{diagnostics, "/", {}};
    read(Value(reading, root.get(), {}, name), section);
  }
  if (!diagnostics.empty()) return std::unexpected(diagnostics.to_error());
  return section;
}

}  // namespace

core::Result<Docker> load_docker(std::string_view json) {
  return load_section<Docker>(json, "docker", read_docker);
}

core::Result<Compose> load_compose(std::string_view json) {
  return load_section<Compose>(json, "compose", read_compose);
}

}  // namespace bgdeploy::spec
