#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/core/shell_variable.hpp"
#include "types.hpp"

namespace bgdeploy::spec {
namespace {

Section source_section(std::string path) {
  return {
      .path = std::move(path),
      .keys = {{.name = "env",
                .doc = "A variable of the environment that bgdeploy runs in.",
                .shape = text_form("[A-Za-z_][A-Za-z0-9_]*")},
               {.name = "file", .doc = "A file on the machine that runs bgdeploy.", .shape = filled_form()},
               {.name = "command",
                .doc = "A command on the machine that runs bgdeploy; what it prints is the secret.",
                .shape = program().shape}},
      .exactly_one = {"env", "file", "command"},
      .secret = true};
}

}  // namespace

const Section& source_keys() {
  static const Section k_section = source_section("secrets.*");
  return k_section;
}

const Section& password_keys() {
  static const Section k_section = source_section("registry.password");
  return k_section;
}

const Section& registry_keys() {
  static const Section k_section{
      "registry",
      {{.name = "username", .doc = "The registry's user.", .shape = filled_form(), .required = true},
       {.name = "password",
        .doc = "Where the password comes from: env, file or command.",
        .shape = section_form<password_keys>(),
        .required = true}},
      {},
      true};
  return k_section;
}

std::optional<SecretSource> read_secret_source(const Value& visible) {
  const Value source = visible.secret();
  if (!source.present() || source.is(Node::Kind::broken)) return {};
  if (!source.is(Node::Kind::map)) {
    source.error(
        "must say where the secret comes from, {env: NAME}, {file: PATH} or {command: [CMD, …]}; the secret "
        "itself does not belong in this file");
    return {};
  }
  const Value env = source.get("env");
  if (!source.need_one_of(source_keys().exactly_one)) return {};
  if (const auto name = env.matching(is_variable_name, "the name of an environment variable"))
    return FromEnv{*name};
  if (auto path = source.get("file").file()) return FromFile{std::move(*path)};
  if (auto argv = program().read(source.get("command"))) return FromCommand{std::move(*argv)};
  return {};
}

void write_source(Writer& out, const std::string& name, const SecretSource& source) {
  Writer map = out.inside(name);
  if (const auto* env = std::get_if<FromEnv>(&source))
    map.put("env", env->variable);
  else if (const auto* file = std::get_if<FromFile>(&source))
    map.put("file", file->path.string());
  else
    map.put("command", std::get<FromCommand>(source).argv);
}

void read_secrets(const Value& secrets, Spec& spec) {
  if (!secrets.present() || secrets.is(Node::Kind::broken)) return;
  if (!secrets.is(Node::Kind::map) && !secrets.is(Node::Kind::null)) {
    secrets.secret().error(
        "must be a map of variables, each with {env: NAME}, {file: PATH} or {command: [CMD, …]}");
    return;
  }
  for (const auto& [name, value] : secrets.entries()) {
    if (!is_environment_name(name)) value.secret().error_at_key("is not a name for an environment variable");
    if (auto source = read_secret_source(value)) spec.secrets.emplace(name, std::move(*source));
    const auto& inherited = spec.docker.inherited;
    if (spec.docker.environment.contains(name) ||
        std::find(inherited.begin(), inherited.end(), name) != inherited.end()) {
      value.secret().error_at_key("is in docker.environment too; keep it in one of them");
    }
    if (spec.compose && spec.compose->environment.contains(name)) {
      value.secret().error_at_key("is in compose.environment too; keep it in one of them");
    }
    if (spec.compose && core::is_shell_variable(name)) {
      value.secret().error_at_key(
          "is a variable that shells keep for themselves, so it cannot reach compose");
    }
  }
}

void read_registry(const Value& registry, Spec& spec) {
  if (!registry.present() || !registry.is_map()) return;
  const auto username = registry.need("username").filled();
  auto password = read_secret_source(registry.need("password"));
  if (username && password) spec.registry = Registry{*username, std::move(*password)};
}

}  // namespace bgdeploy::spec
