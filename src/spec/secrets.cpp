#include <fmt/format.h>

#include <algorithm>

#include "bgdeploy/core/shell_variable.hpp"
#include "reader.hpp"

namespace bgdeploy::spec {

std::optional<SecretSource> read_secret_source(const Value& visible) {
  const Value source = visible.secret();
  if (!source.present() || source.is(Node::Kind::broken)) return {};
  if (!source.is(Node::Kind::map)) {
    source.error(
        "must say where the secret comes from, {env: NAME}, {file: PATH} or {command: [CMD, …]}; the "
        "secret itself does not belong into this file");
    return {};
  }
  const Value env = source.get("env");
  const Value file = source.get("file");
  const Value command = source.get("command");
  if (env.present() + file.present() + command.present() != 1) {
    source.error("must have exactly one of env, file and command");
    return {};
  }
  if (const auto name = env.matching(is_variable_name, "the name of an environment variable"))
    return FromEnv{*name};
  if (auto path = file.file()) return FromFile{std::move(*path)};
  auto argv = command.command();
  if (!argv) return {};
  if (argv->empty() || argv->front().empty()) {
    command.error("must name a program");
    return {};
  }
  return FromCommand{std::move(*argv)};
}

void read_secrets(const Value& secrets, Spec& spec) {
  if (!secrets.present() || secrets.is(Node::Kind::broken)) return;
  if (!secrets.is(Node::Kind::map) && !secrets.is(Node::Kind::null)) {
    secrets.secret().error(
        "must be a map of variables, each with {env: NAME}, {file: PATH} or {command: [CMD, …]}");
    return;
  }
  for (const auto& [name, value] : secrets.entries()) {
    if (!is_environment_name(name)) value.secret().error_at_key("is no name for an environment variable");
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
