#include "bgdeploy/deploy/secrets.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

#include "bgdeploy/host/child.hpp"
#include "bgdeploy/spec/dotenv.hpp"

namespace bgdeploy::deploy {
namespace {

using core::Error;
using core::ErrorKind;
using core::fail;
using core::Result;
using core::Secret;
using core::Wait;

constexpr auto k_command_time = std::chrono::seconds(30);

Result<std::string> read_text(const std::filesystem::path& path) {
  std::error_code error;
  // A pipe could block for ever.
  if (!std::filesystem::is_regular_file(path, error))
    return fail(ErrorKind::usage,
                fmt::format("{} {}", path.string(),
                            std::filesystem::exists(path, error) ? "is no file" : "does not exist"));
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  if (!file.is_open() || file.bad())
    return fail(ErrorKind::usage, fmt::format("{} cannot be read", path.string()));
  return text;
}

Result<Secret> checked(std::string value) {
  if (value.ends_with('\n')) value.pop_back();
  if (value.ends_with('\r')) value.pop_back();
  if (value.find('\0') != std::string::npos)
    return fail(ErrorKind::usage, "the value holds a NUL byte, which no environment variable can");
  return Secret(std::move(value));
}

struct Reader {
  const spec::Environment& variables;
  const Wait& wait;

  Result<Secret> operator()(const spec::FromEnv& source) const {
    auto value = variables(source.variable);
    if (!value)
      return fail(ErrorKind::usage, fmt::format("the environment variable {} is not set", source.variable));
    return Secret(std::move(*value));
  }

  Result<Secret> operator()(const spec::FromFile& source) const {
    BGDEPLOY_ASSIGN(auto text, read_text(source.path));
    return checked(std::move(text));
  }

  Result<Secret> operator()(const spec::FromCommand& source) const {
    auto output = host::run_child(source.argv, "", wait.at_most(k_command_time));
    if (!output) {
      // A program that is not there is a mistake in the spec.
      if (output.error().kind == ErrorKind::not_found) output.error().kind = ErrorKind::usage;
      return std::unexpected(std::move(output).error());
    }
    if (!output->ok())
      return fail(ErrorKind::refused, fmt::format("the command {} failed with exit code {}",
                                                  source.argv.front(), output->exit_code));
    return checked(std::move(output->out));
  }
};

Result<void> read_env_file(const std::filesystem::path& path, const spec::Environment& variables,
                           std::map<std::string, Secret>& values) {
  BGDEPLOY_ASSIGN(const auto text, read_text(path));
  BGDEPLOY_ASSIGN(auto read, spec::parse_dotenv(text, path.string(), variables));
  for (auto& [name, value] : read) values.insert_or_assign(name, Secret(std::move(value)));
  return {};
}

Error all_of(std::vector<Error> errors) {
  if (errors.size() == 1) return std::move(errors.front());
  Error all{errors.front().kind, fmt::format("{} secrets cannot be read", errors.size())};
  for (auto& error : errors) all.details.push_back(std::move(error.message));
  return all;
}

}  // namespace

Result<runtime::SecretValues> read_secrets(const spec::Spec& spec, const spec::Environment& variables,
                                           const Wait& wait) {
  runtime::SecretValues values;
  std::vector<Error> errors;
  const auto read = [&](const std::string& name, const spec::SecretSource& source) -> std::optional<Secret> {
    auto value = std::visit(Reader{variables, wait}, source);
    if (value) return std::move(*value);
    errors.push_back(std::move(value).error().within(name));
    return {};
  };
  for (const auto& path : spec.docker.env_file) {
    if (auto result = read_env_file(path, variables, values.environment); !result)
      errors.push_back(std::move(result).error().within("docker.env_file"));
  }
  for (const auto& name : spec.docker.inherited) {
    if (auto value = variables(name)) values.environment.insert_or_assign(name, Secret(std::move(*value)));
  }
  for (const auto& [name, source] : spec.secrets) {
    if (auto value = read("secrets." + name, source))
      values.environment.insert_or_assign(name, std::move(*value));
  }
  if (spec.registry) values.registry_password = read("registry.password", spec.registry->password);
  if (!errors.empty()) return std::unexpected(all_of(std::move(errors)));
  return values;
}

void hide_secrets(const spec::Spec& spec, const runtime::SecretValues& values, report::Veil& veil) {
  for (const auto& [name, source] : spec.secrets)
    if (auto value = values.environment.find(name); value != values.environment.end())
      veil.hide(value->second);
  if (values.registry_password) veil.hide(*values.registry_password);
}

std::vector<std::string> hide_what_is_at_hand(const spec::Spec& spec, const spec::Environment& variables,
                                              report::Veil& veil) {
  const Wait now = Wait::for_at_most(core::Duration(0));
  const Reader reader{variables, now};
  std::vector<std::string> short_ones;
  const auto hide = [&](const std::string& key, const spec::SecretSource& source) {
    if (std::holds_alternative<spec::FromCommand>(source)) return;
    const auto value = std::visit(reader, source);
    if (!value) return;
    veil.hide(*value);
    if (value->reveal().size() < report::Veil::k_least) short_ones.push_back(key);
  };
  for (const auto& [name, source] : spec.secrets) hide("secrets." + name, source);
  if (spec.registry) hide("registry.password", spec.registry->password);
  return short_ones;
}

}  // namespace bgdeploy::deploy
